"""Which fault types each workload is known to withstand, and the score that follows."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from squall.domain.base.vocabulary import FaultType, Status
from squall.domain.history.period_report import Cell, Coverage, WorkloadReport
from squall.domain.history.summary import RunSummary

STALE_DAYS = 90
"""A validation older than this no longer covers its fault type."""
HALF_LIFE_DAYS = 45
"""A validation is worth half after this time, because the workload it was made on has changed."""
REFUTED_POINTS = -50.0
"""A known weakness counts less than a fault type that was never tried. It does not fade: only a validation ends it."""
_TYPES = [each.value for each in FaultType]


@dataclass
class _CellCount:
    runs: int = 0
    last_run: datetime | None = None
    decided: RunSummary | None = None
    """The latest run that says anything about the hypothesis."""

    def add(self, run: RunSummary) -> None:
        self.runs += 1
        if self.last_run is None or run.started_at > self.last_run:
            self.last_run = run.started_at
        if run.decisive and (self.decided is None or run.started_at > self.decided.started_at):
            self.decided = replace(run, findings=())

    def cell(self, now: datetime, stale_days: int) -> Cell:
        if not self.runs:
            return Cell(state="never")
        if self.decided is None:
            return Cell(state="undecided", runs=self.runs, last_run=self.last_run)
        age_days = max(0.0, (now - self.decided.started_at) / timedelta(days=1))
        state: Coverage = "stale" if age_days > stale_days else "validated"
        if not self.decided.hypothesis_validated:
            state = "refuted"
        return Cell(
            state=state,
            runs=self.runs,
            last_run=self.last_run,
            last_decided=self.decided.started_at,
            execution_id=self.decided.execution_id,
            points=round(_score_state(state, age_days), 1),
        )


def _score_state(state: Coverage, age_days: float) -> float:
    if state == "validated":
        return float(100 * 0.5 ** (age_days / HALF_LIFE_DAYS))
    return REFUTED_POINTS if state == "refuted" else 0.0


@dataclass
class CoverageCount:
    """Counts runs in any order, by workload and fault type."""

    catalogue_types: frozenset[str]
    """Fault types of the experiments that could start."""
    stale_days: int
    _cells: defaultdict[str, defaultdict[str, _CellCount]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(_CellCount)))

    def add(self, run: RunSummary) -> None:
        """Count a run. A refused run, and one without a workload or a fault, covers nothing."""
        if run.workload and run.fault_type not in {"", FaultType.NO_FAULT} and run.status is not Status.REJECTED:
            self._cells[run.workload][run.fault_type].add(run)

    def workloads(self, now: datetime, accept: Callable[[str], bool]) -> tuple[WorkloadReport, ...]:
        """Each workload with its coverage of the accepted fault types, the weakest first."""
        # A fault type of the catalogue, or of a run on any workload, could hit every workload.
        known = {fault_type for cells in self._cells.values() for fault_type in cells} | self.catalogue_types
        types = sorted(filter(accept, known), key=_vocabulary_order)
        reports = (self._workload(name, types, now) for name in self._cells)
        return tuple(sorted(reports, key=lambda report: (report.score, report.workload)))

    def _workload(self, name: str, types: Iterable[str], now: datetime) -> WorkloadReport:
        counts = self._cells[name]
        cells = {fault_type: counts.get(fault_type, _CellCount()).cell(now, self.stale_days) for fault_type in types}
        mean = sum(cell.points for cell in cells.values()) / len(cells)
        runs = sum(cell.runs for cell in cells.values())
        return WorkloadReport(workload=name, score=round(max(0.0, mean), 1), runs=runs, types=cells)


def _vocabulary_order(fault_type: str) -> tuple[int, str]:
    """The position of a fault type in `FaultType`; fault types of other versions come last."""
    return (_TYPES.index(fault_type) if fault_type in _TYPES else len(_TYPES), fault_type)
