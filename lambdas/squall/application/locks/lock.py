"""Leases all failure domains of a run, or none. If the current holder is no longer running, its run is closed first."""

from datetime import timedelta

from squall.application.step import END, NEXT, Outcome, Step
from squall.application.supervision.close import FIS_STOPS_WITHIN_SECONDS, close_run
from squall.domain.run.lock import Held
from squall.domain.run.timeline import EventName


def acquire_lock(step: Step) -> Outcome:
    """Record which failure domains the run locks, then lock them. Reject the run if another holds one of them."""
    domains = step.discovery.failure_domains
    if not step.note(EventName.LOCKING, ", ".join(domains), lock_keys=domains):
        return END
    held = _acquire_domains(step, domains)
    for _ in domains:  # each domain may have been left by a different execution
        if held is None or not held.expired:
            break
        reason = f"its lease on {held.key} ran out"
        leftovers = close_run(step.w, held.holder, by="AcquireLock", reason=reason, wait_seconds=FIS_STOPS_WITHIN_SECONDS)
        if leftovers:
            remaining = "; ".join(leftover.description for leftover in leftovers)
            return step.reject(f"{held.key} was left by execution {held.holder}, which still has: {remaining}")
        step.w.locks.release(domains, held.holder)
        held = _acquire_domains(step, domains)
    if held is not None:
        return step.reject(f"{held.key} is locked by execution {held.holder} until {held.until:%Y-%m-%d %H:%M:%S} UTC")
    if not step.note(EventName.LOCKED, ", ".join(domains)):  # closed meanwhile
        step.w.locks.release(domains, step.run.id)
        return END
    return NEXT


def _acquire_domains(step: Step, domains: tuple[str, ...]) -> Held | None:
    now = step.w.clock.now()
    lease = timedelta(seconds=step.definition.environment.timing.lease_seconds)
    return step.w.locks.acquire(domains, step.run.id, now + lease, now)
