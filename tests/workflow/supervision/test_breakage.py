"""Every handler, and every call of every handler, that fails: the run is recorded and told, or FAILED and then closed by the watchdog."""

from __future__ import annotations

import pytest

from squall.application.admission.deployed import DeployedDefinitions
from squall.domain.base.vocabulary import Status, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import (
    ID,
    Intercept,
    ended,
    fail,
    is_settled,
    nothing_is_left,
    nothing_runs,
    once,
    record_of,
    result_of,
)
from tests.workflow.supervision.test_deaths import CALLS, reshape
from tests.workflow.voting import approval_for
from tests.workflow.walk import OF_PARTS, Walk, Walked, every_state

HANDLERS = [
    state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("FunctionArn}")
    for name, state in every_state().items()
    if state["Type"] == "Task" and name not in {"ReleaseUnrecorded", *OF_PARTS}
]
HARMLESS = {
    ("FinalCheck", "locks.renew"),  # the pulse may be renewing: what counts is the lease there is
    ("AskApproval", "lifecycle.emit"),
    ("ObserveApproval", "lifecycle.emit"),
}
CLOSING = {"StopFault", "VerifyRollback", "WatchRecovery", "Compare", "Judge", "Record", "Notify", "Release"}


def watchdog(walk: Walk, done: Walked) -> None:
    if done.status != "SUCCEEDED":
        walk.before.clear()
        walk.invoke("Watchdog", execution_event(done.arn, done.status, done.started_ms))


def all_is_over(walk: Walk, world: FakeWorld, done: Walked) -> None:
    watchdog(walk, done)
    if ID not in world.records.items:
        nothing_runs(world)
        return
    nothing_is_left(world)
    walk.pulses(4)
    nothing_is_left(world)
    is_settled(world)


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_that_never_works(walk: Walk, world: FakeWorld, handler: str) -> None:
    approval_for(handler, walk, world)
    walk.before[handler] = lambda _: fail(handler)
    done = walk.run({"experiment": "seed"})
    all_is_over(walk, world, done)
    record = record_of(world)
    if handler in {"Compare", "Notify", "Release"}:
        ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    else:
        ended(world, Status.FAILED, None, None)
        assert record.reason.startswith("Squall failed")
    if handler in HANDLERS[: HANDLERS.index("StartFault") + 1]:
        assert world.faults.runs == {}


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_that_fails_once_is_tried_again(walk: Walk, world: FakeWorld, handler: str) -> None:
    approval_for(handler, walk, world)
    broken = once(lambda: fail(handler))
    walk.before[handler] = lambda _: broken()
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    all_is_over(walk, world, done)


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_whose_answer_is_lost_once_is_tried_again(walk: Walk, world: FakeWorld, handler: str) -> None:
    """It did everything, then timed out or its answer was lost: doing it again changes nothing."""
    approval_for(handler, walk, world)
    broken = once(lambda: fail(handler))
    walk.after[handler] = lambda _: broken()
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert len(world.faults.runs) == 1
    all_is_over(walk, world, done)


@pytest.mark.parametrize(("shape", "handler", "called"), CALLS)
@pytest.mark.parametrize("times", ["always", pytest.param("once", marks=pytest.mark.soak)])
def test_a_call_that_fails(
    walk: Walk, world: FakeWorld, known: DeployedDefinitions, shape: str, handler: str, called: str, times: str
) -> None:
    reshape(known, shape)
    failed: list[str] = []

    def break_it(now: str) -> None:
        if (walk.running[-1:], now) == ([handler], called) and (times == "always" or not failed):
            failed.append(now)
            fail(called)

    approval_for(handler, walk, world)
    world.failing = Intercept(break_it)
    done = walk.run({"experiment": "seed"})
    assert failed
    world.failing = {}
    if times == "once":
        assert done.status == "SUCCEEDED"
    watchdog(walk, done)
    if ID not in world.records.items:
        nothing_runs(world)
        return
    walk.pulses(3)
    walk.pulses(2)
    nothing_is_left(world, twice=(handler, called) == ("Notify", "records.append"))
    is_settled(world)
    record = record_of(world)
    before_fault = handler in HANDLERS[: HANDLERS.index("StartFault")] and (handler, called) not in HARMLESS
    if times == "always" and before_fault:
        assert world.faults.runs == {}
        assert record.verdict is not Verdict.VALIDATED
    if times == "always" and record.status is Status.COMPLETED:
        assert record.verdict in {Verdict.VALIDATED, Verdict.INVALID}


def test_stop_fault_works_at_last(walk: Walk, world: FakeWorld) -> None:
    calls = []

    def thrice(_: object) -> None:
        calls.append(1)
        if len(calls) <= 3:
            fail("StopFault")

    walk.before["StopFault"] = thrice
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    all_is_over(walk, world, done)


