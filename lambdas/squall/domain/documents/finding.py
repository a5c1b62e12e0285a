"""What a run found out about its workload, as a thing that can be recognised in the next run."""

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
