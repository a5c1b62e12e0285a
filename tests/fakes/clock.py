"""Time that passes only when told, and what is due when it does."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2030, 1, 7, 10, 0, tzinfo=UTC)
"""A Monday morning."""


class FakeClock:
    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass; whatever was scheduled meanwhile happens at its own moment, in order."""
        until = self._now + timedelta(seconds=seconds)
        while self._due and self._due[0][0] <= until:
            at, _, happens = heapq.heappop(self._due)
            self._now = max(self._now, at)
            happens()
        self._now = max(self._now, until)

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """Schedule something; what is due now happens at the next `advance`, also one of 0."""
        heapq.heappush(self._due, (self._now + timedelta(seconds=seconds), next(self._order), happens))
