"""A fleet: home as a member sees it, and the members as home reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from squall.domain.history.collected import Mark
    from squall.domain.history.summary import RunSummary
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
        self.run_of: dict[str, list[RunSummary]] = {}
        """Name to the member's runs, the oldest first."""

    def greet(self, member: Member, text: str) -> None:
        if member.name in self.lost:
            raise self.lost[member.name]
        self.greeted[member.name] = text

    def runs(self, member: Member, start: datetime, end: datetime) -> Iterator[RunSummary]:
        if member.name in self.lost:
            raise self.lost[member.name]
        yield from (run for run in self.run_of.get(member.name, ()) if start <= run.started_at < end)


class FakeCollected:
    def __init__(self) -> None:
        self.runs: dict[str, dict[str, RunSummary]] = {}
        self.marks: dict[str, Mark] = {}

    def store(self, member: str, run: RunSummary) -> None:
        copies = self.runs.setdefault(member, {})
        if run.summarised or not (run.execution_id in copies and copies[run.execution_id].summarised):
            copies[run.execution_id] = run

    def of_period(self, member: str, start: datetime, end: datetime) -> Iterator[RunSummary]:
        copies = sorted(self.runs.get(member, {}).values(), key=lambda run: run.started_at)
        yield from (run for run in copies if start <= run.started_at < end)

    def mark(self, member: str) -> Mark | None:
        return self.marks.get(member)

    def set_mark(self, member: str, mark: Mark) -> None:
        self.marks[member] = mark
