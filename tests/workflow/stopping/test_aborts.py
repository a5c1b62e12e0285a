"""Each way to abort, alone, with all others switched off: the fault ends, nothing is left, the record and the message are true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.document import document_key
from squall.domain.run.timeline import EventName
from squall.errors import Refused
from tests.fakes.monitoring import FakeAlarm
from tests.fakes.world import FakeWorld
from tests.workflow.driver import alarm_action, alarm_event, execution_event
from tests.workflow.endings import (
    GUARD,
    ID,
    around,
    ended,
    is_settled,
    nothing_is_left,
    once,
    record_of,
    result_of,
    unavailable,
)
from tests.workflow.walk import Walk

INTO_THE_FAULT = 125
STOP_GUARD = "squall-Squall-run-1-3"
BEFORE = ("Discover", "CheckSafety", "AcquireLock", "AcquireSlot", "CaptureBaseline", "ArmGuards", "CreateTemplate", "FinalCheck")
ABORTED = (Status.ABORTED, Verdict.ABORTED)


def deafen_fis(world: FakeWorld) -> None:
    """FIS's stop conditions don't work."""
    world.alarms.listeners.remove(world.faults._on_alarm)


def in_the_fault(walk: Walk, world: FakeWorld, act: Callable[[], None]) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(INTO_THE_FAULT, act)


def breach(world: FakeWorld) -> None:
    since = world.clock.now().timestamp()
    world.metrics.set("TargetResponseTime", lambda at: 9.0 if at >= since - 60 else 0.05)


def flap(world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM")
    world.clock.after(3, lambda: world.alarms.set_state(GUARD, "OK"))


def disable(world: FakeWorld) -> None:
    world.alarms.alarms[GUARD].actions_enabled = False


def cancel(world: FakeWorld) -> None:
    for run in list(world.faults.runs):
        world.faults._end(run, "cancelled", {"running"})


def stop_in_console(world: FakeWorld) -> None:
    for run in list(world.faults.runs):
        world.faults.stop(run)


def by_action(walk: Walk, world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM")
    walk.quietly("Abort", alarm_action(world.alarms.alarms[GUARD]))


def by_action_without_description(walk: Walk, world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM")
    event = alarm_action(world.alarms.alarms[GUARD])
    del event["alarmData"]["configuration"]
    walk.quietly("Abort", event)


def by_event(walk: Walk, world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM")
    walk.quietly("Abort", alarm_event(world.alarms.alarms[GUARD]))


def by_operator(walk: Walk, world: FakeWorld) -> None:
    walk.quietly("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "ops"})


@dataclass(frozen=True)
class Path:
    act: Callable[[Walk, FakeWorld], None]
    source: AbortSource
    hypothesis: bool | None
    within: float
    """Seconds from the cause to StopExperiment, or to FIS's own end."""
    deaf_fis: bool = True
    pulse: bool = False
    events: bool = False


PATHS = {
    "alarm action": Path(by_action, AbortSource.GUARD, hypothesis=False, within=2),
    "alarm action without description": Path(by_action_without_description, AbortSource.GUARD, hypothesis=False, within=2),
    "EventBridge": Path(by_event, AbortSource.GUARD, hypothesis=False, within=2),
    "stop condition": Path(lambda _, w: w.alarms.set_state(GUARD, "ALARM"), AbortSource.GUARD, hypothesis=False, within=2, deaf_fis=False),
    "stop condition, flapping": Path(lambda _, w: flap(w), AbortSource.GUARD, hypothesis=False, within=2, deaf_fis=False),
    "pulse by state": Path(lambda _, w: w.alarms.set_state(GUARD, "ALARM"), AbortSource.GUARD, hypothesis=False, within=60, pulse=True),
    "pulse by history of a flap": Path(lambda _, w: flap(w), AbortSource.GUARD, hypothesis=False, within=60, pulse=True),
    "pulse by metric": Path(lambda _, w: breach(w), AbortSource.GUARD, hypothesis=False, within=420, pulse=True),
    "guard deleted": Path(lambda _, w: w.alarms.delete([GUARD]), AbortSource.BLIND_GUARD, hypothesis=None, within=60, pulse=True),
    "guard disabled": Path(lambda _, w: disable(w), AbortSource.BLIND_GUARD, hypothesis=None, within=60, pulse=True),
    "guard without data": Path(
        lambda _, w: w.alarms.set_state(GUARD, "INSUFFICIENT_DATA"), AbortSource.BLIND_GUARD, hypothesis=None, within=301, pulse=True
    ),
    "operator": Path(by_operator, AbortSource.OPERATOR, hypothesis=None, within=2),
    "stopped in the FIS console": Path(lambda _, w: stop_in_console(w), AbortSource.UNKNOWN, hypothesis=None, within=2),
    "safety lever": Path(lambda _, w: cancel(w), AbortSource.HALT, hypothesis=None, within=2),
}


