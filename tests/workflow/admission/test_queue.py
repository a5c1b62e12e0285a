"""FIS's slots: executions queue for them in order, bounded, and leave the queue when they are aborted, killed or not allowed any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome, Status, Verdict
from squall.domain.run.queue import LONGEST_WAIT_SECONDS
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, Intercept, ended, fail, is_settled, nothing_is_left, once, record_of, result_of
from tests.workflow.rig import environment
from tests.workflow.walk import Walk

HOURS = timedelta(hours=1)
WAIT = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT2H"}}


def take_all(world: FakeWorld, count: int = 5) -> None:
    until = world.clock.now() + 24 * HOURS
    assert [world.locks.acquire_slot(f"holder-{n}", until, world.clock.now(), 5) for n in range(count)] == list(range(count))


def give_back(world: FakeWorld, *slots: int) -> None:
    for slot in slots:
        world.locks.release_slot(slot, f"holder-{slot}")


def give_all_back(world: FakeWorld) -> None:
    give_back(world, *range(5))


def queue_up(world: FakeWorld, name: str, *, minutes_ago: int = 5, lives: timedelta = 24 * HOURS) -> Callable[[], None]:
    """Somebody in the queue; returns how to leave it."""
    since = world.clock.now() - timedelta(minutes=minutes_ago)
    world.locks.join(name, since, world.clock.now() + lives)
    return lambda: world.locks.leave(name, since)


def experiment_of(world: FakeWorld, name: str, tags: dict[str, str]) -> str:
    """A FIS experiment that no slot of ours stands for."""
    world.faults.templates[name] = {"tags": {}, "actions": {"wait": WAIT}}
    return world.faults.start(name, name, tags).id


def queued_for(world: FakeWorld) -> float:
    events = {str(event.event): event.at for event in record_of(world).events}
    return (events["slot_taken"] - events["queued"]).total_seconds()


def test_a_run_queues_until_a_slot_is_free_and_says_so(walk: Walk, world: FakeWorld) -> None:
    take_all(world)
    observed: list[Status] = []
    world.clock.after(200, lambda: observed.append(record_of(world).status))
    world.clock.after(300, lambda: give_all_back(world))
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert observed == [Status.QUEUED]
    assert 290 <= queued_for(world) <= 300 + LONGEST_WAIT_SECONDS
    matching_events = [reason for record, reason in world.lifecycle.events if record.status is Status.QUEUED]
    assert matching_events == ["queued: position 1; 5 of FIS's 5 experiment slots are taken"]
    assert [record.status for record, reason in world.lifecycle.events if "left the queue" in reason] == [Status.RUNNING]
    nothing_is_left(world)
    is_settled(world)


def test_first_come_first_served(walk: Walk, world: FakeWorld) -> None:
    """One slot gets free, and somebody was there before: it is theirs. The next one is ours."""
    take_all(world)
    leave = queue_up(world, "early")
    world.clock.after(100, lambda: give_back(world, 0))
    world.clock.after(400, leave)
    world.clock.after(400, lambda: give_all_back(world))
    walk.run({"experiment": "seed"})
    assert 390 <= queued_for(world) <= 400 + LONGEST_WAIT_SECONDS
    queued = next(event for event in record_of(world).events if event.event == "queued")
    assert queued.detail.startswith("position 2, behind early;")
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_who_comes_with_a_slot_free_for_everybody_ahead_does_not_wait(walk: Walk, world: FakeWorld) -> None:
    take_all(world, 3)
    leave = queue_up(world, "early")
    walk.after["AcquireSlot"] = lambda _: leave()
    walk.run({"experiment": "seed"})
    assert "queued" not in [event.event for event in record_of(world).events]
    give_all_back(world)
    nothing_is_left(world)


def test_a_dead_one_ahead_is_passed_over_when_its_ticket_runs_out(walk: Walk, world: FakeWorld) -> None:
    take_all(world, 4)
    queue_up(world, "dead", lives=timedelta(minutes=4))
    walk.run({"experiment": "seed"})
    assert 230 <= queued_for(world) <= 240 + LONGEST_WAIT_SECONDS
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_full_queue_refuses_with_a_sentence(walk: Walk, world: FakeWorld, known: Any) -> None:
    known.environments["staging"] = environment("staging", maximum_queued=4)
    take_all(world)
    leaving = [queue_up(world, f"early-{n}", minutes_ago=9 - n) for n in range(4)]
    walk.run({"experiment": "seed"})
    record = ended(world, Status.REJECTED, None, None)
    assert record.reason.startswith("no place in the queue: 4 wait, behind early-0, early-1, early-2 and 1 more, staging allows 4; 5 of")
    for leave in leaving:
        leave()
    give_all_back(world)
    nothing_is_left(world)


def test_nobody_waits_where_the_policy_says_so(walk: Walk, world: FakeWorld, known: Any) -> None:
    known.environments["staging"] = environment("staging", maximum_queued=0)
    take_all(world)
    walk.run({"experiment": "seed"})
    assert "no place in the queue: 0 wait, staging allows 0" in ended(world, Status.REJECTED, None, None).reason


def test_a_run_leaves_the_queue_when_its_window_closes(walk: Walk, world: FakeWorld, known: Any) -> None:
    hours = {"timezone": "UTC", "start_hour": 11, "end_hour": 12}
    known.environments["staging"] = environment("staging", closed_hours=hours)
    world.clock.advance(900)
    take_all(world)
    walk.run({"experiment": "seed"})
    record = ended(world, Status.REJECTED, None, None)
    assert record.reason.startswith("while it waited for a FIS slot: ")
    assert "closed at 2030-01-07 11:00 UTC" in record.reason
    assert record.ended_at is not None
    assert record.ended_at < record.started_at + timedelta(minutes=25), "not only when its time in the queue is over"
    failed = [check.name for check in result_of(world).safety_checks if check.outcome is CheckOutcome.FAILED]
    assert failed, "the result shows what it failed by"
    give_all_back(world)
    nothing_is_left(world)


def test_what_cannot_be_asked_for_a_while_does_not_cost_the_place(walk: Walk, world: FakeWorld) -> None:
    take_all(world)

    def broken(called: str) -> None:
        waiting = walk.running[-1:] == ["AcquireSlot"] and record_of(world).status is Status.QUEUED
        if called == "halt_flag.get" and waiting:
            fail(called)

    world.failing = Intercept(broken)
    world.clock.after(200, lambda: give_all_back(world))
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_an_abort_takes_a_run_out_of_the_queue(walk: Walk, world: FakeWorld) -> None:
    take_all(world)
    payload = {"execution_id": ID, "reason": "too long", "requested_by": "ops"}
    world.clock.after(200, lambda: walk.invoke("Abort", payload))
    walk.run({"experiment": "seed"})
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.ended_at is not None
    assert record.ended_at < record.started_at + timedelta(seconds=210 + LONGEST_WAIT_SECONDS)
    assert world.faults.runs == {}
    give_all_back(world)
    nothing_is_left(world)


def test_killed_in_the_queue_it_leaves_no_ticket(walk: Walk, world: FakeWorld) -> None:
    take_all(world)
    walk.enter["WaitForSlot"] = once(walk.kill)
    walk.run({"experiment": "seed"})
    assert world.locks.line().waiting(world.clock.now()) == (ID,)
    walk.pulses(4)
    give_all_back(world)
    nothing_is_left(world)
    is_settled(world)


def test_closed_while_it_took_the_slot_it_keeps_nothing(walk: Walk, world: FakeWorld) -> None:
    def close() -> None:
        if walk.running[-1:] == ["AcquireSlot"]:
            walk.kill()
            walk.quietly("Watchdog", walk.death())

    closing = once(close)
    world.failing = Intercept(lambda called: closing() if called == "locks.acquire_slot" else None)
    walk.run({"experiment": "seed"})
    nothing_is_left(world)


@pytest.mark.parametrize("tags", [{}, {"squall:stack": "Squall", "squall:execution": "lost-its-slot"}])
def test_whatever_fis_lists_takes_a_slot(walk: Walk, world: FakeWorld, tags: dict[str, str]) -> None:
    """Experiments of others, and of ours one whose lease has run out."""
    take_all(world, 3)
    first = experiment_of(world, "T-1", tags)
    experiment_of(world, "T-2", {})
    world.clock.after(150, lambda: world.faults._end(first, "completed", {"running"}))
    walk.run({"experiment": "seed"})
    assert 140 <= queued_for(world) <= 150 + LONGEST_WAIT_SECONDS
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_waiting_its_whole_time_costs_few_transitions(walk: Walk, world: FakeWorld) -> None:
    take_all(world)
    done = walk.run({"experiment": "seed"})
    record = ended(world, Status.REJECTED, None, None)
    assert record.reason == "no free FIS experiment slot in 1800 s; 5 of FIS's 5 experiment slots are taken"
    assert done.states.count("WaitForSlot") < 50
    give_all_back(world)
    nothing_is_left(world)


def test_the_lock_is_kept_while_it_queues(walk: Walk, world: FakeWorld) -> None:
    take_all(world)
    walk.pulse = False  # nobody else renews it
    world.clock.after(900, lambda: give_all_back(world))
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_slot_that_fis_does_not_honour_is_waited_for_as_queued(walk: Walk, world: FakeWorld) -> None:
    """Others were quicker between our look and the start."""
    observed: list[Status] = []

    def full() -> None:
        world.faults.limit = 0
        world.clock.after(100, lambda: observed.append(record_of(world).status))
        world.clock.after(120, lambda: setattr(world.faults, "limit", 5))

    start = once(full)
    walk.before["StartFault"] = lambda _: start()
    walk.run({"experiment": "seed"})
    record = ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert observed == [Status.QUEUED]
    assert record.fault_started_at is not None
    nothing_is_left(world)
