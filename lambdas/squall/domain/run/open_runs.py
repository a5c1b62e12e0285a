"""The open executions, in the order in which the pulse looks after them. No pydantic: the halt path imports this."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

_GOLDEN_RATIO = 0.6180339887


@dataclass(frozen=True)
class OpenRuns:
    """Execution ids from the open index. Iterating gives all of them, those that may have a fault first."""

    with_fault: tuple[str, ...] = ()
    """A FIS template exists, and the end of the fault is not recorded."""
    waiting: tuple[str, ...] = ()
    """Everything else: the fault has not started yet, or is over. The oldest first."""

    def __iter__(self) -> Iterator[str]:
        yield from self.with_fault
        yield from self.waiting

    def put_first(self, ids: Collection[str]) -> "OpenRuns":
        """The same runs, with these counted among those that may have a fault, whatever their records say."""
        first = tuple(id_ for id_ in self.waiting if id_ in ids)
        return OpenRuns((*self.with_fault, *first), tuple(id_ for id_ in self.waiting if id_ not in ids))

    def waiting_in_turn(self, now: datetime) -> tuple[str, ...]:
        """The waiting runs, starting at a different one each minute. A pulse that has time for only a few thus looks at
        each of them within minutes: the starts are multiples of the golden ratio, which spread evenly."""
        start = int(len(self.waiting) * (int(now.timestamp() // 60) * _GOLDEN_RATIO % 1))
        return self.waiting[start:] + self.waiting[:start]
