"""An inspection: a subject that the run looked at, and whether it was wrong. Findings, and proofs that a finding is
fixed, come from inspections."""

from dataclasses import dataclass, field

from squall.domain.documents.evidence import Evidence
from squall.domain.documents.finding import FindingEvidence


@dataclass(frozen=True)
class Inspection:
    """One subject that the run looked at."""

    kind: str
    """A key of `finding_kinds.KINDS`."""
    about: str
    """The metric, alarm, check or failure domain. With the kind and the experiment it makes the id of the finding."""
    wrong: bool
    title: str = ""
    detail: str = ""
    issue: str = ""
    """The sentence for `issues_discovered`."""
    lasts: bool = True
    """Whether it is something to fix. False: somebody decided it, and the next run may find it otherwise: no finding is
    opened."""
    critical: bool = False
    more: tuple[str, ...] = ()
    """Improvements besides those of the kind."""
    evidence: FindingEvidence = field(default_factory=FindingEvidence)


def domain_of(evidence: Evidence) -> str:
    """The failure domains of the targets."""
    return " ".join(evidence.discovery.failure_domains) if evidence.discovery else "workload"


def targets_of(evidence: Evidence) -> str | None:
    """Ids of the pinned targets; None if nothing was pinned."""
    return ", ".join(target.id for target in evidence.discovery.pinned) or None if evidence.discovery else None
