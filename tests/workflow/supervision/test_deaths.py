"""Executions that are stopped from outside, everywhere; then the watchdog, or only the pulse. Nothing is left, and people know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from squall.application.admission.deployed import DeployedDefinitions
from squall.domain.base.vocabulary import Status, Verdict
from squall.errors import Refused
from tests.fakes.storage import Lease
from tests.fakes.world import FakeWorld
from tests.workflow.driver import TICK, execution_event
from tests.workflow.endings import (
    ID,
    Intercept,
    around,
    ended,
    fail,
    is_settled,
    nothing_is_left,
    nothing_runs,
    once,
    record_of,
    told,
    unavailable,
)
from tests.workflow.rig import OBSERVED, ONE_FAULT, SCENARIO, SHAPES, good_run
from tests.workflow.voting import approval_for
from tests.workflow.walk import OF_PARTS, Walk, Walked, every_state

STATES = {name: state for name, state in every_state().items() if name not in OF_PARTS}
QUICK = {(ONE_FAULT, state) for state in STATES} | {(SCENARIO, "WatchFault"), (SCENARIO, "StopFault"), (OBSERVED, "ObserveFault")}
SHAPED_STATES = [
    pytest.param(shape, state, id=f"{shape}-{state}", marks=() if (shape, state) in QUICK else pytest.mark.soak)
    for shape in SHAPES
    for state in STATES
]
"""Every shape of an experiment at every state: in `make test` all states of one fault, in `make soak` all others."""


def slots_taken(walk: Walk, world: FakeWorld) -> None:
    world.locks.slot_leases.update({slot: Lease("others", world.clock.now().replace(year=2031)) for slot in range(5)})
    walk.before["AcquireSlot"] = once_with(world.locks.slot_leases.clear, at=2)


def history_missing(walk: Walk, world: FakeWorld) -> None:
    first = world.clock.now().timestamp() - 600
    world.metrics.set("RequestCount", lambda at: 3000.0 if at >= first else None)


def arming(walk: Walk, world: FakeWorld) -> None:
    world.alarms.arming_seconds = 60


def rolling_back_slowly(walk: Walk, world: FakeWorld) -> None:
    world.automations.seconds = 20


def failing(*names: str) -> Callable[[Walk, FakeWorld], None]:
    def arrange(walk: Walk, world: FakeWorld) -> None:
        for name in names:
            walk.before[name] = lambda _: fail()

    return arrange


def once_with(act: Callable[[], Any], at: int) -> Callable[[dict[str, Any]], None]:
    hook = once(act, at)
    return lambda _: hook()


def fis_full(walk: Walk, world: FakeWorld) -> None:
    world.faults.refuse_start = Refused("fis", "StartExperiment", "ServiceQuotaExceededException", "5 active experiments")


WHERE: dict[str, Callable[[Walk, FakeWorld], None]] = {
    "WaitForSlot": slots_taken,
    "WaitForHistory": history_missing,
    "WaitForGuards": arming,
    "WaitToStart": fis_full,
    "WaitForRollback": rolling_back_slowly,
    "ReleaseUnrecorded": failing("Record"),
    "NotRecorded": failing("Release"),
}
"""What has to be so for a state to be visited at all."""


def reshape(known: DeployedDefinitions, shape: str) -> None:
    SHAPES[shape](known.catalogue["seed"], known.environments["staging"])


def run_dying_at(walk: Walk, world: FakeWorld, state: str) -> Walked:
    if arrange := WHERE.get(state):
        arrange(walk, world)
    approval_for(state, walk, world)
    walk.enter[state] = once(walk.kill)
    if state == "WaitForStop":
        world.faults.stop_seconds = 30
        walk.after["StartFault"] = lambda _: world.clock.after(100, lambda: walk.quietly("Abort", {"execution_id": ID}))
    done = walk.run({"experiment": "seed"})
    assert done.status == "ABORTED", f"{state} was never entered"
    for hooks in (walk.enter, walk.before, walk.after):
        hooks.clear()
    world.locks.slot_leases = {slot: lease for slot, lease in world.locks.slot_leases.items() if lease.holder == ID}
    return done


@pytest.mark.parametrize(("shape", "state"), SHAPED_STATES)
def test_stopped_at_any_state_the_watchdog_closes_it_in_one_call(
    walk: Walk, world: FakeWorld, known: DeployedDefinitions, shape: str, state: str
) -> None:
    reshape(known, shape)
    done = run_dying_at(walk, world, state)
    walk.pulse = False
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    nothing_is_left(world)
    before = world.records.items[ID]
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    assert world.records.items[ID] == before, "a duplicate event changed something"
    walk.pulses(4)
    nothing_is_left(world)
    is_settled(world)


@pytest.mark.parametrize(("shape", "state"), SHAPED_STATES)
def test_stopped_at_any_state_two_pulses_close_it_when_the_event_is_lost(
    walk: Walk, world: FakeWorld, known: DeployedDefinitions, shape: str, state: str
) -> None:
    reshape(known, shape)
    run_dying_at(walk, world, state)
    walk.pulses(2)
    if state == "Admit":  # nothing was ever written, nothing can run: nobody but Step Functions knows of it
        assert world.records.items == {}
        nothing_runs(world)
        return
    if state in {"Notify", "ReleaseUnrecorded"} and not world.notifier.endings:
        walk.pulses(2)  # the workflow might still have told
    nothing_is_left(world)
    walk.pulses(3)
    nothing_is_left(world)
    is_settled(world)


def calls_of_a_good_run(shape: str) -> list[tuple[str, str]]:
    """Handler and port's method, each pair once, in order."""
    results: dict[tuple[str, str], None] = {}

    def note(walk: Walk, called: str) -> None:
        if walk.running and walk.running[0] != "Pulse" and not called.startswith("clock."):
            results.setdefault((walk.running[0], called))

    good_run(note, shape)
    return list(results)


