"""A vote: what is said, proof of who says it, written once; then the workflow is woken if the vote decides.

The answer is a sentence for whoever asked; a refusal is an answer, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from squall.application.stopping.abort import wake
from squall.domain.approval import identity_proof, votes
from squall.domain.approval.votes import Ask, Caller, Decision, Standing, Vote, standing
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


def parse(event: Mapping[str, Any]) -> VoteRequest | str:
    """The request, or the sentence what is wrong with it."""
    given = [event.get(name) for name in ("execution_id", "plan", "decision", "comment")]
    signed = identity_proof.of_document(event.get("proof"))
    known = {"execution_id", "plan", "decision", "comment", "proof"}
    if unknown := sorted(set(event) - known):
        return f"not understood: {', '.join(unknown)[:200]}; {EXPECTED}"
    execution_id, plan, decision, comment = (one if isinstance(one, str) else "" for one in given)
    if not (execution_id and plan and signed) or decision not in list(Decision):
        return EXPECTED
    if len(comment) > COMMENT_CHARACTERS:
        return f"the comment has {len(comment)} characters; at most {COMMENT_CHARACTERS}"
    return VoteRequest(execution_id, plan, Decision(decision), comment, signed)


def vote(w: Wiring, request: VoteRequest) -> dict[str, Any]:
    """Check, ask AWS who it is, write, wake. Raises `Unavailable` when AWS could not be asked: nothing is recorded then."""
    record = w.records.get(request.execution_id)
    if record is None:
        return _no(request, f"there is no execution {request.execution_id}")
    asked, now = record.ask, w.clock.now()
    if asked is None:
        return _no(request, f"{record.id} asks for no approval")
    if why := _unanswerable(record, asked, request, now):
        return _no(request, why)
    caller, why = _caller(w, record, request, now)
    if caller is None:
        return _no(request, why)
    person, why = _identify(caller, request.decision, asked, _account(record), w.settings.stack)
    if not person:
        return _no(request, why)
    said = Vote(person, caller.arn, request.decision, w.clock.now(), request.comment)
    event = Event(said.at, EVENTS[said.decision], f"{said.arn}: {said.comment}" if said.comment else said.arn)
    recorded = w.records.vote(request.execution_id, request.plan, said, [event])
    return _answer(w, request, said, recorded=recorded)


def _unanswerable(record: ExecutionRecord, asked: Ask, request: VoteRequest, now: datetime) -> str:
    """Why this can't be an answer to what is asked (any more), or nothing."""
    if record.final:
        return f"{record.id} is over: {record.status.value}: {record.reason}"
    if record.abort or record.decided_status:
        return f"{record.id} is ending: {record.abort.reason if record.abort else record.reason}"
    if asked.plan != request.plan:
        return f"what you were shown is not what is asked now (plan {asked.plan[:12]}): look again, then decide"
    if record.may_have_started:
        return f"too late: its fault has been started; to stop it: {shell_command('squall', 'abort', record.id)}"
    if request.decision is not Decision.REJECT and now >= asked.expires_at:
        return f"the request expired at {asked.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _caller(w: Wiring, record: ExecutionRecord, request: VoteRequest, now: datetime) -> tuple[Caller | None, str]:
    statement = identity_proof.Statement(record.execution_arn, request.plan, request.decision, request.comment)
    replay = identity_proof.replayed(statement, request.proof, host=w.callers.host, region=w.callers.region, now=now)
    if replay.refusal:
        return None, replay.refusal
    try:
        return w.callers.identify(replay.headers), ""
    except Refused as refused:
        return None, f"AWS does not confirm who signed this, or it was signed for something else: {refused.code}: {refused.message}"[:500]


def _identify(caller: Caller, decision: Decision, ask: Ask, account: str, stack: str) -> tuple[str, str]:
    """The person's key, or the sentence why the caller's vote does not count."""
    person, why = votes.identify_person(caller)
    if not person:
        return "", why
    if votes.is_own_role(caller, stack):
        return "", f"{caller.arn} is a role of {stack} itself and decides nothing"
    if decision is Decision.REJECT:
        return (person, "") if votes.may_reject(caller, ask.who, account) else ("", f"{caller.arn} is not of account {account}")
    if votes.may_take_part(caller, ask.who, account):
        return person, ""
    allowed = ", ".join(ask.who) or f"only IAM users and IAM Identity Center users of account {account}"
    action = "approve" if decision is Decision.APPROVE else "claim to be the requester"
    return "", f"{caller.arn} may not {action}: {allowed}"


def _account(record: ExecutionRecord) -> str:
    return record.execution_arn.split(":")[4]


def _answer(w: Wiring, request: VoteRequest, said: Vote, *, recorded: bool) -> dict[str, Any]:
    """What became of it, by a record read after the vote was written: two who vote at once, one of them sees both."""
    record = w.records.get(request.execution_id)
    asked = record.ask if record else None
    if record is None or asked is None:
        return _no(request, f"{request.execution_id} is gone")
    stands, sentence = standing(asked, record.votes, w.clock.now())
    known = {"execution_id": record.id, "person": said.arn, "standing": stands.value}
    if not recorded:
        return {**known, "recorded": False, "message": _why_not(record, request, said)}
    if said.decision is Decision.REJECT and record.may_have_started:
        late = f"recorded, but its fault is being started: stop it with {shell_command('squall', 'abort', record.id)}"
        return {**known, "recorded": True, "message": late}
    if stands is not Standing.PENDING:
        try:
            wake(w, record.id)
        except (Unavailable, Refused):  # what is recorded counts: the workflow looks by itself, and the pulse wakes it too
            w.logger.exception("recorded, but not woken", extra={"execution_id": record.id})
    return {**known, "recorded": True, "message": sentence}


def _why_not(record: ExecutionRecord, request: VoteRequest, said: Vote) -> str:
    before = next((one for one in record.votes if one.person == said.person), None)
    if before is None or record.ask is None or record.ask.plan != request.plan:
        return f"too late: {record.id} is {record.status.value}, in {record.phase}"
    if before.decision is Decision.REQUEST and said.decision is Decision.APPROVE:
        return f"you asked for this run ({before.arn}): somebody else has to approve it"
    return f"you have said {before.decision.value} already, as {before.arn}"


def _no(request: VoteRequest, why: str) -> dict[str, Any]:
    return {"execution_id": request.execution_id, "recorded": False, "message": why}
