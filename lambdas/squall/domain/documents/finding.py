"""What a run found out about its workload. Later runs recognise a finding by its id."""

from datetime import datetime
from enum import StrEnum

from squall.domain.base.model import Model


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
    """The metric and its value, the time, the target, and the mechanism that did not work; None for what does not
    apply."""

    metric: str | None = None
    value: float | None = None
    unit: str | None = None
    threshold: float | None = None
    at: datetime | None = None
    target: str | None = None
    mechanism: str | None = None


class Finding(Model):
    id: str
    """Made from kind, experiment and subject, never from values, so that a finding has the same id in every run."""
    kind: str
    title: str
    detail: str
    severity: Severity
    practice: str
    """The Well-Architected best practice that applies: `REL11-BP03 Automate healing on all layers`."""
    improvements: tuple[str, ...] = ()
    """What to do about it."""
    evidence: FindingEvidence = FindingEvidence()
    first_seen: datetime | None = None
    """Start of the first run with this finding; None if the findings of earlier runs could not be read."""
    seen_count: int | None = None
    """Number of runs with this finding, this one included."""
    status: FindingStatus = FindingStatus.OPEN
    closed_by: str | None = None
    """The execution that proved it fixed."""


class StoredFinding(Model):
    """A finding of earlier runs as the table holds it."""

    finding: Finding
    last_execution: str
    """The last execution with this finding, or the one that closed it."""
