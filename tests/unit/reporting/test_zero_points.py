"""A time is counted from one zero that is named; what ended early is said to have; nothing stays that moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.documents.fault import FaultReport
from squall.domain.documents.metrics.statistics import Times
from squall.domain.documents.result import TimelineEvent
from squall.domain.judging.reaction_times import compute_times
from squall.domain.run.record import Abort, Event
from squall.domain.run.timeline import EventName
from squall.reporting.elements import Tile
from squall.reporting.run_facts import Facts
from squall.reporting.story import write_story
from squall.reporting.timeline import list_moments
from squall.reporting.view import build_page
from tests.unit.builders import record
from tests.unit.reporting.report_rig import EFFECT, ENDED, facts


def seen(seconds: float, **changes: Any) -> Facts:
    """A run whose workload had recovered these seconds after the effect of a fault of 600 s."""
    result = facts().result.recovery
    assert result is not None
    at = EFFECT + timedelta(seconds=seconds)
    return facts(recovery=result.model_copy(update={"recovered_at": at, "seconds_to_recover": seconds, **changes}))


@pytest.mark.parametrize(
    ("seconds", "changes", "sentence", "tile"),
    [
        (602, {}, "The workload recovered 2.0 s after the fault ended.", ("2.0 s", "after the fault ended")),
        (602, {"recovered_after": EFFECT}, "2.0 s after the fault ended, at the latest.", ("≤ 2.0 s", "after the fault ended")),
        (47, {}, "The workload recovered 47 s after the fault took effect.", ("47 s", "after the fault took effect")),
        (0, {}, "Everything that was watched held from the effect of the fault on.", ("0 s", "everything held throughout")),
    ],
)
def test_story_and_tile_count_recovery_from_the_same_named_zero(
    seconds: float, changes: dict[str, Any], sentence: str, tile: tuple[str, str]
) -> None:
    run = seen(seconds, **changes)
    assert sentence in write_story(run)
    assert Tile("to recover", *tile) in build_page(run).tiles


def test_a_fault_that_was_ended_early_lasted_as_long_as_it_did() -> None:
    times = facts().result.times.model_copy(update={"fault_ended_at": EFFECT + timedelta(seconds=13)})
    assert ", for 13 s (10 min were planned)." in write_story(facts(times=times))


def test_what_is_not_proven_is_only_said_to_have_been_started() -> None:
    rollback = facts().result.rollback
    assert rollback is not None
    missed = rollback.model_copy(update={"proofs": (rollback.proofs[0].model_copy(update={"proven": False}),)})
    assert "Squall started network latency on i-1234567890abcdef0" in write_story(facts(rollback=missed))


def test_a_metric_that_moved_did_not_stay_whatever_its_periods_say() -> None:
    run = facts()
    (statistics,) = run.result.statistics
    same = statistics.comparisons[0].model_copy(update={"conclusion": "no_difference"})
    rate = statistics.model_copy(update={"metric": "request_rate", "comparisons": (same,)})
    collected = run.result.metrics_collected
    before = {**collected["baseline"], "request_rate": 10.0}

    def told(during: float) -> str:
        values = {**collected, "baseline": before, "fault": {**collected["fault"], "request_rate": during}}
        return write_story(facts(statistics=(rate,), metrics_collected=values))

    assert "Request rate went from 10 /s to 8 /s" in told(8.0)
    assert "Request rate stayed at about 9.9 /s" in told(9.9)


@pytest.mark.parametrize("inside", [True, False])
def test_a_metric_with_a_bad_period_did_not_stay_even_if_only_its_beginning_was_bad(*, inside: bool) -> None:
    run = facts()
    assert run.series
    assert run.record.fault_started_at
    window = next(window for window in run.series.windows if window.name == "fault")
    began = int(run.record.fault_started_at.timestamp()) // window.period_seconds * window.period_seconds
    assert began < window.start, "the period in which the fault began is in no window"
    bad = window.start if inside else began
    measured = []
    for series in run.series.measured:
        points = {**dict.fromkeys(range(began, window.end, window.period_seconds), 10.0), bad: 5.0}
        kept = tuple((at, value) for at, value in series.points if at not in points)
        changed = series.model_copy(update={"points": tuple(sorted((*kept, *points.items())))})
        measured.append(changed if series.metric == "request_rate" else series)
    (statistics,) = run.result.statistics
    same = statistics.comparisons[0].model_copy(update={"conclusion": "no_difference"})
    rate = statistics.model_copy(update={"metric": "request_rate", "comparisons": (same,)})
    collected = {**run.result.metrics_collected}
    collected["baseline"] = {**collected["baseline"], "request_rate": 10.0}
    collected["fault"] = {**collected["fault"], "request_rate": 9.5}
    told = facts(statistics=(rate,), metrics_collected=collected)
    story = write_story(replace(told, series=run.series.model_copy(update={"measured": tuple(measured)})))
    assert "Request rate went from 10 /s to 9.5 /s (single periods from 5 /s to 10 /s)" in story


def test_the_time_to_abort_counts_from_the_guard_and_not_from_the_record_of_it() -> None:
    fired, ended = EFFECT + timedelta(seconds=52), EFFECT + timedelta(seconds=53.4)
    abort = Abort(AbortSource.GUARD, "guard", EFFECT + timedelta(seconds=56), "guard-1")
    run = record(fault_started_at=EFFECT, abort=abort, events=(Event(fired, EventName.ALARM, "guard-1"),))
    times = compute_times(run, EFFECT, ended, {}, None)
    assert times.to_detect_seconds == 52.0
    assert times.to_abort_seconds == pytest.approx(1.4)
    alone = replace(run, events=())
    assert compute_times(alone, EFFECT, ended, {}, None).to_abort_seconds is None, "recorded after the end: nothing tells"


def own_ending(ended: datetime = ENDED, **changes: Any) -> Facts:
    """A validated run whose FIS experiment Squall stopped once the fault had lasted as long as planned."""
    events = (
        TimelineEvent(at=EFFECT - timedelta(seconds=4), event="fault_started", detail="EXP1"),
        TimelineEvent(at=ended, event="stop_requested", detail="EXP1"),
        TimelineEvent(at=ended, event="fis_stopped", detail="EXP1"),
    )
    run = facts(timeline=events, verdict=Verdict.VALIDATED, status=Status.COMPLETED, hypothesis_validated=True)
    return replace(
        run,
        record=replace(run.record, abort=None, fault_seconds=600, fault_ended_at=ended, **changes),
        fault=FaultReport(experiment_id="EXP1", status="stopped", reason="Experiment was stopped by a user."),
    )


def test_a_fault_that_squall_ends_when_its_time_is_over_alarms_nobody() -> None:
    run = own_ending()
    assert {moment.event: moment.kind for moment in list_moments(run)}["stop_requested"] == "fault"
    ended = dict(build_page(run).about.rows)["FIS ended"]
    assert ended == "stopped. Squall stopped it: the fault had lasted as long as planned"


def test_a_fault_that_was_stopped_before_its_time_was_not_ended_on_time() -> None:
    run = own_ending(EFFECT + timedelta(seconds=100))
    assert {moment.event: moment.kind for moment in list_moments(run)}["stop_requested"] == "alarm"
    assert dict(build_page(run).about.rows)["FIS ended"] == "stopped. Experiment was stopped by a user."


def test_what_held_throughout_did_not_recover_before_the_effect() -> None:
    run = seen(0)
    noted = TimelineEvent(at=ENDED, event="recovered", detail="every threshold holds again")
    names = [moment.event for moment in list_moments(replace(run, result=run.result.model_copy(update={"timeline": (noted,)})))]
    assert names == ["in_effect", "recovered"]


def test_a_report_names_only_files_that_exist() -> None:
    measured = facts()
    assert [file.rpartition("/")[2] for file in build_page(measured).files] == ["result.json", "series.json", "series.csv", "report.md"]
    rejected = replace(measured, series=None, baseline=None, result=measured.result.model_copy(update={"times": Times()}))
    assert [file.rpartition("/")[2] for file in build_page(rejected).files] == ["result.json", "report.md"]
