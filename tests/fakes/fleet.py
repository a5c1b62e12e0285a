"""A fleet: home as a member sees it, and the members as home reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from squall.domain.run.home import Member


class FakeHome:
    def __init__(self) -> None:
        self.seen: datetime | None = None

    def last_seen(self) -> datetime | None:
        return self.seen


class FakeMembers:
    def __init__(self) -> None:
        self.greeted: dict[str, str] = {}
        """Name to the last text."""
        self.lost: dict[str, Exception] = {}
        """Members that can't be entered, and why."""

    def greet(self, member: Member, text: str) -> None:
        if member.name in self.lost:
            raise self.lost[member.name]
        self.greeted[member.name] = text
