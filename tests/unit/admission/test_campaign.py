"""A campaign is checked at once: its shape, its experiments, and every dose of a ramp."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from squall.admission.campaign import make_offline_check, make_offline_regions, parse_campaign, parse_campaign_input, plan_campaign
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import Mode
from squall.domain.campaign.definition import CampaignInput, Ramp
from squall.domain.campaign.plan import CampaignPlan

ROOT = Path(__file__).parents[3]
RAMP = {"parameter": "latency_ms", "from": 100, "to": 300, "resolution": 100}
DAY: dict[str, Any] = {
    "name": "Day",
    "description": "d",
    "kind": "gameday",
    "steps": [{"name": "ready", "prompt": "Ready?"}, {"experiment": "network-latency"}],
}
SUITE = {"name": "S", "description": "d", "kind": "suite", "steps": [{"experiment": "network-latency"}]}
DOSES = {"name": "R", "description": "d", "kind": "ramp", "experiment": "network-latency", "ramp": RAMP}


@cache
def load(folder: str) -> dict[str, Any]:
    return {file.stem: yaml.safe_load(file.read_text()) for file in sorted((ROOT / folder).glob("*.yaml"))}


def plan(raw: object, *, strict: bool = True) -> CampaignPlan:
    return plan_campaign(
        parse_campaign(raw),
        make_offline_check(load("experiments"), load("environments"), strict=strict),
        make_offline_regions(load("experiments")),
    )


def refusals(raw: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        plan(raw)
    told: dict[str, str] = {}
    for problem in refused.value.problems:
        told[problem.path] = f"{told.get(problem.path, '')} {problem}"
    return told


@pytest.mark.parametrize("name", sorted(load("campaigns")))
def test_every_campaign_that_ships_is_valid(name: str) -> None:
    assert plan(load("campaigns")[name], strict=False).steps


def test_a_suite_is_planned_with_the_overrides_and_needs_of_its_steps() -> None:
    steps = [{"experiment": "cpu-stress"}, {"experiment": "network-latency", "overrides": {"duration": "PT20M"}, "needs": ["cpu-stress"]}]
    first, second = plan({**SUITE, "steps": steps}).steps
    assert (first.name, first.environment) == ("cpu-stress", "staging")
    assert (first.fault_type, first.resource_type) == ("cpu_stress", "aws:ec2:instance")
    assert (second.overrides, second.needs, second.seconds) == ({"duration": "PT20M"}, ("cpu-stress",), 1200)


def test_the_time_of_a_scenario_has_what_fis_keeps_in_reserve_between_its_faults() -> None:
    slow = load("experiments")["network-latency"]
    fault = {"type": slow["type"], "target": slow["target"], "parameters": slow["parameters"], "duration": "PT10M"}
    rest = {key: value for key, value in slow.items() if key not in {*fault, "target_resources", "override_ranges", "override_values"}}
    scenario = {**rest, "faults": {"first": fault, "second": {**fault, "after": ["first"]}}}
    admit_step = make_offline_check({"slow": scenario}, load("environments"), strict=False)
    (step,) = plan_campaign(parse_campaign({**SUITE, "steps": [{"experiment": "slow"}]}), admit_step, make_offline_regions({})).steps
    assert parse_experiment(scenario).length == timedelta(minutes=20)
    assert timedelta(minutes=20) < timedelta(seconds=step.seconds) < timedelta(minutes=25)


def test_a_ramp_is_planned_with_one_definition_for_each_dose() -> None:
    steps = plan(DOSES).steps
    assert [step.name for step in steps] == ["latency_ms 100", "latency_ms 200", "latency_ms 300"]
    assert [step.overrides for step in steps] == [{"parameters": {"latency_ms": dose}} for dose in (100, 200, 300)]
    assert len({step.definition_hash for step in steps}) == 3


def test_a_duration_is_a_dose_in_seconds() -> None:
    steps = plan({**DOSES, "ramp": {"parameter": "duration", "from": 900, "to": 1800, "resolution": 450}}).steps
    assert [step.seconds for step in steps] == [900, 1350, 1800]


def test_the_last_dose_is_the_end_of_the_range_even_if_the_resolution_does_not_divide_it() -> None:
    ramp = Ramp.model_validate({**RAMP, "to": 250})
    assert list(ramp.doses) == [100, 200, 250]
    fine = Ramp.model_validate({"parameter": "x", "from": 0.1, "to": 0.4, "resolution": 0.1})
    assert list(fine.doses) == [0.1, 0.2, 0.3, 0.4]


def test_the_number_of_targets_is_a_dose_that_the_experiment_lists_and_its_radius_allows() -> None:
    latency = load("experiments")["network-latency"]
    listed = {**latency, "override_ranges": {"targets": [1, 3]}, "blast_radius": "single_az"}
    ramp = {**DOSES, "ramp": {"parameter": "targets", "from": 1, "to": 3, "resolution": 1}}

    def plan_with(experiment: dict[str, Any]) -> CampaignPlan:
        return plan_campaign(
            parse_campaign(ramp), make_offline_check({"network-latency": experiment}, load("environments")), make_offline_regions({})
        )

    steps = plan_with(listed).steps
    assert [step.overrides for step in steps] == [{"targets": count} for count in (1, 2, 3)]
    assert len({step.definition_hash for step in steps}) == 3
    arns = {key: value for key, value in listed.items() if key != "target"} | {"target_resources": ["i-0123456789abcdef0"]}
    for refused, words in (
        ({**listed, "blast_radius": "single_instance"}, "targets 2: 2 targets are more than single_instance allows"),
        ({**listed, "override_ranges": {"targets": [1, 2]}}, "targets 3: 3 is not a value that the experiment lists"),
        (arns, "does not choose its targets among candidates"),
    ):
        with pytest.raises(InvalidInput, match=words):
            plan_with(refused)


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ([], "$", "a campaign is an object"),
        ({**SUITE, "kind": "game"}, "kind", '"game" is unknown'),
        ({**SUITE, "steps": [{"name": "a", "prompt": "Ready?"}]}, "steps[0].prompt", "belongs to a game day"),
        ({**DAY, "side_by_side": 2}, "side_by_side", "one step after the other"),
        ({**DAY, "experiment": "network-latency"}, "experiment", "this is a game day"),
        ({**DAY, "steps": [*DAY["steps"], {"prompt": "Ready?"}]}, "steps[2].name", "a prompt has a name"),
        ({**DAY, "steps": [{"name": "a", "prompt": "b", "experiment": "network-latency"}]}, "steps[0].prompt", "not one of an experiment"),
        ({**DAY, "steps": [{"name": "a"}]}, "steps[0].prompt", "not one of an experiment"),
        ({**DAY, "steps": [DAY["steps"][0]]}, "steps", "a game day has an experiment"),
        ({**DAY, "steps": [{**DAY["steps"][0], "wait": "25h"}, DAY["steps"][1]]}, "steps[0].wait", "is not accepted"),
        (
            {**DAY, "steps": [{**DAY["steps"][0], "overrides": {"targets": 2}}, DAY["steps"][1]]},
            "steps[0].overrides",
            "belongs to an experiment",
        ),
        ({**DAY, "steps": [{**DAY["steps"][1], "wait": "5m"}]}, "steps[0].wait", "belongs to a prompt"),
        ({**DAY, "steps": [{**DAY["steps"][1], "needs": ["ready"]}]}, "steps[0].needs", "goes from step to step"),
        ({**SUITE, "steps": []}, "steps", "at least one"),
        ({**SUITE, "colour": 1}, "colour", "unknown key"),
        ({**SUITE, "pause": "2h"}, "pause", "at most 1h"),
        ({**SUITE, "side_by_side": 6}, "side_by_side", "less than or equal to 5"),
        ({**SUITE, "ramp": RAMP}, "ramp", "belongs to a ramp"),
        ({**DOSES, "stop_on": "never"}, "stop_on", "belongs to a suite"),
        ({**SUITE, "kind": "ramp", "steps": []}, "ramp", "names what it varies"),
        ({**SUITE, "steps": [{"experiment": "cpu-stress"}] * 2}, "steps[1].name", "name of an earlier step"),
        ({**SUITE, "steps": [{"experiment": "cpu-stress", "needs": ["x"]}]}, "steps[0].needs", '"x" is no earlier step'),
        ({**SUITE, "steps": [{"experiment": "cpu-stres"}]}, "steps[0].experiment", 'did you mean "cpu-stress"?'),
        ({**SUITE, "steps": [{"experiment": "cpu-stress", "overrides": {"x": 1}}]}, "steps[0].overrides.x", "unknown key"),
        (
            {**SUITE, "steps": [{"experiment": "network-latency", "overrides": {"duration": "PT9H"}}]},
            "steps[0].overrides.duration",
            "at most 4 h",
        ),
        ({**DOSES, "experiment": "nowhere"}, "experiment", "not in the catalogue"),
        ({**DOSES, "ramp": {**RAMP, "to": 50}}, "ramp.to", "the range is empty"),
        ({**DOSES, "ramp": {**RAMP, "resolution": 500}}, "ramp.resolution", "wider than the range"),
        ({**DOSES, "ramp": {**RAMP, "resolution": 0.5}}, "ramp.resolution", "more than 100 doses"),
        ({**DOSES, "ramp": {**RAMP, "fro": 1}}, "ramp.fro", 'did you mean "from"?'),
        ({**DOSES, "ramp": {**RAMP, "to": 600, "resolution": 250}}, "ramp", "latency_ms 600"),
        ({**DOSES, "ramp": {**RAMP, "parameter": "port"}}, "ramp", "there is no such parameter"),
        ({**DOSES, "ramp": {"parameter": "targets", "from": 1, "to": 3, "resolution": 1}}, "ramp", "does not let this parameter"),
        ({**DOSES, "ramp": {"parameter": "duration", "from": 0.5, "to": 3, "resolution": 1}}, "ramp.from", "whole numbers"),
    ],
)
def test_a_wrong_campaign_is_refused_at_its_path(raw: object, path: str, words: str) -> None:
    assert words in refusals(raw)[path]


def test_all_problems_of_all_steps_come_together() -> None:
    steps = [{"experiment": "nowhere"}, {"experiment": "cpu-stress", "overrides": {"parameters": {"load_percent": 10}}}]
    assert set(refusals({**SUITE, "steps": steps})) == {"steps[0].experiment", "steps[1].overrides.parameters.load_percent"}


def test_the_input_names_one_deployed_campaign_and_nothing_else() -> None:
    requested = parse_campaign_input({"campaign": "web", "requested_by": "ada"}, {"web": SUITE})
    request, campaign = requested.request, requested.campaign
    assert (request.requested_by, campaign.name) == ("ada", "S")
    for raw, path, words in (
        (5, "$", "an object"),
        ({}, "campaign", "is missing"),
        ({"campaign": "wbe"}, "campaign", 'did you mean "web"?'),
        ({"campaign": "web", "mode": "dry"}, "mode", "expected run, plan"),
        ({"campaign": "web", "doses": [1]}, "doses", "unknown key"),
    ):
        with pytest.raises(InvalidInput) as refused:
            parse_campaign_input(raw, {"web": SUITE})
        assert [problem.path for problem in refused.value.problems] == [path]
        assert words in str(refused.value)


EVACUATION: dict[str, Any] = {"name": "E", "description": "d", "kind": "regions", "experiment": "region-evacuation"}


def ask(**given: Any) -> CampaignPlan:
    """The plan of the evacuation that ships, started with this."""
    return plan_campaign(
        parse_campaign(EVACUATION),
        make_offline_check(load("experiments"), load("environments")),
        make_offline_regions(load("experiments")),
        request=CampaignInput.model_validate({"campaign": "e", **given}),
    )


def test_the_part_of_each_region_of_what_ships_is_planned() -> None:
    left, carrying = ask().steps
    assert (left.name, left.fault_type, left.seconds) == ("eu-west-1", "service_unavailable", 1200)
    assert (carrying.name, carrying.fault_type, carrying.seconds) == ("eu-central-1", "no_fault", 1200)


def test_when_a_part_has_ended_follows_from_what_it_may_take() -> None:
    """20 minutes and a minute that FIS keeps, two to stop, 15 to recover, 20 to judge; the other Region watches three minutes longer."""
    left, carrying = ask().steps
    assert left.ends_seconds == (20 + 1 + 2 + 15 + 20) * 60
    assert carrying.ends_seconds == left.ends_seconds + 2 * 60
    longer, _ = ask(overrides={"duration": "PT1H"}).steps
    assert longer.ends_seconds == left.ends_seconds + 40 * 60
    (alone,) = plan(SUITE).steps
    assert alone.ends_seconds == 0


def test_what_the_input_changes_reaches_each_region() -> None:
    left, carrying = ask(overrides={"duration": "PT30M"}, mode="plan").steps
    assert [step.overrides for step in (left, carrying)] == [{"duration": "PT30M"}] * 2
    assert [step.seconds for step in (left, carrying)] == [1800, 1800]
    assert ask(mode="plan").mode is Mode.PLAN
    assert "mode" not in ask().model_dump(mode="json"), "the hash of a plan without it is as before"


def test_only_a_run_over_several_regions_takes_mode_and_overrides() -> None:
    request = CampaignInput.model_validate({"campaign": "s", "mode": "plan", "overrides": {"duration": "PT9M"}})
    with pytest.raises(InvalidInput) as refused:
        plan_campaign(
            parse_campaign(SUITE),
            make_offline_check(load("experiments"), load("environments")),
            make_offline_regions({}),
            request=request,
        )
    assert [problem.path for problem in refused.value.problems] == ["mode", "overrides"]


def test_a_scenario_keeps_its_length_where_a_region_carries_its_load() -> None:
    """The length of the run is that of its faults one after the other, and another `duration` changes each of them."""
    several = load("experiments")["region-evacuation"]
    fault = {"type": several["type"], "target": several["target"], "parameters": several["parameters"]}
    changed = {name: value for name, value in several.items() if name not in {"type", "target", "parameters"}}
    changed["faults"] = {"first": fault, "second": {**fault, "after": ["first"]}}
    changed["regions"] = {**several["regions"], "eu-central-1": {**several["regions"]["eu-central-1"], "target": several["target"]}}

    def ask_for(**given: Any) -> CampaignPlan:
        return plan_campaign(
            parse_campaign(EVACUATION),
            make_offline_check({"region-evacuation": changed}, load("environments")),
            make_offline_regions({"region-evacuation": changed}),
            request=CampaignInput.model_validate({"campaign": "e", **given}),
        )

    assert [step.seconds for step in ask_for().steps] == [2460, 2400]
    with pytest.raises(InvalidInput) as refused:
        ask_for(overrides={"duration": "PT30M"})
    assert "the Region that carries the load would be watched for 1800 s" in str(refused.value.problems[0])
