"""The answer of a ramp beside the last one: what is comparable, what is a finding, and when that is fixed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.campaign.definition import Campaign
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.result import Compared
from squall.domain.documents.finding import FindingStatus
from squall.domain.result.limit_comparison import FELL, Answer, compare_answers
from tests.unit.builders import NOW
from tests.unit.domain.campaign.test_plan import DOSES, RAMP, SUITE_PLAN, planned

Bracket = tuple[float | None, float | None]


def plan_of(definition_hash: str = "h", experiment: str = "a", doses: dict[str, Any] | None = None) -> CampaignPlan:
    campaign = Campaign.model_validate({**RAMP, "experiment": experiment, "ramp": {**DOSES, **(doses or {})}})
    assert campaign.ramp
    names = [f"{campaign.ramp.parameter} {dose:g}" for dose in campaign.ramp.doses]
    return CampaignPlan(campaign=campaign, steps=tuple(planned(name, definition_hash=f"{definition_hash}{name}") for name in names))


def answer(number: int, holds: float | None, fails: float | None, plan: CampaignPlan | None = None, last: Compared | None = None) -> Answer:
    started = NOW + timedelta(days=number)
    return Answer(f"c{number}", plan or plan_of(), started, holds, fails, last.findings if last else ())


def test_a_dose_that_held_and_fails_now_is_a_finding() -> None:
    compared = compare_answers(answer(1, 200, 300), answer(2, 100, 200))
    assert compared.sentence == "the limit has fallen: latency_ms 200 held in c1, and 200 fails now"
    (finding,) = compared.findings
    assert (finding.kind, finding.seen_count, finding.status) == (FELL, 1, FindingStatus.OPEN)
    assert (finding.evidence.threshold, finding.evidence.value) == (200, 200)


@pytest.mark.parametrize(
    ("before", "now"),
    [((200, 300), (200, 300)), ((200, 300), (150, 250)), ((100, 200), (200, 300)), ((None, 100), (None, 100)), ((300, None), (300, None))],
    ids=str,
)
def test_an_answer_that_may_be_the_same_or_better_is_none(before: Bracket, now: Bracket) -> None:
    assert compare_answers(answer(1, *before), answer(2, *now)).findings == ()


def test_nothing_failed_before_and_a_dose_fails_now() -> None:
    assert len(compare_answers(answer(1, 300, None), answer(2, 200, 300)).findings) == 1


def test_a_limit_that_has_risen_is_said() -> None:
    compared = compare_answers(answer(1, 100, 200), answer(2, 200, 300))
    assert compared.sentence == "the limit has risen: latency_ms 200 failed in c1, and 200 holds now"


def test_a_finding_stays_open_while_the_dose_that_held_fails_and_keeps_its_id() -> None:
    first = compare_answers(answer(1, 300, None), answer(2, 100, 200))
    second = compare_answers(answer(2, 100, 200, last=first), answer(3, 100, 200))
    (before,), (now,) = first.findings, second.findings
    assert (now.id, now.seen_count, now.first_seen) == (before.id, 2, before.first_seen)
    assert now.evidence.threshold == 300, "the dose that held before it fell"
    assert "where it was" in second.sentence


def test_a_finding_is_fixed_when_the_dose_holds_again_and_not_before() -> None:
    first = compare_answers(answer(1, 300, None), answer(2, 100, 200))
    better = compare_answers(answer(2, 100, 200, last=first), answer(3, 200, 300))
    assert [finding.status for finding in better.findings] == [FindingStatus.OPEN], "300 still fails"
    mended = compare_answers(answer(3, 200, 300, last=better), answer(4, 300, None))
    assert [(finding.status, finding.closed_by) for finding in mended.findings] == [(FindingStatus.CLOSED, "c4")]
    after = compare_answers(answer(4, 300, None, last=mended), answer(5, 300, None))
    assert after.findings == ()


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (plan_of("other"), "the experiment has been changed since"),
        (plan_of(experiment="b"), "it ran another experiment"),
        (plan_of(doses={"parameter": "jitter_ms"}), "it varied jitter_ms"),
        (plan_of(doses={"from": 110, "to": 310}), "the two have no dose in common, so nobody knows whether the experiment is the same"),
        (SUITE_PLAN, "it was no ramp"),
    ],
    ids=["hash", "experiment", "parameter", "doses", "suite"],
)
def test_what_is_not_comparable_is_said_and_not_compared(before: CampaignPlan, said: str) -> None:
    compared = compare_answers(answer(1, 300, None, before), answer(2, 100, 200))
    assert compared == Compared(f"not compared with c1: {said}")


def test_range_and_resolution_may_differ() -> None:
    wide = plan_of(doses={"from": 50, "to": 500, "resolution": 50})
    assert len(compare_answers(answer(1, 300, 350, wide), answer(2, 100, 200)).findings) == 1
