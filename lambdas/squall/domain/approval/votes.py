"""A request for approval and the votes on it, as the record holds them.

Dataclasses, and nothing that the abort path does not need, because it imports the record.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Decision(StrEnum):
    REQUEST = "request"
    """A claim to have requested this run. A person who makes it can't approve the run."""
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class Ask:
    """A request for approval, as it stands on the record. A new request replaces it, and no earlier approval counts."""

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
    plan: str = ""
    """Hash of the plan that was shown. Empty on votes that an earlier version recorded: they approve nothing."""

    @property
    def digest(self) -> str:
        """What confirms this vote and no other: a hash over everything in it."""
        parts = [self.person, self.arn, self.decision.value, self.at.isoformat(), self.comment, self.plan]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Proof:
    """The three header values that a person adds to a signed GetCallerIdentity request."""

    authorization: str
    date: str
    """X-Amz-Date, `20300107T100000Z`."""
    token: str = ""
    """X-Amz-Security-Token of temporary credentials."""


@dataclass(frozen=True)
class VoteProof:
    """The proof of a person's vote, on the record until the vote is confirmed or refused."""

    person: str
    proof: Proof
    tried: bool = False
    """Whether AWS could not be asked about it once. The pulse then wakes the run for the next attempt."""
