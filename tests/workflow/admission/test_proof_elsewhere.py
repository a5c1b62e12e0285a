"""The proof that an experiment was validated, read from the stack of another account: whole runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import CheckOutcome, Status, Verdict
from squall.domain.run.record import ExecutionRecord
from squall.errors import Refused, Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ended, nothing_is_left, record_of, result_of, unavailable
from tests.workflow.walk import Walk

THERE: dict[str, Any] = {"account": "444455556666", "region": "us-east-1", "external_id": "an-external-id-of-a-test"}
ARN = "arn:aws:states:us-east-1:444455556666:execution:Squall-Experiment:proof-1"


@pytest.fixture(autouse=True)
def asking(known: deployed.DeployedDefinitions) -> None:
    """The policy asks for a proof of another stack."""
    known.environments["staging"].update(promotion={"environment": "integration", "within_days": 3, "stack": THERE})


def proof(world: FakeWorld, walk: Walk, **changes: Any) -> ExecutionRecord:
    """A record of the other stack, of the definition that runs here: a first run is refused, and its record has the hash."""
    walk.run({"experiment": "seed"}, "first")
    mine = record_of(world, "first")
    assert mine.status is Status.REJECTED
    world.calls.clear()
    return replace(
        mine,
        **{
            "id": "proof-1",
            "execution_arn": ARN,
            "environment": "integration",
            "status": Status.COMPLETED,
            "verdict": Verdict.VALIDATED,
            **changes,
        },
    )


def refused(world: FakeWorld, outcome: CheckOutcome, words: str) -> None:
    ended(world, Status.REJECTED, None, None)
    checks = {check.name: check for check in result_of(world).safety_checks}
    assert checks["promotion"].outcome is outcome
    assert words in record_of(world).reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_proof_of_another_account_lets_the_experiment_run(walk: Walk, world: FakeWorld) -> None:
    world.members.proofs = [proof(world, walk)]
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    member, experiment, environment = world.members.asked[-1]
    assert (member.role_arn, member.external_id) == ("arn:aws:iam::444455556666:role/Squall-us-east-1-proofs", THERE["external_id"])
    assert (member.region, member.stack, environment) == ("us-east-1", "Squall", "integration")
    assert experiment == record_of(world).experiment


def test_without_a_proof_nothing_starts(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    refused(world, CheckOutcome.FAILED, "validated in integration of the stack Squall in account 444455556666, us-east-1")


def test_a_proof_of_another_definition_is_none(walk: Walk, world: FakeWorld) -> None:
    world.members.proofs = [proof(world, walk, promotion_hash="q" * 64)]
    walk.run({"experiment": "seed"})
    refused(world, CheckOutcome.FAILED, "by another definition")


def test_an_old_proof_is_none(walk: Walk, world: FakeWorld) -> None:
    world.members.proofs = [proof(world, walk, started_at=world.clock.now() - timedelta(days=4))]
    walk.run({"experiment": "seed"})
    refused(world, CheckOutcome.FAILED, "it was not")


@pytest.mark.parametrize(
    "error",
    [
        unavailable("members.validated"),
        Refused("sts", "AssumeRole", "AccessDenied", "not authorized"),
        Unavailable("dynamodb", "Query", "Unreadable", "a run of another version", retryable=False),
        Refused("cloudformation", "DescribeStacks", "ValidationError", "no such stack"),
    ],
    ids=["unreachable", "denied", "another version", "no stack"],
)
def test_a_proof_that_cannot_be_read_is_none_and_says_so(walk: Walk, world: FakeWorld, error: Exception) -> None:
    world.members.lost = {"integration": error}
    walk.run({"experiment": "seed"})
    refused(world, CheckOutcome.NOT_EVALUATED, "could not be looked up")
    assert any(str(error) in event.detail for event in record_of(world).events)


def test_a_stack_that_is_lost_while_a_run_prepares_prevents_its_fault(walk: Walk, world: FakeWorld) -> None:
    world.members.proofs = [proof(world, walk)]

    def lose(_: object) -> None:
        world.members.lost = {"integration": unavailable("members.validated")}

    walk.before["FinalCheck"] = lose
    walk.run({"experiment": "seed"})
    ended(world, Status.REJECTED, None, None)
    assert "right before the fault: promotion" in record_of(world).reason
    assert world.faults.runs == {}
    nothing_is_left(world)
