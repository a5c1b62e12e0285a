"""Lengths of an adopted template: the experiment's own replace them where its `override_ranges` list them."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.adopted_template import adopt_template
from squall.admission.execution_input import Place, admit_input
from squall.domain.base.problems import InvalidInput
from squall.domain.experiment.experiment import Experiment
from tests.unit.admission.test_public_templates import POLICY, load, wait
from tests.unit.builders import ACCOUNT, NOW, REGION, REL12

TEN = {"duration_minutes": [8, 20]}
STRESS = "fis_template_id.actions.a.parameters.documentParameters.DurationSeconds"


def run(case: dict[str, Any], overrides: dict[str, Any] | None = None, **changes: Any) -> Experiment:
    """The experiment of an execution with these overrides. Raises InvalidInput."""
    written = {**REL12, "success_criteria": REL12["success_criteria"][:2], **case["experiment"], "fis_template_id": "EXTcase", **changes}
    del written["target_resources"]
    asked = {"experiment": "case", **({"overrides": overrides} if overrides else {})}
    place = Place(ACCOUNT, REGION, "aws")
    definition = admit_input(asked, "run-1", {"case": written}, {"staging": POLICY}, place=place, now=NOW)
    return adopt_template(definition, case["template"]).experiment


def refuse(case: dict[str, Any], overrides: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        run(case, overrides, **changes)
    return {problem.path: f"{problem.message} / {problem.expected}" for problem in caught.value.problems}


def test_a_length_that_disagrees_is_refused_and_says_how_it_is_replaced() -> None:
    problems = refuse(load("18"), duration_minutes=10)
    assert set(problems) == {"fis_template_id.actions.a.parameters.duration", STRESS}
    assert "lasts 5 min, the experiment 10 min / 10 min, or override_ranges with duration_minutes" in problems[STRESS]
    problems = refuse(load("16"), {"duration": "12m"})
    assert "lasts 10 min, the experiment 12 min" in problems[STRESS]


def test_the_experiment_s_own_length_replaces_the_template_s_within_its_range() -> None:
    assert run(load("18"), duration_minutes=10, override_ranges=TEN).length == timedelta(minutes=10)
    assert (
        "outside of override_ranges.duration_minutes / 8 to 20 minutes"
        in refuse(load("18"), duration_minutes=30, override_ranges=TEN)["duration"]
    )


def test_an_execution_gives_another_length_within_the_range() -> None:
    adopted = run(load("16"), {"duration": "12m"}, override_ranges=TEN)
    assert (adopted.length, adopted.observed_length) == (timedelta(minutes=12), timedelta(minutes=12))
    assert run(load("16"), {"duration_minutes": 12}, override_ranges=TEN).length == timedelta(minutes=12)
    problems = refuse(load("16"), {"duration": "25m"}, override_ranges=TEN)
    assert "25 is not a value that the experiment lists for overrides / 8 to 20 minutes" in problems["overrides.duration"]


def test_a_listed_length_bounds_executions_without_a_template_too() -> None:
    written = {**REL12, "override_ranges": {"duration_minutes": [8, 20], "observation_minutes": [8, 30]}}
    asked = {"experiment": "x", "overrides": {"duration": "25m", "observation": "40m"}}
    with pytest.raises(InvalidInput) as caught:
        admit_input(asked, "run-1", {"x": written}, {"staging": POLICY}, place=Place(ACCOUNT, REGION, "aws"), now=NOW)
    assert {problem.path for problem in caught.value.problems} >= {"overrides.duration", "overrides.observation"}


def test_the_observation_of_a_template_is_its_wait_unless_the_experiment_replaces_it() -> None:
    case = load("16")
    case["template"]["actions"]["after"] = wait(15)
    assert run(case).observation == timedelta(minutes=15)
    said = refuse(case, observation="PT20M")["fis_template_id.actions.after.parameters.duration"]
    assert "override_ranges of observation_minutes, to replace it" in said
    ranges = {"observation_minutes": [15, 30]}
    assert run(case, observation="PT20M", override_ranges=ranges).observation == timedelta(minutes=20)
    assert run(case, {"observation": "25m"}, observation="PT20M", override_ranges=ranges).observation == timedelta(minutes=25)
    assert "overrides.observation" in refuse(case, {"observation": "40m"}, observation="PT20M", override_ranges=ranges)


def test_a_replaced_length_keeps_a_wait_that_still_outlasts_it() -> None:
    case = load("16")
    case["template"]["actions"]["after"] = wait(15)
    assert run(case, {"duration": "12m"}, override_ranges=TEN).observation == timedelta(minutes=15)
    assert run(case, {"duration": "18m"}, override_ranges=TEN).observation is None, "the fault itself is watched for longer"


def test_a_scenario_has_the_lengths_of_its_template_and_an_observation_of_its_own() -> None:
    case = load("02")
    case["template"]["actions"]["stop"] = {**case["template"]["actions"]["lat"], "startAfter": ["lat"]}
    problems = refuse(case, override_ranges=TEN)
    assert "every fault of the template has a length of its own" in problems["fis_template_id.override_ranges.duration_minutes"]
    case = load("02")
    case["template"]["actions"]["after"] = wait(20, "stop")
    assert run(case, observation="PT40M", override_ranges={"observation_minutes": [30, 60]}).observation == timedelta(minutes=40)
