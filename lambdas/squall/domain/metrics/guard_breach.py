"""Whether a guard breaches, judged from its metric, so that the pulse depends neither on alarms nor on their
delivery."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from operator import ge, gt, le, lt

from squall.domain.documents.guards import GuardSpec
from squall.domain.documents.metrics.metric_models import Point

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": gt,
    "GreaterThanOrEqualToThreshold": ge,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}


def published_end(now: float, lag_seconds: int, period_seconds: int) -> int:
    """The end of the last period that CloudWatch has had time to publish, in epoch seconds."""
    return int((now - lag_seconds) // period_seconds) * period_seconds


def list_guard_values(guard: GuardSpec, points: Sequence[Point], end: int, period_seconds: int) -> list[float]:
    """The values of the guard's last N periods before `end` (epoch seconds). A NaN or an infinite value is no value."""
    first = end - guard.evaluation_periods * period_seconds
    return [point.value for point in points if first <= point.at < end and isfinite(point.value)]


def guard_breaches(guard: GuardSpec, values: Sequence[float]) -> bool:
    """Whether the abort condition holds in M of the guard's last N periods, given the values of these periods.

    Metrics may be later than their documented lag, so a single missing period says nothing. If all N periods are
    missing, the guard sees nothing; that breaches if the alarm treats missing data as breaching.
    """
    if not values:
        return guard.treat_missing_data == "breaching"
    compare = COMPARISONS[guard.comparison]
    return sum(compare(value, guard.threshold) for value in values) >= guard.datapoints_to_alarm
