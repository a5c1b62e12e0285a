"""Waiting for one of FIS's slots: first come, first served, as long as the run would still be allowed to start."""

from datetime import timedelta

from squall.application.safety.checks import check
from squall.application.step import END, NEXT, Outcome, Step, wait
from squall.domain.run.queue import Room, room, wait_seconds
from squall.domain.run.timeline import EventName
from squall.domain.vocabulary import CheckOutcome, Status

NAMED = 3
"""How many of those ahead a sentence names."""


def take_turn(step: Step) -> Outcome:
    """Join the queue (again: that renews the ticket), and take a slot if there are more free ones than others ahead."""
    since, until = step.record.phase_since or step.now, step.now + _lease(step)
    step.w.locks.join(step.run.id, since, until)
    line = step.w.locks.line()
    found = room(line, step.w.faults.active(), step.w.settings.stack, step.run.id, step.now)
    ahead = line.ahead_of(step.run.id, step.now)
    if len(ahead) < found.free or step.run.id in line.holders(step.now).values():
        slot = step.w.locks.acquire_slot(step.run.id, until, step.now, found.limit)
        if slot is not None:
            step.w.locks.leave(step.run.id, since)
            return _taken(step, slot)
    if why := _must_leave(step, ahead, found):
        step.w.locks.leave(step.run.id, since)
        return step.reject(why)
    if step.record.status is not Status.QUEUED:
        said = f"position {len(ahead) + 1}{_behind(ahead)}; {found}"
        step.note(EventName.QUEUED, said, status=Status.QUEUED)
        step.announce(f"queued: {said}")
    step.w.locks.renew(step.discovery.failure_domains, step.run.id, until)
    return wait(seconds_until_next_look(step, step.elapsed))


def seconds_until_next_look(step: Step, waited: timedelta) -> float:
    """Seconds."""
    timing = step.definition.environment.timing
    return wait_seconds(waited, timing.poll_seconds, timing.lease_seconds)


def _lease(step: Step) -> timedelta:
    return timedelta(seconds=step.definition.environment.timing.lease_seconds)


def _taken(step: Step, slot: int) -> Outcome:
    queued = step.record.status is Status.QUEUED
    if not step.note(EventName.SLOT_TAKEN, str(slot), slot=slot, status=Status.RUNNING):  # closed meanwhile
        step.w.locks.release_slot(slot, step.run.id)
        return END
    if queued:
        step.announce("left the queue: a FIS slot is free")
    return NEXT


def _must_leave(step: Step, ahead: tuple[str, ...], found: Room) -> str:
    """Why this one may not wait, or not any longer; or nothing."""
    environment = step.definition.environment
    if step.record.status is not Status.QUEUED:
        if len(ahead) < environment.maximum_queued:
            return ""
        return f"no place in the queue: {len(ahead)} wait{_behind(ahead)}, {environment.name} allows {environment.maximum_queued}; {found}"
    if step.elapsed > timedelta(seconds=environment.timing.slot_wait_seconds):
        return f"no free FIS experiment slot in {environment.timing.slot_wait_seconds} s; {found}"
    safety = check(step, final=False)
    # What could not be asked this time is asked again: nothing starts before FinalCheck has asked everything.
    failed = [one for one in safety.failures if one.outcome is CheckOutcome.FAILED]
    if not failed:
        return ""
    step.put(safety)
    return ("while it waited for a FIS slot: " + "; ".join(f"{one.name}: {one.detail}" for one in failed))[:2000]


def _behind(ahead: tuple[str, ...]) -> str:
    if not ahead:
        return ""
    more = f" and {len(ahead) - NAMED} more" if len(ahead) > NAMED else ""
    return f", behind {', '.join(ahead[:NAMED])}{more}"
