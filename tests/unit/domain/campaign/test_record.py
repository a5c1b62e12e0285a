"""The names of a campaign's executions, and what the record of a run means for its step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.campaign.outcome import StepOutcome, classify_run
from squall.domain.campaign.record import CampaignRecord, PromptRun, cut_reason, make_execution_name
from squall.domain.run.record import Abort, ExecutionRecord

NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
RUN = ExecutionRecord(id="c-s001", execution_arn="arn", started_at=NOW, status=Status.RUNNING, phase="Record")
IDS = st.from_regex(r"[0-9A-Za-z_-]{1,80}", fullmatch=True)


@given(IDS, IDS, st.integers(1, 1000), st.integers(1, 1000))
def test_names_are_legal_and_differ_by_campaign_and_number(first: str, second: str, number: int, other: int) -> None:
    name = make_execution_name(first, number)
    assert len(name) <= 80
    assert name == make_execution_name(first, number)
    if (first, number) != (second, other):
        assert name != make_execution_name(second, other)


def test_a_reason_is_cut_by_its_bytes_and_never_inside_a_character() -> None:
    assert cut_reason("short") == "short"
    assert cut_reason("\u6f22" * 100) == "\u6f22" * 66


def test_executions_are_numbered_over_the_whole_campaign() -> None:
    record = CampaignRecord("c", "arn", NOW, Status.RUNNING)
    first = record.begin(("a", "b"), NOW)
    assert [(run.number, run.step, run.execution_id) for run in first] == [(1, "a", "c-s001"), (2, "b", "c-s002")]
    record = record.with_runs(*first)
    ended = record.with_runs(replace(first[0], outcome=StepOutcome.VALIDATED))
    assert [run.step for run in ended.running] == ["b"]
    assert ended.begin(("a",), NOW)[0].execution_id == "c-s003"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, None),
        ({"status": Status.COMPLETED, "verdict": Verdict.VALIDATED}, StepOutcome.VALIDATED),
        ({"status": Status.COMPLETED, "verdict": Verdict.REFUTED}, StepOutcome.REFUTED),
        ({"status": Status.COMPLETED, "verdict": Verdict.INVALID}, StepOutcome.INVALID),
        ({"status": Status.COMPLETED, "verdict": Verdict.INCONCLUSIVE}, StepOutcome.INCONCLUSIVE),
        ({"status": Status.COMPLETED}, StepOutcome.UNKNOWN),
        ({"status": Status.PLANNED}, StepOutcome.UNKNOWN),
        ({"status": Status.REJECTED}, StepOutcome.REJECTED),
        ({"status": Status.FAILED}, StepOutcome.FAILED),
        ({"status": Status.ABORTED, "verdict": Verdict.ABORTED}, StepOutcome.STOPPED),
    ],
)
def test_the_outcome_of_a_step_is_what_the_record_of_its_run_says(changes: dict[str, object], outcome: StepOutcome | None) -> None:
    assert classify_run(replace(RUN, **changes)) is outcome  # type: ignore[arg-type]


@pytest.mark.parametrize("source", AbortSource)
def test_of_all_aborts_only_a_guard_that_fired_is_a_failure(source: AbortSource) -> None:
    aborted = replace(
        RUN,
        status=Status.ABORTED,
        verdict=Verdict.ABORTED,
        hypothesis_validated=False if source is AbortSource.GUARD else None,
        abort=Abort(source, "why", NOW),
    )
    assert classify_run(aborted) is (StepOutcome.GUARD if source is AbortSource.GUARD else StepOutcome.STOPPED)


@pytest.mark.parametrize(
    ("wait", "told", "after", "needs"),
    [
        (15, None, 0, True),
        (15, 0, 9, False),
        (15, 0, 10, True),
        (9, 0, 5, False),
        (9, 0, 6, True),
        (5, 0, 4, False),
        (15, 11, 12, False),
        (15, None, 15, False),
    ],
    ids=["at once", "told", "five minutes left", "told, short", "a third left", "too short", "told late", "over"],
)
def test_people_are_told_of_a_prompt_once_and_again_shortly_before_it_ends(wait: int, told: int | None, after: int, *, needs: bool) -> None:
    prompt = PromptRun("ready", NOW, NOW + timedelta(minutes=wait), told_at=None if told is None else NOW + timedelta(minutes=told))
    now = NOW + timedelta(minutes=after)
    assert prompt.needs_message(now) is needs
    assert not prompt.mark_message(now).mark_message(now).needs_message(now), "told twice is enough"
