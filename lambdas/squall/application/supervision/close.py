"""Ending a run from outside its workflow, and taking away whatever a run left: template first, because that is the fence.

Used by the watchdog (2 s after an execution died), the pulse (within two minutes, when the event was lost), AcquireLock
(a dead holder's lease) and Release (the ordinary end). Everything is idempotent and goes on past a step that fails: what
could not be taken away is returned with the command that does it by hand, and the pulse tries again until nothing is left.
"""

from contextlib import suppress
from datetime import timedelta

from squall.application.result.record import tell
from squall.application.supervision.cleanup import Leftover, _try, note_aftermath, sweep
from squall.domain.judging.verdict import Decision, decide, ending
from squall.domain.messages.leftovers import not_cleaned_up
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.vocabulary import Status, Verdict
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

LEFT_BEHIND = "left_behind"


def close(w: Wiring, execution_id: str, *, by: str, reason: str, failed: bool = False, wait_seconds: int = 0) -> tuple[Leftover, ...]:
    """Make the record final, take everything away, tell people once.

    `wait_seconds`: how long to wait here for FIS to finish stopping before leaving the rest to the pulse.
    """
    record = w.records.get(execution_id)
    if record is None:
        return ()
    first = not record.final and _finish(w, record, by, reason, failed=failed)
    record = w.records.get(execution_id) or record
    if first and record.task_token:
        _try([], "", "", w.workflow.wake, record.task_token)  # should the execution live after all, it need not sleep to the end
    leftovers = sweep(w, record, thorough=True)
    deadline = w.clock.now() + timedelta(seconds=wait_seconds)
    while leftovers and w.clock.now() < deadline:
        w.clock.sleep(1)
        leftovers = sweep(w, record, thorough=True)
    if first:
        note_aftermath(w, record)
    if first or not record.closed_by:  # or the execution died between recording and telling
        with suppress(Unavailable, Refused):  # a pulse may have told while this waited for FIS
            record = w.records.get(execution_id) or record
        tell_of(w, record, leftovers)
    return leftovers


def _finish(w: Wiring, record: ExecutionRecord, by: str, reason: str, *, failed: bool) -> bool:
    now = w.clock.now()
    decision = _decision(record, reason, failed=failed)
    return w.records.finish(
        record.id,
        status=decision.status,
        verdict=decision.verdict,
        hypothesis_validated=decision.hypothesis_validated,
        reason=decision.reason,
        ended_at=now,
        closed_by=by,
        events=[Event(now, "closed", f"by {by}: {reason}")],
    )


def _decision(record: ExecutionRecord, reason: str, *, failed: bool) -> Decision:
    injected = record.fis_experiment_id is not None or any(event.event == "starting" for event in record.events)
    if record.decided_status and record.fis_experiment_id is None:
        return ending(record.decided_status, record.decided_verdict, record.reason, record.abort)
    if record.abort and not injected:
        return decide(criteria=(), abort=record.abort, injected=False, proven=False)
    if record.abort:
        return ending(Status.ABORTED, Verdict.ABORTED, record.abort.reason, record.abort)
    if failed:
        return ending(Status.FAILED, None, f"Squall failed: {reason}")
    return ending(Status.ABORTED, Verdict.ABORTED, f"ended from outside: {reason}")


def tell_of(w: Wiring, record: ExecutionRecord, leftovers: tuple[Leftover, ...]) -> None:
    """Tell how the run ended and what of it is still there."""
    tell(w, record, leftovers)


def alert(w: Wiring, record: ExecutionRecord, leftovers: tuple[Leftover, ...]) -> None:
    """Tell what is still there of a run whose ending was told already, once."""
    if any(event.event == LEFT_BEHIND for event in record.events):
        return
    w.notifier.publish(not_cleaned_up(record, leftovers))
    w.records.append(record.id, [Event(w.clock.now(), LEFT_BEHIND, "; ".join(map(str, leftovers)))])
