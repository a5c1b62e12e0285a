"""A fleet: home as a member sees it, and the members as home reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from squall.domain.run.home import Member


class HomeContact(Protocol):
    """In a member: what home left there."""

    def last_seen(self) -> datetime | None:
        """When home wrote last, by AWS's clock in this Region; None if it never did."""


class Members(Protocol):
    """At home: the members, each entered in a role of its account. The methods may be called in several threads, and raise
    Refused if AWS denies the role or what was asked for in it."""

    def greet(self, member: Member, text: str) -> None:
        """Write that home is there; the text is for people."""
