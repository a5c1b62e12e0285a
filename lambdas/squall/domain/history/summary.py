"""One run in a few hundred bytes: what a period's report reads of it, and most of what is written for Athena."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from squall.domain.vocabulary import Status, Verdict

WORKLOAD_TAG = "workload"
"""The definition's tag that names its workload; without it the workload is what the targets belong to."""


@dataclass(frozen=True)
class FindingSeen:
    """A finding as one run saw it."""

    id: str
    title: str
    severity: str
    closed: bool = False
    """This run proved it fixed."""


@dataclass(frozen=True)
class RunSummary:
    """Plain dataclass, not pydantic: a period has a hundred thousand of them."""

    execution_id: str
    started_at: datetime
    status: Status
    experiment: str = ""
    environment: str = ""
    fault_type: str = ""
    verdict: Verdict | None = None
    hypothesis_validated: bool | None = None
    ended_at: datetime | None = None
    trigger: str = ""
    workload: str = ""
    owner: str = ""
    recovery_seconds: float | None = None
    """From when the fault took effect until the steady state held again."""
    findings: tuple[FindingSeen, ...] = ()
    summarised: bool = False
    """Whether workload, owner, recovery and findings were written yet: they follow when the run is over and told."""

    @property
    def decisive(self) -> bool:
        """Whether the run says anything about the hypothesis."""
        return self.hypothesis_validated is not None


def workload_of(tags: Mapping[str, str], domains: Iterable[str]) -> str:
    """What a run is counted under: the definition's own word, else its first failure domain (`asg/web`), else nothing."""
    return tags.get(WORKLOAD_TAG) or next(iter(sorted(domains)), "")
