"""Orphans: resources of an execution that has ended, which the sweep removes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

OLD = timedelta(minutes=10)
"""Anything younger than this is no orphan: its record may not be written yet, and reads from AWS may be stale."""
EVERY = timedelta(minutes=5)
"""The time from one sweep to the next. An orphan is removed only after two sweeps have seen it."""


class Kind(StrEnum):
    """The kinds, in the order of removal: what could start a fault, the fault, what guards it, what keeps other runs
    out."""

    TEMPLATE = "FIS template"
    EXPERIMENT = "FIS experiment"
    GUARD = "guard"
    LOCK = "lock"
    SLOT = "slot"
    TICKET = "place in the queue"


AFTER_THE_FAULT = frozenset({Kind.GUARD, Kind.LOCK, Kind.SLOT, Kind.TICKET})
"""These stay as long as an experiment of their execution may be running."""


@dataclass(frozen=True)
class Suspect:
    """A resource that carries this stack's mark and names an execution."""

    kind: Kind
    id: str
    execution: str
    since: datetime
    """When it was created; for a lease, when it expired."""
    command: str
    """The AWS CLI command that removes it."""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.id}"

    def __str__(self) -> str:
        return f"{self.key} of execution {self.execution}"


@dataclass(frozen=True)
class Sightings:
    """The orphans that the last sweep found."""

    at: datetime | None = None
    first: dict[str, datetime] = field(default_factory=dict)
    """Key of each orphan to when a sweep first saw it."""
    notified: frozenset[str] = frozenset()
    """Keys of the orphans that people were notified of."""

    def due(self, now: datetime) -> bool:
        return self.at is None or now - self.at >= EVERY

    def next(self, orphans: list[Suspect], notified: frozenset[str], now: datetime) -> "Sightings":
        """The sightings after a sweep that found these orphans. `notified` are the keys of the orphans that this sweep
        notified people of."""
        first = {orphan.key: self.first.get(orphan.key, now) for orphan in orphans}
        return Sightings(now, first, (self.notified | notified) & first.keys())
