"""Identifies who signed a vote: AWS says who it is, the policy says whether they may vote."""

from dataclasses import dataclass
from datetime import datetime

from squall.domain.approval import identity_proof
from squall.domain.approval.people import Caller, identify_person, is_own_role, may_reject, may_take_part
from squall.domain.approval.votes import Ask, Decision, Proof
from squall.domain.run.record import ExecutionRecord
from squall.errors import Refused
from squall.wiring import Wiring


@dataclass(frozen=True)
class Voter:
    person: str
    """Key of the person, as in `Vote.person`."""
    arn: str


def identify_voter(
    w: Wiring, record: ExecutionRecord, ask: Ask, decision: Decision, comment: str, proof: Proof, now: datetime
) -> Voter | str:
    """The person who signed this decision on the plan of the request; or the sentence that says why it does not count.

    Raises `Unavailable` if AWS could not be asked.
    """
    statement = identity_proof.Statement(record.execution_arn, ask.plan, decision, comment)
    replay = identity_proof.rebuild_request(statement, proof, host=w.callers.host, region=w.callers.region, now=now)
    if replay.refusal:
        return replay.refusal
    try:
        caller = w.callers.identify(replay.headers)
    except Refused as refused:
        return f"AWS does not confirm who signed this, or it was signed for something else: {refused.code}: {refused.message}"[:500]
    person, why = identify_person(caller)
    why = why or _explain_refusal(caller, decision, ask, record.execution_arn.split(":")[4], w.settings.stack)
    return why or Voter(person, caller.arn)


def _explain_refusal(caller: Caller, decision: Decision, ask: Ask, account: str, stack: str) -> str:
    """Why this person's vote does not count; empty if it does."""
    if is_own_role(caller, stack):
        return f"{caller.arn} is a role of {stack} itself and may not vote"
    if decision is Decision.REJECT:
        return "" if may_reject(caller, ask.who, account) else f"{caller.arn} is not of account {account}"
    if may_take_part(caller, ask.who, account):
        return ""
    allowed = ", ".join(ask.who) or f"only IAM users and IAM Identity Center users of account {account}"
    action = "approve" if decision is Decision.APPROVE else "claim to be the requester"
    return f"{caller.arn} may not {action}: {allowed}"
