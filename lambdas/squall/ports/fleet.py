"""A fleet: home as a member sees it, and the members as home reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from squall.domain.campaign.away import AwayExecution
    from squall.domain.history.collected import Mark
    from squall.domain.history.summary import RunSummary
    from squall.domain.run.home import Member
    from squall.domain.run.record import ExecutionRecord


class HomeContact(Protocol):
    """In a member: what home left there."""

    def last_seen(self) -> datetime | None:
        """When home wrote last, by AWS's clock in this Region; None if it never did."""


class Members(Protocol):
    """The members of a fleet, from home, and the stacks whose records are a proof: each entered in a role of its account. The
    methods may be called in several threads, and raise Refused if AWS denies the role or what was asked for in it."""

    def send_heartbeat(self, member: Member, text: str) -> None:
        """Write that home is there; the text is for people."""

    def runs(self, member: Member, start: datetime, end: datetime) -> Iterator[RunSummary]:
        """The member's runs that started from `start` until before `end`, the oldest first. Eventually consistent."""

    def validated(self, member: Member, experiment: str, environment: str, since: datetime) -> Sequence[ExecutionRecord]:
        """The runs of an experiment that were validated in an environment of the stack, the newest first."""


class MemberRuns(Protocol):
    """Runs in the members of a fleet that are steps of home's campaigns.

    Each call assumes the member's role anew. The methods may be called in several threads. Unlike elsewhere, whatever keeps a
    caller from the answer raises `Unavailable`: a member that is not reached, a role that is denied, a stack that is not there, an
    item of another version. A call takes some seconds at most.
    """

    def locate(self, member: Member, name: str) -> str:
        """The ARN that an execution of this name has there. Starts nothing."""

    def start(self, member: Member, arn: str, payload: Mapping[str, Any]) -> None:
        """Start the execution with this input. Does nothing if the name is used already: `describe` says by what."""

    def describe(self, member: Member, arn: str) -> AwayExecution | None:
        """What Step Functions there says of the execution; None if there is none."""

    def read(self, member: Member, execution_id: str) -> ExecutionRecord | None:
        """The record of an execution in the member's table, read consistently; None if there is none. Who was asked for approval,
        who voted, the proofs and the timeline are not read, and empty in the answer."""

    def abort(self, member: Member, arn: str, reason: str, requested_by: str) -> None:
        """Invoke the member's Abort function, asynchronously, with `{"execution_id", "reason", "requested_by"}`. The execution has to
        be one of that stack: the function of another stack knows no such run, and would not say so."""


class Collected(Protocol):
    """At home: the copies of the members' runs. A member is named by its key."""

    def store(self, member: str, run: RunSummary) -> None:
        """Store a copy. One without its summary does not replace one that has it."""

    def of_period(self, member: str, start: datetime, end: datetime) -> Iterator[RunSummary]:
        """The copies of runs that started from `start` until before `end`, the oldest first. Read consistently."""

    def mark(self, member: str) -> Mark | None:
        """How far the copying has got; None before the first pass."""

    def set_mark(self, member: str, mark: Mark) -> None:
        """Write how far the copying has got."""
