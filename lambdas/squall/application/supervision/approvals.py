"""Looks after a run that awaits approval: wakes it when there is something to act on, and tells people of a vote that
could not be confirmed."""

from squall.application.messages import send_message
from squall.application.stopping.abort import wake_execution
from squall.domain.approval.standing import Standing, find_standing
from squall.domain.messages.unconfirmed_vote import make_message
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.wiring import Wiring


def look_after_approval(w: Wiring, record: ExecutionRecord) -> str:
    """Wake a run that people have decided about, whose request has expired, or with a vote to confirm, in case the first
    attempt to wake it failed. Returns what was done.
    """
    if record.ask is None:
        return "awaits approval"
    if record.proofs or find_standing(record.ask, record.confirmed_votes, w.clock.now())[0] is not Standing.PENDING:
        wake_execution(w, record.id)
        return "woken: the request for approval is decided, or has a vote to confirm"
    return _tell_of_dropped_votes(w, record)


def _tell_of_dropped_votes(w: Wiring, record: ExecutionRecord) -> str:
    """Send people the reasons why recorded votes do not count, each reason once. If that fails, the next pulse tries
    again.

    The pulse does this because ObserveApproval, which finds the reasons, may not publish.
    """
    refusals = _list_untold_refusals(record)
    if record.ask is None or not record.dropped_votes or not refusals:
        return "awaits approval"
    standing = find_standing(record.ask, record.confirmed_votes, w.clock.now())[1]
    details = [refusal.detail for refusal in refusals]
    send_message(w, make_message(record, record.ask, details, standing, stack=w.settings.stack))
    # The event has the time of the newest refusal that was told: one that is being written now comes after it.
    told = Event(refusals[-1].at, EventName.APPROVAL_REQUESTED, f"again, because a vote could not be confirmed: {standing}")
    w.records.append(record.id, [told])
    return "told: a vote could not be confirmed"


def _list_untold_refusals(record: ExecutionRecord) -> list[Event]:
    """The refusals that are newer than the newest message about the request, by time."""
    told_at = max((event.at for event in record.happened(EventName.APPROVAL_REQUESTED)), default=record.started_at)
    refusals = record.happened(EventName.VOTE_NOT_CONFIRMED)
    return sorted((refusal for refusal in refusals if refusal.at > told_at), key=lambda refusal: refusal.at)
