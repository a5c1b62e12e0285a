"""How far home has copied the runs of a member of its fleet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from squall.domain.history.summary import RunSummary

COLLECTED_EVERY = timedelta(minutes=5)
"""How often home copies."""
FIRST_LOOKBACK = timedelta(days=400)
"""How old the runs are that home copies of a new member."""
MARGIN = timedelta(days=1)
"""How long before the mark home reads again: a record may be written long after its execution has started."""
UNSETTLED = timedelta(days=8)
"""How long home waits for the summary of a run that has ended. The weekly report writes those that were lost."""
MOST_RUNS = 100
"""The most runs of one member that one pass copies. The next pass goes on."""


@dataclass(frozen=True)
class Mark:
    """How far the last pass got."""

    since: datetime
    """Every run that started before is copied, as it will stay."""
    at: datetime
    """When the pass read."""
    complete: bool = True
    """Whether it copied every run that had ended by then."""


@dataclass
class Copying:
    """What to copy of a member's runs, which come in the order of their starts."""

    known: Mapping[str, RunSummary]
    """The copies by the id of the run."""
    now: datetime
    to_store: list[RunSummary] = field(default_factory=list)

    def read(self, runs: Iterable[RunSummary]) -> Mark:
        """Collect in `to_store` what is new or has changed. Returns the mark to set once all of it is stored."""
        held: datetime | None = None
        for run in runs:
            if len(self.to_store) >= MOST_RUNS:
                return Mark(min(held or run.started_at, run.started_at), self.now, complete=False)
            if run.status.final and run != self.known.get(run.execution_id):
                self.to_store.append(run)
            if held is None and not self._is_settled(run):
                held = run.started_at
        return Mark(held or self.now, self.now)

    def _is_settled(self, run: RunSummary) -> bool:
        """Whether nothing more is to come of the run."""
        return run.status.final and (run.summarised or self.now - (run.ended_at or run.started_at) > UNSETTLED)
