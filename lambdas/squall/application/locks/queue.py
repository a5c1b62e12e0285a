"""Takes one of FIS's experiment slots, or waits for one: first come, first served, while the run may still start."""

from datetime import timedelta

from squall.application.safety.checks import run_checks
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.domain.base.vocabulary import CheckOutcome, Status
from squall.domain.documents.safety import Safety
from squall.domain.run.queue import Room, measure_room, wait_seconds
from squall.domain.run.timeline import EventName

NAMED = 3
"""How many of the executions ahead a sentence names."""


def take_turn(step: Step) -> Outcome:
    """Join the queue, or renew the ticket, and take a slot if more slots are free than executions are ahead."""
    since, until = step.record.phase_since or step.now, step.now + _lease_length(step)
    step.w.locks.join(step.run.id, since, until)
    line = step.w.locks.line()
    available = measure_room(line, step.w.faults.active(), step.w.settings.stack, step.run.id, step.now)
    ahead = line.ahead_of(step.run.id, step.now)
    if len(ahead) < available.free or step.run.id in line.holders(step.now).values():
        slot = step.w.locks.acquire_slot(step.run.id, until, step.now, available.limit)
        if slot is not None:
            step.w.locks.leave(step.run.id, since)
            return _record_slot(step, slot)
    if why := _why_leave(step, ahead, available):
        step.w.locks.leave(step.run.id, since)
        return step.reject(why)
    if step.record.status is not Status.QUEUED:
        position = f"position {len(ahead) + 1}{_describe_queue(ahead)}; {available}"
        step.note(EventName.QUEUED, position, status=Status.QUEUED)
        step.announce(f"queued: {position}")
    step.w.locks.renew(step.discovery.failure_domains, step.run.id, until)
    return wait_for(seconds_until_next_look(step, step.elapsed))


def seconds_until_next_look(step: Step, waited: timedelta) -> float:
    """The seconds until the next look. `waited` is the time in the queue so far."""
    timing = step.definition.environment.timing
    return wait_seconds(waited, timing.poll_seconds, timing.lease_seconds)


def _lease_length(step: Step) -> timedelta:
    return timedelta(seconds=step.definition.environment.timing.lease_seconds)


def _record_slot(step: Step, slot: int) -> Outcome:
    queued = step.record.status is Status.QUEUED
    if not step.note(EventName.SLOT_TAKEN, str(slot), slot=slot, status=Status.RUNNING):  # closed meanwhile
        step.w.locks.release_slot(slot, step.run.id)
        return END
    if queued:
        step.announce("left the queue: a FIS slot is free")
    return NEXT


def _why_leave(step: Step, ahead: tuple[str, ...], available: Room) -> str:
    """The reason why the run may not wait any longer; empty if it may."""
    environment = step.definition.environment
    if step.record.status is not Status.QUEUED:
        if len(ahead) < environment.maximum_queued:
            return ""
        waiting = f"{len(ahead)} wait{_describe_queue(ahead)}"
        return f"no place in the queue: {waiting}, {environment.name} allows {environment.maximum_queued}; {available}"
    if step.elapsed > timedelta(seconds=environment.timing.slot_wait_seconds):
        return f"no free FIS experiment slot in {environment.timing.slot_wait_seconds} s; {available}"
    safety = run_checks(step, final=False, false_aborts=step.need(Safety).false_aborts)
    # A check that could not be evaluated now is evaluated again: nothing starts before FinalCheck has evaluated every
    # check.
    failed = [failure for failure in safety.failures if failure.outcome is CheckOutcome.FAILED]
    if not failed:
        return ""
    step.put(safety)
    return ("while it waited for a FIS slot: " + "; ".join(f"{failure.name}: {failure.detail}" for failure in failed))[:2000]


def _describe_queue(ahead: tuple[str, ...]) -> str:
    if not ahead:
        return ""
    more = f" and {len(ahead) - NAMED} more" if len(ahead) > NAMED else ""
    return f", behind {', '.join(ahead[:NAMED])}{more}"
