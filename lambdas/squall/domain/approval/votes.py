"""Who is a person, who may approve a run, and what their votes decide: pure functions of the request and the votes.

The votes decide; a task token only wakes the workflow. Dataclasses: the record holds them, and the abort path imports
the record.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GRACE = timedelta(seconds=10)
"""How long the workflow treats an expired request as open: a vote of the last moment may still be on its way to the
table."""
MOST_REQUESTS = 3
"""How often a run asks again because its plan has changed."""
MIXED = "people are counted within one kind of identity: an IAM user, an Identity Center user and a role may be one human being"
_SSO_ROLE = re.compile(r"AWSReservedSSO_.+_[0-9a-f]{16}")
_SSO_SUFFIX = re.compile(r"(AWSReservedSSO_[^/]*_)\.\*/")
_STACK_CHARACTERS = 24
"""How much of a long stack name CloudFormation surely keeps in the names of its resources."""


class Kind(StrEnum):
    """Kinds of identity: the first part of a person's key."""

    USER = "user"
    SSO = "sso"
    ROLE = "role"


_WORDS = {Kind.USER: "an IAM user", Kind.SSO: "an Identity Center user", Kind.ROLE: "a role that the policy names"}


class Decision(StrEnum):
    REQUEST = "request"
    """A claim to have requested this run: whoever makes it can't approve the run."""
    APPROVE = "approve"
    REJECT = "reject"


