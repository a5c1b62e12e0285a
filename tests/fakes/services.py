"""ECS services in memory: their tasks can be stopped and are replaced after a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import Group
from tests.fakes.counting import Count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from squall.domain.resources.types import OtherResource
    from tests.fakes.clock import FakeClock


@dataclass
class FakeService:
    name: str
    """`cluster/service`."""
    desired: int
    account: str
    region: str
    tags: dict[str, str]
    target_groups: tuple[str, ...] = ()
    replaces_after: float | None = 40
    """Seconds until a lost task is replaced; None: never."""

    @property
    def arn(self) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account}:service/{self.name}"


class FakeServices:
    """The services, whose tasks are among the resources that are not instances."""

    def __init__(self, clock: FakeClock, others: dict[str, OtherResource]) -> None:
        self._clock, self._others = clock, others
        self.services: dict[str, FakeService] = {}
        self._ids = Count(1)

    def add(self, service: FakeService) -> list[EcsTask]:
        """Add a service at its desired count, spread over two zones, each task fit for every fault."""
        self.services[service.name] = service
        return [self._start(service, f"{service.region}{'ab'[index % 2]}") for index in range(service.desired)]

    def tasks(self, name: str) -> list[EcsTask]:
        return [resource for resource in self._others.values() if isinstance(resource, EcsTask) and resource.group == name]

    def managed_by(self, managed_id: str) -> EcsTask | None:
        return next(
            (resource for resource in self._others.values() if isinstance(resource, EcsTask) and resource.managed_id == managed_id), None
        )

    def stop(self, arn: str, code: str = "UserInitiated") -> None:
        task = self._others[arn]
        if not isinstance(task, EcsTask) or task.state == "STOPPED":
            return
        self._others[arn] = task.model_copy(update={"state": "STOPPED", "stop_code": code, "managed": False})
        service = self.services.get(task.group or "")
        if service and service.replaces_after is not None:
            self._clock.after(service.replaces_after, lambda: self._replace(service, task.zone))

    def groups(self, tasks: Iterable[EcsTask]) -> tuple[Group, ...]:
        names = sorted({task.group for task in tasks if task.group in self.services and task.group})
        return tuple(
            Group(
                kind="ecs",
                name=name,
                desired=self.services[name].desired,
                minimum=0,
                in_service=tuple(sorted(entry.id for entry in self.tasks(name) if entry.usable)),
                target_groups=self.services[name].target_groups,
            )
            for name in names
        )

    def _replace(self, service: FakeService, zone: str) -> None:
        if len([task for task in self.tasks(service.name) if task.usable]) < service.desired:
            self._start(service, zone)

    def _start(self, service: FakeService, zone: str) -> EcsTask:
        number = next(self._ids)
        cluster = service.name.partition("/")[0]
        task = EcsTask(
            id=f"{number:032x}",
            arn=f"arn:aws:ecs:{service.region}:{service.account}:task/{cluster}/{number:032x}",
            state="RUNNING",
            zone=zone,
            tags=service.tags,
            group=service.name,
            launched_at=self._clock.now(),
            in_service_at=self._clock.now(),
            cluster=cluster,
            launch_type="FARGATE",
            definition=f"arn:aws:ecs:{service.region}:{service.account}:task-definition/web:7",
            private_ip=f"10.0.1.{number}",
            network_mode="awsvpc",
            health_checked=False,
            pid_mode="task",
            fault_injection=True,
            registers=True,
            managed_id=f"mi-{number:017x}",
            managed=True,
            managed_tags=service.tags,
        )
        self._others[task.arn] = task
        return task
