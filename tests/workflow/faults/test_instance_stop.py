"""Instances are stopped and started again: whole runs, and runs whose execution dies while an instance is stopped."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from tests.fakes.workload import FakeInstance
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, ended, is_settled, nothing_is_left, nothing_runs, result_of
from tests.workflow.rig import TARGET_GROUP
from tests.workflow.walk import Walk

START = "aws ec2 start-instances --instance-ids"


@pytest.fixture
def lone(world: FakeWorld, experiment: dict[str, Any], known: deployed.DeployedDefinitions) -> FakeInstance:
    """The experiment's one target: an instance of no group, which FIS is to start again."""
    environments: Any = known.environments
    environments["staging"]["minimum_healthy_percent"] = 0
    instance = world.fleet.add(FakeInstance("i-00000000000000abc", tags={"squall:environment": "staging"}))
    experiment |= {"target_resources": [instance.id], "service": TARGET_GROUP, "parameters": {"mode": "stop_and_start"}}
    experiment["success_criteria"] = ["System availability > 99%"]
    return instance


def die_under_the_fault(walk: Walk, *, recorded: bool = True) -> None:
    """The execution ends while the instance is stopped. FIS can't start it again: EC2 has no capacity."""
    walk.world.fleet.start = lambda _: None  # type: ignore[method-assign, assignment]
    walk.after["StartFault"] = lambda _: walk.world.clock.advance(30)
    walk.enter["WatchFault"] = walk.kill
    done = walk.run({"experiment": "seed"})
    walk.after.clear()
    walk.enter.clear()
    assert done.status == "ABORTED"
    if not recorded:
        walk.world.records.update(ID, fis_experiment_id=None, fault_started_at=None)
    walk.pulse = False
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))


def test_a_lone_instance_is_stopped_proven_and_started_again(walk: Walk, world: FakeWorld, lone: FakeInstance) -> None:
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (run,) = world.faults.runs.values()
    actions = {action["actionId"] for action in run.body["actions"].values()}
    assert actions == {"aws:ec2:stop-instances", "aws:fis:wait"}
    rollback = result_of(world).rollback
    assert rollback is not None
    assert (rollback.outcome, [proof.proven for proof in rollback.proofs]) == (RollbackOutcome.RESTORED, [True])
    nothing_is_left(world)


@pytest.mark.parametrize("mode", ["stop", "stop_and_start"])
def test_a_stopped_member_that_its_group_replaces_needs_nobody(walk: Walk, world: FakeWorld, experiment: dict[str, Any], mode: str) -> None:
    experiment["parameters"] = {"mode": mode}
    walk.run({"experiment": "seed"})
    rollback = result_of(world).rollback
    assert rollback is not None
    assert rollback.outcome is RollbackOutcome.RECOVERED
    nothing_is_left(world)


@pytest.fixture
def by_id(experiment: dict[str, Any], known: deployed.DeployedDefinitions) -> dict[str, Any]:
    """The experiment by the id of its action, which the policy allows."""
    environments: Any = known.environments
    environments["staging"]["allowed_types"] = ["aws:ec2:stop-instances"]
    experiment |= {"type": "aws:ec2:stop-instances", "parameters": {}}
    return experiment


def proven(world: FakeWorld) -> tuple[RollbackOutcome, set[str]]:
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    rollback = result_of(world).rollback
    assert rollback is not None
    return rollback.outcome, {proof.kind for proof in rollback.proofs if proof.proven}


def test_by_the_id_of_its_action_a_member_is_stopped_and_replaced(walk: Walk, world: FakeWorld, by_id: dict[str, Any]) -> None:
    assert by_id["type"] == "aws:ec2:stop-instances"
    walk.run({"experiment": "seed"})
    assert proven(world) == (RollbackOutcome.RECOVERED, {"state"})
    nothing_is_left(world)


@pytest.mark.usefixtures("lone")
def test_by_the_id_of_its_action_an_instance_is_started_again(walk: Walk, world: FakeWorld, by_id: dict[str, Any]) -> None:
    by_id["parameters"] = {"start_again": True}
    walk.run({"experiment": "seed"})
    assert proven(world) == (RollbackOutcome.RESTORED, {"state"})
    nothing_is_left(world)


def test_a_policy_without_the_id_does_not_allow_it(
    walk: Walk, world: FakeWorld, by_id: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    environments: Any = known.environments
    environments["staging"]["allowed_types"] = ["instance_termination", "aws:ec2:reboot-instances"]
    walk.run({"experiment": "seed"})
    assert by_id["type"] == "aws:ec2:stop-instances"
    assert result_of(world).status is Status.REJECTED
    assert world.faults.runs == {}


def test_an_instance_that_nothing_starts_again_is_told_with_the_command(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    experiment["parameters"] = {"mode": "stop"}
    world.fleet.groups["web"].replaces_after = None
    walk.run({"experiment": "seed"})
    rollback = result_of(world).rollback
    assert rollback is not None
    assert rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert START in " ".join(rollback.differences)
    (alert,) = [message.body for message in world.notifier.sent if "NOT CLEANED UP" in message.subject]
    assert START in alert
    assert world.locks.leases, "the lock is held as long as the instance is stopped"


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "the record names no experiment"])
@pytest.mark.parametrize("later", ["running", "terminated"])
def test_a_run_that_died_is_not_settled_before_its_instance_runs_or_is_gone(
    walk: Walk, world: FakeWorld, lone: FakeInstance, later: str, recorded: bool
) -> None:
    die_under_the_fault(walk, recorded=recorded)
    (ending,) = [message.body for message in world.notifier.sent if f"{START} {lone.id}" in message.body]
    assert f"{lone.id} is stopped, it was running" in ending
    walk.pulses(4)
    assert world.locks.leases, "the lock is held as long as the instance is stopped"
    assert world.records.in_open_index == {ID}
    lone.state = later
    walk.pulses(1)
    nothing_runs(world)
    is_settled(world)


def test_a_run_that_died_settles_when_the_group_has_replaced_the_instance(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    experiment["parameters"] = {"mode": "stop"}
    die_under_the_fault(walk)
    assert world.locks.leases, "the group has not replaced it yet"
    walk.pulses(4)
    nothing_is_left(world)
    is_settled(world)
