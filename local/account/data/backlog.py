"""Changes that are on their way to a copy: each arrives a moment after it was written, in the order of the writes, or waits
while its replication is paused.

Nothing runs while nothing is on its way: the first change starts a timer, and the timer ends with the last one.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

logger = logging.getLogger("squall.replication")

TICK_SECONDS = 0.25
"""How often the changes on their way are looked at."""

Link = TypeVar("Link", bound=Hashable)


@dataclass(frozen=True)
class Change:
    """One change on its way."""

    carry_out: Callable[["Change"], None]
    """Makes the change in the copy."""
    size: int = 0
    """Bytes."""
    written_at: float = field(default_factory=time.time)
    """Epoch seconds."""
    context: Context = field(default_factory=copy_context)
    """The account and Region of whoever wrote."""


class Backlog(Generic[Link]):
    """The changes on their way, by link: from where to where. Threads may share it.

    Changes are carried out on the event loop that answers the account's calls: no call sees half of one.
    """

    def __init__(self, delay_seconds: float, is_paused: Callable[[Link], bool]) -> None:
        self._delay, self._is_paused = delay_seconds, is_paused
        self._lock = threading.Lock()
        self._changes: dict[Link, deque[Change]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Carry changes out on this loop."""
        self._loop = loop

    def put(self, link: Link, change: Change) -> None:
        """Send a change on its way."""
        if self._loop is None:
            raise RuntimeError("the account does not serve yet")
        with self._lock:
            self._changes.setdefault(link, deque()).append(change)
            if self._ticking:
                return
            self._ticking = True
        self._loop.call_soon_threadsafe(self._wait)

    def waiting(self, link: Link) -> list[Change]:
        """What is on its way over a link, the oldest first."""
        with self._lock:
            return [*self._changes.get(link, ())]

    def links(self) -> list[Link]:
        """The links with something on its way."""
        with self._lock:
            return [*self._changes]

    def _wait(self) -> None:
        asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        for link in self.links():
            try:
                self._carry_out(link)
            except Exception:  # a link that can't be judged now keeps neither the others nor the next tick from coming
                logger.exception("a link was not looked at: %s", link)
        with self._lock:
            self._ticking = bool(self._changes)
            again = self._ticking
        if again:
            self._wait()

    def _carry_out(self, link: Link) -> None:
        """Carry out what has been on its way for long enough, unless the link is paused."""
        while change := self._take_due(link):
            try:
                change.context.run(change.carry_out, change)
            except Exception:
                logger.exception("a change did not reach its copy: %s", link)

    def _take_due(self, link: Link) -> Change | None:
        with self._lock:
            changes = self._changes.get(link)
            if not changes:
                return None
            first = changes[0]
        if first.written_at + self._delay > time.time() or first.context.run(self._is_paused, link):
            return None
        with self._lock:
            changes.popleft()
            if not changes:
                del self._changes[link]
        return first
