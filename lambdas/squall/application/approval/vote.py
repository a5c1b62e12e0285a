"""Records a vote: parses the request, checks its proof of identity, writes the vote once, and wakes the workflow, which
confirms the vote.

The answer contains a sentence for the caller. A refusal is an answer, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from squall.application.approval.voters import Voter, identify_voter
from squall.application.stopping.abort import wake_execution
from squall.domain.approval import identity_proof
from squall.domain.approval.standing import find_standing
from squall.domain.approval.votes import Ask, Decision, Proof, Vote
from squall.domain.run.commands import shell_command
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

COMMENT_CHARACTERS = 500
EXPECTED = 'expected {"execution_id": …, "plan": …, "decision": "approve" | "reject" | "request", "comment": …, "proof": {…}}'
EVENTS = {
    Decision.REQUEST: EventName.REQUESTER_PROVEN,
    Decision.APPROVE: EventName.APPROVAL_GIVEN,
    Decision.REJECT: EventName.APPROVAL_REFUSED,
}


@dataclass(frozen=True)
class VoteRequest:
    execution_id: str
    plan: str
    decision: Decision
    comment: str
    proof: Proof


def parse_request(event: Mapping[str, Any]) -> VoteRequest | str:
    """The request, or a sentence that says what is wrong with it."""
    fields = [event.get(name) for name in ("execution_id", "plan", "decision", "comment")]
    signed = identity_proof.of_document(event.get("proof"))
    known = {"execution_id", "plan", "decision", "comment", "proof"}
    if unknown := sorted(set(event) - known):
        return f"not understood: {', '.join(unknown)[:200]}; {EXPECTED}"
    execution_id, plan, decision, comment = (field if isinstance(field, str) else "" for field in fields)
    if not (execution_id and plan and signed) or decision not in list(Decision):
        return EXPECTED
    if len(comment) > COMMENT_CHARACTERS:
        return f"the comment has {len(comment)} characters; at most {COMMENT_CHARACTERS}"
    return VoteRequest(execution_id, plan, Decision(decision), comment, signed)


def record_vote(w: Wiring, request: VoteRequest) -> dict[str, Any]:
    """Check the request, let AWS identify the caller, write the vote, and wake the workflow.

    Raises `Unavailable` if AWS could not be asked; then nothing is recorded.
    """
    record = w.records.get(request.execution_id)
    if record is None:
        return _refuse_vote(request, f"there is no execution {request.execution_id}")
    asked, now = record.ask, w.clock.now()
    if asked is None:
        return _refuse_vote(request, f"{record.id} asks for no approval")
    if why := _explain_closed(record, asked, request, now):
        return _refuse_vote(request, why)
    voter = identify_voter(w, record, asked, request.decision, request.comment, request.proof, now)
    if not isinstance(voter, Voter):
        return _refuse_vote(request, voter)
    vote = Vote(voter.person, voter.arn, request.decision, w.clock.now(), request.comment, asked.plan)
    event = Event(vote.at, EVENTS[vote.decision], f"{vote.arn}: {vote.comment}" if vote.comment else vote.arn)
    proof = None if vote.decision is Decision.REJECT else request.proof  # a rejection counts without confirmation
    replaced = _find_replaceable(record, vote)
    recorded = w.records.vote(request.execution_id, vote, [event], proof=proof, replaces=replaced)
    return _describe_result(w, request, vote, recorded=recorded)


def _find_replaceable(record: ExecutionRecord, vote: Vote) -> Vote | None:
    """An earlier vote of this person that does not count and never will: it is on an earlier request, or could not be
    confirmed."""
    before = next((earlier for earlier in record.votes if earlier.person == vote.person), None)
    return None if before in (*record.confirmed_votes, *record.pending_votes) else before


def _explain_closed(record: ExecutionRecord, asked: Ask, request: VoteRequest, now: datetime) -> str:
    """Why no vote like this can be recorded (any more); empty if it can."""
    if record.final:
        return f"{record.id} is over: {record.status.value}: {record.reason}"
    if record.abort or record.decided_status:
        return f"{record.id} is ending: {record.abort.reason if record.abort else record.reason}"
    if asked.plan != request.plan:
        return f"the plan has changed since you saw it (it is {asked.plan[:12]} now): look again, then decide"
    # Between two attempts to start the fault, which FIS may refuse for a while, a rejection still counts.
    if record.fis_experiment_id or (record.may_have_started and request.decision is not Decision.REJECT):
        state = "has been started" if record.fis_experiment_id else "is about to start"
        return f"too late: its fault {state}; to stop it: {shell_command('squall', 'abort', record.id)}"
    if request.decision is not Decision.REJECT and now >= asked.expires_at:
        return f"the request expired at {asked.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _describe_result(w: Wiring, request: VoteRequest, vote: Vote, *, recorded: bool) -> dict[str, Any]:
    """The answer to the caller. The record is read after the vote was written: if two people vote at once, at least one
    of the two answers counts both votes, so that somebody wakes the workflow."""
    record = w.records.get(request.execution_id)
    asked = record.ask if record else None
    if record is None or asked is None:
        return _refuse_vote(request, f"{request.execution_id} is gone")
    counted = tuple(entry for entry in record.current_votes if entry not in record.dropped_votes)
    state, sentence = find_standing(asked, counted, w.clock.now())
    known = {"execution_id": record.id, "person": vote.arn, "standing": state.value}
    if not recorded:
        return {**known, "recorded": False, "message": _explain_not_recorded(record, request, vote)}
    if vote.decision is Decision.REJECT and record.may_have_started:
        return {**known, "recorded": True, "message": _explain_late_rejection(record)}
    try:
        wake_execution(w, record.id)
    except (Unavailable, Refused):  # the pulse wakes it within a minute
        w.logger.exception("recorded, but not woken", extra={"execution_id": record.id})
    return {**known, "recorded": True, "message": sentence + _list_unconfirmed(record)}


def _list_unconfirmed(record: ExecutionRecord) -> str:
    """Whose votes are not confirmed, as the end of a sentence; empty if all are."""
    pending = ", ".join(vote.arn for vote in record.pending_votes)
    dropped = ", ".join(vote.arn for vote in record.dropped_votes)
    return (f"; not confirmed yet: {pending}" if pending else "") + (f"; not confirmed, so not counted: {dropped}" if dropped else "")


def _explain_late_rejection(record: ExecutionRecord) -> str:
    abort = shell_command("squall", "abort", record.id)
    if record.fis_experiment_id:
        return f"recorded, but its fault has been started: stop it with {abort}"
    return f"recorded, but Squall has begun to start its fault: if it runs all the same, stop it with {abort}"


def _explain_not_recorded(record: ExecutionRecord, request: VoteRequest, vote: Vote) -> str:
    before = next((earlier for earlier in record.current_votes if earlier.person == vote.person), None)
    if before is None or record.ask is None or record.ask.plan != request.plan:
        return f"too late: {record.id} is {record.status.value}, in {record.phase}"
    if before.decision is Decision.REQUEST and vote.decision is Decision.APPROVE:
        return f"you asked for this run ({before.arn}): somebody else has to approve it"
    if before in record.dropped_votes:
        return f"your earlier vote, as {before.arn}, could not be confirmed a moment ago: vote again"
    return f"you have said {before.decision.value} already, as {before.arn}" + (
        ", which is not confirmed yet" if before in record.pending_votes else ""
    )


def _refuse_vote(request: VoteRequest, why: str) -> dict[str, Any]:
    return {"execution_id": request.execution_id, "recorded": False, "message": why}
