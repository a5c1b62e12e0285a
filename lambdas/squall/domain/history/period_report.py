"""The report of a period as JSON: the keys of REL12-BP05's `generate_chaos_report`, and what Squall adds."""

from collections import Counter
from datetime import datetime
from typing import Literal

from squall.domain.base.model import Model
from squall.domain.history.counts import most_first
from squall.domain.history.summary import RunSummary

Coverage = Literal["validated", "refuted", "undecided", "stale", "never"]


class Filters(Model):
    """Selects runs that have all the named values; None accepts any value."""

    environment: str | None = None
    workload: str | None = None
    type: str | None = None
    """A fault type."""
    owner: str | None = None

    def accept(self, run: RunSummary) -> bool:
        """Whether the run has all the named values."""
        wanted = {"environment": self.environment, "workload": self.workload, "fault_type": self.type, "owner": self.owner}
        return all(value is None or getattr(run, name) == value for name, value in wanted.items())


class Bucket(Model):
    """A day, a week or thirty days of the trend."""

    start: datetime
    runs: int
    verdicts: dict[str, int]
    """Number of runs by verdict, or by status if a run has no verdict."""
    recovery_median_seconds: float | None
    recovery_p95_seconds: float | None


class Cell(Model):
    """What is known about one fault type on one workload."""

    state: Coverage
    runs: int = 0
    last_run: datetime | None = None
    last_decided: datetime | None = None
    execution_id: str | None = None
    """The run that decided the state."""
    points: float = 0.0


class WorkloadReport(Model):
    workload: str
    score: float
    """0 to 100: the mean of `Cell.points` over the fault types, never under 0."""
    runs: int
    types: dict[str, Cell]


class CommonFinding(Model):
    id: str
    title: str
    severity: str
    occurrences: int
    """Runs of the period that have the finding."""
    experiments: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    open: bool
    """No later run of the period proved it fixed."""


class RegionalPart(Model):
    """The run of one Region."""

    execution_id: str
    outcome: str
    """Its verdict, or its status if it has none."""
    region: str = ""
    """Empty: the one whose report this is."""


class RegionalRun(Model):
    """A run over several Regions."""

    id: str
    experiment: str
    home: str
    """The Region in which it was started, which knows how it ended."""
    started_at: datetime
    outcome: str = ""
    """Its verdict, or its status if it has none. Empty: this is not the report of home."""
    parts: tuple[RegionalPart, ...]
    """All parts at home; elsewhere the one of this Region."""


class PeriodReport(Model):
    """The report: the keys of REL12-BP05 first, each with its meaning there. Percentages are from 0 to 100."""

    report_period_days: float
    total_experiments: int
    """Executions that ended, without plans."""
    successful_experiments: int
    """Completed executions: judged to the end, with any verdict."""
    success_rate: float
    hypothesis_validation_rate: float
    experiment_type_distribution: dict[str, int]
    total_issues_discovered: int
    common_issues: tuple[str, ...]
    recommendations: tuple[str, ...]
    message: str | None = None

    start: datetime
    end: datetime
    filters: Filters
    by_status: dict[str, int]
    by_verdict: dict[str, int]
    running: int
    """Executions that began in the period and have not ended; no other number includes them."""
    planned: int
    trend: tuple[Bucket, ...]
    workloads: tuple[WorkloadReport, ...]
    findings: tuple[CommonFinding, ...]
    never_run: tuple[str, ...]
    """Experiments of the catalogue that did not run in the period."""
    stale_days: int
    regional: tuple[RegionalRun, ...] = ()
    """The newest runs over several Regions that had a part here."""

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of runs by verdict, or by status for runs without a verdict; the highest first."""
        counts: Counter[str] = Counter()
        for bucket in self.trend:
            counts.update(bucket.verdicts)
        return most_first(counts)
