"""Findings over all runs of a period, grouped by their ids."""

from dataclasses import dataclass, field
from datetime import datetime

from squall.domain.history.period_report import CommonFinding
from squall.domain.history.summary import FindingSeen, RunSummary


@dataclass
class _FindingCount:
    latest: FindingSeen
    first: datetime
    last: datetime
    occurrences: int = 0
    experiments: set[str] = field(default_factory=set)

    def add(self, finding: FindingSeen, run: RunSummary) -> None:
        self.occurrences += 1
        self.experiments.add(run.experiment)
        self.first = min(self.first, run.started_at)
        if run.started_at >= self.last:
            self.last, self.latest = run.started_at, finding


@dataclass
class FindingsCount:
    """Counts the findings of runs in any order."""

    occurrences: int = 0
    _open: dict[str, _FindingCount] = field(default_factory=dict)
    _closed_at: dict[str, datetime] = field(default_factory=dict)
    """Id of a finding to the start of the latest run that proved it fixed."""

    def add(self, run: RunSummary) -> None:
        for finding in run.findings:
            if finding.closed:
                self._closed_at[finding.id] = max(run.started_at, self._closed_at.get(finding.id, run.started_at))
            else:
                self.occurrences += 1
                self._open.setdefault(finding.id, _FindingCount(finding, run.started_at, run.started_at)).add(finding, run)

    def findings(self) -> tuple[CommonFinding, ...]:
        """Open findings first, then the most frequent."""
        findings = map(self._finding, self._open.values())
        return tuple(sorted(findings, key=lambda finding: (not finding.open, -finding.occurrences, finding.title, finding.id)))

    def _finding(self, count: _FindingCount) -> CommonFinding:
        return CommonFinding(
            id=count.latest.id,
            title=count.latest.title,
            severity=count.latest.severity,
            occurrences=count.occurrences,
            experiments=tuple(sorted(count.experiments)),
            first_seen=count.first,
            last_seen=count.last,
            open=self._closed_at.get(count.latest.id, count.last) <= count.last,
        )
