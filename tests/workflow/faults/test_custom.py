"""A custom action: a whole run under every guard, and what the deployed policy no longer lists."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from squall.application.admission import admit
from squall.application.admission import deployed as definitions
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from tests.fakes.world import FakeWorld
from tests.unit.domain.policy.test_custom import REBOOT as LISTED
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.rig import environment
from tests.workflow.walk import Walk

FREEZE = {**LISTED, "action": "aws:ec2:freeze-instances"}
"""An action that Squall does not know."""


def deployed(**listed: Any) -> definitions.DeployedDefinitions:
    return definitions.DeployedDefinitions(
        catalogue={}, environments={"staging": environment("staging", custom_actions=listed, inline_definitions=True)}
    )


@pytest.fixture
def freeze(experiment: dict[str, Any]) -> dict[str, Any]:
    definition = {**experiment, "type": "custom", "parameters": {"action": "freeze"}, "success_criteria": ["System availability > 99%"]}
    return {"definition": definition}


def run(walk: Walk, freeze: dict[str, Any], admitted: definitions.DeployedDefinitions, later: definitions.DeployedDefinitions) -> None:
    """`later` is deployed when everything has been prepared, right before the last checks."""
    known = [admitted]
    walk.before["FinalCheck"] = lambda _: known.insert(0, later)
    with patch.object(admit, "load_deployed", lambda: known[0]):
        walk.run(freeze)


def test_it_runs_under_every_guard_its_rollback_runs_and_nothing_is_left(walk: Walk, world: FakeWorld, freeze: dict[str, Any]) -> None:
    run(walk, freeze, deployed(freeze=FREEZE), deployed(freeze=FREEZE))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, result.rollback.proofs[0].kind) == (RollbackOutcome.RESTORED, "mechanism")
    assert result.rollback.automation is not None
    assert len(result.targets) == 1
    nothing_is_left(world)


@pytest.mark.parametrize("later", [{}, {"freeze": {**FREEZE, "target_key": "Others"}}])
def test_a_run_whose_action_is_no_longer_listed_as_it_was_injects_nothing(
    walk: Walk, world: FakeWorld, freeze: dict[str, Any], later: dict[str, Any]
) -> None:
    run(walk, freeze, deployed(freeze=FREEZE), deployed(**later))
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "policy_unchanged: the policy of staging has changed since this run was admitted" in result.reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_what_the_policy_does_not_list_never_starts(walk: Walk, world: FakeWorld, freeze: dict[str, Any]) -> None:
    run(walk, freeze, deployed(), deployed())
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert any(problem.path == "definition.parameters.action" for problem in result.problems)
    assert world.faults.runs == {}
