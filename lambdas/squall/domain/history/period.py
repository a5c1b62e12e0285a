"""The report of a period: the numbers of REL12-BP05, and how far each workload is covered by experiments.

Runs are counted one by one as they are read: memory grows with the number of names (experiments, workloads, findings,
days), never with the number of runs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from squall.domain.base.vocabulary import Status
from squall.domain.history.common_findings import FindingsCount
from squall.domain.history.counts import compute_percent, most_first
from squall.domain.history.coverage import STALE_DAYS, CoverageCount
from squall.domain.history.period_report import CommonFinding, Filters, PeriodReport, WorkloadReport
from squall.domain.history.regional import RegionalCount
from squall.domain.history.summary import RunSummary
from squall.domain.history.trend import TrendCount

FAILED_SHARE, UNVALIDATED_SHARE, RUNS_A_MONTH = 0.2, 0.3, 4
"""Thresholds of REL12-BP05: a higher share failed, a higher share without a validated hypothesis, fewer runs in thirty
days."""
COMMON_ISSUES = 5
MESSAGE = "No chaos experiments in the specified time period"


class Period:
    """Counts runs in any order; `report` returns the result.

    Runs that began from `start` until before `end` are counted. Runs since `lookback` may be added too: they count only
    for the coverage of workloads. `catalogue` maps the names of the experiments that could start to their fault types. Raises
    ValueError if the period is empty.
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
        self._validated = self._running = self._planned = self._unattended = 0
        self._experiments: set[str] = set()
        self._trend = TrendCount(start, end)
        self._coverage = CoverageCount(frozenset(self._catalogue.values()), stale_days)
        self._findings = FindingsCount()
        self._regional = RegionalCount()

    @property
    def lookback(self) -> datetime:
        """The time from which runs matter: the start of the period, or earlier, as long as a validation counts."""
        return min(self.start, self.end - timedelta(days=self._stale_days))

    def add(self, run: RunSummary) -> None:
        """Count a run. A run that the filters do not accept, or that began at another time, is ignored."""
        if not self.filters.accept(run) or not self.lookback <= run.started_at < self.end:
            return
        in_period = run.started_at >= self.start
        if not run.status.final:
            self._running += in_period
        elif run.plan or run.status is Status.PLANNED:
            self._planned += in_period
        else:
            self._coverage.add(run)
            if in_period:
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
        self._trend.add(run)
        self._findings.add(run)
        self._regional.add(run)

    def report(self) -> PeriodReport:
        """The report on the runs added so far."""
        total = sum(self._statuses.values())
        days = (self.end - self.start) / timedelta(days=1)
        completed = self._statuses[Status.COMPLETED.value]
        workloads = self._coverage.workloads(self.end, self._accept_type)
        findings = self._findings.findings()
        return PeriodReport(
            report_period_days=round(days, 3),
            total_experiments=total,
            successful_experiments=completed,
            success_rate=compute_percent(completed, total),
            hypothesis_validation_rate=compute_percent(self._validated, total),
            experiment_type_distribution=most_first(self._types),
            total_issues_discovered=self._findings.occurrences,
            common_issues=_common_issues(findings),
            recommendations=tuple(self._recommendations(total, days, workloads)),
            message=None if total else MESSAGE,
            start=self.start,
            end=self.end,
            filters=self.filters,
            by_status=most_first(self._statuses),
            by_verdict=most_first(self._verdicts),
            running=self._running,
            planned=self._planned,
            trend=tuple(self._trend.buckets()),
            workloads=workloads,
            findings=findings,
            never_run=tuple(
                sorted(
                    name for name, fault_type in self._catalogue.items() if name not in self._experiments and self._accept_type(fault_type)
                )
            ),
            stale_days=self._stale_days,
            regional=self._regional.list_runs(),
        )

    def _accept_type(self, fault_type: str) -> bool:
        return self.filters.type in {None, fault_type}

    def _recommendations(self, total: int, days: float, workloads: Iterable[WorkloadReport]) -> Iterable[str]:
        """The sentences of REL12-BP05, each only if the period's numbers support it."""
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


def _common_issues(findings: Iterable[CommonFinding]) -> tuple[str, ...]:
    most = sorted(findings, key=lambda finding: -finding.occurrences)[:COMMON_ISSUES]
    return tuple(f"{finding.title} ({finding.occurrences} occurrence{'' if finding.occurrences == 1 else 's'})" for finding in most)
