"""Spot Instances are interrupted: whole runs, and one that is aborted while the interruption is only announced."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.run.timeline import EventName
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, ended, is_settled, nothing_is_left, result_of
from tests.workflow.walk import Walk

INTERRUPT = "aws:ec2:send-spot-instance-interruptions"


@pytest.fixture
def storm(world: FakeWorld, experiment: dict[str, Any], known: deployed.DeployedDefinitions) -> dict[str, Any]:
    """An experiment on a group of Spot Instances, which the policy allows."""
    environments: Any = known.environments
    environments["staging"]["allowed_types"] = [INTERRUPT]
    for number, instance in enumerate(world.fleet.members("web")):
        instance.spot_request, instance.spot_status = f"sir-{number}", "fulfilled"
    experiment |= {"type": INTERRUPT, "parameters": {}}
    return experiment


def test_the_notice_proves_it_and_the_group_replaces_the_instance(walk: Walk, world: FakeWorld, storm: dict[str, Any]) -> None:
    assert storm["type"] == INTERRUPT
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RECOVERED
    assert ["instance-terminated-by-experiment" in proof.detail for proof in result.rollback.proofs] == [True]
    nothing_is_left(world)


def test_instances_on_demand_are_not_touched(walk: Walk, world: FakeWorld, storm: dict[str, Any]) -> None:
    for instance in world.fleet.members("web"):
        instance.spot_request = instance.spot_status = None
    walk.run({"experiment": "seed"})
    result = result_of(world)
    assert (storm["type"], result.status) == (INTERRUPT, Status.REJECTED)
    assert "fault_prerequisites.spot_instances" in {check.name for check in result.safety_checks if check.outcome == "failed"}
    assert world.faults.runs == {}


@pytest.mark.usefixtures("storm")
def test_an_interruption_that_never_comes_is_no_fault(walk: Walk, world: FakeWorld) -> None:
    world.faults.idle.add("send-spot-instance-interruptions")
    walk.run({"experiment": "seed"})
    assert result_of(world).verdict is Verdict.INVALID
    assert "fulfilled" in result_of(world).reason
    nothing_is_left(world)


@pytest.mark.usefixtures("storm")
def test_an_aborted_run_is_not_over_before_the_interruption_that_it_announced(walk: Walk, world: FakeWorld) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(20, lambda: walk.quietly("Abort", order))
    walk.run({"experiment": "seed"})
    result = result_of(world)
    assert result.verdict is Verdict.ABORTED
    verified, *_ = [event.detail for event in result.timeline if event.event == EventName.ROLLBACK_VERIFIED]
    assert verified.startswith("not_restored")
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RECOVERED, "by the end the instance was gone, and replaced"
    nothing_is_left(world)


@pytest.mark.usefixtures("storm")
def test_a_run_that_died_keeps_its_lock_until_the_instance_is_gone(walk: Walk, world: FakeWorld) -> None:
    walk.enter["WatchFault"] = walk.kill
    done = walk.run({"experiment": "seed"})
    walk.enter.clear()
    walk.pulse = False
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    told = " ".join(message.body for message in world.notifier.sent)
    assert "nothing takes the announcement back" in told
    assert world.locks.leases
    walk.pulses(20)
    is_settled(world)
    nothing_is_left(world)
