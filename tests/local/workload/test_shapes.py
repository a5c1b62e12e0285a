"""The other shapes of accounts: how the sample's instances are registered, as the account's APIs tell."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.workload.cloud import Cloud, Resources
from local.workload.instances.fleet import Activity, Fleet, Web
from local.workload.parts import Surroundings
from local.workload.settings import CONTROLLER, Settings
from local.workload.shapes.controller import Controller
from local.workload.shapes.internal import Seats
from tests.local.workload.workload_rig import Rig
from tests.patience import until

IDS = ("i-a", "i-b")


class Table:
    """The account's side: what is registered where, what the listener forwards to, and what the group is attached to."""

    def __init__(self) -> None:
        self.targets: dict[str, set[str]] = {"own": set(IDS), "sample-nodes": {"172.31.9.9"}}
        self.forwarded: dict[str, int] = {"own": 1}
        self.attached = {"own"}

    def ensure_target_group(self, name: str, balancer: str | None, kind: str) -> str:
        assert (balancer, kind) == (None, "ip")
        return name

    def registered(self, arn: str) -> list[str]:
        return sorted(self.targets[arn])

    def register(self, arn: str, name: str) -> None:
        self.targets[arn].add(name)

    def deregister(self, arn: str, name: str) -> None:
        self.targets[arn].discard(name)

    def forward(self, _balancer: str, weights: dict[str, int]) -> None:
        self.forwarded = dict(weights)

    def attach(self, _group: str, arn: str) -> None:
        self.attached.add(arn)

    def detach(self, _group: str, arn: str) -> None:
        self.attached.discard(arn)


def make_fleet() -> Fleet:
    fleet = Fleet("web", "own", desired=2)
    for number, name in enumerate(IDS):
        launch = Activity("launch", "test", "web")
        fleet.webs[name] = Web(
            name,
            "a",
            launch=launch,
            launched=0.0,
            address=f"172.31.2.{number}",
            lifecycle="InService",
            target_port=80,
            target_state="healthy",
        )
    return fleet


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def fleet() -> Fleet:
    return make_fleet()


@pytest.fixture
def part(table: Table, fleet: Fleet) -> Controller:
    around = cast("Surroundings", SimpleNamespace(cloud=cast("Cloud", table), changed=lambda: None))
    return Controller(around, fleet, Resources({}, "balancer", "own", "web"))


def test_a_controller_registers_addresses_and_the_group_knows_of_no_target_group(table: Table, fleet: Fleet, part: Controller) -> None:
    part.tick(Settings(shape=CONTROLLER))
    assert table.targets == {"own": set(), "sample-nodes": {"172.31.2.0", "172.31.2.1"}}
    assert (table.forwarded, table.attached) == ({"sample-nodes": 1}, set())
    assert fleet.report()["target_health"] == {
        "sample-nodes": {f"172.31.2.{number}": ["initial", "Elb.RegistrationInProgress"] for number in range(2)}
    }
    assert not part.whole(Settings(shape=CONTROLLER)), "no target is healthy there yet"
    for web in fleet.webs.values():
        web.target_state = "healthy"
    assert part.whole(Settings(shape=CONTROLLER))

    part.tick(Settings())
    assert table.targets == {"own": set(IDS), "sample-nodes": set()}
    assert (table.forwarded, table.attached) == ({"own": 1}, {"own"})
    assert [web.registered_as for web in fleet.webs.values()] == list(IDS)


