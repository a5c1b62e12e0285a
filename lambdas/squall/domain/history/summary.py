"""A run in a few hundred bytes: what the report of a period needs, and most of the columns for Athena."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from squall.domain.base.vocabulary import Status, Verdict

WORKLOAD_TAG = "workload"
"""The tag of a definition that names its workload; without it the workload is named after what the targets belong
to."""


@dataclass(frozen=True)
class FindingSeen:
    """A finding of one run."""

    id: str
    title: str
    severity: str
    closed: bool = False
    """This run proved it fixed."""


@dataclass(frozen=True)
class RunSummary:
    """The summary of one run. A dataclass rather than a pydantic model, because a period may have a hundred thousand of
    them."""

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
    """Seconds from the effect of the fault until the steady state held again."""
    findings: tuple[FindingSeen, ...] = ()
    plan: bool = False
    """Whether the run only planned. It injected nothing, so it is no evidence, however it ended."""
    whole: str = ""
    """The id of the run over several Regions that it is a part of; empty if it is none, or not summarised yet."""
    home: str = ""
    """The Region in which that run was started."""
    summarised: bool = False
    """Whether workload, owner, recovery, findings and the whole run are known: Report writes them after the run has ended."""

    @property
    def decisive(self) -> bool:
        """Whether the run decided the hypothesis."""
        return self.hypothesis_validated is not None


def workload_of(tags: Mapping[str, str], domains: Iterable[str]) -> str:
    """The workload that a run belongs to: the definition's tag, else its first failure domain (`asg/web`), else
    empty."""
    return tags.get(WORKLOAD_TAG) or next(iter(sorted(domains)), "")
