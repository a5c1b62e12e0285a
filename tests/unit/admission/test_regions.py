"""An experiment for several Regions: each Region's own is checked, and every problem stands at its place in the whole."""

from __future__ import annotations

from typing import Any

import pytest

from squall.admission.regions import parse_regions
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import BlastRadius

HERE, THERE = "eu-west-1", "eu-central-1"
EXPERIMENT: dict[str, Any] = {
    "name": "Shop",
    "description": "An instance is lost in both Regions",
    "type": "instance_termination",
    "hypothesis": "Nobody notices",
    "blast_radius": "multiple_region",
    "target": {"tags": {"app": "shop"}},
    "duration_minutes": 10,
    "rollback_plan": "Auto Scaling launches a replacement",
    "success_criteria": ["System availability > 99%"],
    "abort_conditions": ["System availability < 95%"],
    "environment": "staging",
    "regions": {HERE: None, THERE: {"stop_alarms": ["orders-too-few"]}},
}


def find_problems(**changes: Any) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        parse_regions({**EXPERIMENT, **changes})
    return [str(problem) for problem in raised.value.problems]


def test_each_region_has_an_experiment_of_its_own() -> None:
    experiments = parse_regions(EXPERIMENT)
    assert list(experiments) == [HERE, THERE]
    assert {experiment.blast_radius for experiment in experiments.values()} == {BlastRadius.SINGLE_REGION}
    assert [experiment.stop_alarms for experiment in experiments.values()] == [(), ("orders-too-few",)]


def test_what_is_wrong_everywhere_is_told_once_and_what_a_region_says_at_its_place() -> None:
    problems = find_problems(abort_conditions=["nonsense"], regions={HERE: None, THERE: {"stop_alarms": 3}})
    assert len(problems) == 2
    assert any(problem.startswith("regions.eu-central-1.stop_alarms: 3 is not accepted") for problem in problems)
    assert any(problem.startswith("abort_conditions[0]: ") for problem in problems)


def test_what_a_region_says_of_a_fault_of_a_scenario_is_told_there() -> None:
    fault = {"type": "instance_termination", "duration": "10m"}
    own = {HERE: {"faults": {"loss": {"target": {"tags": {"app": "shop"}}}}}, THERE: {"faults": {"loss": {"target": 3}}}}
    scenario = {name: value for name, value in EXPERIMENT.items() if name not in {"type", "target", "duration_minutes"}}
    with pytest.raises(InvalidInput) as raised:
        parse_regions({**scenario, "faults": {"loss": fault}, "regions": own})
    assert [problem.path for problem in raised.value.problems] == ["regions.eu-central-1.faults.loss.target"]


def test_what_can_t_be_split_is_refused() -> None:
    assert find_problems(regions={HERE: None}) == ["regions: names 1 Regions (expected 2 to 5)"]
    assert "schedule: belongs to the campaign of kind regions" in find_problems(schedule={"expression": "rate(7 days)"})[0]
