"""ObserveFault: whatever woke the workflow, look at the record and at FIS, and say whether the fault is over."""

from datetime import timedelta

from squall.application.step import NEXT, Outcome, Step, step, wait
from squall.domain.record import ExecutionRecord
from squall.handlers.start_fault import GRACE_SECONDS


@step("ObserveFault", watching=True)
def handler(step: Step) -> Outcome:
    step.w.records.clear_token(step.run.id, step.record.token_generation)
    if must_end(step, step.record):
        return NEXT
    return wait(_remaining(step, step.record).total_seconds())


def must_end(step: Step, record: ExecutionRecord) -> bool:
    """Whether the fault is over or has to be: aborted, ended in FIS, unknown to FIS, or past its time."""
    if record.final or record.abort is not None or record.fis_experiment_id is None:
        return True
    fis = step.w.faults.get(record.fis_experiment_id)
    return fis is None or fis.terminal or _remaining(step, record) <= timedelta(0)


def _remaining(step: Step, record: ExecutionRecord) -> timedelta:
    started = record.fault_started_at or step.now
    return started + timedelta(seconds=record.fault_seconds + GRACE_SECONDS) - step.w.clock.now()