@pytest.mark.parametrize("path", [PATHS[name] for name in ("alarm action", "stop condition", "pulse by state")])
def test_a_guard_that_somebody_tightened_ends_the_fault_and_says_nothing_about_the_hypothesis(
    walk: Walk, world: FakeWorld, path: Path
) -> None:
    if path.deaf_fis:
        deafen_fis(world)
    walk.pulse, walk.events = path.pulse, path.events

    def tighten() -> None:
        alarm = world.alarms.alarms[GUARD]
        assert alarm.guard is not None
        alarm.guard = alarm.guard.model_copy(update={"threshold": 1000.0})
        path.act(walk, world)

    walk.after["StartFault"] = lambda _: world.clock.after(70, tighten)
    walk.run({"experiment": "seed"})
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert (record.abort.source, record.abort.by) == (AbortSource.BLIND_GUARD, GUARD)
    assert f"guard {GUARD} was changed: Threshold is 1000, has to be" in record.abort.reason
    nothing_is_left(world)


@pytest.mark.parametrize("state", ["WatchFault", "StopFault"])
@pytest.mark.parametrize("closer", ["Watchdog", "Pulse"])
def test_whoever_closes_a_dead_run_says_that_its_guard_was_tightened(walk: Walk, world: FakeWorld, closer: str, state: str) -> None:
    """StopFault, which compares the guard that fired with what it has to be, never runs."""
    deafen_fis(world)
    walk.pulse = walk.events = False

    def tighten() -> None:
        alarm = world.alarms.alarms[GUARD]
        assert alarm.guard is not None
        alarm.guard = alarm.guard.model_copy(update={"threshold": 1000.0})
        by_action(walk, world)
        if state == "WatchFault":
            walk.kill()

    walk.enter["StopFault"] = once(walk.kill)
    walk.after["StartFault"] = lambda _: world.clock.after(70, tighten)
    done = walk.run({"experiment": "seed"})
    assert done.status == "ABORTED"
    if closer == "Watchdog":
        walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    walk.pulses(4)
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.closed_by == closer.lower()
    assert record.abort is not None
    assert record.abort.source is AbortSource.BLIND_GUARD
    assert f"guard {GUARD} was changed: Threshold is 1000, has to be" in record.reason
    nothing_is_left(world)


@pytest.mark.parametrize("document", [Definition, Discovery])
def test_a_damaged_document_does_not_keep_a_dead_run_from_being_closed(
    walk: Walk, world: FakeWorld, document: type[Definition | Discovery]
) -> None:
    """The comparison of the guard needs it, and comes before the fault is stopped."""
    walk.pulse = walk.events = False

    def damage() -> None:
        world.documents.files[document_key(ID, document)] = '{"damaged": true}'
        by_action(walk, world)
        walk.kill()

    walk.enter["StopFault"] = once(walk.kill)
    walk.after["StartFault"] = lambda _: world.clock.after(70, damage)
    walk.run({"experiment": "seed"})
    assert not record_of(world).final
    walk.pulses(4)
    record = record_of(world)
    assert (record.status, record.closed_by) == (Status.ABORTED, "pulse")
    assert world.faults.active() == []
    assert any(ID in message.body for message in world.notifier.sent), "nobody is told"


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_each_path_alone_ends_the_fault(walk: Walk, world: FakeWorld, path: Path) -> None:
    if path.deaf_fis:
        deafen_fis(world)
    walk.pulse, walk.events = path.pulse, path.events
    caused = []
    ended_at = []
    world.faults.listeners.append(lambda fis: ended_at.append(world.clock.now()) if fis.status in {"stopping", "cancelled"} else None)

    def cause() -> None:
        caused.append(world.clock.now())
        path.act(walk, world)

    in_the_fault(walk, world, cause)
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    record = ended(world, *ABORTED, path.hypothesis)
    assert record.abort is not None
    assert record.abort.source is path.source, record.abort
    assert (ended_at[0] - caused[0]).total_seconds() <= path.within
    nothing_is_left(world)
    walk.pulses(4)
    is_settled(world)


