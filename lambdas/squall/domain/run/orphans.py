"""What the sweep takes for an orphan: something of an execution that no longer lives."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

OLD = timedelta(minutes=10)
"""Younger things are nobody's orphans: whoever made them may not have recorded it yet, and reads of AWS may be behind."""
EVERY = timedelta(minutes=5)
"""From one sweep to the next, so also the least time between the two sightings that condemn a thing."""


class Kind(StrEnum):
    """In the order in which they are taken away: what could start a fault, the fault, what guards it, what keeps others out."""

    TEMPLATE = "FIS template"
    EXPERIMENT = "FIS experiment"
    GUARD = "guard"
    LOCK = "lock"
    SLOT = "slot"
    TICKET = "place in the queue"


AFTER_THE_FAULT = frozenset({Kind.GUARD, Kind.LOCK, Kind.SLOT, Kind.TICKET})
"""These stay as long as an experiment of their execution may run."""


@dataclass(frozen=True)
class Suspect:
    """Something that carries our mark and names an execution."""

    kind: Kind
    id: str
    execution: str
    since: datetime
    """When it was made; for a lease, when it ran out."""
    command: str
    """The AWS CLI command that takes it away."""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.id}"

    def __str__(self) -> str:
        return f"{self.key} of execution {self.execution}"


@dataclass(frozen=True)
class Sightings:
    """What the last sweep saw."""

    at: datetime | None = None
    first: dict[str, datetime] = field(default_factory=dict)
    """Orphan to when it was first seen."""
    told: frozenset[str] = frozenset()
    """Orphans that people have heard of."""

    def due(self, now: datetime) -> bool:
        return self.at is None or now - self.at >= EVERY

    def next(self, orphans: list[Suspect], told: frozenset[str], now: datetime) -> "Sightings":
        """After a sweep that saw these."""
        first = {one.key: self.first.get(one.key, now) for one in orphans}
        return Sightings(now, first, (self.told | told) & first.keys())
