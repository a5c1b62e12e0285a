"""What the sample's Auto Scaling group does where EC2 has no capacity, and while it refreshes; in process, its account is a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.workload.cloud import Cloud, GroupOrders, Machine, NoCapacityError
from local.workload.instances import supervisor as module
from local.workload.instances.fleet import Fleet
from local.workload.instances.supervisor import Supervisor
from local.workload.settings import Settings

ZONES = {"a": "subnet-a", "b": "subnet-b"}


@dataclass
class Table:
    """The account's side: what was launched where, and where there is no capacity."""

    empty: set[str] = field(default_factory=set)
    instances: dict[str, str] = field(default_factory=dict)
    desired: int = 2
    spot: list[bool] = field(default_factory=list)
    """Of each launch that was tried, whether it was one of a Spot Instance."""
    suspended: frozenset[str] = frozenset()
    refresh: float | None = None

    def orders(self, _name: str) -> GroupOrders:
        return GroupOrders(self.desired, self.suspended, self.refresh)

    def states(self) -> dict[str, str]:
        return dict(self.instances)

    def run_instance(self, subnet: str, tags: object, *, spot: bool = False) -> Machine:
        self.spot.append(spot)
        if subnet in self.empty:
            raise NoCapacityError("We currently do not have sufficient t3.micro capacity.")
        identifier = f"i-{len(self.instances)}"
        self.instances[identifier] = "running"
        return Machine(identifier, "172.31.2.0", f"vol-{len(self.instances)}")

    def terminate(self, instance_ids: list[str]) -> None:
        self.instances.update(dict.fromkeys(instance_ids, "terminated"))

    def register(self, group: str, instance_id: str) -> None:
        """Nobody looks."""

    deregister = register


