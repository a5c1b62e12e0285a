"""The report of a campaign: what its pictures show, and that whatever stands in a name is only text."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.code import UPLOT
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord, StepRun
from squall.domain.campaign.result import CampaignResult, build_campaign_result
from squall.domain.result.limit_comparison import compare_answers
from squall.reporting import page
from squall.reporting.campaign.markdown import render_campaign_markdown
from squall.reporting.campaign.page import build_campaign_page, render_campaign
from squall.reporting.campaign.pictures import LEFT, RIGHT, Picture
from tests.unit.builders import NOW
from tests.unit.domain.campaign.test_plan import RAMP_PLAN, SUITE_PLAN
from tests.unit.domain.result.test_limit_comparison import answer

ATTACK = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
ARN = "arn:aws:states:eu-west-1:123456789012:execution:squall-campaign:c"
VALIDATED, REFUTED, INVALID = StepOutcome.VALIDATED, StepOutcome.REFUTED, StepOutcome.INVALID


@pytest.fixture(autouse=True)
def charting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a staged asset has its copy of uPlot."""
    monkeypatch.setattr(page, "VENDOR", UPLOT / "dist")


def result_of(plan: CampaignPlan, *runs: tuple[str, StepOutcome], **changes: Any) -> CampaignResult:
    """Runs one after the other, ten minutes each."""
    made = tuple(
        StepRun(
            number,
            step,
            f"c-s{number:03}",
            NOW + timedelta(minutes=10 * (number - 1)),
            outcome,
            NOW + timedelta(minutes=10 * number),
            "why",
        )
        for number, (step, outcome) in enumerate(runs, start=1)
    )
    record = CampaignRecord("c", ARN, NOW, Status.COMPLETED, "web", plan.campaign.kind, runs=made, verdict=Verdict.REFUTED)
    ended = NOW + timedelta(minutes=10 * len(runs))
    return build_campaign_result(replace(record, **{"reason": "the reason", "ended_at": ended, **changes}), plan)


SUITE = result_of(SUITE_PLAN, ("a", VALIDATED), ("b", REFUTED))
RAMP = result_of(RAMP_PLAN, ("latency_ms 200", VALIDATED), ("latency_ms 300", REFUTED), ("latency_ms 300", INVALID))


