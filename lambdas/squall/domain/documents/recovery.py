"""`recovery.json`: which targets recovered, and when."""

from datetime import datetime

from squall.domain.documents.document import Document


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
    observed_until: datetime | None = None
    """End of the newest complete period that was read: the end of the recovery window."""
