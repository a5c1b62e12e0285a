"""Deployments of an EKS cluster in memory: their pods can be deleted and are replaced after a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squall.domain.resources.pods import EksPod
from squall.domain.resources.workload import Group
from tests.fakes.counting import Count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from squall.domain.resources.types import OtherResource
    from tests.fakes.clock import FakeClock


@dataclass
class FakeDeployment:
    name: str
    """`cluster/namespace/deployment/name`."""
    desired: int
    account: str
    region: str
    tags: dict[str, str]
    target_groups: tuple[str, ...] = ()
    """The target groups in which a controller registers the pods."""
    replaces_after: float | None = 20
    """Seconds until a lost pod is replaced; None: never."""

    @property
    def cluster(self) -> str:
        return f"arn:aws:eks:{self.region}:{self.account}:cluster/{self.name.partition('/')[0]}"


class FakeClusters:
    """The Deployments, whose pods are among the resources that are not instances."""

    def __init__(self, clock: FakeClock, others: dict[str, OtherResource]) -> None:
        self._clock, self._others = clock, others
        self.deployments: dict[str, FakeDeployment] = {}
        self.unreadable: tuple[str, ...] = ()
        self._numbers = Count(1)

    def add(self, deployment: FakeDeployment) -> list[EksPod]:
        """Add a Deployment at its desired count, spread over two zones, each pod fit for every fault."""
        self.deployments[deployment.name] = deployment
        return [self._start(deployment, f"{deployment.region}{'ab'[index % 2]}") for index in range(deployment.desired)]

    def pods(self, group: str | None = None) -> list[EksPod]:
        return [resource for resource in self._others.values() if isinstance(resource, EksPod) and group in {None, resource.group}]

    def named(self, parameters: Mapping[str, str]) -> EksPod | None:
        """The pods that a target of a template matches."""
        wanted = (parameters["clusterIdentifier"], parameters["namespace"], parameters["selectorValue"])
        return next((pod for pod in self.pods() if (pod.cluster, pod.namespace, pod.name) == wanted), None)

    def delete(self, pod: EksPod) -> None:
        del self._others[pod.arn]
        deployment = self.deployments.get(pod.group or "")
        if deployment and deployment.replaces_after is not None:
            self._clock.after(deployment.replaces_after, lambda: self._replace(deployment, pod.zone))

    def groups(self, pods: Iterable[EksPod]) -> tuple[Group, ...]:
        names = sorted({pod.group for pod in pods if pod.group in self.deployments and pod.group})
        return tuple(
            Group(
                kind="eks",
                name=name,
                desired=self.deployments[name].desired,
                minimum=0,
                in_service=tuple(sorted(entry.id for entry in self.pods(name) if entry.usable)),
            )
            for name in names
        )

    def _replace(self, deployment: FakeDeployment, zone: str) -> None:
        if len(self.pods(deployment.name)) < deployment.desired:
            self._start(deployment, zone)

    def _start(self, deployment: FakeDeployment, zone: str) -> EksPod:
        number = next(self._numbers)
        cluster, namespace, _, workload = deployment.name.split("/")
        name, uid = f"{workload}-7d9c5b-{number:05x}", f"{number:08x}-0000-4000-8000-000000000000"
        pod = EksPod(
            id=f"{namespace}/{name}/{uid[:8]}",
            arn=f"arn:aws:eks:{deployment.region}:{deployment.account}:pod/{cluster}/{namespace}/{name}/{uid}",
            state="Ready",
            zone=zone,
            tags=deployment.tags,
            group=deployment.name,
            launched_at=self._clock.now(),
            in_service_at=self._clock.now(),
            name=name,
            namespace=namespace,
            uid=uid,
            cluster=deployment.cluster,
            pod_ip=f"10.0.2.{number}",
            memory_limited=True,
        )
        self._others[pod.arn] = pod
        return pod
