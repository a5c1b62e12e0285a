"""Who approves a run, and what that decides: pure, over what was asked and what people said.

A token only wakes; what stands here decides. Dataclasses: the record holds them, and the abort path imports the record.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GRACE = timedelta(seconds=10)
"""How long after its expiry a request still counts as open for the workflow: somebody who voted in the last moment is still writing it."""
MOST_REQUESTS = 3
"""How often a run asks anew because what was to be approved has changed."""
_SSO_ROLE = re.compile(r"AWSReservedSSO_.+_[0-9a-f]{16}")


class Decision(StrEnum):
    REQUEST = "request"
    """I asked for this run: whoever says so approves nothing of it."""
    APPROVE = "approve"
    REJECT = "reject"


class Standing(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Ask:
    """What people are asked, as it stands on the record. Asking anew replaces it, and no earlier vote counts."""

    plan: str
    """Hash of the plan that was shown: an approval is of this and nothing else."""
    at: datetime
    expires_at: datetime
    approvers: int
    """How many have to approve, beside whoever asked for the run."""
    who: tuple[str, ...] = ()
    """ARN patterns of those who may; empty: anybody of the account."""
    round: int = 1


@dataclass(frozen=True)
class Vote:
    person: str
    """Key of a person, the same for all of their sessions."""
    arn: str
    """As AWS named the caller."""
    decision: Decision
    at: datetime
    comment: str = ""


@dataclass(frozen=True)
class Caller:
    """Who signed, by STS's own answer."""

    account: str
    arn: str
    user_id: str


def person_of(caller: Caller) -> tuple[str, str]:
    """The person's key and an empty sentence; or an empty key and the sentence why the caller is nobody in particular.

    An IAM user is a person, by its unique id. So is a user of IAM Identity Center, by their name, whichever permission set they came
    by. The sessions of any other role are one person: whoever assumes it chooses the session's name.
    """
    service, _, resource = caller.arn.partition(f":{caller.account}:")
    kind, _, rest = resource.partition("/")
    if service.endswith(":iam:") and kind == "user" and rest:
        return f"user:{caller.user_id}", ""
    role, _, session = rest.partition("/")
    if service.endswith(":sts:") and kind == "assumed-role" and session:
        if _SSO_ROLE.fullmatch(role):
            return f"sso:{session.lower()}", ""
        return f"role:{caller.user_id.partition(':')[0]}", ""
    return "", f"{caller.arn} is nobody in particular: approve as an IAM user, an IAM Identity Center user or a role"


def may_approve(caller: Caller, who: Sequence[str], account: str) -> bool:
    """Whether the caller is one of those who may. Without patterns: of the stack's own account, never of a stranger's.

    Whoever reaches the function could relay a proof of a user in an account of their own.
    """
    return any(_fits(pattern, caller.arn) for pattern in who) if who else caller.account == account


def belongs(caller: Caller, who: Sequence[str], account: str) -> bool:
    """Whether the caller may say anything at all: of the stack's account, or one of those who may approve."""
    return caller.account == account or may_approve(caller, who, account)


def _fits(pattern: str, arn: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), arn) is not None


def requester(votes: Iterable[Vote]) -> Vote | None:
    """Who has proven to have asked for the run: the first who said so."""
    return min((vote for vote in votes if vote.decision is Decision.REQUEST), key=lambda vote: vote.at, default=None)


def needed(ask: Ask, votes: Sequence[Vote]) -> int:
    """How many different people have to approve. Where the requester is not proven, one more: they may be among the approvers."""
    return ask.approvers + (requester(votes) is None)


def approvals(ask: Ask, votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """Those that count: one a person, in time, and not the requester's own."""
    return tuple(vote for vote in votes if vote.decision is Decision.APPROVE and ask.at <= vote.at <= ask.expires_at)


def standing(ask: Ask, votes: Sequence[Vote], now: datetime) -> tuple[Standing, str]:
    """Where the request stands, and the sentence. One rejection outweighs any number of approvals."""
    rejected = [vote for vote in votes if vote.decision is Decision.REJECT]
    if rejected:
        first = min(rejected, key=lambda vote: vote.at)
        return Standing.REJECTED, f"rejected by {first.arn}: {first.comment or 'no comment'}"
    given, wanted = approvals(ask, votes), needed(ask, votes)
    names = ", ".join(vote.arn for vote in given)
    if len({vote.person for vote in given}) >= wanted:
        return Standing.APPROVED, f"approved by {names}"
    so_far = f"{len(given)} of {wanted} {'approval' if wanted == 1 else 'approvals'}" + (f" ({names})" if names else "")
    if now >= ask.expires_at + GRACE:
        return Standing.EXPIRED, f"not approved by {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC: {so_far}"
    return Standing.PENDING, f"{so_far}, until {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC"


def who_decides(ask: Ask, votes: Sequence[Vote]) -> str:
    """How many people, and why so many, in words."""
    count = needed(ask, votes)
    people = "1 person" if count == 1 else f"{count} different people"
    asked = requester(votes)
    why = f"not {asked.arn}, who asked for it" if asked else "one more than the policy says, because who asked for the run is not proven"
    return f"{people} ({why})"


def covers(ask: Ask | None, votes: Sequence[Vote], plan: str | None, now: datetime) -> tuple[bool | None, str]:
    """Whether what is about to run is what was approved: the safety check `approved`. None: it can't be told."""
    if plan is None:
        return None, "what is about to run could not be compared with what was approved"
    if ask is None:
        return False, "nobody was asked"
    stands, said = standing(ask, votes, now)
    if stands is Standing.APPROVED and ask.plan != plan:
        return False, f"{said}, but what is about to run ({plan[:12]}) is not what was shown ({ask.plan[:12]})"
    return stands is Standing.APPROVED, f"{said}; plan {ask.plan[:12]}"
