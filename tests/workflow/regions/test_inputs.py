"""What a run over several Regions may be started with: overrides, and `mode: plan`."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import Mode, Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.documents.definition import Definition
from squall.domain.documents.fault import FaultTemplate
from tests.workflow.regions.rig import RUN, Together
from tests.workflow.regions.test_evacuation import carry, evacuate, leave, move
from tests.workflow.regions.test_parts import NOT_STARTED, VALIDATED, ending, is_quiet
from tests.workflow.regions.test_whole import outcomes, result_of, whole

PLANNED = (Status.PLANNED, None, None)


def begin(together: Together, **given: Any) -> None:
    together.home.start_run(RUN, {"campaign": "shop", **given})


def definition_in(together: Together, region: str) -> Definition:
    stack = next(stack for stack in together.stacks if stack.region == region)
    definition = stack.world.documents.get(stack.record().id, Definition)
    assert definition is not None
    return definition


def slow(together: Together) -> None:
    """A fault with a parameter that a run may set."""
    together.experiment |= {
        "type": "network_latency",
        "parameters": {"latency_ms": 100},
        "override_ranges": {"latency_ms": [50, 400]},
        "success_criteria": ["System availability > 90%"],
    }


def test_overrides_reach_every_region(two: Together) -> None:
    slow(two)
    begin(two, overrides={"duration": "PT12M", "parameters": {"latency_ms": 300}})
    two.run()
    assert whole(two) == VALIDATED
    for stack in two.stacks:
        experiment = definition_in(two, stack.region).experiment
        assert experiment.parameters["latency_ms"] == 300
        assert experiment.length.total_seconds() == 720
        assert stack.record().fault_seconds >= 720


def test_a_region_without_a_fault_takes_the_length_alone(two: Together) -> None:
    slow(two)
    leave(two, two.home)
    carry(two, two.away)
    move(two.home, two.away)
    begin(two, overrides={"duration": "PT10M", "parameters": {"latency_ms": 300}})
    two.run()
    assert [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED], [stack.record().reason for stack in two.stacks]
    assert definition_in(two, two.home.region).experiment.parameters["latency_ms"] == 300
    assert definition_in(two, two.away.region).experiment.parameters == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"overrides": {"parameters": {"latency_ms": 900}}}, "overrides.parameters.latency_ms"),
        ({"overrides": {"parameters": {"colour": "red"}}}, "overrides.parameters.colour"),
        ({"overrides": {"environment": "production"}}, "overrides.environment"),
        ({"mode": "dry"}, "mode"),
    ],
)
def test_what_no_region_may_run_is_refused_before_anything_is_started(two: Together, given: dict[str, Any], message: str) -> None:
    slow(two)
    begin(two, **given)
    two.run()
    assert two.whole.status is Status.REJECTED
    assert message in two.whole.reason
    assert not any(stack.world.records.items for stack in two.stacks)


def test_a_plan_prepares_and_checks_every_part_and_injects_nothing(two: Together) -> None:
    begin(two, mode="plan")
    two.run()
    assert [ending(stack) for stack in two.stacks] == [PLANNED, PLANNED]
    assert outcomes(two) == [StepOutcome.PLANNED, StepOutcome.PLANNED]
    assert whole(two) == PLANNED
    for stack in two.stacks:
        assert not stack.faults()
        assert definition_in(two, stack.region).mode is Mode.PLAN
        assert stack.world.documents.get(stack.record().id, FaultTemplate) is not None, "the template of each Region can be read"
    assert result_of(two).verdict is None
    assert "eu-west-1: planned" in two.whole.reason
    is_quiet(*two.stacks)


def test_a_plan_of_an_evacuation_needs_no_load(two: Together) -> None:
    evacuate(two)
    begin(two, mode="plan")
    two.run()
    assert whole(two) == PLANNED


def test_a_plan_says_which_region_would_refuse_and_checks_the_other_all_the_same(two: Together) -> None:
    for member in two.away.world.fleet.members("web"):
        member.tags["squall:environment"] = "production"
    begin(two, mode="plan")
    two.run()
    assert [ending(stack) for stack in two.stacks] == [PLANNED, NOT_STARTED]
    assert two.whole.status is Status.REJECTED
    assert "eu-central-1: rejected" in two.whole.reason
    assert "eu-west-1: planned" in two.whole.reason
    is_quiet(*two.stacks)


def test_a_plan_that_is_over_stops_no_run(two: Together) -> None:
    """A planned part has no fault behind it: nobody aborts the others because of it."""
    begin(two, mode="plan")
    two.run()
    assert not any(stack.record().abort for stack in two.stacks)


@pytest.mark.parametrize("given", [{"mode": "plan"}, {"overrides": {"duration": "PT10M"}}])
def test_another_campaign_takes_neither(two: Together, given: dict[str, Any]) -> None:
    two.campaigns["shop"] = {"name": "Suite", "description": "d", "kind": "suite", "steps": [{"experiment": "shop"}]}
    begin(two, **given)
    two.run()
    assert two.whole.status is Status.REJECTED
    assert f"{next(iter(given))}: belongs to a run over several Regions" in two.whole.reason
    assert two.whole.verdict is not Verdict.VALIDATED
