"""A command that others feel besides the instance that it is sent to: they are locked, measured, checked and released with it."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.discovery import Discovery
from tests.fakes.workload import FakeInstance
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, ended, nothing_is_left, once, result_of
from tests.workflow.rig import AUTOMATION, COMMAND, environment
from tests.workflow.walk import Walk

GENERATOR = "i-0000000000load00"
STAGING = {"squall:environment": "staging"}
LOAD = {**COMMAND, "command": "Our-Load", "parameters": {"queue": "orders"}}
BY_TAG = {"resource_type": "aws:ec2:instance", "tags": {"tier": "web"}}


@pytest.fixture
def load(world: FakeWorld, known: Any, experiment: dict[str, Any]) -> dict[str, Any]:
    """An instance that serves nobody sends load to the three web instances. `other` is a run on one of these."""
    world.fleet.add(FakeInstance(GENERATOR, tags=dict(STAGING)))
    for member in world.fleet.members("web"):
        member.tags["tier"] = "web"
    known.environments["staging"] = {
        **environment("staging", custom_actions={"load": {**LOAD, "touches": BY_TAG}}, minimum_healthy_percent=0),
        "inline_definitions": True,
    }
    known.catalogue["other"] = {**experiment, "name": "Other", "target_resources": [world.fleet.members("web")[2].id]}
    del experiment["rollback"]
    experiment |= {
        "type": "custom",
        "target_resources": [GENERATOR],
        "blast_radius": "single_region",
        "parameters": {"action": "load", "values": {"queue": "orders"}},
        "success_criteria": ["System availability > 99%"],
    }
    return experiment


def touch(known: Any, **touches: Any) -> None:
    known.environments["staging"]["custom_actions"]["load"]["touches"] = touches


@pytest.mark.usefixtures("load")
def test_what_feels_it_is_recorded_locked_measured_and_released(walk: Walk, world: FakeWorld) -> None:
    held: list[str] = []
    walk.before["StartFault"] = lambda _: held.extend(world.locks.leases)
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    found = world.documents.get(ID, Discovery)
    assert found is not None
    assert [target.id for target in found.pinned] == [GENERATOR]
    assert {resource.id for resource in found.touched} == {member.id for member in world.fleet.members("web")}
    assert {f"instance/{GENERATOR}", "asg/web"} <= set(found.failure_domains) == set(held)
    (availability,) = [binding for binding in found.bindings if "availability" in binding.name.lower()]
    assert all("web/" in str(query.dimensions) for query in availability.queries), availability
    assert [target["id"] for target in result_of(world).targets] == [GENERATOR]
    nothing_is_left(world)


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize("state", ["AcquireSlot", "StartFault", "WatchRecovery"])
def test_no_other_run_hits_those_that_feel_it_meanwhile(walk: Walk, world: FakeWorld, state: str) -> None:
    second = once(lambda: walk.run({"experiment": "other"}, "run-2"))
    walk.before[state] = lambda _: second()
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert "run-1" in ended(world, Status.REJECTED, None, None, "run-2").reason
    assert len(world.faults.runs) == 1
    nothing_is_left(world)


def test_no_other_run_hits_those_that_feel_an_automation_document(walk: Walk, world: FakeWorld, known: Any, load: dict[str, Any]) -> None:
    """They are its targets: the same locks."""
    touched = {"arns": [world.fleet.members("web")[0].arn]}
    known.environments["staging"]["custom_actions"]["load"] = {**AUTOMATION, "touches": touched}
    world.faults.automation_seconds = 600
    del load["target_resources"]
    load["target"] = {**touched, "select": "all"}
    second = once(lambda: walk.run({"experiment": "other"}, "run-2"))
    walk.before["StopFault"] = lambda _: second()
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert "run-1" in ended(world, Status.REJECTED, None, None, "run-2").reason
    assert len(world.faults.runs) == 1
    nothing_is_left(world)


@pytest.mark.usefixtures("load")
def test_it_does_not_start_while_another_run_hits_those_that_would_feel_it(walk: Walk, world: FakeWorld) -> None:
    second = once(lambda: walk.run({"experiment": "seed"}, "run-2"))
    walk.before["StartFault"] = lambda _: second()
    walk.run({"experiment": "other"})
    assert "run-1" in ended(world, Status.REJECTED, None, None, "run-2").reason
    assert len(world.faults.runs) == 1


@pytest.mark.usefixtures("load")
def test_those_that_feel_it_have_to_opt_in(walk: Walk, world: FakeWorld) -> None:
    world.fleet.members("web")[1].tags["squall:environment"] = "production"
    walk.run({"experiment": "seed"})
    record = ended(world, Status.REJECTED, None, None)
    assert f"opt_in_tag: squall:environment must be staging: {world.fleet.members('web')[1].id} has production" in record.reason
    assert world.faults.runs == {}


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize(
    ("touches", "said"),
    [
        ({"resource_type": "aws:ec2:instance", "tags": {"tier": "nobody"}}, "is felt by aws:ec2:instance with the tags"),
        (
            {"resource_type": "aws:rds:cluster", "arns": ["arn:aws:rds:eu-west-1:111122223333:cluster:gone"]},
            "arn:aws:rds:eu-west-1:111122223333:cluster:gone",
        ),
    ],
)
def test_a_run_of_which_nobody_knows_who_feels_it_is_rejected(
    walk: Walk, world: FakeWorld, known: Any, touches: dict[str, Any], said: str
) -> None:
    touch(known, **touches)
    walk.run({"experiment": "seed"})
    assert said in ended(world, Status.REJECTED, None, None).reason
    assert world.faults.runs == {}


def test_a_radius_of_one_instance_or_of_one_zone_holds_those_that_feel_it(walk: Walk, world: FakeWorld, load: dict[str, Any]) -> None:
    load["blast_radius"] = "single_az"
    walk.run({"experiment": "seed"})
    assert "with what feels load the fault is in" in ended(world, Status.REJECTED, None, None).reason
    load["blast_radius"] = "single_instance"
    walk.run({"experiment": "seed"}, "run-2")
    record = ended(world, Status.REJECTED, None, None, "run-2")
    assert "load is felt by more than the instance that it is sent to" in record.reason
    assert world.faults.runs == {}


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize("others", [98, 99])
def test_more_failure_domains_than_one_transaction_locks_are_refused_before_any_is_locked(
    walk: Walk, world: FakeWorld, known: Any, others: int
) -> None:
    for number in range(others):
        world.fleet.add(FakeInstance(f"i-000000000many{number:03d}", tags={**STAGING, "tier": "many"}))
    world.fleet.members("web")[0].tags["tier"] = "many"  # so that users are measured; its domains are the group and the target group
    touch(known, resource_type="aws:ec2:instance", tags={"tier": "many"})
    walk.run({"experiment": "seed"})
    found = world.documents.get(ID, Discovery)
    assert found is not None
    if len(found.failure_domains) <= 100:
        ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    else:
        record = ended(world, Status.REJECTED, None, None)
        assert f"the run would lock {len(found.failure_domains)} failure domains, one run locks 100" in record.reason
        assert record.lock_keys == ()
    assert {len(found.failure_domains) - others} == {3}
    nothing_is_left(world)
