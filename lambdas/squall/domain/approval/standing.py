"""What the votes on a request decide: pure functions of the request and the votes.

The votes decide; a task token only wakes the workflow.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from squall.domain.approval.people import Kind, find_kind, is_named
from squall.domain.approval.votes import Ask, Decision, Vote

GRACE = timedelta(seconds=10)
"""How long the workflow treats an expired request as open: a vote of the last moment may still be on its way to the
table."""
MOST_REQUESTS = 3
"""How often a run asks again because its plan has changed."""
MIXED = "people are counted within one kind of identity: an IAM user, an Identity Center user and a role may be one human being"


class Standing(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


def find_requester(ask: Ask, votes: Iterable[Vote]) -> Vote | None:
    """The person who has proven to have requested the run: the first who claimed it and may approve."""
    claims = (vote for vote in votes if vote.decision is Decision.REQUEST and is_named(vote.person, vote.arn, ask.who))
    return min(claims, key=lambda vote: vote.at, default=None)


def count_needed(ask: Ask, votes: Sequence[Vote], kind: Kind) -> int:
    """How many people of this kind have to approve. One more if no requester of this kind is proven, because one of the
    approvers may be the requester."""
    asked = find_requester(ask, votes)
    return ask.approvers + (asked is None or find_kind(asked.person) is not kind)


def list_approvals(ask: Ask, votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """The approvals that count: given in time, by people who may approve."""
    approvals = (vote for vote in votes if vote.decision is Decision.APPROVE and ask.at <= vote.at <= ask.expires_at)
    return tuple(vote for vote in approvals if is_named(vote.person, vote.arn, ask.who))


def find_standing(ask: Ask, votes: Sequence[Vote], now: datetime) -> tuple[Standing, str]:
    """The standing of the request, and a sentence about it. One rejection outweighs any number of approvals.

    People are counted within one kind of identity. Two IAM users are two human beings as far as AWS can tell; an IAM
    user and an Identity Center user, or a user and a role, may be one.
    """
    rejected = [vote for vote in votes if vote.decision is Decision.REJECT]
    if rejected:
        first = min(rejected, key=lambda vote: vote.at)
        return Standing.REJECTED, f"rejected by {first.arn}: {first.comment or 'no comment'}"
    approvals = list_approvals(ask, votes)
    names = ", ".join(vote.arn for vote in approvals)
    people = {kind: len({vote.person for vote in approvals if find_kind(vote.person) is kind}) for kind in Kind}
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
    kind = next(kind.words for kind in Kind if kind is find_kind(asked.person))
    others = f"{_count_people(ask.approvers + 1)} of another kind of identity"
    return f"{_count_people(ask.approvers)} ({kind}, not {asked.arn}, who asked for it), or {others}"


def _count_people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} different people"


def check_approval(ask: Ask | None, votes: Sequence[Vote], plan: str | None, now: datetime) -> tuple[bool | None, str]:
    """The safety check `approved`: whether the plan that is about to run was approved. None if that can't be told."""
    if plan is None:
        return None, "what is about to run could not be compared with what was approved"
    if ask is None:
        return False, "nobody was asked"
    state, sentence = find_standing(ask, votes, now)
    if state is Standing.APPROVED and ask.plan != plan:
        return False, f"{sentence}, but what is about to run ({plan[:12]}) is not what was shown ({ask.plan[:12]})"
    return state is Standing.APPROVED, f"{sentence}; plan {ask.plan[:12]}"