AROUND_THE_FAULT = {"CreateTemplate", "FinalCheck", "StartFault", "WatchFault", "StopFault"}
SOME_CALLS = {(SCENARIO, "StopFault", "faults.stop"), (SCENARIO, "StartFault", "faults.start"), (OBSERVED, "ObserveFault", "faults.get")}
CALLS = [
    pytest.param(
        shape,
        handler,
        called,
        id=f"{shape}-{handler}-{called}",
        marks=() if (shape == ONE_FAULT and handler in AROUND_THE_FAULT) or (shape, handler, called) in SOME_CALLS else pytest.mark.soak,
    )
    for shape in SHAPES
    for handler, called in calls_of_a_good_run(shape)
]
"""Every handler with every call that it makes, in every shape of an experiment: in `make test` those around one fault, in
`make soak` all others."""


@pytest.mark.parametrize(("shape", "handler", "called"), CALLS)
@pytest.mark.parametrize("closer", [pytest.param("watchdog inside", marks=pytest.mark.soak), "pulse inside"])
def test_a_handler_that_goes_on_after_its_run_was_closed_resurrects_nothing(
    walk: Walk, world: FakeWorld, known: DeployedDefinitions, shape: str, handler: str, called: str, closer: str
) -> None:
    """The execution is stopped while the handler is about to make the call; it is closed; then the handler makes it and goes on."""
    reshape(known, shape)
    closed: list[str] = []

    def die(now: str) -> None:
        if (walk.running[-1:], now) == ([handler], called) and not closed:
            closed.append(now)
            walk.kill()
            if closer == "watchdog inside":
                walk.quietly("Watchdog", walk.death())
            else:
                walk.quietly("Pulse", {})

    approval_for(handler, walk, world)
    world.failing = Intercept(die)
    done = walk.run({"experiment": "seed"})
    assert closed
    if done.status != "ABORTED":
        pytest.fail("the walk went on")
    world.failing = {}
    if closer == "watchdog inside" and handler not in {"Notify", "Release"}:  # nobody has come by since: it has undone what it did itself
        assert (world.alarms.alarms, world.faults.templates, world.locks.leases, world.locks.slot_leases) == ({}, {}, {}, {})
        assert {fis.status for fis in world.faults.active()} <= {"stopping"}
        if ID in world.records.items:
            told(world)
    walk.pulses(2)
    if handler == "Admit" and ID not in world.records.items:
        nothing_runs(world)
        return
    walk.pulses(2)
    nothing_is_left(world, twice=handler == "Notify")  # at least once: whoever closes it can't see what Notify is about to do
    walk.pulses(1)
    is_settled(world)


@pytest.mark.parametrize(("shape", "handler", "called"), CALLS)
def test_a_handler_that_dies_with_its_execution_after_any_call_leaves_nothing(
    walk: Walk, world: FakeWorld, known: DeployedDefinitions, shape: str, handler: str, called: str
) -> None:
    """What the call did is done; nobody hears of it: the answer is lost, and so are execution and event."""
    reshape(known, shape)

    class Frozen(BaseException):
        pass

    observed: list[str] = []

    def freeze(now: str) -> None:
        if observed and walk.running[-1:] == [handler]:
            raise Frozen
        if (walk.running[-1:], now) == ([handler], called):
            observed.append(now)

    approval_for(handler, walk, world)
    world.failing = Intercept(freeze)
    try:
        walk.run({"experiment": "seed"})
    except Frozen:
        world.workflow.executions[next(iter(world.workflow.executions))] = "ABORTED"
    assert observed
    world.failing = {}
    walk.pulses(2)
    if ID not in world.records.items:
        nothing_runs(world)
        return
    nothing_runs(world)
    walk.pulses(3)
    # at least once: died between sending and noting it
    nothing_is_left(world, twice=called in {"notifier.publish", "lifecycle.emit"})
    is_settled(world)


