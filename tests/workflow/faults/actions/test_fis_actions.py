"""A FIS action that an experiment names by its id: a whole run, what proves it, and what refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from squall.application.admission import admit
from squall.application.admission import deployed as definitions
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.fault import FaultTemplate
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.judging.test_disproof import QUIET, ROUND_TRIP, since_the_fault
from tests.workflow.rig import environment
from tests.workflow.walk import Walk

Run = Callable[..., Any]


@pytest.fixture
def reboot(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> Run:
    """Runs a reboot under a policy with these `allowed_types`. The metric of the fault signal gets the value `reached` when the
    fault begins."""

    def run(reached: float | None, allowed: list[str] | None = None, **changes: Any) -> Any:
        policy = environment("staging", inline_definitions=True, allowed_types=allowed or ["aws:ec2:*"])
        known = definitions.DeployedDefinitions(catalogue={}, environments={"staging": policy})
        world.metrics.set("RoundTrip", since_the_fault(world, reached))
        definition = {
            **experiment, "type": "aws:ec2:reboot-instances", "success_criteria": ["System availability > 99%"],
            "fault_signal": ROUND_TRIP, **changes,
        }  # fmt: skip
        with patch.object(admit, "load_deployed", lambda: known):
            walk.run({"definition": definition})
        return result_of(world)

    return run


def test_it_is_validated_where_the_signal_shows_it_and_every_field_is_as_before(reboot: Run, world: FakeWorld) -> None:
    result = reboot(QUIET + 50)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["mechanism"])
    assert result.rollback.could_have_lasted_until is None, "a reboot has no length"
    assert [signal.reading for signal in result.signals] == ["moved"]
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    assert template.body["actions"]["reboot-instances"] == {
        "actionId": "aws:ec2:reboot-instances",
        "description": "Reboots the instances",
        "targets": {"Instances": "Instances"},
    }
    assert template.body["actions"]["observe"]["actionId"] == "aws:fis:wait"
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("reached", "reason"), [(QUIET, "the fault did nothing to"), (None, "nothing shows that the fault reached")], ids=["still", "no value"]
)
def test_it_is_invalid_where_the_signal_shows_nothing(reboot: Run, world: FakeWorld, reached: float | None, reason: str) -> None:
    result = reboot(reached)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert reason in result.reason
    nothing_is_left(world)


def test_without_a_fault_signal_it_never_starts(reboot: Run, world: FakeWorld) -> None:
    result = reboot(QUIET, fault_signal=None)
    assert result.status is Status.REJECTED
    assert {problem.path: problem.expected for problem in result.problems} == {
        "definition.fault_signal": "a fault_signal: a metric that the action moves on each target, and that users do not feel"
    }
    assert world.faults.runs == {}


@pytest.mark.parametrize("allowed", [["cpu_stress"], ["instance_termination", "aws:ebs:*"]])
def test_a_policy_that_does_not_name_it_refuses_it(reboot: Run, world: FakeWorld, allowed: list[str]) -> None:
    result = reboot(QUIET + 50, allowed)
    assert result.status is Status.REJECTED
    assert "environment_allows_type" in {check.name for check in result.safety_checks if check.outcome == "failed"}
    assert world.faults.runs == {}


def test_a_fault_of_a_scenario_needs_a_signal_of_its_own(reboot: Run, world: FakeWorld) -> None:
    faults = {"boot": {"type": "aws:ec2:reboot-instances", "target_resources": ["i-0123456789abcdef0"]}}
    result = reboot(QUIET, fault_signal=None, type=None, target_resources=[], faults=faults)
    assert result.status is Status.REJECTED
    assert [problem.path for problem in result.problems] == ["definition.faults.boot.fault_signal"]


def test_an_operator_who_aborts_it_is_told_what_became_of_it(reboot: Run, walk: Walk, world: FakeWorld) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    result = reboot(QUIET + 50)
    assert (result.status, result.verdict) == (Status.ABORTED, Verdict.ABORTED)
    assert result.rollback.outcome is RollbackOutcome.RESTORED
    nothing_is_left(world)