def test_fis_failing_after_the_effect_is_judged_and_said(walk: Walk, world: FakeWorld) -> None:
    in_the_fault(walk, world, lambda: world.faults.fail(next(iter(world.faults.runs))))
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert record_of(world).abort is None
    assert any("failed (InternalFailure)" in observation for observation in result_of(world).observations)
    nothing_is_left(world)


def test_fis_failing_before_any_effect_is_invalid(walk: Walk, world: FakeWorld) -> None:
    world.faults.start_seconds = 5
    walk.after["StartFault"] = lambda _: world.clock.after(1, lambda: world.faults.fail(next(iter(world.faults.runs))))
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = ended(world, Status.COMPLETED, Verdict.INVALID, None)
    assert "InternalFailure" in record.reason
    nothing_is_left(world)


def fire_before_the_start(walk: Walk, world: FakeWorld) -> None:
    world.faults.refuses_firing_alarms = True
    walk.before["StartFault"] = lambda _: world.alarms.set_state(GUARD, "ALARM")


def test_fis_refusing_to_start_while_a_guard_is_in_alarm_is_invalid_not_failed(walk: Walk, world: FakeWorld) -> None:
    walk.pulse = walk.events = False
    fire_before_the_start(walk, world)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = ended(world, Status.COMPLETED, Verdict.INVALID, None)
    assert world.faults.runs == {}
    assert GUARD in record.reason
    assert "in ALARM before the fault began" in record.reason
    nothing_is_left(world)


def test_fis_refusing_to_start_is_failed_where_the_guards_cannot_be_read(walk: Walk, world: FakeWorld) -> None:
    walk.pulse = walk.events = False
    world.failing["faults.start"] = Refused("fis", "StartExperiment", "ConflictException", "a stop condition is in the ALARM state")
    walk.before["StartFault"] = lambda _: world.failing.update({"alarms.states": unavailable("alarms.states")})
    walk.after["StartFault"] = lambda _: world.failing.clear()
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = ended(world, Status.FAILED, None, None)
    assert "could not be read" in record.reason
    nothing_is_left(world)


def test_a_flap_nobody_saw_until_the_fault_was_over_still_counts(walk: Walk, world: FakeWorld) -> None:
    deafen_fis(world)
    walk.pulse = False
    in_the_fault(walk, world, lambda: flap(world))
    walk.run({"experiment": "seed"})
    ended(world, *ABORTED, False)
    nothing_is_left(world)


@pytest.mark.parametrize("state", BEFORE)
def test_an_operators_abort_before_the_fault_injects_nothing(walk: Walk, world: FakeWorld, state: str) -> None:
    walk.before[state] = lambda _: by_operator(walk, world)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert world.faults.runs == {}
    record = ended(world, *ABORTED, None)
    assert "enough" in record.reason
    nothing_is_left(world)
    is_settled(world)


@pytest.mark.parametrize("called", ["records.update", "records.get", "faults.start"])
def test_an_operators_abort_while_the_fault_is_starting_stops_it(walk: Walk, world: FakeWorld, called: str) -> None:
    walk.before["StartFault"] = lambda _: around(world, called, after=once(lambda: by_operator(walk, world)))
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert ended(world, *ABORTED, None).abort is not None
    nothing_is_left(world)


def test_no_wake_up_is_lost_between_the_start_and_the_watch(walk: Walk, world: FakeWorld) -> None:
    """The abort reads the token before the watcher has stored it; nobody will ever wake it again."""
    walk.pulse = walk.events = False
    aborted_at = []

    def early(_: object) -> None:
        by_operator(walk, world)
        aborted_at.append(world.clock.now())

    walk.before["WatchFault"] = early
    stopped_at = []
    walk.before["StopFault"] = lambda _: stopped_at.append(world.clock.now())
    walk.run({"experiment": "seed"})
    assert (stopped_at[0] - aborted_at[0]).total_seconds() < 5
    ended(world, *ABORTED, None)
    nothing_is_left(world)


