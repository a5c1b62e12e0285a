"""A fault that did not happen everywhere it should have: one target of several, an action FIS skipped or could not do, no target at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from squall.application.admission.deployed import DeployedDefinitions
from squall.domain.base.vocabulary import Verdict
from squall.domain.documents.result import Result
from squall.domain.run.fis_state import FisExperiment
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, record_of, result_of
from tests.workflow.walk import Walk

CRITERIA = ["System availability > 99%"]


@pytest.fixture
def stress(experiment: dict[str, Any], world: FakeWorld, known: DeployedDefinitions) -> dict[str, Any]:
    """Memory of every instance of the group, where the policy lets all of them be hit."""
    known.environments["staging"]["minimum_healthy_percent"] = 0
    return {
        **experiment,
        "type": "memory_stress",
        "parameters": {"memory_percent": 50},
        "blast_radius": "single_region",
        "target_resources": [member.id for member in world.fleet.members("web")],
        "success_criteria": CRITERIA,
    }


def invalid(world: FakeWorld) -> Result:
    result = result_of(world)
    assert (result.verdict, result.hypothesis_validated) == (Verdict.INVALID, None), result.reason
    nothing_is_left(world)
    return result


@pytest.mark.parametrize("status", ["Failed", "TimedOut", "Cancelled"])
def test_one_of_three_instances_that_fails_is_said(
    walk: Walk, world: FakeWorld, stress: dict[str, Any], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = stress["target_resources"][1]
    ended = world.commands.on

    def on(instance_id: str, *args: Any) -> Any:
        """Its agent never got to run it."""
        outcome = ended(instance_id, *args)
        return [
            replace(item, status=status, detail="Delivery Timed Out", started_at=None) if instance_id == missed else item
            for item in outcome
        ]

    monkeypatch.setattr(world.commands, "on", on)
    walk.run({"definition": stress})
    result = invalid(world)
    assert "1 of 3 targets were not hit: " in result.reason
    assert f"{missed}: command " in result.reason
    assert f"is {status} Delivery Timed Out" in result.reason
    assert [target["proven"] for target in result.targets if target["id"] == missed] == [False]
    (finding,) = (entry for entry in result.findings if entry.kind == "fault_unproven")
    assert finding.title == "The fault is not proven on 1 of 3 targets"
    assert finding.evidence.target == missed
    assert missed in finding.detail
    assert any(issue.startswith("The fault is not proven on 1 of 3 targets") and missed in issue for issue in result.issues_discovered)


@pytest.mark.parametrize(("status", "expected_text"), [("skipped", "was skipped"), ("failed", "failed")])
@pytest.mark.parametrize("kind", ["memory_stress", "instance_termination"])
def test_an_action_that_was_not_done_makes_the_run_invalid_whatever_else_is_found(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], kind: str, status: str, expected_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the target's own state looks as if it had been."""
    real = world.faults.get

    def get(experiment_id: str) -> FisExperiment | None:
        fis = real(experiment_id)
        if fis is None or not fis.terminal:
            return fis
        first, *others = fis.actions
        return replace(fis, actions=(replace(first, status=status, reason="Target resolution returned nothing"), *others))

    monkeypatch.setattr(world.faults, "get", get)
    parameters = {"memory_percent": 50} if kind == "memory_stress" else {}
    walk.run({"definition": {**experiment, "type": kind, "parameters": parameters, "success_criteria": CRITERIA}})
    result = invalid(world)
    assert f"{expected_text}: Target resolution returned nothing" in result.reason
    assert [criterion.outcome.value for criterion in result.criteria] == ["met"]


def test_a_fis_experiment_that_fails_makes_the_run_invalid_and_names_its_error(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any]
) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(300, lambda: world.faults.fail(next(iter(world.faults.runs)), "TargetInvalid"))
    stress = {**experiment, "type": "memory_stress", "parameters": {"memory_percent": 50}, "success_criteria": CRITERIA}
    walk.run({"definition": stress})
    assert "FIS failed (TargetInvalid)" in invalid(world).reason


def test_nothing_to_hit_injects_nothing(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    """Refused before: the check of the targets fails."""
    target = {"tags": {"squall:environment": "staging", "team": "nobody's"}}
    walk.run({"definition": {**experiment, "target_resources": [], "target": target}})
    assert world.faults.runs == {}
    assert record_of(world).status == "rejected"
    assert result_of(world).verdict is None
    nothing_is_left(world)


def test_targets_that_vanish_before_fis_resolves_them_make_the_run_invalid(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any]
) -> None:
    def vanish(_: Any) -> None:
        for member in world.fleet.members("web"):
            world.fleet.instances.pop(member.id, None)

    walk.before["StartFault"] = vanish
    walk.run({"definition": {**experiment, "type": "memory_stress", "parameters": {"memory_percent": 50}, "success_criteria": CRITERIA}})
    assert "FIS failed (InvalidTarget)" in invalid(world).reason
