"""What a run found out about its workload, as a thing that can be recognised in the next run."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from squall.domain.model import Model


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class FindingStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    """A later run proved it fixed."""


class FindingEvidence(Model):
    """What was seen: which metric, value, when, on which target, and which mechanism did not act."""

    metric: str | None = None
    value: float | None = None
    unit: str | None = None
    threshold: float | None = None
    at: datetime | None = None
    target: str | None = None
    mechanism: str | None = None


class Finding(Model):
    id: str
    """Of its kind, the experiment and what it is about, never of values: the same finding has the same id in every run."""
    kind: str
    title: str
    detail: str
    severity: Severity
    practice: str
    """The Well-Architected best practice it points at: `REL11-BP03 Automate healing on all layers`."""
    improvements: tuple[str, ...] = ()
    """What to do about it."""
    evidence: FindingEvidence = FindingEvidence()
    first_seen: datetime | None = None
    """Start of the first run that saw it; None where earlier runs could not be asked."""
    seen_count: int | None = None
    """Runs that saw it, this one among them."""
    status: FindingStatus = FindingStatus.OPEN
    closed_by: str | None = None
    """The execution that proved it fixed."""


class StoredFinding(Model):
    """A finding of earlier runs as it stands in the table."""

    finding: Finding
    last_execution: str
    """The execution that saw it, or closed it, last."""


def merged(
    seen: Sequence[Finding], disproved: Collection[str], known: Sequence[StoredFinding] | None, execution_id: str, started_at: datetime
) -> tuple[Finding, ...]:
    """This run's findings with their history, then those of earlier runs that it proves fixed; `known` None: history can't be read.

    Repeatable: what this very execution has already stored is not counted again.
    """
    if known is None:
        return tuple(seen)
    by_id = {one.finding.id: one for one in known}
    found = [_again(finding, by_id.get(finding.id), execution_id, started_at) for finding in seen]
    closed = [_closed(one, execution_id) for one in known if one.finding.id in disproved and _open_before(one, execution_id)]
    return (*found, *closed)


def _again(finding: Finding, known: StoredFinding | None, execution_id: str, started_at: datetime) -> Finding:
    before = known.finding if known else finding
    counted = known is not None and known.last_execution == execution_id
    return finding.model_copy(
        update={"first_seen": before.first_seen or started_at, "seen_count": (before.seen_count or 0) + (0 if counted else 1)}
    )


def _open_before(one: StoredFinding, execution_id: str) -> bool:
    return one.finding.status is FindingStatus.OPEN or one.finding.closed_by == execution_id


def _closed(one: StoredFinding, execution_id: str) -> Finding:
    return one.finding.model_copy(update={"status": FindingStatus.CLOSED, "closed_by": execution_id})
