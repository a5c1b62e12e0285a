"""A fault of one minute that is observed for ten: judged, refuted, aborted and killed after it is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.documents.series import SeriesDocument, StatisticsDocument
from squall.domain.run.timeline import EventName
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, ended, nothing_is_left, nothing_runs, record_of, result_of
from tests.workflow.walk import Walk

MINUTE = timedelta(minutes=1)
SENTENCES = ["System availability > 99%", "Response time < 2 seconds", "System recovers within 5 minutes"]


@pytest.fixture
def short(experiment: dict[str, Any]) -> dict[str, Any]:
    """CPU stress for one minute, observed for ten. Edited in place, because it is what is deployed."""
    del experiment["duration_minutes"]
    experiment |= {"type": "cpu_stress", "duration": "1m", "observation": "10m", "success_criteria": SENTENCES}
    return experiment


def after_start(walk: Walk, world: FakeWorld, seconds: int, act: Callable[[], None]) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(seconds, act)


def fault_over_at(world: FakeWorld) -> datetime:
    (event,) = record_of(world).happened(EventName.FAULT_OVER)
    return event.at


def test_it_is_guarded_and_judged_for_ten_minutes_and_everybody_knows_that_the_fault_is_over(
    walk: Walk, world: FakeWorld, short: dict[str, Any]
) -> None:
    walked = walk.run({"experiment": "seed"})
    record, result = ended(world, Status.COMPLETED, Verdict.VALIDATED, True), result_of(world)
    assert record.fault_started_at is not None
    assert record.fault_ended_at is not None
    assert (record.fault_seconds, record.observation_seconds) == (60, 600)
    assert record.fault_ended_at - record.fault_started_at >= 10 * MINUTE, "FIS's stop conditions live as long"
    assert timedelta(seconds=55) <= fault_over_at(world) - record.fault_started_at <= timedelta(seconds=90)
    assert result.times.fault_ended_at is not None
    assert result.times.fault_ended_at - record.fault_started_at <= timedelta(seconds=90), "not the end of the observation"
    assert {criterion.window.name for criterion in result.criteria if criterion.window} == {"observation"}
    document = world.documents.get(ID, SeriesDocument)
    assert document is not None
    periods = {window.name: window.periods for window in document.windows}
    assert (periods["fault"] <= 1, periods["observation"] >= 9) == (True, True)
    statistics = world.documents.get(ID, StatisticsDocument)
    assert statistics is not None
    assert ("baseline", "observation") in {comparison.windows for metric in statistics.statistics for comparison in metric.comparisons}
    assert any("the fault was over at" in reason for _, reason in world.lifecycle.events)
    assert any("for 60 s" in str(message) and "observed for 10 min" in str(message) for message in world.notifier.sent)
    assert any(check.name == "guards_end_fault" and check.outcome.value == "warned" for check in result.safety_checks)
    assert walked.handlers.count("WatchFault") <= 4
    nothing_is_left(world)


def test_harm_in_the_observation_refutes_although_the_fault_is_over(walk: Walk, world: FakeWorld, short: dict[str, Any]) -> None:
    short["abort_conditions"] = ["System availability < 20%"]

    def degrade() -> None:
        since = world.clock.now().timestamp()
        world.metrics.set("TargetResponseTime", lambda at: 60.0 if since <= at < since + 300 else 0.05)

    after_start(walk, world, 180, degrade)
    walk.run({"experiment": "seed"})
    result = result_of(world)
    assert (result.verdict, result.hypothesis_validated) == (Verdict.REFUTED, False), result.reason
    assert fault_over_at(world) < result.timeline[-1].at
    nothing_is_left(world)


def test_a_guard_that_fires_after_the_fault_aborts_and_the_reason_says_that_the_fault_was_over(
    walk: Walk, world: FakeWorld, short: dict[str, Any]
) -> None:
    walk.abort_function = True
    after_start(walk, world, 300, lambda: world.alarms.set_state(record_of(world).guard_names[0], "ALARM"))
    walk.run({"experiment": "seed"})
    record, result = record_of(world), result_of(world)
    assert record.abort is not None
    assert record.abort.source is AbortSource.GUARD
    assert (result.status, result.verdict, result.hypothesis_validated) == (Status.ABORTED, Verdict.ABORTED, False)
    assert record.fault_started_at is not None
    assert record.fault_ended_at is not None
    assert record.fault_ended_at - record.fault_started_at < 7 * MINUTE, "the observation ended"
    assert "; the fault was already over, since " in result.reason
    nothing_is_left(world)


def test_a_guard_that_fires_during_the_fault_does_not_say_so(walk: Walk, world: FakeWorld, short: dict[str, Any]) -> None:
    walk.abort_function = True
    after_start(walk, world, 30, lambda: world.alarms.set_state(record_of(world).guard_names[0], "ALARM"))
    walk.run({"experiment": "seed"})
    result = result_of(world)
    assert result.status is Status.ABORTED
    assert "already over" not in result.reason
    assert record_of(world).happened(EventName.FAULT_OVER) == ()


def test_a_kill_while_observing_leaves_nothing_running(walk: Walk, world: FakeWorld, short: dict[str, Any]) -> None:
    after_start(walk, world, 300, walk.kill)
    walk.run({"experiment": "seed"})
    walk.pulses(4)
    nothing_runs(world)
    assert record_of(world).status is not Status.RUNNING


def test_a_fault_that_fis_does_not_end_is_stopped_long_before_the_observation_ends(
    walk: Walk, world: FakeWorld, short: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    act, end = world.faults._end_action, world.commands.end
    monkeypatch.setattr(world.faults, "_end_action", lambda run, name: act(run, name) if name == "observe" else None)
    monkeypatch.setattr(world.commands, "end", lambda command, status: end(command, status) if status == "Cancelled" else None)
    walk.run({"experiment": "seed"})
    record = record_of(world)
    assert record.fault_started_at is not None
    assert record.fault_ended_at is not None
    assert record.fault_ended_at - record.fault_started_at < 6 * MINUTE
    assert record.happened(EventName.STOP_REQUESTED) != ()