def read_text(made: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", made.split("<main>")[1].split("<script", maxsplit=1)[0])).split())


def picture_of(result: CampaignResult) -> Picture:
    picture = build_campaign_page(result, ARN, "bucket").picture
    assert picture
    return picture


def test_a_run_in_another_region_has_no_link_into_this_ones_bucket() -> None:
    steps = (SUITE.steps[0], SUITE.steps[1].model_copy(update={"region": "eu-central-1"}))
    made = build_campaign_page(SUITE.model_copy(update={"steps": steps}), ARN, "bucket")
    here, there = (row[1] for row in made.steps.rows)
    assert "c-s001" in str(getattr(here, "url", ""))
    assert there == "c-s002, in the stack of eu-central-1"
    assert made.picture
    assert [bool(bar.url) for bar in made.picture.bars] == [True, False]


def test_a_suite_is_bars_on_a_time_line() -> None:
    bars = picture_of(SUITE).bars
    assert [bar.tone for bar in bars] == ["good", "bad"]
    assert bars[0].x == LEFT
    assert bars[0].x + bars[0].width == pytest.approx(bars[1].x, abs=0.1), "the second begins when the first ends"
    assert bars[1].x + bars[1].width == pytest.approx(RIGHT, abs=0.1)
    assert bars[0].y < bars[1].y


def test_steps_side_by_side_stand_below_each_other_at_the_same_time() -> None:
    steps = tuple(step.model_copy(update={"begun_at": NOW}) for step in SUITE.steps)
    first, second = picture_of(SUITE.model_copy(update={"steps": steps})).bars
    assert first.x == second.x
    assert first.y != second.y


def test_each_run_leads_to_its_report() -> None:
    for result in (SUITE, RAMP):
        made = render_campaign(build_campaign_page(result, ARN, "bucket"))
        for step in result.steps:
            url = f"https://eu-west-1.console.aws.amazon.com/s3/object/bucket?region=eu-west-1&amp;prefix=results/{step.execution_id}/report.html"
            assert made.count(url) == 2, "in the picture and in the table"


def test_a_ramp_is_dots_by_dose_and_outcome_with_the_bracket() -> None:
    picture = picture_of(RAMP)
    by_number = {dot.text: dot for dot in picture.dots}
    assert by_number["1"].x < by_number["2"].x == by_number["3"].x == RIGHT
    assert by_number["2"].y < by_number["3"].y < by_number["1"].y, "fails above says nothing above holds"
    holds, limit, fails = picture.bands
    assert (holds.x + holds.width, limit.x + limit.width) == (by_number["1"].x, by_number["2"].x)
    assert limit.title == "the limit lies between 200 and 300"
    assert fails.x + fails.width == 100
    assert {"200", "300", "100"} <= {label.text for label in picture.labels}


def test_the_page_says_the_bracket_and_how_sure_it_is() -> None:
    text = read_text(render_campaign(build_campaign_page(RAMP, ARN, "bucket")))
    for words in ("the reason", "Holds to 200 latency_ms", "Fails from 300 latency_ms", "% confident", "latency_ms 300 0 1 1"):
        assert words in text, text
    assert "The shaded area in the middle is the answer" in text


@pytest.mark.parametrize("runs", [(), (("latency_ms 200", INVALID),)])
def test_a_ramp_without_an_answer_says_so_and_is_not_sure_of_anything(runs: tuple[tuple[str, StepOutcome], ...]) -> None:
    result = result_of(RAMP_PLAN, *runs)
    assert result.ramp
    assert (result.ramp.holds_to, result.ramp.fails_from, result.ramp.confidence) == (None, None, None)
    page = build_campaign_page(result, ARN, "bucket")
    for text in (read_text(render_campaign(page)), render_campaign_markdown(page)):
        assert "no answer: no run tells of any dose whether it holds or fails" in text
        assert "confident" not in text
        assert "is the answer" not in text


def test_the_page_of_a_suite_has_its_coverage() -> None:
    text = read_text(render_campaign(build_campaign_page(SUITE, ARN, "bucket")))
    assert "aws:ec2:instance cpu stress refuted 1 validated, 1 refuted" in text
    assert RAMP.coverage == ()


def test_a_campaign_that_started_nothing_has_a_report_without_a_picture() -> None:
    for plan in (SUITE_PLAN, RAMP_PLAN):
        made = build_campaign_page(result_of(plan, status=Status.ABORTED, verdict=Verdict.ABORTED), ARN, "bucket")
        assert made.picture is None
        assert "aborted" in read_text(render_campaign(made))


def test_a_finding_and_what_it_is_compared_with_are_in_page_and_text() -> None:
    compared = compare_answers(answer(1, 300, None), answer(2, 100, 200))
    fallen = RAMP.model_copy(update={"findings": compared.findings, "comparison": compared.sentence})
    made = build_campaign_page(fallen, ARN, "bucket")
    for text in (read_text(render_campaign(made)), render_campaign_markdown(made).replace("\\", "")):
        assert compared.sentence in text
        assert "The limit of latency_ms has fallen" in text


def test_markdown_has_the_same_tables() -> None:
    ramp = render_campaign_markdown(build_campaign_page(RAMP, ARN, "bucket"))
    assert ramp.startswith("## ❌ R: refuted\n")
    assert "| latency\\_ms 300 | 0 | 1 | 1 |" in ramp
    suite = render_campaign_markdown(build_campaign_page(SUITE, ARN, "bucket"))
    assert "| aws:ec2:instance | cpu stress | ❌ refuted | 1 validated, 1 refuted |" in suite
    assert "[c-s001](https://" in suite


def test_a_suite_of_500_steps_stays_a_page_that_a_browser_opens() -> None:
    steps = tuple(SUITE.steps[0].model_copy(update={"step": f"s{number}", "number": number}) for number in range(500))
    many = SUITE.model_copy(update={"steps": steps})
    assert picture_of(many).height < 7_000
    assert len(render_campaign(build_campaign_page(many, ARN, "bucket"))) < 1_000_000


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=60).map(lambda text: ATTACK + text))
def test_names_from_outside_are_only_ever_text(name: str) -> None:
    steps = tuple(
        step.model_copy(update={"step": name, "reason": name, "experiment": name, "fault_type": name, "resource_type": name})
        for step in SUITE.steps
    )
    hostile = SUITE.model_copy(update={"name": name, "reason": name, "steps": steps})
    made = render_campaign(build_campaign_page(hostile, ARN, "bucket"))
    assert "<script>alert" not in made
    assert "<img" not in made
    assert made.count("<script>") == 1, "the page's own"
    text = render_campaign_markdown(build_campaign_page(hostile, ARN, "bucket"))
    assert "<script>" not in text