class Standing(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Ask:
    """A request for approval, as it stands on the record. A new request replaces it, and no earlier vote counts."""

    plan: str
    """Hash of the plan that was shown: an approval covers this plan and nothing else."""
    at: datetime
    expires_at: datetime
    approvers: int
    """How many people have to approve, besides the requester."""
    who: tuple[str, ...] = ()
    """ARN patterns of those who may approve; empty: every IAM user and Identity Center user of the account."""
    round: int = 1


@dataclass(frozen=True)
class Vote:
    person: str
    """Key of a person, the same for all of their sessions: the kind of identity, a colon, the id."""
    arn: str
    """The caller's ARN, as STS answered it."""
    decision: Decision
    at: datetime
    comment: str = ""


@dataclass(frozen=True)
class Caller:
    """Who signed, as STS answered."""

    account: str
    arn: str
    user_id: str


def identify_person(caller: Caller) -> tuple[str, str]:
    """The person's key and an empty sentence; or an empty key and the sentence why the caller is nobody in particular.

    An IAM user is a person, by its unique id. So is a user of IAM Identity Center, by name, whatever permission set or
    account they came by. The sessions of any other role are one person together: whoever assumes the role chooses the
    session's name.
    """
    service, _, resource = caller.arn.partition(f":{caller.account}:")
    kind, _, rest = resource.partition("/")
    if service.endswith(":iam:") and kind == "user" and rest:
        return f"{Kind.USER}:{caller.user_id}", ""
    role, _, session = rest.partition("/")
    if service.endswith(":sts:") and kind == "assumed-role" and session:
        if _SSO_ROLE.fullmatch(role):
            return f"{Kind.SSO}:{session.lower()}", ""
        return f"{Kind.ROLE}:{caller.user_id.partition(':')[0]}", ""
    return "", f"{caller.arn} is nobody in particular: approve as an IAM user, an IAM Identity Center user or a role that the policy names"


def is_own_role(caller: Caller, stack: str) -> bool:
    """Whether the caller is a role of this stack. CloudFormation composes role names from the stack's name, which it
    may cut."""
    role = caller.arn.partition(":assumed-role/")[2].partition("/")[0]
    return role.startswith(f"{stack}-"[:_STACK_CHARACTERS])


def may_take_part(caller: Caller, who: Sequence[str], account: str) -> bool:
    """Whether the caller may approve, or claim to be the requester: a claim is worth as much as an approval.

    Without patterns: IAM users and Identity Center users of the stack's own account. Whoever reaches the function could
    relay a proof of a user in another account.
    """
    person, _ = identify_person(caller)
    return bool(person) and (bool(who) or caller.account == account) and _is_named(person, caller.arn, who)


def may_reject(caller: Caller, who: Sequence[str], account: str) -> bool:
    """Whether the caller may reject: anybody of the stack's account, and everybody who may approve."""
    return caller.account == account or may_take_part(caller, who, account)


def _is_named(person: str, arn: str, who: Sequence[str]) -> bool:
    """An ordinary role counts only where the policy names exactly this role: no pattern for users lets one in."""
    kind = _kind_of(person)
    if kind is Kind.ROLE:
        return f"{arn.rpartition('/')[0]}/*" in who
    return kind is not None and (not who or any(_matches_arn(pattern, arn) for pattern in who))


def _kind_of(person: str) -> Kind | None:
    kind = person.partition(":")[0]
    return Kind(kind) if kind in list(Kind) else None


def _matches_arn(pattern: str, arn: str) -> bool:
    regex = ".*".join(map(re.escape, pattern.split("*")))
    # Identity Center ends a role's name with 16 digits: `AWSReservedSSO_SRE_*/` is the permission set SRE, not SRE_ReadOnly.
    return re.fullmatch(_SSO_SUFFIX.sub(r"\1[0-9a-f]{16}/", regex), arn) is not None


def find_requester(ask: Ask, votes: Iterable[Vote]) -> Vote | None:
    """Who has proven to have requested the run: the first who claimed it and may approve."""
    claims = (vote for vote in votes if vote.decision is Decision.REQUEST and _is_named(vote.person, vote.arn, ask.who))
    return min(claims, key=lambda vote: vote.at, default=None)


def count_needed(ask: Ask, votes: Sequence[Vote], kind: Kind) -> int:
    """How many people of this kind have to approve. One more where no requester of this kind is proven: they may be an
    approver."""
    asked = find_requester(ask, votes)
    return ask.approvers + (asked is None or _kind_of(asked.person) is not kind)


def list_approvals(ask: Ask, votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """The approvals that count: given in time, by somebody who may."""
    approvals = (vote for vote in votes if vote.decision is Decision.APPROVE and ask.at <= vote.at <= ask.expires_at)
    return tuple(vote for vote in approvals if _is_named(vote.person, vote.arn, ask.who))


def find_standing(ask: Ask, votes: Sequence[Vote], now: datetime) -> tuple[Standing, str]:
    """Where the request stands, and the sentence. One rejection outweighs any number of approvals.

    People are counted within one kind of identity. Two IAM users are two human beings as far as AWS can tell; an IAM
    user and an Identity Center user, or a user and a role, may be one.
    """
    rejected = [vote for vote in votes if vote.decision is Decision.REJECT]
    if rejected:
        first = min(rejected, key=lambda vote: vote.at)
        return Standing.REJECTED, f"rejected by {first.arn}: {first.comment or 'no comment'}"
    approvals = list_approvals(ask, votes)
    names = ", ".join(vote.arn for vote in approvals)
    people = {kind: len({vote.person for vote in approvals if _kind_of(vote.person) is kind}) for kind in Kind}
    closest = min(Kind, key=lambda kind: count_needed(ask, votes, kind) - people[kind])
    wanted = count_needed(ask, votes, closest)
    if people[closest] >= wanted:
        return Standing.APPROVED, f"approved by {names}"
    so_far = f"{people[closest]} of {wanted} {'approval' if wanted == 1 else 'approvals'}" + (f" ({names})" if names else "")
    if people[closest] < sum(people.values()):
        so_far += f"; {MIXED}"
    if now >= ask.expires_at + GRACE:
        return Standing.EXPIRED, f"not approved by {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC: {so_far}"
    return Standing.PENDING, f"{so_far}, until {ask.expires_at:%Y-%m-%d %H:%M:%S} UTC"


def describe_need(ask: Ask, votes: Sequence[Vote]) -> str:
    """How many people have to approve, and why so many, in words."""
    asked = find_requester(ask, votes)
    if asked is None:
        reason = "one more than the policy says, because who asked for the run is not proven"
        return f"{_count_people(ask.approvers + 1)}, all of one kind of identity ({reason})"
    kind = next(words for kind, words in _WORDS.items() if kind is _kind_of(asked.person))
    others = f"{_count_people(ask.approvers + 1)} of another kind of identity"
    return f"{_count_people(ask.approvers)} ({kind}, not {asked.arn}, who asked for it), or {others}"


def _count_people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} different people"


def check_approval(ask: Ask | None, votes: Sequence[Vote], plan: str | None, now: datetime) -> tuple[bool | None, str]:
    """The safety check `approved`: whether the plan that is about to run was approved. None: it can't be told."""
    if plan is None:
        return None, "what is about to run could not be compared with what was approved"
    if ask is None:
        return False, "nobody was asked"
    state, sentence = find_standing(ask, votes, now)
    if state is Standing.APPROVED and ask.plan != plan:
        return False, f"{sentence}, but what is about to run ({plan[:12]}) is not what was shown ({ask.plan[:12]})"
    return state is Standing.APPROVED, f"{sentence}; plan {ask.plan[:12]}"
