"""What other experiments did is cut out of the history, and said."""

from dataclasses import replace
from datetime import timedelta

from squall.domain.base.vocabulary import Status
from squall.domain.documents.metrics.metric_models import Point, Series
from squall.domain.metrics.baseline import assess_baseline, missing_seconds
from squall.domain.metrics.disturbances import drop_disturbed_points, find_disturbances, start_after_disturbances
from squall.domain.metrics.windows import PacedWindow
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from tests.unit.builders import HEALTHY, NOW, bindings, definition, discovery, healthy_series, window

HOUR = window("baseline", NOW - timedelta(hours=1), 60)
MINUTE = timedelta(minutes=1)


def other(began: float, ended: float | None, name: str = "other", **changes: object) -> ExecutionRecord:
    """Minutes before now."""
    at = NOW - began * MINUTE
    record = ExecutionRecord(
        name, "arn:x", at - 5 * MINUTE, Status.RUNNING, "WatchFault", experiment="Earlier", fis_experiment_id="EXP1", fault_started_at=at
    )
    if ended is not None:
        done = NOW - ended * MINUTE
        record = replace(record, status=Status.COMPLETED, ended_at=done + 4 * MINUTE, events=(Event(done, EventName.RECOVERED),))
    return replace(record, **changes)  # type: ignore[arg-type]


def test_a_baseline_begins_after_the_last_recovery_in_it_and_says_what_that_cost() -> None:
    disturbances = find_disturbances([other(50, 45), other(30, 20.5, "later")], "me", NOW)
    cut, text = start_after_disturbances(HOUR, disturbances)
    assert (cut.start, cut.end) == (HOUR.end - 20 * 60, HOUR.end)
    assert [(entry.execution_id, entry.periods) for entry in text] == [("other", 15), ("later", 25)]
    assert "40" not in text[1].said
    assert "25 periods are left out, because Earlier (later) disturbed the workload from 19:30:00 to 19:39:30 UTC" in text[1].said


def test_what_is_older_than_the_window_or_its_own_costs_nothing() -> None:
    disturbances = find_disturbances([other(90, 61), other(10, 5, "me"), other(10, 5, "plan", fis_experiment_id=None)], "me", NOW)
    assert start_after_disturbances(HOUR, disturbances) == (HOUR, ())


def test_one_that_is_not_over_leaves_nothing() -> None:
    cut, text = start_after_disturbances(HOUR, find_disturbances([other(3, None)], "me", NOW))
    assert cut.periods == 0
    assert text[0].periods == 60


def test_a_closed_run_without_recovery_ends_when_it_was_closed() -> None:
    closed = other(30, None, status=Status.ABORTED, ended_at=NOW - 25 * MINUTE, fault_ended_at=NOW - 26 * MINUTE)
    cut, _ = start_after_disturbances(HOUR, find_disturbances([closed], "me", NOW))
    assert cut.periods == 25


def test_too_little_left_is_waited_for_and_then_not_steady_with_the_reason() -> None:
    cut, text = start_after_disturbances(HOUR, find_disturbances([other(10, 4)], "me", NOW))
    series = healthy_series(bindings(), cut)
    assert missing_seconds(definition(), discovery(), PacedWindow(cut), series) == 6 * 60
    baseline = assess_baseline(definition(), discovery(), PacedWindow(cut), series, HEALTHY, text)
    assert not baseline.steady
    assert any("4 of 4 periods in the baseline, 10 are needed" in violation for violation in baseline.violations)
    assert any("because Earlier (other) disturbed" in violation for violation in baseline.violations)
    assert baseline.cut == text


def test_a_baseline_with_enough_left_holds_and_keeps_what_was_cut() -> None:
    cut, text = start_after_disturbances(HOUR, find_disturbances([other(50, 20)], "me", NOW))
    baseline = assess_baseline(definition(), discovery(), PacedWindow(cut), healthy_series(bindings(), cut), HEALTHY, text)
    assert (baseline.steady, baseline.window.periods, baseline.cut[0].periods) == (True, 20, 40)


def test_earlier_days_lose_their_disturbed_periods_and_keep_the_others() -> None:
    series = {"rate": (Series(key="q", period_seconds=60, points=tuple(Point(at=at, value=1) for at in range(HOUR.start, HOUR.end, 60))),)}
    kept, text = drop_disturbed_points(series, HOUR, find_disturbances([other(30, 20.5), other(25, 18, "overlapping")], "me", NOW))
    assert len(kept["rate"][0].points) == 60 - 12
    assert [(entry.execution_id, entry.periods) for entry in text] == [("other", 10), ("overlapping", 2)]
    assert drop_disturbed_points(series, HOUR, ()) == (series, ())
