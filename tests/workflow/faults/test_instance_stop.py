"""Instances are stopped and started again: whole runs."""

from __future__ import annotations

from typing import Any

from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ended, nothing_is_left, result_of
from tests.workflow.walk import Walk


def test_an_instance_is_stopped_proven_and_started_again(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    experiment["parameters"] = {"mode": "stop_and_start"}
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (run,) = world.faults.runs.values()
    actions = {action["actionId"] for action in run.body["actions"].values()}
    assert actions == {"aws:ec2:stop-instances", "aws:fis:wait"}
    rollback = result_of(world).rollback
    assert rollback is not None
    assert (rollback.outcome, [proof.proven for proof in rollback.proofs]) == (RollbackOutcome.RESTORED, [True])
    nothing_is_left(world)


def test_an_instance_that_nothing_starts_again_is_told_with_the_command(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    experiment["parameters"] = {"mode": "stop"}
    walk.run({"experiment": "seed"})
    rollback = result_of(world).rollback
    assert rollback is not None
    assert rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert "aws ec2 start-instances --instance-ids" in " ".join(rollback.differences)
