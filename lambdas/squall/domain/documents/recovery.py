"""`recovery.json`: which targets recovered, and when."""

from datetime import datetime

from squall.domain.documents.document import Document


class Recovery(Document):
    """`recovery.json`, by WatchRecovery."""

    NAME = "recovery"

    recovered: bool
    recovered_at: datetime | None = None
    seconds_to_recover: float | None = None
    """From the fault's effect to the first moment after which everything held."""
    replacement_ids: tuple[str, ...] = ()
    replaced_at: datetime | None = None
    """When the last replacement needed came into service: Auto Scaling's own time, else the first look that saw it."""
    replaced_after: datetime | None = None
    """Set where `replaced_at` is only an upper bound: it was not before this."""
    recovered_after: datetime | None = None
    """The same for `recovered_at`."""
    looked_at: datetime | None = None
    detail: str = ""
    held_since: dict[str, datetime] = {}
    """Metric to since when its absolute thresholds hold without interruption; absent: they don't."""
    observed_until: datetime | None = None
    """End of the newest complete period that was looked at: the end of the recovery window."""
