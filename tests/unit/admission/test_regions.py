"""An experiment for several Regions: each Region's own is checked, and every problem stands at its place in the whole."""

from __future__ import annotations

from typing import Any

import pytest

from squall.admission.environment import parse_environment
from squall.admission.experiment import parse_experiment
from squall.admission.regions import parse_regions
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import BlastRadius, FaultType

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


CARRIES: dict[str, Any] = {
    **{name: value for name, value in EXPERIMENT.items() if name != "success_criteria"},
    "regions": {
        HERE: {"success_criteria": ["System recovers within 10 minutes", "System availability > 50%"]},
        THERE: {"fault": "none", "success_criteria": [{"text": "Request rate > 130 % of baseline", "critical": True}]},
    },
}


def carry(*criteria: object, **changes: Any) -> dict[str, Any]:
    """The experiment with these criteria in the Region that carries the load."""
    return {**CARRIES, "regions": {**CARRIES["regions"], THERE: {"fault": "none", "success_criteria": list(criteria), **changes}}}


def test_a_region_without_a_fault_is_an_experiment_that_injects_nothing() -> None:
    experiments = parse_regions(CARRIES)
    assert [experiment.type for experiment in experiments.values()] == [FaultType.INSTANCE_TERMINATION, FaultType.NO_FAULT]


@pytest.mark.parametrize(
    "criterion",
    [
        "Request rate increases by > 20 % vs baseline",
        "Request rate >= 1.2x baseline",
        "Request rate >= 110 % of baseline",
        "orders > 110 % of baseline",
    ],
)
def test_a_critical_criterion_has_to_show_that_the_load_arrived(criterion: str) -> None:
    metrics = {"orders": {"namespace": "Shop", "metric_name": "Orders", "unit": "count", "statistic": "Sum"}}
    assert parse_regions(carry({"text": criterion, "critical": True}, metrics=metrics))
    with pytest.raises(InvalidInput) as raised:
        parse_regions(carry(criterion, metrics=metrics))
    assert "no critical criterion shows that the load arrived" in str(raised.value.problems[0])


@pytest.mark.parametrize(
    "criterion",
    [
        "System availability > 99%",
        "Request rate > 100 requests per second",
        "Request rate > 80 % of baseline",
        "Request rate > 109 % of baseline",
        "Request rate increases by more than 5 requests/s during the fault",
        "disk > 150 % of baseline",
        "Request rate < 200 % of baseline",
        "Request rate > 130 % of baseline during recovery",
        "Response time > 130 % of baseline",
    ],
)
def test_what_holds_without_more_load_does_not_show_it(criterion: str) -> None:
    metrics = {"disk": {"namespace": "Shop", "metric_name": "DiskUsed", "unit": "percent"}}
    with pytest.raises(InvalidInput) as raised:
        parse_regions(carry({"text": criterion, "critical": True}, metrics=metrics))
    assert [str(problem).partition(":")[0] for problem in raised.value.problems] == ["regions.eu-central-1.success_criteria"]
    assert "Request rate > 130 % of baseline, critical: true" in str(raised.value.problems[0])


def test_nothing_is_replaced_where_nothing_is_lost() -> None:
    arrived = {"text": "Request rate > 130 % of baseline", "critical": True}
    with pytest.raises(InvalidInput) as raised:
        parse_regions(carry(arrived, "Auto Scaling launches replacement instance"))
    assert [problem.path for problem in raised.value.problems] == ["regions.eu-central-1.success_criteria[1]"]


@pytest.mark.parametrize(
    "raw", [{"type": "no_fault"}, {"type": None, "target": None, "faults": {"a": {"type": "no_fault", "target": {"tags": {"a": "b"}}}}}]
)
def test_no_other_experiment_may_inject_nothing(raw: dict[str, Any]) -> None:
    single = {name: value for name, value in {**EXPERIMENT, **raw}.items() if value is not None and name != "regions"}
    with pytest.raises(InvalidInput) as raised:
        parse_experiment({**single, "blast_radius": "single_region"})
    assert any("no_fault injects nothing" in str(problem) for problem in raised.value.problems), raised.value.problems
    with pytest.raises(InvalidInput) as raised:
        parse_regions({**EXPERIMENT, "type": "no_fault"})
    assert any("no_fault injects nothing" in str(problem) for problem in raised.value.problems)


def test_a_policy_does_not_allow_nothing() -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_environment({"name": "staging", "allowed_types": ["cpu_stress", "no_fault"]})
    assert [problem.path for problem in raised.value.problems] == ["allowed_types[1]"]
    assert FaultType.NO_FAULT not in parse_environment({"name": "staging"}).allowed_types
