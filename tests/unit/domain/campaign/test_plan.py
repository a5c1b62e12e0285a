"""The plan of a campaign as a document: what is stored is what is read."""

from typing import Any

import pytest

from squall.domain.base.vocabulary import Verdict
from squall.domain.campaign.definition import Campaign
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.plan import CampaignPlan, PlannedStep, choose_steps, explain_skipped
from squall.domain.campaign.record import StepRun
from tests.unit.builders import NOW

STEPS = [{"experiment": "a"}, {"experiment": "b", "needs": ["a"]}]
SUITE: dict[str, Any] = {"name": "S", "description": "d", "kind": "suite", "steps": STEPS}
DOSES = {"parameter": "latency_ms", "from": 100, "to": 300, "resolution": 100, "confirm": 1}
RAMP: dict[str, Any] = {"name": "R", "description": "d", "kind": "ramp", "experiment": "a", "ramp": DOSES}
ADMITTED = {
    "definition_hash": "h",
    "environment": "staging",
    "fault_type": "cpu_stress",
    "resource_type": "aws:ec2:instance",
    "seconds": 60,
}


def planned(name: str, **changes: Any) -> PlannedStep:
    return PlannedStep.model_validate({"name": name, "experiment": "a", **ADMITTED, **changes})


SUITE_PLAN = CampaignPlan(campaign=Campaign.model_validate(SUITE), steps=(planned("a"), planned("b", needs=("a",))))
RAMP_PLAN = CampaignPlan(campaign=Campaign.model_validate(RAMP), steps=tuple(planned(f"latency_ms {dose}") for dose in (100, 200, 300)))


def run(number: int, step: str, outcome: StepOutcome) -> StepRun:
    return StepRun(number, step, f"c-s{number:03}", NOW, outcome)


@pytest.mark.parametrize("plan", [SUITE_PLAN, RAMP_PLAN], ids=["suite", "ramp"])
def test_a_plan_is_read_as_it_was_stored(plan: CampaignPlan) -> None:
    read = CampaignPlan.model_validate_json(plan.model_dump_json())
    assert (read, read.digest) == (plan, plan.digest)


def test_a_suite_chooses_by_the_names_of_its_steps() -> None:
    assert choose_steps(SUITE_PLAN, ()).start == ("a",)
    refuted = (run(1, "a", StepOutcome.REFUTED),)
    ending = choose_steps(SUITE_PLAN, refuted).ending
    assert ending
    assert ending.verdict is Verdict.REFUTED
    assert explain_skipped(SUITE_PLAN, refuted) == {"b": "needs a, which was not validated"}


def test_a_ramp_runs_a_dose_as_often_as_it_needs_and_skips_none() -> None:
    assert choose_steps(RAMP_PLAN, ()).start == ("latency_ms 200",)
    runs = (run(1, "latency_ms 200", StepOutcome.INVALID), run(2, "latency_ms 200", StepOutcome.VALIDATED))
    assert choose_steps(RAMP_PLAN, runs[:1]).start == ("latency_ms 200",)
    assert choose_steps(RAMP_PLAN, runs).start == ("latency_ms 300",)
    assert explain_skipped(RAMP_PLAN, runs) == {}