def test_a_fault_fis_does_not_list_yet_is_stopped_by_the_handler_that_started_it(walk: Walk, world: FakeWorld) -> None:
    """The run is closed right after StartExperiment; ListExperiments is behind, so the watchdog finds nothing to stop."""
    listed = world.faults.of_template, world.faults.of_execution

    def close() -> None:
        walk.kill()
        world.faults.of_template = lambda template_id: []  # type: ignore[method-assign]
        world.faults.of_execution = lambda stack, execution_id: []  # type: ignore[method-assign]
        walk.quietly("Watchdog", walk.death())
        world.faults.of_template, world.faults.of_execution = listed  # type: ignore[method-assign]

    walk.before["StartFault"] = lambda _: around(world, "faults.start", after=once(close))
    walk.run({"experiment": "seed"})
    assert [fis.status for fis in world.faults.active()] == ["stopping"]
    assert "late_start_stopped" in [event.event for event in record_of(world).events]
    walk.pulses(1)
    nothing_is_left(world)


def test_a_run_that_is_closed_right_before_the_start_ends_quietly(walk: Walk, world: FakeWorld) -> None:
    """The template is gone, and IAM denies reading what has no tags: that is no failure of StartFault."""

    def close() -> None:
        walk.kill()
        walk.quietly("Watchdog", walk.death())

    answers: list[dict[str, Any]] = []
    walk.before["StartFault"] = lambda _: around(world, "faults.template", before=once(close))
    walk.after["StartFault"] = answers.append
    walk.run({"experiment": "seed"})
    assert [answer["outcome"] for answer in answers] == ["end"]
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_the_reason_says_who_closed_it_and_why(walk: Walk, world: FakeWorld) -> None:
    done = run_dying_at(walk, world, "WatchFault")
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.closed_by == "watchdog"
    assert "ABORTED" in record.reason


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_an_execution_that_died_by_itself_is_failed(walk: Walk, world: FakeWorld, status: str) -> None:
    walk.enter["WatchFault"] = once(lambda: walk.kill(status))
    done = walk.run({"experiment": "seed"})
    walk.invoke("Watchdog", execution_event(done.arn, status, done.started_ms))
    assert status in ended(world, Status.FAILED, None, None).reason
    nothing_is_left(world)


def test_a_guard_had_fired_before_the_execution_died(walk: Walk, world: FakeWorld) -> None:
    def fire_and_die() -> None:
        world.alarms.set_state(f"squall-Squall-{ID}-1", "ALARM")
        walk.quietly("Pulse", {})
        walk.kill()

    walk.after["StartFault"] = lambda _: world.clock.after(100, fire_and_die)
    done = walk.run({"experiment": "seed"})
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    ended(world, Status.ABORTED, Verdict.ABORTED, False)
    nothing_is_left(world)