@dataclass
class World:
    """A supervisor on a clock that is set by hand."""

    table: Table
    fleet: Fleet
    supervisor: Supervisor
    clock: list[float]

    def pass_by(self, seconds: float, settings: Settings) -> None:
        """Tick by tick; whatever was launched answers at once and is healthy."""
        for _ in range(int(seconds * 2)):
            self.clock[0] += 0.5
            for web in self.fleet.webs.values():
                web.port, web.target_state = 1, "healthy"
            self.supervisor.tick(settings)

    @property
    def serving(self) -> list[str]:
        return [web.id for web in self.fleet.webs.values() if web.lifecycle == "InService"]

    @property
    def zones(self) -> list[str]:
        return sorted(web.zone for web in self.fleet.webs.values())

    def failed(self) -> list[str]:
        return [activity.message for activity in self.fleet.activities if activity.status == "Failed"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    clock = [1_000_000.0]
    monkeypatch.setattr(module, "Child", lambda *_: SimpleNamespace(alive=True, pid=0, kill=lambda: None, order=lambda **_: True))
    monkeypatch.setattr("time.time", lambda: clock[0])
    table, fleet = Table(), Fleet("web", "tg")
    nothing: Any = lambda *_: None  # noqa: E731 - what the manager would do with it is not looked at
    made = Supervisor(cast("Cloud", table), ZONES, fleet, tmp_path, 1, nothing, nothing)
    world = World(table, fleet, made, clock)
    world.pass_by(2, Settings())
    assert len(world.serving) == 2
    return world


def test_a_reboot_ends_the_process_for_a_while_and_replaces_nothing(world: World) -> None:
    (first, *_), launched = world.serving, len(world.table.instances)
    web = world.fleet.webs[first]
    web.rebooting_since = world.clock[0]
    world.clock[0] += 0.5
    world.supervisor.tick(Settings())
    assert (web.child, web.running, web.take_status_check()) == (None, False, True)
    world.clock[0] += module.REBOOT_SECONDS - 1
    world.supervisor.tick(Settings())
    assert web.child is None, "its operating system is not back yet"
    world.pass_by(2, Settings())
    assert (web.child is not None, first in world.serving) == (True, True)
    assert [web.take_status_check(), web.take_status_check()] == [True, False], "the last period of the restart, and the one after"
    assert len(world.table.instances) == launched


def test_beyond_two_on_demand_instances_a_group_has_spot_instances_and_replaces_each_by_its_kind(world: World) -> None:
    world.table.desired = 3
    world.pass_by(15, Settings())
    assert world.table.spot == [False, False, True]
    (spot,) = [web.id for web in world.fleet.webs.values() if web.spot]
    for lost, kind in ((spot, True), (world.serving[0], False)):
        world.table.terminate([lost])
        world.pass_by(15, Settings())
        assert world.table.spot[-1] is kind
    assert len(world.serving) == 3


def test_an_instance_that_ends_while_it_reboots_is_replaced(world: World) -> None:
    (first, *_) = world.serving
    world.fleet.webs[first].rebooting_since = world.clock[0]
    world.table.terminate([first])
    world.pass_by(15, Settings())
    assert first not in world.serving
    assert len(world.serving) == 2


def test_a_launch_without_capacity_is_a_failed_activity_and_is_tried_in_the_next_zone(world: World) -> None:
    world.table.empty = {"subnet-a"}
    (lost,) = [web.id for web in world.fleet.webs.values() if web.zone == "a"]
    world.table.instances[lost] = "terminated"

    world.pass_by(14, Settings())

    assert world.failed() == ["We currently do not have sufficient t3.micro capacity. Launching EC2 instance failed."]
    assert world.zones == ["b", "b"]


def test_uneven_zones_are_balanced_once_there_is_capacity_and_nothing_is_missing_meanwhile(world: World) -> None:
    world.table.empty = {"subnet-a"}
    (lost,) = [web.id for web in world.fleet.webs.values() if web.zone == "a"]
    world.table.instances[lost] = "terminated"
    world.pass_by(40, Settings())
    assert world.zones == ["b", "b"]
    assert len(world.failed()) > 2, "it tries again and again, and in that zone alone"

    world.table.empty = set()
    fewest = 2
    for _ in range(12):
        world.pass_by(1, Settings())
        fewest = min(fewest, len(world.serving))

    assert world.zones == ["a", "b"]
    assert fewest == 2, "the new one is launched first"


def test_a_group_whose_balancing_is_suspended_stays_uneven(world: World) -> None:
    world.table.empty = {"subnet-a"}
    (lost,) = [web.id for web in world.fleet.webs.values() if web.zone == "a"]
    world.table.instances[lost] = "terminated"
    world.table.suspended = frozenset({"AZRebalance"})
    world.pass_by(14, Settings())
    world.table.empty = set()
    world.pass_by(30, Settings())
    assert world.zones == ["b", "b"]


def test_without_capacity_anywhere_it_goes_on_trying_until_there_is_some(world: World) -> None:
    world.table.empty = set(ZONES.values())
    world.table.instances[world.serving[0]] = "terminated"
    world.pass_by(20, Settings())
    assert len(world.serving) == 1
    assert len(world.failed()) > 2

    world.table.empty = set()
    world.pass_by(5, Settings())

    assert len(world.serving) == 2


def test_a_refresh_launches_first_and_then_retires_the_oldest(world: World) -> None:
    before = set(world.serving)

    fewest = 2
    for _ in range(12):
        world.pass_by(1, Settings(refresh_seconds=10))
        fewest = min(fewest, len(world.serving))

    assert fewest == 2, "never fewer than it wants"
    assert len(before - set(world.serving)) == 1
    world.pass_by(30, Settings())
    assert len(world.fleet.webs) == 2


def test_a_refresh_without_capacity_takes_nothing_out_of_service(world: World) -> None:
    before = world.serving
    world.table.empty = set(ZONES.values())

    world.pass_by(30, Settings(refresh_seconds=10))

    assert world.serving == before
    assert world.failed()
    world.table.empty = set()
    world.pass_by(10, Settings())
    assert world.serving == before, "what nobody wants any more is not launched"


def test_a_refresh_that_was_ordered_replaces_every_instance_once_and_keeps_the_group_whole(world: World) -> None:
    before = set(world.serving)
    world.table.refresh = world.clock[0]

    fewest = 2
    for _ in range(30):
        world.pass_by(1, Settings())
        fewest = min(fewest, len(world.serving))

    assert fewest == 2
    assert len(world.serving) == 2
    assert not before & set(world.serving)
    assert len(world.table.instances) == 4, "and none twice"


def test_a_refresh_that_was_ordered_launches_where_there_is_capacity(world: World) -> None:
    before = set(world.serving)
    world.table.empty, world.table.refresh = {"subnet-a"}, world.clock[0]
    world.pass_by(40, Settings())
    assert world.failed()
    assert world.zones == ["b", "b"]
    assert not before & set(world.serving)


def test_a_refresh_that_was_cancelled_replaces_nothing_more(world: World) -> None:
    before = set(world.serving)
    world.table.empty, world.table.refresh = set(ZONES.values()), world.clock[0]
    world.pass_by(10, Settings())
    world.table.empty, world.table.refresh = set(), None
    world.pass_by(20, Settings())
    assert set(world.serving) == before
