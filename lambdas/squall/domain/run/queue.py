"""Who holds FIS's experiment slots, who waits for one, and whose turn it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.domain.run.fis_state import FisExperiment

FIS_ACTIVE_EXPERIMENTS = 5
"""Default quota of active experiments per account and Region (AWS FIS quotas), ours and others'."""
LONGEST_WAIT_SECONDS = 60
"""The longest time between two looks of a waiting execution. A slot that became free may be empty for that long."""


@dataclass(frozen=True)
class Slot:
    """The lease of a slot, valid or expired."""

    number: int
    holder: str
    until: datetime


@dataclass(frozen=True)
class Ticket:
    """A place in the queue. Its holder renews it at each look. A ticket that has expired is passed over."""

    holder: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Line:
    """Slots and queue as they are in the table, expired ones included. Tickets are sorted by time, then by holder."""

    slots: tuple[Slot, ...] = ()
    tickets: tuple[Ticket, ...] = ()

    def holders(self, now: datetime) -> dict[int, str]:
        """Number of each taken slot to its holder."""
        return {slot.number: slot.holder for slot in self.slots if slot.until > now}

    def waiting(self, now: datetime) -> tuple[str, ...]:
        """The executions that wait, in order. An execution that has a slot does not wait, even if its ticket still
        exists."""
        served = set(self.holders(now).values())
        return tuple(ticket.holder for ticket in self.tickets if ticket.until > now and ticket.holder not in served)

    def ahead_of(self, holder: str, now: datetime) -> tuple[str, ...]:
        """The executions that wait before this one; all of them if it has no ticket."""
        waiting = self.waiting(now)
        return waiting[: waiting.index(holder)] if holder in waiting else waiting


@dataclass(frozen=True)
class Room:
    """How many experiments FIS can take from this stack now."""

    limit: int
    """How many slots this stack may hold in total."""
    free: int
    """How many of those slots nobody holds."""
    outside: int
    """How many active experiments belong to others."""

    def __str__(self) -> str:
        taken = f"{FIS_ACTIVE_EXPERIMENTS - self.free} of FIS's {FIS_ACTIVE_EXPERIMENTS} experiment slots are taken"
        return taken + (f", {self.outside} outside this stack" if self.outside else "")


def measure_room(line: Line, active: Iterable[FisExperiment], stack: str, holder: str, now: datetime) -> Room:
    """The slots that are free now, by the table (`line`) and by FIS's list of active experiments. Experiments of others
    take slots too, and so do those of this stack that hold no slot in the table."""
    active = list(active)
    others = [fis for fis in active if fis.tags.get("squall:stack") != stack]
    held = {other for other in line.holders(now).values() if other != holder}
    strays = {fis.tags.get("squall:execution", fis.id) for fis in active if fis not in others} - held - {holder}
    limit = max(0, FIS_ACTIVE_EXPERIMENTS - len(others) - len(strays))
    return Room(limit=limit, free=max(0, limit - len(held)), outside=len(others))


def wait_seconds(waited: timedelta, poll_seconds: int, lease_seconds: int) -> float:
    """Seconds until the next look: a quarter of the time waited so far, so that a long wait costs few transitions.

    It is never so long that the ticket expires.
    """
    return min(max(float(poll_seconds), waited.total_seconds() / 4), LONGEST_WAIT_SECONDS, lease_seconds / 3)
