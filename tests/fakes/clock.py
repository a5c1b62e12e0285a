"""A clock that advances only when told to, and carries out what is due meanwhile."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.counting import Count

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2030, 1, 7, 10, 0, tzinfo=UTC)
"""The time at the beginning: a Monday morning."""


class FakeClock:
    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = Count()

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Advance the clock. What was scheduled meanwhile happens at its own time, in order."""
        until = self._now + timedelta(seconds=seconds)
        while self._due and self._due[0][0] <= until:
            at, _, happens = heapq.heappop(self._due)
            self._now = max(self._now, at)
            happens()
        self._now = max(self._now, until)

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """Schedule a call. A call that is due now happens at the next `advance`, which may be one of 0 s."""
        heapq.heappush(self._due, (self._now + timedelta(seconds=seconds), next(self._order), happens))
