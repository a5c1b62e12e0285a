"""The ECS service by itself: real processes that come, are stopped and replaced, with an account that only takes notes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import pytest

from local.workload.cloud import Cloud
from local.workload.network.routes import Routes
from local.workload.parts import Surroundings
from local.workload.processes.child import Child
from local.workload.settings import Settings
from local.workload.tasks import tasks
from local.workload.tasks.resources import ON_FARGATE, Kind
from local.workload.tasks.tasks import Task, Tasks
from tests.local.workload.test_containers import ZONES, Notes
from tests.patience import until

ON = Settings(tasks=True, load=False, base_latency_ms=0.0, replacement_delay_seconds=0.0)


class Ecs:
    """The service, as its API has it."""

    def __init__(self) -> None:
        self.desired = 0
        self.statuses: dict[str, str] = {}
        """Of container instances; all others are ACTIVE."""

    def describe_clusters(self, **_: object) -> dict[str, Any]:
        return {"clusters": [{}]}

    def describe_services(self, **_: object) -> dict[str, Any]:
        return {"services": [{"status": "ACTIVE", "desiredCount": self.desired}]}

    def describe_container_instances(self, cluster: str, containerInstances: list[str]) -> dict[str, Any]:  # noqa: N803
        named = [f"arn:aws:ecs:us-east-1:0:container-instance/{cluster}/{name}" for name in containerInstances]
        return {"containerInstances": [{"containerInstanceArn": arn, "status": self.statuses.get(arn[-32:], "ACTIVE")} for arn in named]}

    def update_service(self, desiredCount: int, **_: object) -> None:  # noqa: N803 - the API's own
        self.desired = desiredCount


class Account(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.ecs = Ecs()

    def client(self, service: str) -> Any:
        assert service == "ecs"
        return self.ecs


A = TypeVar("A", bound=Account)


class Ship(Generic[A]):
    """The service, whose turn comes when a test looks."""

    def __init__(self, folder: Path, cloud: A, kind: Kind = ON_FARGATE, settings: Settings = ON) -> None:
        self.cloud, self.settings, self.kind = cloud, settings, kind
        around = Surroundings(cast(Cloud, self.cloud), ZONES, "us-east-1", folder, 7, threading.RLock(), self._brief, lambda: None)
        self.service = Tasks(around, kind)

    def _brief(self, child: Child) -> None:
        child.order(op="settings", settings=self.settings.as_dict())
        child.order(op="routes", routes=Routes().as_dict())

    def until(self, condition: Callable[[], object]) -> None:
        """Give the service its turns until the condition holds."""

        def look() -> object:
            self.service.tick(self.settings)
            self.service.route()
            return condition()

        until(look, interval=0.05)

    def whole(self) -> bool:
        return self.service.whole(self.settings)

    @property
    def tasks(self) -> Sequence[Task]:
        return list(self.service._tasks.values())

    def told(self) -> dict[str, dict[str, Any]]:
        """What is reported of each task."""
        return {task["id"]: task for task in self.service.report()["services"][self.kind.service]["tasks"]}


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the service quick."""
    quick = {
        "AGENT_SECONDS": 0.1,
        "DEREGISTRATION_SECONDS": 0.3,
        "STOP_TIMEOUT_SECONDS": 1.0,
        "GRACE_SECONDS": 0.0,
        "UNHEALTHY_SECONDS": 0.2,
    }
    for name, seconds in quick.items():
        monkeypatch.setattr(tasks, name, seconds)


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ship[Account]]:
    hurry(monkeypatch)
    result = Ship(tmp_path, Account())
    result.until(result.whole)
    yield result
    result.service.kill()


def test_three_tasks_in_two_zones_each_with_an_agent(ship: Ship[Account]) -> None:
    answer = ship.told().values()
    assert sorted(task["zone"] for task in answer) == ["us-east-1a", "us-east-1a", "us-east-1b"]
    assert {task["last"] for task in answer} == {"RUNNING"}
    assert len({task["node"] for task in answer if task["node"].startswith("mi-")}) == 3
    for task in ship.tasks:
        assert ship.service.find(task.node) is task.container


def test_a_stopped_task_leaves_its_target_group_takes_its_leave_and_is_replaced(ship: Ship[Account]) -> None:
    victim = ship.tasks[0]
    node, address = victim.node, str(victim.container.address)
    assert ship.service.stop(victim.id, "because")["desired"] == "STOPPED"
    ship.until(lambda: victim.last == "DEACTIVATING")
    assert ship.service.report()["target_health"].popitem()[1][address][0] == "draining"
    assert ship.service.find(node), "its agent is there while it drains"
    ship.until(lambda: victim.last == "STOPPING")
    assert ship.service.find(node) is None
    ship.until(lambda: victim.last == "STOPPED")
    assert (ship.told()[victim.id]["stop_code"], ship.told()[victim.id]["reason"]) == ("UserInitiated", "because")
    ship.until(ship.whole)
    assert address not in ship.cloud.targets
    assert len([task for task in ship.tasks if not task.over]) == 3


def test_nothing_replaces_a_task_where_the_setting_says_so(ship: Ship[Account]) -> None:
    ship.settings = Settings(tasks=True, replace=False, load=False, replacement_delay_seconds=0.0)
    victim = ship.tasks[0]
    ship.service.stop(victim.id, "because")
    ship.until(lambda: victim.over)
    ship.until(lambda: len(ship.cloud.targets) == 2)
    assert not ship.whole()
    ship.settings = ON
    ship.until(ship.whole)


def test_a_container_that_ends_by_itself_is_replaced_under_another_stop_code(ship: Ship[Account]) -> None:
    victim = ship.tasks[1]
    assert victim.container.child
    victim.container.child.kill()
    ship.until(lambda: victim.over)
    assert ship.told()[victim.id]["stop_code"] == "EssentialContainerExited"
    ship.until(ship.whole)


def test_a_task_that_fails_its_load_balancers_checks_is_replaced_by_the_scheduler(ship: Ship[Account]) -> None:
    victim = ship.tasks[2]
    victim.container.target_state = "unhealthy"
    ship.until(lambda: victim.stopping is not None)
    assert (victim.stop_code, victim.reason) == ("ServiceSchedulerInitiated", "Task failed ELB health checks")
    ship.service.stop(victim.id, "somebody came later")
    ship.until(lambda: victim.over)
    assert victim.stop_code == "ServiceSchedulerInitiated"


def test_the_service_follows_its_desired_count_and_ends_when_nobody_asks_for_it(ship: Ship[Account]) -> None:
    for count in (4, 2):
        ship.cloud.ecs.desired = count
        ship.until(lambda wanted=count: len(ship.cloud.targets) == wanted and ship.whole())  # type: ignore[misc]
    pids = [task.container.child.pid for task in ship.tasks if task.container.child]
    ship.settings = Settings()
    ship.until(ship.whole)
    assert (ship.cloud.ecs.desired, ship.cloud.targets) == (0, set())
    assert {task["last"] for task in ship.told().values()} == {"STOPPED"}
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
