"""Records a vote: parses the request, checks its proof of identity, writes the vote once, and wakes the workflow if the
vote decides.

The answer contains a sentence for the caller. A refusal is an answer, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from squall.application.stopping.abort import wake_execution
from squall.domain.approval import identity_proof
from squall.domain.approval.people import Caller, identify_person, is_own_role, may_reject, may_take_part
from squall.domain.approval.standing import Standing, find_standing
from squall.domain.approval.votes import Ask, Decision, Vote
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
    proof: identity_proof.Proof


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
    caller, why = _identify_caller(w, record, request, now)
    if caller is None:
        return _refuse_vote(request, why)
    person, why = _identify_voter(caller, request.decision, asked, _read_account(record), w.settings.stack)
    if not person:
        return _refuse_vote(request, why)
    vote = Vote(person, caller.arn, request.decision, w.clock.now(), request.comment)
    event = Event(vote.at, EVENTS[vote.decision], f"{vote.arn}: {vote.comment}" if vote.comment else vote.arn)
    recorded = w.records.vote(request.execution_id, request.plan, vote, [event])
    return _describe_result(w, request, vote, recorded=recorded)


def _explain_closed(record: ExecutionRecord, asked: Ask, request: VoteRequest, now: datetime) -> str:
    """Why no vote like this can be recorded (any more); empty if it can."""
    if record.final:
        return f"{record.id} is over: {record.status.value}: {record.reason}"
    if record.abort or record.decided_status:
        return f"{record.id} is ending: {record.abort.reason if record.abort else record.reason}"
    if asked.plan != request.plan:
        return f"the plan has changed since you saw it (it is {asked.plan[:12]} now): look again, then decide"
    if record.may_have_started:
        return f"too late: its fault has been started; to stop it: {shell_command('squall', 'abort', record.id)}"
    if request.decision is not Decision.REJECT and now >= asked.expires_at:
        return f"the request expired at {asked.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _identify_caller(w: Wiring, record: ExecutionRecord, request: VoteRequest, now: datetime) -> tuple[Caller | None, str]:
    statement = identity_proof.Statement(record.execution_arn, request.plan, request.decision, request.comment)
    replay = identity_proof.rebuild_request(statement, request.proof, host=w.callers.host, region=w.callers.region, now=now)
    if replay.refusal:
        return None, replay.refusal
    try:
        return w.callers.identify(replay.headers), ""
    except Refused as refused:
        return None, f"AWS does not confirm who signed this, or it was signed for something else: {refused.code}: {refused.message}"[:500]


def _identify_voter(caller: Caller, decision: Decision, ask: Ask, account: str, stack: str) -> tuple[str, str]:
    """The person's key, or a sentence that says why the caller's vote does not count. One of the two is empty."""
    person, why = identify_person(caller)
    if not person:
        return "", why
    if is_own_role(caller, stack):
        return "", f"{caller.arn} is a role of {stack} itself and may not vote"
    if decision is Decision.REJECT:
        return (person, "") if may_reject(caller, ask.who, account) else ("", f"{caller.arn} is not of account {account}")
    if may_take_part(caller, ask.who, account):
        return person, ""
    allowed = ", ".join(ask.who) or f"only IAM users and IAM Identity Center users of account {account}"
    action = "approve" if decision is Decision.APPROVE else "claim to be the requester"
    return "", f"{caller.arn} may not {action}: {allowed}"


def _read_account(record: ExecutionRecord) -> str:
    return record.execution_arn.split(":")[4]


def _describe_result(w: Wiring, request: VoteRequest, vote: Vote, *, recorded: bool) -> dict[str, Any]:
    """The answer to the caller. The record is read after the vote was written: if two people vote at once, at least one
    of the two answers counts both votes, so that somebody wakes the workflow."""
    record = w.records.get(request.execution_id)
    asked = record.ask if record else None
    if record is None or asked is None:
        return _refuse_vote(request, f"{request.execution_id} is gone")
    state, sentence = find_standing(asked, record.votes, w.clock.now())
    known = {"execution_id": record.id, "person": vote.arn, "standing": state.value}
    if not recorded:
        return {**known, "recorded": False, "message": _explain_not_recorded(record, request, vote)}
    if vote.decision is Decision.REJECT and record.may_have_started:
        late = f"recorded, but its fault is being started: stop it with {shell_command('squall', 'abort', record.id)}"
        return {**known, "recorded": True, "message": late}
    if state is not Standing.PENDING:
        try:
            wake_execution(w, record.id)
        except (Unavailable, Refused):  # the vote counts: the workflow reads the votes by itself, and the pulse wakes it, too
            w.logger.exception("recorded, but not woken", extra={"execution_id": record.id})
    return {**known, "recorded": True, "message": sentence}


def _explain_not_recorded(record: ExecutionRecord, request: VoteRequest, vote: Vote) -> str:
    before = next((earlier for earlier in record.votes if earlier.person == vote.person), None)
    if before is None or record.ask is None or record.ask.plan != request.plan:
        return f"too late: {record.id} is {record.status.value}, in {record.phase}"
    if before.decision is Decision.REQUEST and vote.decision is Decision.APPROVE:
        return f"you asked for this run ({before.arn}): somebody else has to approve it"
    return f"you have said {before.decision.value} already, as {before.arn}"


def _refuse_vote(request: VoteRequest, why: str) -> dict[str, Any]:
    return {"execution_id": request.execution_id, "recorded": False, "message": why}
