"""Definitions: REL12-BP05's experiment is valid unchanged, and every error is a problem at its exact path, all at once."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from squall.admission.environment import parse_environment
from squall.admission.experiment import parse_experiment
from squall.admission.regions import parse_regions
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.hashes import definition_hash, promotion_hash

ROOT = Path(__file__).parents[4]
REL12: dict[str, Any] = json.loads((ROOT / "tests/data/seed-experiment.json").read_text())


def problems(changes: dict[str, Any], without: tuple[str, ...] = ()) -> tuple[Problem, ...]:
    raw = {key: value for key, value in {**REL12, **changes}.items() if key not in without}
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(raw)
    return caught.value.problems


def test_rel12_bp05_is_valid_as_it_stands() -> None:
    experiment = parse_experiment(REL12)
    assert experiment.length == timedelta(minutes=10)
    assert experiment.target_resources == ("i-1234567890abcdef0", "i-0987654321fedcba0")


@pytest.mark.parametrize(
    ("changes", "path", "message", "expected"),
    [
        ({"type": "instance_terminaton"}, "type", 'did you mean "instance_termination"?', "network_latency"),
        ({"type": "database_failure"}, "type", "can't be injected into an EC2 instance", "RDS DB cluster"),
        ({"type": 5}, "type", "5 is unknown", "instance_termination"),
        ({"owners": "shop"}, "owners", 'unknown key "owners", did you mean "owner"?', "name"),
        ({"success_criteria": []}, "success_criteria", "is empty", "at least 1"),
        ({"success_criteria": "System availability > 99%"}, "success_criteria", "is not accepted", "a list"),
        ({"success_criteria": [5]}, "success_criteria[0]", "5 is not accepted", "an object"),
        ({"success_criteria": ["  "]}, "success_criteria[0]", "is not accepted", "text"),
        ({"success_criteria": [{"text": "latency < 1 s", "critcal": True}]}, "success_criteria[0].critcal", '"critical"', "text, critical"),
        ({"success_criteria": [{"critical": True}]}, "success_criteria[0].text", "is missing", ""),
        ({"success_criteria": [{"text": "All is well"}]}, "success_criteria[0].text", "not understood", "a comparison"),
        ({"success_criteria": ["latency < 1 s", "It works"]}, "success_criteria[1]", "is not a metric", "System availability"),
        ({"success_criteria": ["latency < 1 %"]}, "success_criteria[0]", "not measured in %", "seconds"),
        ({"abort_conditions": []}, "abort_conditions", "is empty", "at least 1"),
        ({"abort_conditions": [f"latency > {n} s" for n in range(1, 7)]}, "abort_conditions", "6 entries", "at most 5"),
        (
            {"abort_conditions": ["latency > 1 s", "Response time is above 1000 ms"]},
            "abort_conditions[1]",
            "same as abort_conditions[0]",
            "once",
        ),
        ({"abort_conditions": ["latency = 1 s"]}, "abort_conditions[0]", "can't compare for equality", "> >= < or <="),
        ({"abort_conditions": ["latency increases by > 5 %"]}, "abort_conditions[0]", "no baseline exists", "absolute"),
        ({"abort_conditions": ["System recovers within 1 minute"]}, "abort_conditions[0]", "only be a success criterion", "number"),
        ({"steady_state": ["latency is fine"]}, "steady_state[0]", "not understood", "comparison"),
        ({"duration_minutes": -1}, "duration_minutes", "-1 is not accepted", "greater than 0"),
        ({"duration_minutes": 0}, "duration_minutes", "0 is not accepted", "greater than 0"),
        ({"duration_minutes": 721}, "duration_minutes", "721 is not accepted", "720"),
        ({"duration_minutes": "10"}, "duration_minutes", '"10" is not accepted', "number"),
        ({"duration_minutes": True}, "duration_minutes", "true is not accepted", "number"),
        ({"duration_minutes": None}, "duration_minutes", "the fault has no length", "exactly one"),
        ({"duration": "PT5M"}, "duration_minutes", "the fault has two lengths", "exactly one"),
        ({"duration_minutes": None, "duration": 45}, "duration", "45 is not a duration", "PT45S"),
        ({"duration_minutes": None, "duration": "45 s"}, "duration", "is not a duration", "PT45S"),
        ({"duration_minutes": None, "duration": "-PT5M"}, "duration", "-300 s", "greater than"),
        ({"duration_minutes": None, "duration": "PT0.5S"}, "duration", "whole number of seconds", ""),
        ({"duration_minutes": None, "duration": "PT13H"}, "duration", "not accepted", "12 hours"),
        ({"duration_minutes": None, "duration": "P99999999999D"}, "duration", "", ""),
        ({"target_resources": []}, "target_resources", "no target is named", "target"),
        ({"target_resources": ["my-instance"]}, "target_resources[0]", "not accepted", "ARN"),
        ({"target_resources": "i-1"}, "target_resources", "not accepted", "a list"),
        ({"target": {}}, "target", "names no resources", "arns or tags"),
        ({"target": {"filters": {"State.Name": ["running"]}}}, "target", "names no resources", "arns or tags"),
        ({"target": {"tag": {"a": "b"}}}, "target.tag", 'did you mean "tags"?', "resource_type"),
        ({"target": {"tags": {"a": 1}}}, "target.tags.a", "1 is not accepted", "string"),
        ({"blast_radius": "huge"}, "blast_radius", '"huge" is unknown', "single_instance"),
        ({"name": 5}, "name", "5 is not accepted", "string"),
        ({"name": "two\nlines"}, "name", "is not accepted", "one line"),
        ({"name": ""}, "name", "is empty", "at least 1"),
        ({"hypothesis": " \n "}, "hypothesis", "is not accepted", "some text"),
        ({"environment": "Prod!"}, "environment", "is not accepted", "lower case"),
        ({"rollback_plan": None}, "rollback_plan", "null is not accepted", "string"),
        ({"parameters": {"speed": 1}}, "parameters.speed", "", ""),
        ({"parameters": []}, "parameters", "is not accepted", "an object"),
        ({"metrics": {"q": {"namespace": "A", "metric_name": "b", "unit": "secs"}}}, "metrics.q.unit", '"seconds"', "milliseconds"),
        ({"metrics": {"q": {"namespace": "A", "metric_name": "b", "statistic": "p101"}}}, "metrics.q.statistic", "p101", "p99"),
        ({"metrics": {"q": {"namespace": "A"}}}, "metrics.q.metric_name", "is missing", ""),
        ({"schedule": {"expression": "rate(1 hours)"}}, "schedule.expression", "singular and plural", "rate(1 hour)"),
        ({"schedule": {"expression": "every day"}}, "schedule.expression", "not accepted", "cron"),
        ({"schedule": {"expression": "cron(0 3 * *)"}}, "schedule.expression", "is not a schedule", "six fields"),
        ({"schedule": {"expression": "at(2027-02-30T00:00:00)"}}, "schedule.expression", "is not a time", "at("),
        ({"schedule": {"expression": "rate(1 day)", "timezone": "Mars/Base"}}, "schedule.timezone", "is not a time zone", "Europe/Berlin"),
        ({"schedule": {"expression": "rate(1 day)", "timezone": "Europe"}}, "schedule.timezone", "is not a time zone", "Europe/Berlin"),
        ({"schedule": {"expression": "rate(1 day)", "enabled": "no"}}, "schedule.enabled", "not accepted", "boolean"),
        ({"description": "\ud800"}, "$", "not Unicode", ""),
        ({"parameters": {"x": float("nan")}}, "$", "not JSON", ""),
        ({"description": "x" * 70_000}, "$", "bytes", "65536"),
    ],
)
def test_everything_wrong_is_a_problem_at_its_path(changes: dict[str, Any], path: str, message: str, expected: str) -> None:
    result = problems(changes)
    assert [problem.path for problem in result] == [path]
    assert message in result[0].message
    assert expected in result[0].expected


@pytest.mark.parametrize("field", [field for field in REL12 if field not in {"duration_minutes", "target_resources"}])
def test_every_field_of_rel12_bp05_is_required(field: str) -> None:
    result = problems({}, without=(field,))
    assert [(problem.path, problem.message) for problem in result] == [(field, "is missing")]


def test_all_problems_are_reported_at_once() -> None:
    changes = {
        "type": "instance_terminaton",
        "colour": "red",
        "duration_minutes": None,
        "target_resources": [],
        "success_criteria": ["Everything is fine", "latency < 1 %"],
        "abort_conditions": ["latency = 1 s"],
        "schedule": {"expression": "rate(1 hours)"},
    }
    assert {problem.path for problem in problems(changes)} == {
        "type",
        "colour",
        "duration_minutes",
        "target_resources",
        "success_criteria[0]",
        "success_criteria[1]",
        "abort_conditions[0]",
        "schedule.expression",
    }


def test_a_sentence_that_isnt_understood_is_shown_with_a_caret() -> None:
    (problem,) = problems({"success_criteria": ["Response time < 2 bananas"]})
    assert "Response time < 2 bananas\n                  ^" in problem.message


def test_the_experiments_own_metrics_can_be_used() -> None:
    own = {"queue depth": {"namespace": "Shop", "metric_name": "Depth", "unit": "count"}}
    assert parse_experiment({**REL12, "metrics": own, "abort_conditions": ["p99 queue depth > 1000"]}).declared_units == {
        "queue depth": "count"
    }
    own["Queue_Depth"] = own["queue depth"]
    assert [problem.path for problem in problems({"metrics": own})] == ["metrics.Queue_Depth"]


def test_an_empty_rollback_plan_is_left_to_the_safety_check() -> None:
    assert parse_experiment({**REL12, "rollback_plan": ""}).rollback_plan == ""


@pytest.mark.parametrize("raw", [5, [], None, "seed", True])
def test_what_is_no_object_is_refused(raw: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(raw, "definition")
    assert [problem.path for problem in caught.value.problems] == ["definition"]


def test_a_part_deep_inside_is_named_with_the_path_of_the_whole() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_experiment({**REL12, "success_criteria": ["x"]}, "definition")
    assert [problem.path for problem in caught.value.problems] == ["definition.success_criteria[0]"]


OTHERWHERE: dict[str, Any] = {
    "environment": "production",
    "target_resources": ["i-0aaaaaaaaaaaaaaaa"],
    "target": {"tags": {"app": "shop"}},
    "schedule": {"expression": "rate(7 days)"},
    "stop_alarms": ["pager-production"],
    "owner": "payments",
    "tags": {"cost": "1"},
}


@pytest.mark.parametrize("field", OTHERWHERE)
def test_the_same_experiment_elsewhere_has_the_same_promotion_hash(field: str) -> None:
    there, here = parse_experiment(REL12), parse_experiment({**REL12, field: OTHERWHERE[field]})
    assert definition_hash(there) != definition_hash(here)
    assert promotion_hash(there) == promotion_hash(here)


def test_a_declared_metric_may_be_of_another_resource_elsewhere() -> None:
    def declared(**changes: Any) -> Experiment:
        metric = {"namespace": "Shop", "metric_name": "Checkout", "dimensions": {"Stage": "staging"}, **changes}
        return parse_experiment({**REL12, "metrics": {"checkout": metric}})

    assert promotion_hash(declared()) == promotion_hash(declared(dimensions={"Stage": "production"}))
    assert promotion_hash(declared()) != promotion_hash(declared(metric_name="Browse"))


@pytest.mark.parametrize(
    "changes",
    [
        {"duration_minutes": 11},
        {"type": "cpu_stress"},
        {"blast_radius": "single_az"},
        {"abort_conditions": ["System availability < 90%"]},
        {"success_criteria": ["System availability > 98%"]},
        {"steady_state": ["System availability > 99%"]},
        {"recovery": "PT5M"},
        {"hypothesis": "Nobody notices"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_experiment_has_another_promotion_hash(changes: dict[str, Any]) -> None:
    assert promotion_hash(parse_experiment(REL12)) != promotion_hash(parse_experiment({**REL12, **changes}))


def test_the_length_counts_as_what_it_is() -> None:
    minutes = {key: value for key, value in REL12.items() if key != "duration_minutes"}
    assert promotion_hash(parse_experiment(REL12)) == promotion_hash(parse_experiment({**minutes, "duration": "PT10M"}))


def test_the_hash_is_of_what_is_meant_not_of_how_it_is_written() -> None:
    experiment = parse_experiment(REL12)
    assert definition_hash(experiment) == definition_hash(parse_experiment(dict(reversed(REL12.items()))))
    assert definition_hash(experiment) != definition_hash(parse_experiment({**REL12, "duration_minutes": 11}))
    assert definition_hash(experiment) == definition_hash(Experiment.model_validate_json(experiment.model_dump_json()))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": "Production"}, "name"),
        ({"colour": 1}, "colour"),
        ({"accounts": [123456789012]}, "accounts[0]"),
        ({"regions": ["Frankfurt"]}, "regions[0]"),
        ({"allowed_types": ["flood"]}, "allowed_types[0]"),
        ({"closed_hours": {"timezone": "Berlin"}}, "closed_hours.timezone"),
        ({"closed_hours": {"days": []}}, "closed_hours.days"),
        ({"closed_hours": {"start_hour": 24}}, "closed_hours.start_hour"),
        ({"open_hours": [{"since": "24:00"}]}, "open_hours[0].since"),
        ({"open_hours": [{"since": 1200}]}, "open_hours[0].since"),
        ({"blackouts": [{}, {"until": "25:00"}]}, "blackouts[1].until"),
        ({"freezes": [{"first": "2026-02-30"}]}, "freezes[0].first"),
        ({"freezes": [{"first": "2026-02-20", "last": "2026-02-19"}]}, "freezes[0].last"),
        ({"change_calendars": ["Releases", "no spaces"]}, "change_calendars[1]"),
        ({"maximum_risk": "extreme"}, "maximum_risk"),
        ({"maximum_cost_usd": 0}, "maximum_cost_usd"),
        ({"calm": {"workload_alarms": "maybe"}}, "calm.workload_alarms"),
        ({"calm": {"cool_down": 30}}, "calm.cool_down"),
        ({"calm": {"deployment_groups": ["shop"]}}, "calm.deployment_groups[0]"),
        ({"guard_quality": {"insufficient_data": "ignore"}}, "guard_quality.insufficient_data"),
        ({"promotion": {"environment": "Staging"}}, "promotion.environment"),
        ({"promotion": {"environment": "staging", "within_days": 0}}, "promotion.within_days"),
        ({"inline_definitions": "yes"}, "inline_definitions"),
        ({"maximum_duration": 3600}, "maximum_duration"),
        ({"parameter_ranges": {"latency_ms": [5, 1]}}, "parameter_ranges"),
        ({"timing": {"guard_datapoints_to_alarm": 4}}, "timing.guard_datapoints_to_alarm"),
        ({"timing": {"baseline_periods": 5}}, "timing.minimum_baseline_periods"),
        ({"timing": {"lease_seconds": 60}}, "timing.lease_seconds"),
        ({"timing": {"metric_period_seconds": 0}}, "timing.metric_period_seconds"),
    ],
)
def test_a_wrong_policy_is_refused(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_environment({"name": "staging", **changes})
    assert [problem.path for problem in caught.value.problems] == [path]


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).glob("*.yaml"))


@pytest.mark.parametrize(
    "file", [*files("experiments"), *files("local/experiments"), *files("tests/data/experiments-scheduled")], ids=lambda file: file.stem
)
def test_what_ships_is_valid_and_has_the_seeds_fields(file: Path) -> None:
    raw = yaml.safe_load(file.read_text())
    if "regions" in raw:
        assert all(field in own for own in raw["regions"].values() for field in ("success_criteria", "abort_conditions"))
        parse_regions(raw)
        return
    parse_experiment(raw)
    renamed = {"target_resources": "target", "duration_minutes": "duration"}
    for fault in raw.get("faults", {"": {}}).values():  # a scenario says what it hits in each of its faults
        every = {**raw, **fault}
        assert all(field in every or renamed.get(field) in every for field in REL12)


@pytest.mark.parametrize("file", [*files("environments"), *files("local/environments")], ids=lambda file: file.stem)
def test_policies_are_named_as_their_files(file: Path) -> None:
    assert parse_environment(yaml.safe_load(file.read_text())).name == file.stem


def test_production_has_the_seeds_rules() -> None:
    production = parse_environment(yaml.safe_load((ROOT / "environments/production.yaml").read_text()))
    assert not {"multiple_az", "multiple_region"} & set(production.allowed_blast_radius)
    assert production.closed_hours is not None
    assert (production.closed_hours.start_hour, production.closed_hours.end_hour) == (9, 17)
    assert not production.inline_definitions
