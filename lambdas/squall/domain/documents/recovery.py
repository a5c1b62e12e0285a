"""`recovery.json`: which targets recovered, and when."""

from datetime import datetime

from squall.domain.base.model import Model
from squall.domain.documents.document import Document


class RunningMembers(Model):
    """How many members of the targets' group run, for one sentence."""

    group: str
    """The group's kind and name."""
    count: int
    """Members in service at the last look."""
    since: datetime | None = None
    """Since when as many as the sentence asks for run without interruption, at the latest; None: fewer run."""
    after: datetime | None = None
    """Set if `since` is only an upper bound: not so many were known to run without interruption before this."""


class Recovery(Document):
    """`recovery.json`, by WatchRecovery: whether and when the workload recovered."""

    NAME = "recovery"

    recovered: bool
    recovered_at: datetime | None = None
    seconds_to_recover: float | None = None
    """Seconds from the effect of the fault to the first moment after which everything held."""
    replacement_ids: tuple[str, ...] = ()
    replaced_at: datetime | None = None
    """The time at which the last replacement came into service, as Auto Scaling reports it; else when WatchRecovery
    first saw it."""
    replaced_after: datetime | None = None
    """Set if `replaced_at` is only an upper bound: the replacement came into service after this."""
    recovered_after: datetime | None = None
    """Set if `recovered_at` is only an upper bound: the workload recovered after this."""
    looked_at: datetime | None = None
    detail: str = ""
    held_since: dict[str, datetime] = {}
    """Metric to the time since when its absolute thresholds hold without interruption; absent if they do not hold."""
    back_since: dict[str, datetime] = {}
    """Sentence to the time since when its metric is back at its baseline; absent if it is not."""
    without_baseline: tuple[str, ...] = ()
    """The sentences on a return to the baseline whose metric has no value in the baseline."""
    running: dict[str, RunningMembers] = {}
    """Sentence on a number of members to how many run."""
    members_since: dict[str, datetime] = {}
    """Id of each member in service to the time since when it is without interruption, at the latest. Only written where
    a sentence counts members."""
    members_after: dict[str, datetime] = {}
    """Lower bounds of the times in `members_since` that are only upper bounds."""
    observed_until: datetime | None = None
    """End of the newest complete period that was read: the end of the recovery window."""
