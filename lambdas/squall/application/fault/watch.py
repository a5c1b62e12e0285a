"""Watches a running fault: sleeps on a task token, and looks at the record and at FIS whenever something wakes it.

A token only wakes the execution. Whether the fault is over is decided from the record and from FIS, never from a
callback.
"""

from datetime import timedelta

from squall.application.recovery.rollback_report import commands_of
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.domain.run.record import ExecutionRecord

GRACE_SECONDS = 180
"""How much longer than the fault the FIS experiment may take.

One minute is a reserve in the action itself (dispatch, dependencies); two minutes are for FIS to resolve targets, start
and complete. After that Squall stops the experiment. That is no abort, because the fault has lasted as long as planned.
"""
LONGEST_FIRST_LOOK_SECONDS = 10
LONGEST_LOOK_AGAIN_SECONDS = 15


def watch_fault(step: Step) -> Outcome:
    """Store the task token, then look once, so that no wake-up is lost. Must not raise after it completed its own
    token.

    Whoever wakes the execution writes the reason, then reads the token. This function writes the token, then reads the
    reason. Whatever the order, at least one of the two sees the other.
    """
    if step.w.records.store_token(step.run.id, step.task_token) is None:
        # Whoever closed the run a moment ago did not know this token; the execution may be running.
        step.w.workflow.wake(step.task_token)
        return END
    record = step.w.records.get(step.run.id)
    if record is None or _must_end(step, record):
        step.w.workflow.wake(step.task_token)
    return NEXT


def seconds_to_first_look(step: Step) -> int:
    """How long after the fault's planned end the execution looks for itself, if nothing has woken it before."""
    return min(step.definition.environment.timing.poll_seconds, LONGEST_FIRST_LOOK_SECONDS)


def observe_fault(step: Step) -> Outcome:
    """`next` once the fault is over or has to be ended; until then `wait`."""
    step.w.records.clear_token(step.run.id, step.record.token_generation)
    if _must_end(step, step.record):
        return NEXT
    return wait_for(_seconds_to_sleep(step, step.record))


def _must_end(step: Step, record: ExecutionRecord) -> bool:
    """Whether the fault is over or has to be: aborted, ended in FIS, unknown to FIS, another run's, past its time, or
    its commands have ended."""
    if record.final or record.abort is not None or record.fis_experiment_id is None:
        return True
    fis = step.w.faults.get(record.fis_experiment_id)
    if fis is None or not fis.belongs_to(step.w.settings.stack, step.run.id):
        return True
    return fis.terminal or _time_left(step, record, GRACE_SECONDS) <= timedelta(0) or _commands_ended(step, record)


def _seconds_to_sleep(step: Step, record: ExecutionRecord) -> float:
    """The seconds to sleep: until just after the planned end of the fault, and short steps after that."""
    until_end = _time_left(step, record, seconds_to_first_look(step)).total_seconds()
    look_again = min(step.definition.environment.timing.poll_seconds, LONGEST_LOOK_AGAIN_SECONDS)
    return until_end if until_end > 0 else min(_time_left(step, record, GRACE_SECONDS).total_seconds(), look_again)


def _commands_ended(step: Step, record: ExecutionRecord) -> bool:
    """Whether all faults are over by their time, and agents carry them out, whose commands have ended.

    The rest of FIS's actions is only a reserve of time, which protects nothing and is billed.
    """
    if _time_left(step, record, 0) > timedelta(0):
        return False
    by_fault = commands_of(step)
    sent = [invocations for commands in by_fault.values() for invocations in commands.values()]
    carried_out = len(by_fault) == len(step.definition.experiment.plan)
    return carried_out and all(invocations and not any(command.active for command in invocations) for invocations in sent)


def _time_left(step: Step, record: ExecutionRecord, more_seconds: int) -> timedelta:
    """The seconds until the fault's planned end plus `more_seconds`; negative after that."""
    started = record.fault_started_at or step.now
    return started + timedelta(seconds=record.fault_seconds + more_seconds) - step.w.clock.now()
