"""Who holds FIS's experiment slots, who waits for one, and whose turn it is. Dataclasses: the closing path imports this."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.domain.run.aws_state import FisExperiment

FIS_ACTIVE_EXPERIMENTS = 5
"""Default quota of active experiments per account and Region (AWS FIS quotas), ours and others'."""
LONGEST_WAIT_SECONDS = 60
"""Between two looks of one that queues: so long may a slot that became free stand empty."""


@dataclass(frozen=True)
class Slot:
    """The lease of a slot, live or not."""

    number: int
    holder: str
    until: datetime


@dataclass(frozen=True)
class Ticket:
    """A place in the queue. Its holder renews it at each look; one that does not is dead and passed over."""

    holder: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Line:
    """Slots and queue as the table has them, what has run out included; tickets by time, then by holder."""

    slots: tuple[Slot, ...] = ()
    tickets: tuple[Ticket, ...] = ()

    def holders(self, now: datetime) -> dict[int, str]:
        """Slots that are taken."""
        return {slot.number: slot.holder for slot in self.slots if slot.until > now}

    def waiting(self, now: datetime) -> tuple[str, ...]:
        """Those who wait, the first first. Who has a slot waits no more, whatever became of the ticket."""
        served = set(self.holders(now).values())
        return tuple(ticket.holder for ticket in self.tickets if ticket.until > now and ticket.holder not in served)

    def ahead_of(self, holder: str, now: datetime) -> tuple[str, ...]:
        """Those before this one; everybody, if it has no ticket."""
        waiting = self.waiting(now)
        return waiting[: waiting.index(holder)] if holder in waiting else waiting


@dataclass(frozen=True)
class Room:
    """What FIS has for one of ours just now."""

    limit: int
    """Slots that this stack may hold in all."""
    free: int
    """How many of them nobody holds."""
    outside: int
    """Experiments of others."""

    def __str__(self) -> str:
        taken = f"{FIS_ACTIVE_EXPERIMENTS - self.free} of FIS's {FIS_ACTIVE_EXPERIMENTS} experiment slots are taken"
        return taken + (f", {self.outside} outside this stack" if self.outside else "")


def room(line: Line, active: Iterable[FisExperiment], stack: str, holder: str, now: datetime) -> Room:
    """The semaphore reconciled with what FIS lists: experiments of others, and of ours those that have lost their slot, count too."""
    active = list(active)
    others = [fis for fis in active if fis.tags.get("squall:stack") != stack]
    held = {one for one in line.holders(now).values() if one != holder}
    strays = {fis.tags.get("squall:execution", fis.id) for fis in active if fis not in others} - held - {holder}
    limit = max(0, FIS_ACTIVE_EXPERIMENTS - len(others) - len(strays))
    return Room(limit=limit, free=max(0, limit - len(held)), outside=len(others))


def wait_seconds(waited: timedelta, poll_seconds: int, lease_seconds: int) -> float:
    """Until the next look: a quarter of the time waited so far, so that a long wait costs few transitions; never so long that the
    ticket runs out."""
    return min(max(float(poll_seconds), waited.total_seconds() / 4), LONGEST_WAIT_SECONDS, lease_seconds / 3)
