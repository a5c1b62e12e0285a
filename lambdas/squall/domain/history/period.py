"""What a period's experiments say together: the seed's report, and how far each workload is covered.

Runs are counted one by one as they are read: memory grows with the number of names (experiments, workloads, findings, days), never with the
number of runs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from squall.domain.history.quantiles import Quantiles
from squall.domain.history.summary import FindingSeen, RunSummary
from squall.domain.model import Model
from squall.domain.vocabulary import FaultType, Status

FAILED_SHARE, UNVALIDATED_SHARE, RUNS_A_MONTH = 0.2, 0.3, 4
"""The seed's thresholds: more failed, more without a validated hypothesis, fewer runs in thirty days."""
STALE_DAYS = 90
"""A fault type not judged for longer counts as uncovered."""
HALF_LIFE_DAYS = 45
"""A validation is worth half after this long: what it was made on has changed."""
REFUTED_POINTS = -50.0
"""A known weakness is worth less than nothing known, and does not fade: only a validation ends it."""
COMMON = 5
MESSAGE = "No chaos experiments in the specified time period"

Coverage = Literal["validated", "refuted", "undecided", "stale", "never"]


class Filters(Model):
    """Only runs that have all the named values."""

    environment: str | None = None
    workload: str | None = None
    type: str | None = None
    owner: str | None = None

    def take(self, run: RunSummary) -> bool:
        """Whether the run is asked for."""
        wanted = {"environment": self.environment, "workload": self.workload, "fault_type": self.type, "owner": self.owner}
        return all(value is None or getattr(run, name) == value for name, value in wanted.items())


class Bucket(Model):
    """A day, a week or a month of the trend."""

    start: datetime
    runs: int
    verdicts: dict[str, int]
    """By verdict, or by status where there is none."""
    recovery_median_seconds: float | None
    recovery_p95_seconds: float | None


class Cell(Model):
    """A fault type on a workload: what is known of it."""

    state: Coverage
    runs: int = 0
    last_run: datetime | None = None
    last_decided: datetime | None = None
    execution_id: str | None = None
    """The run that decided."""
    points: float = 0.0


class WorkloadReport(Model):
    workload: str
    score: float
    """0 to 100: the mean over the fault types of `Cell.points`, never under 0."""
    runs: int
    types: dict[str, Cell]


class CommonFinding(Model):
    id: str
    title: str
    severity: str
    occurrences: int
    """Runs of the period that saw it."""
    experiments: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    open: bool
    """No later run of the period proved it fixed."""


class PeriodReport(Model):
    """The seed's keys first, with its meaning of each; percentages from 0 to 100."""

    report_period_days: float
    total_experiments: int
    """Executions that ended, without plans."""
    successful_experiments: int
    """Completed: judged to the end, whatever the verdict."""
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
    """Begun in the period and not over; counted nowhere else."""
    planned: int
    trend: tuple[Bucket, ...]
    workloads: tuple[WorkloadReport, ...]
    findings: tuple[CommonFinding, ...]
    never_run: tuple[str, ...]
    """Experiments of the catalogue that did not run in the period."""
    stale_days: int


@dataclass
class _Bucket:
    runs: int = 0
    words: Counter[str] = field(default_factory=Counter)
    recovery: Quantiles = field(default_factory=Quantiles)


@dataclass
class _Cell:
    runs: int = 0
    last_run: datetime | None = None
    decided: RunSummary | None = None

    def count(self, run: RunSummary) -> None:
        self.runs += 1
        if self.last_run is None or run.started_at > self.last_run:
            self.last_run = run.started_at
        if run.decisive and (self.decided is None or run.started_at > self.decided.started_at):
            self.decided = replace(run, findings=())


@dataclass
class _Found:
    latest: FindingSeen
    first: datetime
    last: datetime
    occurrences: int = 0
    experiments: set[str] = field(default_factory=set)


