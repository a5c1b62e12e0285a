"""When a fault is over, or has to be: asked by the watcher, the observer, and nobody's callback."""

from datetime import timedelta

from squall.application.recovery.rollback_report import commands_of, fault_of
from squall.application.step import Step
from squall.domain.run.record import ExecutionRecord

GRACE_SECONDS = 180
"""How much longer than the fault the FIS experiment may take: a minute of slack in the action itself (dispatch, dependencies), and two
for FIS to resolve targets, start and complete. After that Squall stops it; that is no abort, the fault has had its time."""
FIRST_LOOK_SECONDS = 10
"""After the fault's time, when nobody has woken the watcher before."""
LOOK_AGAIN_SECONDS = 15


def must_end(step: Step, record: ExecutionRecord) -> bool:
    """Whether the fault is over or has to be: aborted, ended in FIS, unknown to FIS, past its time, or its commands have run out."""
    if record.final or record.abort is not None or record.fis_experiment_id is None:
        return True
    fis = step.w.faults.get(record.fis_experiment_id)
    return fis is None or fis.terminal or _left(step, record, GRACE_SECONDS) <= timedelta(0) or _ran_out(step, record)


def watch_seconds(step: Step, record: ExecutionRecord) -> float:
    """How long the watcher may sleep when nobody wakes it: until just after the fault's time, then in short steps."""
    until_end = _left(step, record, FIRST_LOOK_SECONDS).total_seconds()
    return until_end if until_end > 0 else min(_left(step, record, GRACE_SECONDS).total_seconds(), LOOK_AGAIN_SECONDS)


def _ran_out(step: Step, record: ExecutionRecord) -> bool:
    """An agent's fault ends with its commands; what FIS's action has left after that is slack, which guards nothing and is billed."""
    if _left(step, record, 0) > timedelta(0):
        return False
    commands = commands_of(step, fault_of(step))
    return bool(commands) and all(found and not any(command.active for command in found) for found in commands.values())


def _left(step: Step, record: ExecutionRecord, more_seconds: int) -> timedelta:
    started = record.fault_started_at or step.now
    return started + timedelta(seconds=record.fault_seconds + more_seconds) - step.w.clock.now()
