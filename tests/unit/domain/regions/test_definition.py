"""One experiment for several Regions becomes one for each, or is refused with every reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.experiment.experiment import Experiment
from squall.domain.regions.definition import LOCAL_FIELDS, carries_load, split_definition

HERE, THERE = "eu-west-1", "eu-central-1"
COMMON = {
    "name": "Latency in Europe",
    "description": "All instances of the shop are slow in both Regions.",
    "type": "network_latency",
    "hypothesis": "Checkout keeps working.",
    "blast_radius": "multiple_region",
    "target": {"tags": {"app": "shop"}},
    "duration_minutes": 10,
    "rollback_plan": "none",
    "success_criteria": ["Error rate < 1%"],
    "abort_conditions": ["Error rate > 5%"],
    "environment": "staging",
}


def make(regions: Any = None, **changes: Any) -> dict[str, Any]:
    changed = {**COMMON, "regions": {HERE: None, THERE: None} if regions is None else regions, **changes}
    return {field: value for field, value in changed.items() if value is not None}


def arn(region: str, name: str = "i-1") -> str:
    return f"arn:aws:ec2:{region}:123456789012:instance/{name}"


def list_problems(raw: dict[str, Any]) -> list[str]:
    parts, problems = split_definition(raw)
    assert bool(parts) != bool(problems)
    return [str(problem) for problem in problems]


def test_every_region_gets_an_ordinary_experiment() -> None:
    parts, problems = split_definition(make())
    assert problems == []
    assert list(parts) == [HERE, THERE]
    for part in parts.values():
        assert part == {**COMMON, "blast_radius": "single_region"}
        assert Experiment.model_validate(part).blast_radius == "single_region"


def test_a_region_says_for_itself_what_is_different_there() -> None:
    own = {"target_resources": [arn(THERE)], "stop_alarms": ["orders-too-few"]}
    parts, problems = split_definition(make({HERE: {"target": COMMON["target"]}, THERE: own}, target=None))
    assert problems == []
    assert parts[HERE]["target"] == COMMON["target"]
    assert "target" not in parts[THERE]
    assert {field: parts[THERE][field] for field in own} == own
    assert Experiment.model_validate(parts[THERE]).named == (arn(THERE),)


def test_the_targets_of_a_scenario_are_given_fault_by_fault() -> None:
    slow = {"type": "network_latency", "duration": "5m"}
    full = {"type": "cpu_stress", "duration": "5m", "target": {"tags": {"app": "shop"}}}
    own = {region: {"faults": {"slow": {"target_resources": [arn(region)]}}} for region in (HERE, THERE)}
    raw = make(own, type=None, target=None, duration_minutes=None, faults={"slow": slow, "full": full})
    parts, problems = split_definition(raw)
    assert problems == []
    assert parts[THERE]["faults"] == {"slow": {**slow, "target_resources": [arn(THERE)]}, "full": full}
    assert [fault.named for fault in Experiment.model_validate(parts[HERE]).plan] == [(arn(HERE),), ()]


def test_a_region_without_a_fault_gets_what_is_said_of_everything_but_the_fault() -> None:
    own = {"fault": "none", "success_criteria": ["Request rate > 130 % of baseline"]}
    raw = make(
        {HERE: {"success_criteria": ["Error rate < 1%"]}, THERE: own},
        success_criteria=None,
        parameters={"latency_ms": 100},
        rollback="restore",
        override_ranges={"latency_ms": [50, 200], "duration_minutes": [5, 20]},
        override_values={"sources": ["10.0.0.1"]},
    )
    parts, problems = split_definition(raw)
    assert problems == []
    assert (parts[HERE]["type"], parts[THERE]["type"]) == ("network_latency", "no_fault")
    assert not {"parameters", "rollback", "override_values", "fault"} & parts[THERE].keys()
    assert parts[THERE]["override_ranges"] == {"duration_minutes": [5, 20]}
    assert parts[THERE]["success_criteria"] == own["success_criteria"]
    assert Experiment.model_validate(parts[THERE]).length == Experiment.model_validate(parts[HERE]).length
    assert [carries_load(raw, region) for region in (HERE, THERE)] == [False, True]


def test_a_region_without_a_fault_lasts_as_long_as_the_scenario_of_the_others() -> None:
    faults = {
        "slow": {"type": "network_latency", "duration": "5m", "target": {"tags": {"app": "shop"}}},
        "full": {"type": "cpu_stress", "delay": "90s", "target": {"tags": {"app": "shop"}}},
    }
    own = {"fault": "none", "target": {"tags": {"app": "shop"}}}
    parts, problems = split_definition(make({HERE: None, THERE: own}, type=None, target=None, faults=faults))
    assert problems == []
    assert Experiment.model_validate(parts[THERE]).length == Experiment.model_validate(parts[HERE]).length
    assert parts[THERE]["duration"] == "PT690S"
    assert "faults" not in parts[THERE]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (make({HERE: {"fault": "none"}, THERE: {"fault": "none"}}), "regions: no Region gets the fault (expected at least one"),
        (make({HERE: {"fault": "cpu_stress"}, THERE: None}), 'regions.eu-west-1.fault: "cpu_stress" is not accepted: which fault'),
        (make({HERE: {"fault": None}, THERE: None}), "regions.eu-west-1.fault: null is not accepted"),
        (make({HERE: {"fault": "none", "faults": {}}, THERE: None}), "regions.eu-west-1.faults: names targets of faults"),
        (
            make({HERE: {"fault": "none"}, THERE: None}, faults={"slow": {}}, target=None),
            "regions.eu-west-1.target: is missing: the faults of the scenario name targets for themselves",
        ),
        (make({HERE: {"success_criteria": ["Error rate < 2%"]}, THERE: None}), "regions.eu-west-1.success_criteria: is said twice"),
        (make(regions=[HERE, THERE]), 'regions: ["eu-west-1", "eu-central-1"] is not accepted'),
        (make({HERE: None}), "regions: names 1 Regions (expected 2 to 5)"),
        (make({HERE: None, "Frankfurt": None}), "regions.Frankfurt: is no name of a Region"),
        (make({HERE: None, THERE: "all"}), 'regions.eu-central-1: "all" is not accepted'),
        (make(schedule={"expression": "rate(7 days)"}), "schedule: belongs to the campaign of kind regions"),
        (make(blast_radius="single_region"), 'blast_radius: is "single_region", and the experiment has regions (expected multiple_region)'),
        (make(fis_template_id="EXT1"), "fis_template_id: names a template of one Region"),
        (make({HERE: {"hypothesis": "other"}, THERE: None}), "regions.eu-west-1.hypothesis: can't differ between Regions"),
        (make({HERE: {"targets": {}}, THERE: None}), 'regions.eu-west-1.targets: can\'t differ between Regions, did you mean "target"?'),
        (make({HERE: {"target": {"tags": {}}}, THERE: None}), "regions.eu-west-1.target: is said twice"),
        (
            make(target={"arns": [arn(HERE)]}),
            'target.arns[0]: "arn:aws:ec2:eu-west-1:123456789012:instance/i-1" is a resource of eu-west-1',
        ),
        (make(target_resources=["i-1"]), 'target_resources[0]: "i-1" is a resource, and all Regions would get it'),
        (make({HERE: {"stop_alarms": [arn(THERE)]}, THERE: None}), 'regions.eu-west-1.stop_alarms[0]: "arn:aws:ec2:eu-central-1:'),
        (make({HERE: {"faults": {"slow": {}}}, THERE: None}), "regions.eu-west-1.faults.slow: there is no fault of this name"),
        (make({HERE: {"faults": []}, THERE: None}), "regions.eu-west-1.faults: [] is not accepted"),
        (make({HERE: {"faults": {"a": []}}, THERE: None}, faults={"a": {}}), "regions.eu-west-1.faults.a: [] is not accepted"),
        (
            make({HERE: {"faults": {"a": {"type": "x"}}}, THERE: None}, faults={"a": {}}),
            "regions.eu-west-1.faults.a.type: can't differ between Regions (expected target_resources, target)",
        ),
        (
            make({HERE: {"faults": {"a": {"target": {}}}}, THERE: None}, faults={"a": {"target": {"tags": {"a": "b"}}}}),
            "regions.eu-west-1.faults.a.target: is said twice",
        ),
    ],
)
def test_what_cannot_be_attributed_is_refused(raw: dict[str, Any], problem: str) -> None:
    assert any(found.startswith(problem) for found in list_problems(raw)), list_problems(raw)


def test_all_problems_are_told_at_once() -> None:
    raw = make({HERE: {"owner": "me"}, "nowhere": None}, blast_radius="single_az", fis_template_id="EXT1", target_resources=["i-1"])
    paths = [problem.path for problem in split_definition(raw)[1]]
    assert paths == ["regions.nowhere", "blast_radius", "fis_template_id", "target_resources[0]", "regions.eu-west-1.owner"]


def test_a_name_that_looks_like_an_id_is_no_resource() -> None:
    parts, problems = split_definition(make(name="i-robot"))
    assert problems == []
    assert parts[HERE]["name"] == "i-robot"


def test_faults_that_are_wrong_by_themselves_are_left_to_the_check_of_the_part() -> None:
    parts, problems = split_definition(make({HERE: {"faults": {"a": {"target": {}}}}, THERE: None}, faults={"a": {}, "b": "slow"}))
    assert problems == []
    assert parts[HERE]["faults"] == {"a": {"target": {}}, "b": "slow"}


def test_an_experiment_without_regions_is_none_for_several() -> None:
    assert list_problems({**COMMON})[0].startswith("regions: is missing (expected 2 to 5 Regions")


TEXTS = st.sampled_from(["slow", "i-1", arn(HERE), arn(THERE), "arn:aws:s3:::bucket/key", "vol-0a"])
VALUES = st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2))
OWN = st.none() | st.dictionaries(st.sampled_from([*LOCAL_FIELDS, "owner", "type"]), VALUES, max_size=3)


@given(
    st.dictionaries(st.sampled_from([HERE, THERE, "us-east-1"]), OWN, min_size=1),
    st.dictionaries(st.sampled_from(LOCAL_FIELDS), VALUES, max_size=2),
)
def test_no_part_holds_a_resource_of_another_region_or_differs_elsewhere(own: dict[str, Any], common: dict[str, Any]) -> None:
    parts, problems = split_definition({**make(own, target=None), **common})
    assert bool(parts) != bool(problems)
    for region, part in parts.items():
        others = {HERE, THERE} - {region}
        assert not any(other in str({key: part[key] for key in part}) for other in others)
        same = {field: value for field, value in part.items() if field not in LOCAL_FIELDS}
        assert same == {field: value for field, value in {**COMMON, "blast_radius": "single_region"}.items() if field not in LOCAL_FIELDS}
