"""AcquireSlot: FIS runs five experiments at a time, ours and others'. Wait for a free one, bounded."""

from datetime import timedelta

from squall.application.step import END, NEXT, Outcome, Step, step, wait
from squall.domain.vocabulary import Status

FIS_ACTIVE_EXPERIMENTS = 5
"""Default quota of active experiments per account and Region (AWS FIS quotas)."""


@step("AcquireSlot")
def handler(step: Step) -> Outcome:
    timing = step.definition.environment.timing
    now = step.w.clock.now()
    others = [fis for fis in step.w.faults.active() if fis.tags.get("squall:stack") != step.w.settings.stack]
    lease = now + timedelta(seconds=timing.lease_seconds)
    slot = step.w.locks.acquire_slot(step.run.id, lease, now, max(0, FIS_ACTIVE_EXPERIMENTS - len(others)))
    if slot is not None:
        if not step.note("slot_taken", str(slot), slot=slot, status=Status.RUNNING):  # closed meanwhile
            step.w.locks.release_slot(slot, step.run.id)
            return END
        return NEXT
    if step.elapsed > timedelta(seconds=timing.slot_wait_seconds):
        return step.reject(f"no free FIS experiment slot in {timing.slot_wait_seconds} s ({len(others)} of 5 are used outside this stack)")
    if step.record.status is not Status.QUEUED:
        step.note("queued", "all FIS experiment slots are taken", status=Status.QUEUED)
    step.w.locks.renew(step.discovery.failure_domains, step.run.id, lease)
    return wait(timing.poll_seconds)