def test_a_guard_that_fires_before_the_final_check_rejects(walk: Walk, world: FakeWorld) -> None:
    walk.before["FinalCheck"] = lambda _: world.alarms.set_state(GUARD, "ALARM")
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert "is ALARM" in ended(world, Status.REJECTED, None, None).reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_guard_that_fires_before_the_template_exists_does_not_reach_a_later_fault(walk: Walk, world: FakeWorld) -> None:
    def early(_: object) -> None:
        world.alarms.set_state(GUARD, "ALARM")
        walk.quietly("Abort", alarm_action(world.alarms.alarms[GUARD]))

    walk.before["CreateTemplate"] = early
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_guard_that_fires_right_before_the_start_injects_nothing(walk: Walk, world: FakeWorld) -> None:
    walk.before["StartFault"] = lambda _: by_action(walk, world)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert world.faults.runs == {}
    assert "nothing was injected" in ended(world, Status.COMPLETED, Verdict.INVALID, None).reason
    nothing_is_left(world)


@pytest.mark.parametrize("pulse", [True, False])
def test_a_guard_that_fires_right_before_the_start_unheard_is_named(walk: Walk, world: FakeWorld, pulse: bool) -> None:
    """FIS starts, the action begins, and the stop condition that is already in ALARM stops it."""
    walk.pulse = walk.events = pulse

    def fire(_: object) -> None:
        world.alarms.set_state(GUARD, "ALARM")
        world.clock.advance(5)

    walk.before["StartFault"] = fire
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = record_of(world)
    assert record.abort is not None
    assert record.abort.source is AbortSource.GUARD, record.abort
    nothing_is_left(world)


def test_an_abort_that_cannot_reach_fis_is_recorded_raised_and_carried_out_by_the_pulse(walk: Walk, world: FakeWorld) -> None:
    deafen_fis(world)

    def abort_without_fis() -> None:
        world.failing["faults.stop"] = unavailable("faults.stop")
        with pytest.raises(type(unavailable())):
            walk.invoke("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "ops"})
        del world.failing["faults.stop"]

    in_the_fault(walk, world, abort_without_fis)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, *ABORTED, None)
    nothing_is_left(world)


@pytest.mark.parametrize("broken", ["records.get", "records.request_abort", "records.append"])
def test_a_guards_abort_needs_no_table(walk: Walk, world: FakeWorld, broken: str) -> None:
    deafen_fis(world)
    stopped = []

    def abort_without_table() -> None:
        world.failing[broken] = unavailable(broken)
        by_action(walk, world)
        stopped.append(next(iter(world.faults.runs.values())).experiment.status)
        del world.failing[broken]

    in_the_fault(walk, world, abort_without_table)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert stopped == ["stopping"]
    ended(world, *ABORTED, False)
    nothing_is_left(world)


@pytest.mark.parametrize("broken", ["alarms.states", "records.get", "faults.own_templates"])
def test_an_alarm_event_without_description_stops_the_fault_whatever_else_is_broken(walk: Walk, world: FakeWorld, broken: str) -> None:
    deafen_fis(world)
    stopped = []

    def abort() -> None:
        world.failing[broken] = unavailable(broken)
        by_action_without_description(walk, world)
        stopped.append(next(iter(world.faults.runs.values())).experiment.status)
        del world.failing[broken]

    in_the_fault(walk, world, abort)
    walk.run({"experiment": "seed"})
    assert stopped == ["stopping"]
    nothing_is_left(world)


def test_the_lock_lost_in_the_fault_ends_it(walk: Walk, world: FakeWorld) -> None:
    def steal() -> None:
        world.locks.leases = {key: replace(lease, holder="thief") for key, lease in world.locks.leases.items()}

    in_the_fault(walk, world, steal)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = ended(world, *ABORTED, None)
    assert record.abort is not None
    assert record.abort.source is AbortSource.OUTSIDE
    world.locks.leases.clear()
    nothing_is_left(world)


def test_a_fault_that_is_being_stopped_is_not_stopped_again(walk: Walk, world: FakeWorld) -> None:
    world.faults.stop_seconds = 100
    in_the_fault(walk, world, lambda: by_operator(walk, world))
    walk.run({"experiment": "seed"})
    assert [event.event for event in record_of(world).events].count(EventName.STOP_REQUESTED) == 1
    nothing_is_left(world)


