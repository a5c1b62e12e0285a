"""What is known about each fault of a scenario alone."""

from datetime import datetime

from squall.domain.base.model import Model


class FaultTimes(Model):
    """When one fault of a scenario was in effect, was noticed and was recovered from. A time that can't be told apart from
    what another fault caused is missing, and `doubts` says why."""

    fault: str
    """Its name in the scenario."""
    type: str
    """The kind of fault."""
    proven: bool | None = None
    """Whether it hit all its targets; None if it never began because the run was aborted before."""
    effect_at: datetime | None = None
    """When it took effect on its first target; None if it took no effect."""
    ended_at: datetime | None = None
    """When its last target was free of it."""
    beside: tuple[str, ...] = ()
    """The other faults that were in effect at the same time."""
    detected_at: datetime | None = None
    """The first alarm that only this fault can have caused."""
    detected_by: str = ""
    """The alarm, in words."""
    recovered_at: datetime | None = None
    """When everything held again before the next fault began, or for good."""
    to_detect_seconds: float | None = None
    """Seconds from its effect to the alarm."""
    to_recover_seconds: float | None = None
    """Seconds from its effect to the recovery; 0 if everything held all the time."""
    doubts: tuple[str, ...] = ()
    """Why its detection or its recovery can't be told, a sentence each."""
