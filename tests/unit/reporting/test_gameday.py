"""The retrospective and the live page of a game day: from the records alone, and harmless whatever people write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import PromptOutcome, StepOutcome
from squall.domain.campaign.record import CampaignRecord, Note, PromptRun, StepRun
from squall.reporting.campaign.live import render_live_page
from squall.reporting.campaign.retrospective import write_retrospective
from tests.unit.domain.campaign.test_noticing import EFFECT, PLAN, START, at
from tests.unit.reporting.report_rig import facts

PROMPT = PLAN.steps[0].model_copy(update={"name": "ready", "prompt": "Is everybody here?", "wait_seconds": 900, "expects": ()})
DAY = PLAN.model_copy(update={"steps": (PROMPT, *PLAN.steps)})
RECORD = CampaignRecord(
    "c",
    "arn:c",
    START,
    Status.COMPLETED,
    kind="gameday",
    verdict=Verdict.INCONCLUSIVE,
    reason="1 validated, 1 not run",
    ended_at=at(25),
    runs=(StepRun(1, "a", "c-s001", at(1), StepOutcome.VALIDATED, at(20)),),
    prompts=(PromptRun("ready", START, at(15), PromptOutcome.ANSWERED, at(1)),),
    notes=(Note(at(1), "ada", "all here", answers="ready"), Note(at(7), "oncall", "the shop is slow")),
)
RESULTS = {"c-s001": facts().result.model_copy(update={"times": EFFECT, "findings": ()})}
HOSTILE = "<script>alert(1)</script> | [x](http://evil) \x1b[31m"


def test_the_retrospective_sets_expected_and_real_detection_side_by_side() -> None:
    text = write_retrospective(RECORD, DAY, RESULTS)
    assert "| a | alarm | 2 min | 60 s | availability | in time |" in text
    assert "| a | person (oncall) | 5 min | 2 min | oncall | in time |" in text
    assert "| Is everybody here? | 12:00:00 | ada: all here |" in text
    assert "b did not take place: is it still worth it?" in text
    assert "No run has a finding." in text


def test_the_day_is_told_in_order_of_time() -> None:
    told = write_retrospective(RECORD, DAY, RESULTS).partition("## Who saw what when")[2].partition("\n## ")[0]
    order = [
        "asked ready",
        "answered ready: all here",
        "the fault of a took effect",
        "alarm during a",
        "the shop is slow",
        "the game day ended",
    ]
    assert sorted(order, key=told.rindex) == order


@pytest.mark.parametrize("results", [{}, RESULTS], ids=["no result", "a result"])
def test_a_run_without_a_result_is_asked_about_and_never_invented(results: dict[str, object]) -> None:
    text = write_retrospective(RECORD, DAY, results)  # type: ignore[arg-type]
    assert ("a has no result: what happened?" in text) is not bool(results)
    assert ("can't be told" in text) is not bool(results)


def test_nothing_that_people_write_is_markup() -> None:
    hostile = replace(RECORD, notes=(Note(at(7), HOSTILE, HOSTILE),), reason=HOSTILE)
    for text in (write_retrospective(hostile, DAY, RESULTS), render_live_page(hostile, DAY, RESULTS, at(26))):
        assert "<script>" not in text
        assert "\x1b" not in text
    assert "[x](http" not in write_retrospective(hostile, DAY, RESULTS)


def test_the_live_page_says_what_is_asked_until_when_and_what_follows() -> None:
    waiting = replace(
        RECORD, status=Status.RUNNING, verdict=None, runs=(), notes=(), ended_at=None, prompts=(PromptRun("ready", START, at(15)),)
    )
    page = render_live_page(waiting, DAY, {}, at(5))
    assert "Is everybody here?" in page
    assert "squall campaign answer c" in page
    assert "Without an answer in 10 min no further step starts." in page
    assert 'http-equiv="refresh"' in page


def test_the_live_page_of_a_running_step_asks_for_notes_and_ends_with_the_day() -> None:
    running = replace(RECORD, status=Status.RUNNING, verdict=None, ended_at=None, runs=(StepRun(1, "a", "c-s001", at(1)),))
    assert "squall campaign note c" in render_live_page(running, DAY, {}, at(5))
    over = render_live_page(RECORD, DAY, RESULTS, at(30))
    assert "Over: <b>inconclusive</b>" in over
    assert "http-equiv" not in over
