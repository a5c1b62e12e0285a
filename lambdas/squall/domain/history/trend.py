"""Runs and recovery times by day, week or thirty days of a period."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from squall.domain.history.counts import most_first
from squall.domain.history.period_report import Bucket
from squall.domain.history.quantiles import Quantiles
from squall.domain.history.summary import RunSummary


@dataclass
class _BucketCount:
    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    recovery_seconds: Quantiles = field(default_factory=Quantiles)

    def bucket(self, start: datetime) -> Bucket:
        return Bucket(
            start=start,
            runs=self.runs,
            verdicts=most_first(self.outcomes),
            recovery_median_seconds=self.recovery_seconds.at(0.5),
            recovery_p95_seconds=self.recovery_seconds.at(0.95),
        )


@dataclass
class TrendCount:
    """Counts runs that began in the period, in any order."""

    start: datetime
    end: datetime
    _counts: defaultdict[datetime, _BucketCount] = field(default_factory=lambda: defaultdict(_BucketCount))

    @property
    def step(self) -> timedelta:
        """The step of the trend: a day; a week in periods over 35 days; thirty days in periods over 370 days."""
        length = self.end - self.start
        if length <= timedelta(days=35):
            return timedelta(days=1)
        return timedelta(days=7) if length <= timedelta(days=370) else timedelta(days=30)

    def add(self, run: RunSummary) -> None:
        count = self._counts[self.start + (run.started_at - self.start) // self.step * self.step]
        count.runs += 1
        count.outcomes[(run.verdict or run.status).value] += 1
        if run.recovery_seconds is not None:
            count.recovery_seconds.add(run.recovery_seconds)

    def buckets(self) -> Iterable[Bucket]:
        """Every step of the period, including those without a run."""
        start = self.start
        while start < self.end:
            yield self._counts.get(start, _BucketCount()).bucket(start)
            start += self.step
