"""When a fault is over, or has to be: asked by the watcher, the observer, and nobody's callback."""

from datetime import timedelta

from squall.application.step import Step
from squall.domain.record import ExecutionRecord

GRACE_SECONDS = 180
"""How much longer than the fault the FIS experiment may take: a minute of slack in the action itself (dispatch, dependencies), and two
for FIS to resolve targets, start and complete. After that Squall stops it; that is no abort, the fault has had its time."""


def must_end(step: Step, record: ExecutionRecord) -> bool:
    """Whether the fault is over or has to be: aborted, ended in FIS, unknown to FIS, or past its time."""
    if record.final or record.abort is not None or record.fis_experiment_id is None:
        return True
    fis = step.w.faults.get(record.fis_experiment_id)
    return fis is None or fis.terminal or remaining(step, record) <= timedelta(0)


def remaining(step: Step, record: ExecutionRecord) -> timedelta:
    """How long the fault may still last before it is stopped for being overdue."""
    started = record.fault_started_at or step.now
    return started + timedelta(seconds=record.fault_seconds + GRACE_SECONDS) - step.w.clock.now()