class Period:
    """Counts runs in any order; `report` says what they come to.

    `start` and `end` bound what is counted. Runs before `start` may be given too (as far as `lookback` says): they only tell how far a
    workload is covered.
    """

    def __init__(
        self,
        start: datetime,
        end: datetime,
        filters: Filters | None = None,
        catalogue: Mapping[str, str] | None = None,
        stale_days: int = STALE_DAYS,
    ) -> None:
        if start >= end:
            raise ValueError(f"the period from {start} to {end} is empty")
        self.start, self.end, self.filters = start, end, filters or Filters()
        self._catalogue = dict(catalogue or {})
        self._stale_days = stale_days
        self._statuses: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._types: Counter[str] = Counter()
        self._validated = self._running = self._planned = self._unattended = self._issues = 0
        self._trend: defaultdict[datetime, _Bucket] = defaultdict(_Bucket)
        self._cells: defaultdict[str, defaultdict[str, _Cell]] = defaultdict(lambda: defaultdict(_Cell))
        self._findings: dict[str, _Found] = {}
        self._closed: dict[str, datetime] = {}
        self._experiments: set[str] = set()

    @property
    def lookback(self) -> datetime:
        """From when on runs matter at all."""
        return min(self.start, self.end - timedelta(days=self._stale_days))

    def add(self, run: RunSummary) -> None:
        """Count a run; one that is not asked for is passed over."""
        if not self.filters.take(run) or not self.lookback <= run.started_at < self.end:
            return
        inside = run.started_at >= self.start
        if not run.status.final or run.status is Status.PLANNED:
            self._running += inside and not run.status.final
            self._planned += inside and run.status is Status.PLANNED
            return
        if run.workload and run.fault_type and run.status is not Status.REJECTED:
            self._cells[run.workload][run.fault_type].count(run)
        if inside:
            self._count(run)

    def _count(self, run: RunSummary) -> None:
        self._statuses[run.status.value] += 1
        if run.verdict:
            self._verdicts[run.verdict.value] += 1
        if run.fault_type:
            self._types[run.fault_type] += 1
        self._validated += run.hypothesis_validated is True
        self._unattended += bool(run.trigger)
        self._experiments.add(run.experiment)
        bucket = self._trend[self._bucket_of(run.started_at)]
        bucket.runs += 1
        bucket.words[(run.verdict or run.status).value] += 1
        if run.recovery_seconds is not None:
            bucket.recovery.add(run.recovery_seconds)
        for finding in run.findings:
            self._find(finding, run)

    def _find(self, finding: FindingSeen, run: RunSummary) -> None:
        at = run.started_at
        if finding.closed:
            self._closed[finding.id] = max(at, self._closed.get(finding.id, at))
            return
        found = self._findings.setdefault(finding.id, _Found(finding, at, at))
        self._issues += 1
        found.occurrences += 1
        found.experiments.add(run.experiment)
        found.first = min(found.first, at)
        if at >= found.last:
            found.last, found.latest = at, finding

    @property
    def _step(self) -> timedelta:
        length = self.end - self.start
        return (
            timedelta(days=1)
            if length <= timedelta(days=35)
            else timedelta(days=7)
            if length <= timedelta(days=370)
            else timedelta(days=30)
        )

    def _bucket_of(self, at: datetime) -> datetime:
        return self.start + (at - self.start) // self._step * self._step

    def report(self) -> PeriodReport:
        """What the runs come to; once all are counted."""
        total = sum(self._statuses.values())
        days = (self.end - self.start) / timedelta(days=1)
        workloads = tuple(
            sorted((self._workload(name, cells) for name, cells in self._cells.items()), key=lambda one: (one.score, one.workload))
        )
        findings = tuple(
            sorted(map(self._common, self._findings.values()), key=lambda one: (not one.open, -one.occurrences, one.title, one.id))
        )
        return PeriodReport(
            report_period_days=round(days, 3),
            total_experiments=total,
            successful_experiments=self._statuses[Status.COMPLETED.value],
            success_rate=_percent(self._statuses[Status.COMPLETED.value], total),
            hypothesis_validation_rate=_percent(self._validated, total),
            experiment_type_distribution=_ordered(self._types),
            total_issues_discovered=self._issues,
            common_issues=tuple(
                f"{one.title} ({_times(one.occurrences)})" for one in sorted(findings, key=lambda one: -one.occurrences)[:COMMON]
            ),
            recommendations=tuple(self._recommendations(total, days, workloads)),
            message=None if total else MESSAGE,
            start=self.start,
            end=self.end,
            filters=self.filters,
            by_status=_ordered(self._statuses),
            by_verdict=_ordered(self._verdicts),
            running=self._running,
            planned=self._planned,
            trend=tuple(self._buckets()),
            workloads=workloads,
            findings=findings,
            never_run=tuple(sorted(name for name, kind in self._catalogue.items() if name not in self._experiments and self._wanted(kind))),
            stale_days=self._stale_days,
        )

    def _wanted(self, kind: str) -> bool:
        return self.filters.type in {None, kind}

    def _common(self, found: _Found) -> CommonFinding:
        return CommonFinding(
            id=found.latest.id,
            title=found.latest.title,
            severity=found.latest.severity,
            occurrences=found.occurrences,
            experiments=tuple(sorted(found.experiments)),
            first_seen=found.first,
            last_seen=found.last,
            open=self._closed.get(found.latest.id, found.last) <= found.last,
        )

    def _buckets(self) -> Iterable[Bucket]:
        """Every step of the period, also those in which nothing ran."""
        at = self.start
        while at < self.end:
            bucket = self._trend.get(at, _Bucket())
            yield Bucket(
                start=at,
                runs=bucket.runs,
                verdicts=_ordered(bucket.words),
                recovery_median_seconds=bucket.recovery.at(0.5),
                recovery_p95_seconds=bucket.recovery.at(0.95),
            )
            at += self._step

    def _workload(self, name: str, cells: Mapping[str, _Cell]) -> WorkloadReport:
        # What the catalogue or anybody's run breaks, this workload could be asked to bear.
        kinds = {kind for known in self._cells.values() for kind in known} | set(self._catalogue.values())
        types = {kind: self._cell(cells.get(kind)) for kind in sorted(kinds, key=_seeds_order) if self._wanted(kind)}
        mean = sum(cell.points for cell in types.values()) / len(types)
        return WorkloadReport(workload=name, score=round(max(0.0, mean), 1), runs=sum(cell.runs for cell in types.values()), types=types)

    def _cell(self, cell: _Cell | None) -> Cell:
        if cell is None:
            return Cell(state="never")
        if cell.decided is None:
            return Cell(state="undecided", runs=cell.runs, last_run=cell.last_run)
        age = max(0.0, (self.end - cell.decided.started_at) / timedelta(days=1))
        state: Coverage = "validated" if cell.decided.hypothesis_validated else "refuted"
        if state == "validated" and age > self._stale_days:
            state = "stale"
        points = 100 * 0.5 ** (age / HALF_LIFE_DAYS) if state == "validated" else REFUTED_POINTS if state == "refuted" else 0.0
        return Cell(
            state=state,
            runs=cell.runs,
            last_run=cell.last_run,
            last_decided=cell.decided.started_at,
            execution_id=cell.decided.execution_id,
            points=round(points, 1),
        )

    def _recommendations(self, total: int, days: float, workloads: Iterable[WorkloadReport]) -> Iterable[str]:
        """The seed's sentences, each only where the period's numbers say so."""
        failed = self._statuses[Status.FAILED.value] + self._statuses[Status.REJECTED.value]
        if failed > total * FAILED_SHARE:
            yield "Review experiment safety checks and rollback procedures"
        if total - self._validated > total * UNVALIDATED_SHARE:
            yield "Strengthen system resilience and recovery mechanisms"
        if total < RUNS_A_MONTH * days / 30:
            yield "Increase frequency of chaos engineering experiments"
        gaps = {"never", "stale", "undecided"}
        if not total or any(cell.state in gaps for workload in workloads for cell in workload.types.values()):
            yield "Expand chaos experiments to cover more failure scenarios"
        if total and not self._unattended:
            yield "Integrate chaos engineering into CI/CD pipeline"


def _seeds_order(kind: str) -> tuple[int, str]:
    known = [each.value for each in FaultType]
    return (known.index(kind) if kind in known else len(known), kind)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0])))


def _times(number: int) -> str:
    return f"{number} occurrence{'' if number == 1 else 's'}"
