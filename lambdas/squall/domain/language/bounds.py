"""Whether the bounds of a metric decide a comparison by themselves."""

from squall.domain.language.metric_table import Metric
from squall.domain.language.sentences import Comparator


def is_decided_by_bounds(metric: Metric, comparator: Comparator, value: float) -> tuple[bool, bool]:
    """Whether the bounds of the metric make the comparison always true, and whether they make it never true."""
    least = float("-inf") if metric.least is None else metric.least
    greatest = float("inf") if metric.greatest is None else metric.greatest
    outside = not least <= value <= greatest
    match comparator:
        case ">":
            return value < least, value >= greatest
        case ">=":
            return value <= least, value > greatest
        case "<":
            return value > greatest, value <= least
        case "<=":
            return value >= greatest, value < least
        case "==":
            return False, outside
        case "!=":
            return outside, False