def test_a_controller_notices_a_loss_by_itself(table: Table, fleet: Fleet, part: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    on = Settings(shape=CONTROLLER)
    part.tick(on)
    lost = fleet.webs["i-a"]
    lost.leaving_since = 100.0
    monkeypatch.setattr("time.time", lambda: 100.5)
    part.tick(on)
    assert lost.target_port == 80, "the group drains nothing, and the controller has not looked"
    monkeypatch.setattr("time.time", lambda: 101.5)
    part.tick(on)
    assert lost.as_dict()["target_state"] == "draining"
    assert {web.id: web.target_port for web in fleet.webs.values()} == {"i-a": None, "i-b": 80}
    del fleet.webs["i-a"]
    part.tick(on)
    assert table.targets["sample-nodes"] == {"172.31.2.1"}


def test_an_instance_has_another_health_in_each_of_its_target_groups(fleet: Fleet) -> None:
    seats = Seats(fleet)
    seats.served()[0].target_state = "unhealthy"
    assert [seat.target_state for seat in seats.served()] == ["unhealthy", "initial"]
    assert {web.target_state for web in fleet.webs.values()} == {"healthy"}
    fleet.webs["i-b"].leaving_since = 1.0
    assert [(seat.id, seat.target_port) for seat in seats.served()] == [("i-a", 80), ("i-b", None)]
    del fleet.webs["i-a"]
    assert [seat.id for seat in seats.served()] == ["i-b"]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    result = Rig(tmp_path_factory.mktemp("shapes"))
    until(result.whole)
    yield result
    assert result.close() == []


def shaped(rig: Rig, shape: str) -> dict[str, Any]:
    """The workload in this shape, whole and with healthy targets."""
    assert rig.send("POST", "settings", {"workload": "resilient", "replacement_delay_seconds": 1, "shape": shape})[0] == 200
    until(lambda: rig.get("workload")["parts_whole"] and rig.whole(), f"the shape {shape}")
    return dict(rig.get("workload"))


def states(rig: Rig, arn: str) -> dict[str, str]:
    described = rig.place.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {target["Target"]["Id"]: target["TargetHealth"]["State"] for target in described}


@pytest.mark.soak
@pytest.mark.xdist_group("workload")
def test_two_load_balancers_have_users_each_and_only_the_internal_one_takes_a_silent_instance_out(rig: Rig) -> None:
    workload = shaped(rig, "two-balancers")
    internal = workload["internal"]["target_group_arn"]
    assert set(rig.group()["TargetGroupARNs"]) == {workload["target_group_arn"], internal}
    until(lambda: states(rig, internal) == dict.fromkeys(rig.webs, "healthy"), "the internal load balancer serves all instances")
    assert rig.send("POST", "settings", {"eject": False})[0] == 200
    silent = next(iter(rig.webs))
    fault = {
        "command_id": "c-1",
        "document": "AWSFIS-Run-Network-Blackhole-Port",
        "parameters": {"Protocol": "tcp", "Port": "80", "TrafficType": "ingress"},
        "duration_seconds": 60,
    }
    assert rig.send("POST", f"instances/{silent}/faults", fault)[0] == 200
    until(lambda: states(rig, internal)[silent] == "unhealthy", "the internal load balancer takes it out")

    def failures() -> tuple[int, int]:
        now = rig.get("workload")
        return now["load"]["failed"], now["internal"]["load"]["failed"]

    def fail_in_public_only() -> bool:
        """Requests that were on their way to the silent instance fail after their time limit, so the first looks may
        still see failures of the internal load balancer."""
        public, internal = failures()
        until(lambda: failures()[0] > public + 100, "the public users still meet it")
        return internal > 0 and failures()[1] == internal

    until(fail_in_public_only, "the users inside no longer meet it")
    rig.send("DELETE", f"instances/{silent}/faults/c-1")


@pytest.mark.soak
@pytest.mark.xdist_group("workload")
def test_the_idle_colour_is_healthy_and_serves_nobody(rig: Rig) -> None:
    workload = shaped(rig, "blue-green")
    green = workload["idle_colour"]
    elb = rig.place.client("elbv2")
    (listener,) = elb.describe_listeners(LoadBalancerArn=workload["load_balancer_arn"])["Listeners"]
    weights = {group["TargetGroupArn"]: group["Weight"] for group in listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]}
    assert weights == {workload["target_group_arn"]: 100, green["target_group_arn"]: 0}
    (described,) = elb.describe_target_groups(TargetGroupArns=[green["target_group_arn"]])["TargetGroups"]
    assert described["LoadBalancerArns"] == [workload["load_balancer_arn"]]
    assert set(states(rig, green["target_group_arn"]).values()) == {"healthy"}
    until(lambda: rig.get("workload")["load"]["requests"] > workload["load"]["requests"] + 100, "requests")
    after = rig.get("workload")
    assert all(web["counts"] == {} for web in after["idle_colour"]["instances"]), "a request would be in the journal"
    assert all(web["counts"]["volume_writes"] for web in after["instances"])
    shaped(rig, "plain")
    assert states(rig, green["target_group_arn"]) == {}
    assert "sample-green" not in str(rig.place.client("autoscaling").describe_auto_scaling_groups())


@pytest.mark.soak
@pytest.mark.xdist_group("workload")
def test_a_controller_replaces_the_address_of_a_lost_instance(rig: Rig) -> None:
    workload = shaped(rig, "controller")
    assert rig.group()["TargetGroupARNs"] == []
    ec2 = rig.place.client("ec2")

    def list_addresses() -> set[str]:
        reservations = ec2.describe_instances(InstanceIds=list(rig.webs))["Reservations"]
        return {instance["PrivateIpAddress"] for reservation in reservations for instance in reservation["Instances"]}

    before = list_addresses()
    assert states(rig, workload["target_group_arn"]) == dict.fromkeys(before, "healthy")
    lost = next(iter(rig.webs))
    ec2.terminate_instances(InstanceIds=[lost])
    until(lambda: lost not in rig.webs and rig.whole(), "a replacement is in service")
    until(lambda: states(rig, workload["target_group_arn"]) == dict.fromkeys(list_addresses(), "healthy"), "it is registered")
    assert list_addresses() != before