def test_stop_fault_stops_although_the_template_cannot_be_deleted(walk: Walk, world: FakeWorld) -> None:
    def break_it(now: str) -> None:
        if walk.running[-1:] == ["StopFault"] and now == "faults.delete_template":
            fail(now)

    world.failing = Intercept(break_it)
    stopped: list[str] = []
    walk.before["StopFault"] = lambda _: None
    walk.after["StartFault"] = lambda _: world.clock.after(100, lambda: fail_watch(walk))
    world.faults.listeners.append(lambda fis: stopped.append(walk.running[-1]) if fis.status == "stopping" else None)
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    assert stopped == ["StopFault"]
    ended(world, Status.FAILED, None, None)
    all_is_over(walk, world, done)


def fail_watch(walk: Walk) -> None:
    """Wake the workflow so that ObserveFault fails, as Squall itself failing during the fault."""
    walk.before["ObserveFault"] = lambda _: fail("ObserveFault")
    walk.world.workflow.tokens.clear()


def test_a_fault_that_cannot_be_stopped_is_told_with_the_command_that_does_it(walk: Walk, world: FakeWorld) -> None:
    """FIS refuses every StopExperiment while the workflow ends; people are told; the lock stays; the pulse gets it in the end."""

    def break_it(now: str) -> None:
        if now == "faults.stop":
            fail(now)

    world.failing = Intercept(break_it)
    world.faults.listeners.clear()
    walk.pulse = False
    walk.after["StartFault"] = lambda _: world.clock.after(100, lambda: fail_watch(walk))
    walk.run({"experiment": "seed"})
    assert len(world.faults.active()) == 1
    assert any("aws fis stop-experiment" in message.body for message in world.notifier.sent)
    assert world.locks.leases, "nobody else may have the failure domain while it runs"
    world.failing = {}
    walk.pulses(2)
    nothing_runs(world)
    walk.pulses(2)
    is_settled(world)


@pytest.mark.parametrize("broken", ["documents.put", "documents.get", "records.finish"])
def test_record_failing_ends_failed_and_the_watchdog_tells_the_truth(walk: Walk, world: FakeWorld, broken: str) -> None:
    def break_it(now: str) -> None:
        if walk.running[-1:] == ["Record"] and now == broken:
            fail(now)

    world.failing = Intercept(break_it)
    done = walk.run({"experiment": "seed"})
    assert (done.status, done.error) == ("FAILED", "Squall.NotRecorded")
    nothing_runs(world)
    assert not record_of(world).final
    world.failing = {}
    walk.invoke("Watchdog", execution_event(done.arn, "FAILED", done.started_ms))
    ended(world, Status.FAILED, None, None)
    assert result_of(world).status is Status.FAILED
    all_is_over(walk, world, done)


def test_people_hear_when_machines_cannot(walk: Walk, world: FakeWorld) -> None:
    def break_it(now: str) -> None:
        if walk.running[-1:] == ["Notify"] and now == "lifecycle.emit":
            fail(now)

    world.failing = Intercept(break_it)
    done = walk.run({"experiment": "seed"})
    assert done.status == "FAILED"
    assert len(world.notifier.endings) == 1, "once, however often the rest is tried"
    assert [record.id for record in world.records.open()] == [ID], "machines have not heard"
    world.failing = {}
    walk.pulses(3)
    all_is_over(walk, world, done)


def test_fis_that_refuses_to_start_is_failed_with_its_words(walk: Walk, world: FakeWorld) -> None:
    world.faults.limit = 0
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    assert "ServiceQuotaExceededException" in ended(world, Status.FAILED, None, None).reason
    all_is_over(walk, world, done)


def test_a_foreign_alarm_of_a_guards_name_is_not_touched(walk: Walk, world: FakeWorld) -> None:
    from tests.fakes.monitoring import FakeAlarm  # noqa: PLC0415

    name = f"squall-Squall-{ID}-1"
    world.alarms.alarms[name] = FakeAlarm(name, "OK", world.clock.now(), tags={"squall:stack": "Other"})
    walk.run({"experiment": "seed"})
    assert world.faults.runs == {}
    assert name in world.alarms.alarms, "a guard of somebody else's was deleted"
    assert name in ended(world, Status.REJECTED, None, None).reason


def test_guards_that_never_have_data_are_invalid(walk: Walk, world: FakeWorld) -> None:
    world.alarms.arming_seconds = None
    done = walk.run({"experiment": "seed"})
    assert "guards were not OK" in ended(world, Status.COMPLETED, Verdict.INVALID, None).reason
    assert world.faults.runs == {}
    all_is_over(walk, world, done)


def test_a_fault_that_fis_does_not_end_is_given_up_told_and_swept(walk: Walk, world: FakeWorld) -> None:
    world.faults.stop_seconds = 3000
    walk.after["StartFault"] = lambda _: world.clock.after(100, lambda: walk.quietly("Abort", {"execution_id": ID}))
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    assert world.faults.active()
    assert any("NOT CLEANED UP" in message.subject for message in world.notifier.sent)
    assert world.locks.leases
    world.clock.advance(3000)
    walk.pulses(2)
    nothing_runs(world)
    is_settled(world)
