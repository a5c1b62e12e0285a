"""Redriven, repeated, late and concurrent: nothing is injected twice, nothing changes that has ended."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.timeline import EventName
from tests.fakes.world import FakeWorld
from tests.workflow.driver import TICK, alarm_action, alarm_event, execution_event
from tests.workflow.endings import GUARD, ID, ended, is_settled, nothing_is_left, once, record_of
from tests.workflow.voting import approval_for
from tests.workflow.walk import Walk

BEFORE = (
    "Discover",
    "CheckSafety",
    "AskApproval",
    "AwaitApproval",
    "ObserveApproval",
    "AcquireLock",
    "AcquireSlot",
    "CaptureBaseline",
    "ArmGuards",
    "CreateTemplate",
    "FinalCheck",
    "StartFault",
)


def variables(world: FakeWorld) -> dict[str, Any]:
    record = record_of(world)
    run = {"v": 1, "id": record.id, "execution_arn": record.execution_arn, "started_at": record.started_at.isoformat()}
    return {"run": run, "failure": "", "watch_seconds": 660, "approval_seconds": 600}


@pytest.mark.parametrize("state", [*BEFORE, "WatchFault", "ObserveFault"])
@pytest.mark.parametrize("closed", [True, False])
def test_redriven_at_any_state_nothing_is_injected(walk: Walk, world: FakeWorld, state: str, closed: bool) -> None:
    """Step Functions goes on where it was, with the variables it had: only the context object knows of the redrive."""
    approval_for(state, walk, world)
    walk.enter[state] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    injected = len(world.faults.runs)
    if closed:
        walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    walk.redrive_count = 1
    began = world.clock.now()
    again = walk.run({"experiment": "seed"}, start_at=state, variables=variables(world))
    assert again.status == "SUCCEEDED"
    assert len(world.faults.runs) == injected
    if not closed and state in {"WatchFault", "ObserveFault"}:
        ended_at = next(iter(world.faults.runs.values())).experiment.ended_at
        assert ended_at is not None
        assert (ended_at - began).total_seconds() <= 30, "the fault goes on under a redriven execution"
    assert record_of(world).final
    if not closed and state in BEFORE:
        assert "redriven" in ended(world, Status.FAILED, None, None).reason
    nothing_is_left(world)
    walk.pulses(4)
    is_settled(world)


def test_redriven_at_admit_is_rejected(walk: Walk, world: FakeWorld) -> None:
    walk.redrive_count = 1
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert "redriven" in ended(world, Status.REJECTED, None, None).reason
    nothing_is_left(world)


def test_late_and_repeated_events_after_the_end_change_nothing(walk: Walk, world: FakeWorld) -> None:
    guards: list[Any] = []
    walk.before["StopFault"] = lambda _: guards.extend(world.alarms.alarms.values())
    done = walk.run({"experiment": "seed"})
    before, messages, events = record_of(world), len(world.notifier.sent), len(world.lifecycle.events)
    for payload in (alarm_action(guards[0], "ALARM"), alarm_event(guards[0], "ALARM"), {"execution_id": ID, "reason": "late"}):
        walk.invoke("Abort", payload)
        walk.invoke("Abort", payload)
    walk.invoke("Watchdog", execution_event(done.arn, "FAILED", done.started_ms))
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    walk.invoke("Pulse", TICK)
    assert record_of(world) == before
    assert (len(world.notifier.sent), len(world.lifecycle.events)) == (messages, events)
    nothing_is_left(world)


def test_an_alarm_heard_after_the_fault_has_ended_does_not_abort_it(walk: Walk, world: FakeWorld) -> None:
    """Metrics are minutes late: the run is judged by its criteria."""
    guards: list[Any] = []
    walk.before["StopFault"] = lambda _: guards.extend(world.alarms.alarms.values())
    late = once(lambda: walk.invoke("Abort", alarm_action(guards[0], "ALARM")))
    walk.before["WatchRecovery"] = lambda _: late()
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    nothing_is_left(world)


def test_an_alarm_delivered_thrice_aborts_once(walk: Walk, world: FakeWorld) -> None:
    def fire() -> None:
        world.alarms.set_state(GUARD, "ALARM")
        for event in (alarm_action, alarm_event, alarm_action):
            walk.invoke("Abort", event(world.alarms.alarms[GUARD]))
        walk.invoke("Pulse", TICK)

    walk.after["StartFault"] = lambda _: world.clock.after(100, fire)
    walk.run({"experiment": "seed"})
    ended(world, Status.ABORTED, Verdict.ABORTED, False)
    names = [event.event for event in record_of(world).events]
    assert names.count(EventName.ABORT_REQUESTED) <= 1
    assert names.count(EventName.STOP_REQUESTED) <= 1
    nothing_is_left(world)


def test_a_second_reason_does_not_replace_the_first(walk: Walk, world: FakeWorld) -> None:
    def twice() -> None:
        walk.invoke("Abort", {"execution_id": ID, "reason": "first", "requested_by": "a"})
        walk.invoke("Abort", {"execution_id": ID, "reason": "second", "requested_by": "b"})

    walk.after["StartFault"] = lambda _: world.clock.after(100, twice)
    walk.run({"experiment": "seed"})
    assert "first" in ended(world, Status.ABORTED, Verdict.ABORTED, None).reason


@pytest.mark.parametrize(
    "handler", [*BEFORE, "WatchFault", "ObserveFault", "StopFault", "WatchRecovery", "Compare", "Judge", "Record", "Notify", "Release"]
)
def test_a_pulse_before_and_after_any_handler_changes_nothing(walk: Walk, world: FakeWorld, handler: str) -> None:
    approval_for(handler, walk, world)
    walk.before[handler] = lambda _: walk.invoke("Pulse", TICK)
    walk.after[handler] = lambda _: walk.invoke("Pulse", TICK)
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    nothing_is_left(world)


@pytest.mark.parametrize(
    "handler",
    [
        *BEFORE,
        "WatchFault",
        "ObserveFault",
        "StopFault",
        "VerifyRollback",
        "WatchRecovery",
        "Compare",
        "Judge",
        "Record",
        "Notify",
        "Release",
    ],
)
def test_a_handler_invoked_twice_by_lambda_changes_nothing(walk: Walk, world: FakeWorld, handler: str) -> None:
    """Its first run goes on in another sandbox after Step Functions has given up on it."""
    approval_for(handler, walk, world)
    observed: list[dict[str, Any]] = []

    def twice(payload: dict[str, Any]) -> None:
        if not observed:
            observed.append(payload)
            walk.invoke(handler, payload)

    walk.before[handler] = twice
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert len(world.faults.runs) == 1
    nothing_is_left(world)


@pytest.mark.parametrize(
    "handler",
    [
        *BEFORE,
        "WatchFault",
        "ObserveFault",
        "StopFault",
        "VerifyRollback",
        "WatchRecovery",
        "Compare",
        "Judge",
        "Record",
        "Notify",
        "Release",
    ],
)
def test_a_handler_that_comes_after_everything_has_ended_does_nothing(walk: Walk, world: FakeWorld, handler: str) -> None:
    approval_for(handler, walk, world)
    payloads: dict[str, dict[str, Any]] = {}
    walk.before[handler] = lambda payload: payloads.update({handler: payload})
    walk.run({"experiment": "seed"})
    before, messages = record_of(world), len(world.notifier.sent)
    runs = dict(world.faults.runs)
    walk.before.clear()
    walk.quietly(handler, payloads[handler])
    after = record_of(world)
    assert (after.status, after.verdict, after.reason, after.ended_at) == (before.status, before.verdict, before.reason, before.ended_at)
    assert world.faults.runs == runs
    assert len(world.notifier.sent) == messages
    nothing_is_left(world)
    is_settled(world)
