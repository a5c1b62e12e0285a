"""Findings over several runs of an experiment: which are new, seen again, or closed."""

from collections.abc import Collection, Sequence
from datetime import datetime

from squall.domain.documents.finding import Finding, FindingStatus, StoredFinding


def merge_findings(
    findings: Sequence[Finding], disproved: Collection[str], known: Sequence[StoredFinding] | None, execution_id: str, started_at: datetime
) -> tuple[Finding, ...]:
    """This run's findings with their history, then the findings of earlier runs that it proves fixed.

    `known` are the stored findings of the experiment; None if they can't be read, which leaves this run's findings
    without history. Calls can be repeated: what this execution stored before is not counted again.
    """
    if known is None:
        return tuple(findings)
    by_id = {stored.finding.id: stored for stored in known}
    with_history = [_with_history(finding, by_id.get(finding.id), execution_id, started_at) for finding in findings]
    closed = [
        _close_finding(stored, execution_id) for stored in known if stored.finding.id in disproved and _was_open(stored, execution_id)
    ]
    return (*with_history, *closed)


def _with_history(finding: Finding, known: StoredFinding | None, execution_id: str, started_at: datetime) -> Finding:
    before = known.finding if known else finding
    counted = known is not None and known.last_execution == execution_id
    return finding.model_copy(
        update={"first_seen": before.first_seen or started_at, "seen_count": (before.seen_count or 0) + (0 if counted else 1)}
    )


def _was_open(stored: StoredFinding, execution_id: str) -> bool:
    return stored.finding.status is FindingStatus.OPEN or stored.finding.closed_by == execution_id


def _close_finding(stored: StoredFinding, execution_id: str) -> Finding:
    return stored.finding.model_copy(update={"status": FindingStatus.CLOSED, "closed_by": execution_id})