def test_an_execution_that_died_after_the_decision_keeps_it(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    experiment["target_resources"] = ["i-0000000000prod00"]
    walk.enter["StopFault"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    assert "staging" in ended(world, Status.REJECTED, None, None).reason
    nothing_is_left(world)


def test_a_closed_run_that_is_not_told_is_told_by_the_pulse(walk: Walk, world: FakeWorld) -> None:
    done = run_dying_at(walk, world, "WatchFault")
    world.failing["notifier.publish"] = unavailable("notifier.publish")
    walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    walk.pulses(5)
    nothing_runs(world)
    assert [record.id for record in world.records.open()] == [ID], "nobody would ever be told"
    world.failing.clear()
    walk.pulses(1)
    told(world)
    walk.pulses(1)
    is_settled(world)


@pytest.mark.parametrize(
    "broken",
    [
        "faults.delete_template",
        "faults.of_template",
        "faults.stop",
        "alarms.delete",
        "locks.release",
        "locks.release_slot",
        "faults.own_templates",
    ],
)
def test_what_the_closer_cannot_take_away_is_told_and_taken_away_later(walk: Walk, world: FakeWorld, broken: str) -> None:
    done = run_dying_at(walk, world, "WatchFault")
    fail_with = Intercept(lambda called: fail(called) if called == broken else None)
    world.failing = fail_with
    walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    walk.pulses(1)
    told(world)
    if not broken.startswith("locks."):
        assert "aws " in world.notifier.endings[0].body, "the command that does it by hand"
    if broken in {"faults.delete_template", "faults.stop", "faults.of_template"}:
        assert world.locks.leases, "nobody else may have the failure domain"
    if broken != "faults.stop":
        assert broken == "faults.of_template" or not world.faults.active(), "one thing that fails does not keep the others"
    world.failing = {}
    walk.pulses(2)
    nothing_is_left(world)
    walk.pulses(3)
    is_settled(world)


THE_TABLE = ("records", "locks", "halt_copy", "history", "sightings")


@pytest.mark.parametrize("broken", ["all of it", "its writes", "nothing but its reads"])
def test_a_dead_runs_fault_is_stopped_by_its_tags_when_the_table_is_broken(walk: Walk, world: FakeWorld, broken: str) -> None:
    """That it is dead stands in the event. A live execution's fault goes on."""
    done = run_dying_at(walk, world, "WatchFault")
    live = {"squall:stack": "Squall", "squall:execution": "run-2"}
    world.workflow.executions[done.arn.replace(ID, "run-2")] = "RUNNING"
    world.faults.start(world.faults.create_template({"tags": live}, "live"), "live", live)
    fails: dict[str, Callable[[str], bool]] = {
        "all of it": lambda _: True,
        "its writes": lambda entry: entry != "records.get",
        "nothing but its reads": lambda entry: entry == "records.get",
    }

    def ask(called: str) -> None:
        if called.partition(".")[0] in THE_TABLE and fails[broken](called):
            fail(called)

    world.failing = Intercept(ask)
    walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    assert "raised:Watchdog:Unavailable" in world.calls, "nobody would be told"
    assert {fis.tags["squall:execution"]: fis.status for fis in world.faults.active()} == {ID: "stopping", "run-2": "initiating"}
    assert {template.execution_id for template in world.faults.own_templates("Squall")} == {"run-2"}
    world.failing = {}
    walk.pulses(1)
    told(world)


@pytest.mark.parametrize("broken", ["all of it", "its index", "its records"])
def test_the_pulse_stops_a_dead_runs_fault_by_its_tags_when_the_table_is_broken(walk: Walk, world: FakeWorld, broken: str) -> None:
    """The event was lost, too: that it is dead says Step Functions. What it calls running, or does not know, goes on."""
    done = run_dying_at(walk, world, "WatchFault")
    for other in ("run-2", "run-3"):
        tags = {"squall:stack": "Squall", "squall:execution": other}
        world.faults.start(world.faults.create_template({"tags": tags}, other), other, tags)
    world.workflow.executions[done.arn.replace(ID, "run-2")] = "RUNNING"
    names = {"all of it": THE_TABLE, "its index": ("records.open_ids",), "its records": ("records.get",)}[broken]

    def ask(called: str) -> None:
        if called in names or called.partition(".")[0] in names:
            fail(called)

    world.failing = Intercept(ask)
    walk.quietly("Pulse", TICK)
    assert "raised:Pulse:ExceptionGroup" in world.calls, "nobody would be told"
    others = {"run-2": "initiating", "run-3": "initiating"}
    assert {fis.tags["squall:execution"]: fis.status for fis in world.faults.active()} == {ID: "stopping", **others}
    assert {template.execution_id for template in world.faults.own_templates("Squall")} == set(others)
    world.failing = {}
    walk.pulses(1)
    told(world)


@pytest.mark.parametrize("name", ["../../etc", "a.b", "x" * 80])
def test_an_execution_that_died_before_it_was_admitted_gets_a_legal_record(walk: Walk, world: FakeWorld, name: str) -> None:
    walk.enter["Admit"] = once(walk.kill)
    done = walk.run({"experiment": "seed"}, name)
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    (execution_id,) = world.records.items
    assert all(character.isalnum() or character in "-_" for character in execution_id)
    nothing_is_left(world, execution_id)


def test_a_name_used_again_does_not_close_its_first_owner(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    first = record_of(world)
    walk.enter["Admit"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    assert record_of(world) == first
    (second,) = set(world.records.items) - {ID}
    nothing_is_left(world, second)


def test_one_poisoned_run_does_not_keep_the_pulse_from_the_others(walk: Walk, world: FakeWorld) -> None:
    walk.enter["WatchFault"] = once(walk.kill)
    walk.run({"experiment": "seed"}, "a-poisoned")
    world.documents.files["results/a-poisoned/definition.json"] = "{"
    walk.pulse = False
    world.workflow.executions[next(iter(world.workflow.executions))] = "RUNNING"
    world.locks.leases.clear()
    for run in list(world.faults.runs):
        world.faults.stop(run)
    world.clock.advance(60)
    walk.enter["WatchFault"] = once(walk.kill)
    walk.run({"experiment": "seed"}, "b-healthy")
    walk.pulses(2)
    assert record_of(world, "b-healthy").final