def fire_stop_alarm(_: Walk, world: FakeWorld) -> None:
    world.alarms.set_state("pager", "ALARM")


def fire_stop_alarm_by_event(walk: Walk, world: FakeWorld) -> None:
    world.alarms.set_state("pager", "ALARM")
    walk.quietly("Abort", alarm_event(world.alarms.alarms[STOP_GUARD]))


STOPS = {
    "alarm action": (Path(fire_stop_alarm, AbortSource.GUARD, hypothesis=False, within=2), True),
    "EventBridge": (Path(fire_stop_alarm_by_event, AbortSource.GUARD, hypothesis=False, within=2), False),
    "pulse": (Path(fire_stop_alarm, AbortSource.GUARD, hypothesis=False, within=60, pulse=True), False),
}
"""And whether guards reach the abort function as alarm actions."""


@pytest.mark.parametrize("way", STOPS)
def test_a_stop_alarm_aborts_by_our_own_paths_alone_too(walk: Walk, world: FakeWorld, experiment: dict[str, Any], way: str) -> None:
    """The same paths as a guard's, each without FIS's stop conditions, through the composite alarm on the users' alarm."""
    path, walk.abort_function = STOPS[way]
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now() - timedelta(days=1))
    experiment["stop_alarms"] = ["pager"]
    deafen_fis(world)
    walk.pulse, walk.events = path.pulse, path.events
    fired, stopping = [], []
    world.faults.listeners.append(lambda fis: stopping.append(world.clock.now()) if fis.status == "stopping" else None)

    def fire() -> None:
        fired.append(world.clock.now())
        path.act(walk, world)

    in_the_fault(walk, world, fire)
    walk.run({"experiment": "seed"})
    record = record_of(world)
    assert (record.status, record.verdict) == ABORTED, record.reason
    assert record.abort is not None
    assert record.abort.source is path.source
    assert record.hypothesis_validated is path.hypothesis
    assert "pager" in record.reason
    assert 0 <= (stopping[0] - fired[0]).total_seconds() <= path.within
    assert STOP_GUARD in record.guard_names
    assert list(world.alarms.alarms) == ["pager"], "our guard is gone, the users' alarm is theirs"
    nothing_is_left(world)


@pytest.mark.parametrize("state", ["ArmGuards", "CreateTemplate", "FinalCheck"])
def test_a_stop_alarm_that_is_gone_before_the_fault_refuses_the_run(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], state: str
) -> None:
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now())
    experiment["stop_alarms"] = ["pager"]
    walk.enter[state] = once(lambda: world.alarms.delete(["pager"]))
    walk.run({"experiment": "seed"})
    assert world.faults.runs == {}
    record = record_of(world)
    assert record.status is Status.REJECTED, record.reason
    assert "pager" in record.reason
    nothing_is_left(world)


def test_a_stop_alarm_whose_silence_the_policy_let_pass_does_not_abort_by_it(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    known.environments["staging"]["guard_quality"] = {"insufficient_data": "warn"}
    world.alarms.alarms["pager"] = FakeAlarm("pager", "INSUFFICIENT_DATA", world.clock.now() - timedelta(days=1))
    experiment["stop_alarms"] = ["pager"]
    walk.run({"experiment": "seed"})
    assert record_of(world).status is Status.COMPLETED, record_of(world).reason


def test_a_composite_stop_alarm_with_a_blind_member_is_refused(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    before = world.clock.now() - timedelta(days=1)
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", before, members=("errors",))
    world.alarms.alarms["errors"] = FakeAlarm("errors", "INSUFFICIENT_DATA", before)
    experiment["stop_alarms"] = ["pager"]
    walk.run({"experiment": "seed"})
    record = record_of(world)
    assert (record.status, "errors is INSUFFICIENT_DATA" in record.reason) == (Status.REJECTED, True), record.reason


def test_a_stop_alarm_that_goes_blind_during_the_fault_aborts_it(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now() - timedelta(days=1))
    experiment["stop_alarms"] = ["pager"]
    in_the_fault(walk, world, lambda: world.alarms.set_state("pager", "INSUFFICIENT_DATA"))
    walk.run({"experiment": "seed"})
    abort = record_of(world).abort
    assert abort is not None
    assert (abort.source, abort.by) == (AbortSource.BLIND_GUARD, "pager")
