"""Ends a run from outside its workflow, cleans up after it, and notifies people.

The watchdog does this within seconds after an execution ended early, the pulse within two minutes if that event was
lost, and AcquireLock when the lease of another run has expired. Every step is idempotent, and a failed step does not
prevent the next. What could not be removed is returned with the command that does it by hand, and the pulse tries again
until nothing is left.
"""

from contextlib import suppress
from dataclasses import replace

from squall.application.messages import send_message
from squall.application.metrics.guard_alarms import doubt_changed_guard
from squall.application.regions.barrier import ask_home
from squall.application.regions.peers import tell_peers
from squall.application.result.record import announce_result, decide_without_judgement
from squall.application.step import Step
from squall.application.stopping.cleanup import Cleanup, Leftover
from squall.application.supervision.aftermath import record_aftermath
from squall.application.supervision.run_cleanup import RunCleanup
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.judging.verdict import Decision, decide_ending, make_decision
from squall.domain.messages.leftovers import not_cleaned_up
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

FIS_STOPS_WITHIN_SECONDS = 40
"""How long a function waits for FIS to report `stopped` (about 30 s on AWS). After that the pulse takes over."""


def close_run(w: Wiring, execution_id: str, *, by: str, reason: str, failed: bool = False, wait_seconds: int = 0) -> tuple[Leftover, ...]:
    """Make the record final, clean up, notify people once. Returns what still exists.

    `wait_seconds`: how long to wait here for FIS to finish stopping before the pulse takes over.
    """
    record = w.records.get(execution_id)
    if record is None:
        return ()
    first = not record.final and _finish_record(w, record, by, reason, failed=failed)
    record = w.records.get(execution_id) or record
    if first and record.task_token:
        with suppress(Unavailable, Refused):  # if the execution is running after all, it need not sleep to the end
            w.workflow.wake(record.task_token)
    if first and record.part:
        with suppress(Unavailable, Refused):  # the pulses of the other Regions read the record that is final now
            tell_peers(w, record.id, over=True)
    leftovers = RunCleanup(w, record).run(wait_seconds=wait_seconds)
    if first and record.part:
        ask_home(w, record.part)  # also if the peers were told before, when the record was not final yet. A fault is stopped first
    if first:
        record_aftermath(w, record)
    if first or not record.closed_by:  # or the execution ended between recording and telling
        with suppress(Unavailable, Refused):  # a pulse may have told people while this function waited for FIS
            record = w.records.get(execution_id) or record
        announce_result(w, record, leftovers)
    return leftovers


def alert_people(w: Wiring, record: ExecutionRecord, leftovers: tuple[Leftover, ...]) -> None:
    """Notify people, once, of what still exists of a run whose ending they know already."""
    if record.happened(EventName.LEFT_BEHIND):
        return
    send_message(w, not_cleaned_up(record, leftovers))
    w.records.append(record.id, [Event(w.clock.now(), EventName.LEFT_BEHIND, "; ".join(map(str, leftovers)))])


def _finish_record(w: Wiring, record: ExecutionRecord, by: str, reason: str, *, failed: bool) -> bool:
    now = w.clock.now()
    decision = _decide_ending(_doubt_abort(w, record), reason, failed=failed)
    return w.records.finish(
        record.id,
        status=decision.status,
        verdict=decision.verdict,
        hypothesis_validated=decision.hypothesis_validated,
        reason=decision.reason,
        ended_at=now,
        closed_by=by,
        events=[Event(now, EventName.CLOSED, f"by {by}: {reason}")],
    )


def _doubt_abort(w: Wiring, record: ExecutionRecord) -> ExecutionRecord:
    """The record, with what is so of a guard that aborted it: StopFault, which compares the guard, may not have run.

    Whatever keeps the guard from being compared, a damaged document too, must not keep the run from being closed.
    """
    comparison = Cleanup(w, survives=(Exception,))
    abort = record.abort and comparison.attempt("the comparison of the guard", "", doubt_changed_guard, Step.of(w, record), record.abort)
    if abort is None or abort == record.abort:
        return record
    with suppress(Unavailable, Refused):  # the hypothesis is decided by it anyway
        w.records.update(record.id, abort=abort)
    return replace(record, abort=abort)


def _decide_ending(record: ExecutionRecord, reason: str, *, failed: bool) -> Decision:
    if record.decided_status and record.fis_experiment_id is None:
        return decide_without_judgement(record)
    if record.abort and not record.may_have_started:
        return decide_ending(criteria=(), abort=record.abort, injected=False, proven=False)
    if record.abort:
        return make_decision(Status.ABORTED, Verdict.ABORTED, record.abort.reason, record.abort)
    if failed:
        return make_decision(Status.FAILED, None, f"Squall failed: {reason}")
    return make_decision(Status.ABORTED, Verdict.ABORTED, f"ended from outside: {reason}")
