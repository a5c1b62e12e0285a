"""Reading a guard's metric without its alarm: the pulse's own judgement, in case alarms or their delivery are the broken part."""

from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt

from squall.domain.documents import GuardSpec
from squall.domain.metrics import Point

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": gt,
    "GreaterThanOrEqualToThreshold": ge,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}


def window_end(now: float, lag_seconds: int, period_seconds: int) -> int:
    """End of the last period that CloudWatch has had time to publish."""
    return int((now - lag_seconds) // period_seconds) * period_seconds


def breaches(guard: GuardSpec, points: Sequence[Point], end: int, period_seconds: int) -> bool:
    """Whether the guard's condition holds in M of the last N published periods. A missing period breaches, as in the alarm."""
    compare = COMPARISONS[guard.comparison]
    values = {point.at: point.value for point in points}
    breaching = 0
    for n in range(1, guard.evaluation_periods + 1):
        value = values.get(end - n * period_seconds)
        missing = value is None and guard.treat_missing_data == "breaching"
        breaching += missing or (value is not None and compare(value, guard.threshold))
    return breaching >= guard.datapoints_to_alarm
