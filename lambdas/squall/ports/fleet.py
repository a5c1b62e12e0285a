"""A fleet: home as a member sees it, and the members as home reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

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
