"""AcquireLock: lease the failure domains, all or none. A dead holder's run is closed before its lock is taken."""

from datetime import timedelta

from squall.application.step import END, NEXT, Outcome, Step, step
from squall.application.supervision import close
from squall.domain.run.aws_state import Held

FIS_STOPS_WITHIN = 40
"""Seconds to wait for `stopped` of a dead holder's fault (about 30 s on AWS); the state's own limit is 60."""


@step("AcquireLock")
def handler(step: Step) -> Outcome:
    domains = step.discovery.failure_domains
    if not step.note("locking", ", ".join(domains), lock_keys=domains):
        return END
    held = _acquire(step, domains)
    for _ in domains:  # each may have been left by another
        if held is None or not held.expired:
            break
        reason = f"its lease on {held.key} ran out"
        left = close.close(step.w, held.holder, by="AcquireLock", reason=reason, wait_seconds=FIS_STOPS_WITHIN)
        if left:
            what = "; ".join(one.what for one in left)
            return step.reject(f"{held.key} was left by execution {held.holder}, of which there still is: {what}")
        step.w.locks.release(domains, held.holder)
        held = _acquire(step, domains)
    if held is not None:
        return step.reject(f"{held.key} is locked by execution {held.holder} until {held.until:%Y-%m-%d %H:%M:%S} UTC")
    if not step.note("locked", ", ".join(domains)):  # closed meanwhile
        step.w.locks.release(domains, step.run.id)
        return END
    return NEXT


def _acquire(step: Step, domains: tuple[str, ...]) -> Held | None:
    now = step.w.clock.now()
    lease = timedelta(seconds=step.definition.environment.timing.lease_seconds)
    return step.w.locks.acquire(domains, step.run.id, now + lease, now)
