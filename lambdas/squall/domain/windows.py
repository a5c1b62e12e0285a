"""Windows of whole metric periods: never a partial one, always aligned, epoch seconds."""

from datetime import datetime, timedelta

from squall.domain.environment import Timing
from squall.domain.metrics import Window


def baseline_window(now: datetime, timing: Timing, lag_seconds: int = 180) -> Window:
    """The last `baseline_periods` whole periods that are complete in CloudWatch at `now`."""
    raise NotImplementedError


def fault_window(effect_at: datetime, length: timedelta, timing: Timing, *, ended_at: datetime | None = None) -> Window:
    raise NotImplementedError


def recovery_window(fault_end: datetime, until: datetime, timing: Timing) -> Window:
    raise NotImplementedError
