"""A service on container instances: where its tasks run, and what becomes of them when some of these drain or are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from local.workload.cloud import Machine
from local.workload.settings import Settings
from local.workload.tasks.resources import ON_HOSTS
from tests.local.workload.test_tasks import Account, Ship, hurry

ON = Settings(container_instances=True, load=False, base_latency_ms=0.0, replacement_delay_seconds=0.0)
FULL = Settings(container_instances=True, load=False, base_latency_ms=0.0, replace=False)
HALF = Settings(container_instances=True, load=False, base_latency_ms=0.0, replace=False, minimum_healthy_percent=50.0)


class Machines(Account):
    """An account with instances."""

    def __init__(self) -> None:
        super().__init__()
        self.states_by_id: dict[str, str] = {}
        self._numbers = count(1)

    def run_instance(self, _subnet: str, tags: dict[str, str]) -> Machine:
        assert tags["squall:environment"] == "staging"
        made = Machine(f"i-{next(self._numbers)}", "172.31.0.99", "vol-1")
        self.states_by_id[made.id] = "running"
        return made

    def states(self) -> dict[str, str]:
        return self.states_by_id

    def terminate(self, instance_ids: Iterator[str]) -> None:
        self.states_by_id.update(dict.fromkeys(instance_ids, "terminated"))


class Hosted(Ship[Machines]):
    def hosts(self) -> Counter[str]:
        """The tasks that go on, by container instance."""
        return Counter(task.host for task in self.tasks if task.stopping is None)

    def drain(self, host: str) -> None:
        self.cloud.ecs.statuses[host] = "DRAINING"

    def run_for(self, turns: int) -> None:
        """Let the service have this many turns."""
        numbers = count(1)
        self.until(lambda: next(numbers) > turns)


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    hurry(monkeypatch)
    result = Hosted(tmp_path, Machines(), ON_HOSTS, ON)
    result.until(result.whole)
    yield result
    result.service.kill()


def test_six_tasks_are_spread_over_four_container_instances_of_two_zones(ship: Hosted) -> None:
    assert sorted(ship.hosts().values()) == [1, 1, 2, 2]
    reported = ship.service.report()["services"]["sample-hosted"]["hosts"]
    zones = {host["id"]: host["zone"] for host in reported}
    assert sorted(zones.values()) == ["us-east-1a", "us-east-1a", "us-east-1b", "us-east-1b"]
    assert all(task.zone == zones[task.host] for task in ship.tasks)


def test_tasks_leave_what_drains_once_others_serve_and_stay_where_they_went(ship: Hosted) -> None:
    drained, before = max(ship.hosts(), key=ship.hosts().__getitem__), list(ship.tasks)
    ship.drain(drained)
    least: list[int] = []

    def empty() -> bool:
        least.append(sum(task.fit for task in ship.tasks))
        return all(task.over for task in before if task.host == drained)

    ship.until(empty)
    assert min(least) == 6, "the service keeps its whole desired count healthy"
    gone = [task for task in before if task.over]
    assert {(task.host, task.stop_code) for task in gone} == {(drained, "ServiceSchedulerInitiated")}
    assert len(gone) == 2
    assert drained not in ship.hosts()
    assert not ship.whole()
    ship.cloud.ecs.statuses.clear()
    ship.until(ship.whole)
    assert drained not in ship.hosts(), "ECS moves nothing back"


def test_without_room_elsewhere_nothing_leaves(ship: Hosted) -> None:
    ship.settings = FULL
    before = ship.hosts()
    ship.drain(next(iter(before)))
    ship.run_for(20)
    assert ship.hosts() == before


def test_a_lower_minimum_stops_tasks_before_there_is_room_for_others(ship: Hosted) -> None:
    ship.settings = HALF
    for host in list(ship.hosts()):
        ship.drain(host)
    ship.until(lambda: sum(task.stopping is None for task in ship.tasks) == 3)
    ship.run_for(20)
    assert sum(ship.hosts().values()) == 3, "half of six stays"


def test_the_tasks_of_a_terminated_instance_end_and_start_elsewhere(ship: Hosted) -> None:
    lost = ship.service.report()["services"]["sample-hosted"]["hosts"][0]
    ended = [task for task in ship.tasks if task.host == lost["id"]]
    ship.cloud.states_by_id[lost["instance"]] = "terminated"
    ship.until(lambda: all(task.over for task in ended) and sum(ship.hosts().values()) == 6)
    assert {task.stop_code for task in ended} == {"TerminationNotice"}
    assert lost["id"] not in ship.hosts()


def test_they_end_when_nobody_asks_for_them(ship: Hosted) -> None:
    ship.settings = Settings()
    ship.until(ship.whole)
    assert set(ship.cloud.states_by_id.values()) == {"terminated"}
    assert ship.service.report()["services"]["sample-hosted"]["hosts"] == []
