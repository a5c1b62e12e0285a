"""What a value over a window can be at least and at most when some periods of the window have no value."""

from collections.abc import Sequence
from math import inf

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series
from squall.domain.language.metric_table import METRICS
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.series import counts_events

Interval = tuple[float, float]
MET, NOT_MET, CANNOT_TELL = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL


def find_possible_values(binding: MetricBinding) -> Interval:
    """The least and the greatest value that the metric can have in any period. A metric that the experiment declares is
    unbounded.
    """
    known = METRICS.get(binding.name.partition(":")[0])
    if known is None:
        return (0.0 if all(query.statistic == "SampleCount" for query in binding.queries) else -inf), inf
    least = -inf if known.least is None else known.least
    return least, inf if known.greatest is None or counts_events(binding) else known.greatest


def value_bounds(binding: MetricBinding, value: float | None, points: Sequence[Point], series: Sequence[Series], missing: int) -> Interval:
    """The interval that contains the value over the whole window, for any values of the `missing` periods.

    `value` is the value over the periods that have `points`. A missing period weighs as much as the busiest period that
    was measured. Nothing can be said about a percentile, because the percentile of a window does not follow from those
    of its periods.
    """
    least, greatest = find_possible_values(binding)
    if not points or value is None or not missing:
        return (least, greatest) if missing or value is None else (value, value)
    if binding.kind == "gauge" and {query.statistic for query in binding.queries} != {"Average"}:
        return _gauge_bounds(binding, [point.value for point in points])
    weights = _period_weights(binding, points, series)
    measured, lost = sum(weights), missing * max(weights)
    if not measured:
        return least, greatest
    return (value * measured + least * lost) / (measured + lost), (value * measured + greatest * lost) / (measured + lost)


def _gauge_bounds(binding: MetricBinding, values: Sequence[float]) -> Interval:
    """The interval for a sum, a maximum or a minimum, which missing periods can move in one direction only."""
    least, greatest = find_possible_values(binding)
    statistics = {query.statistic for query in binding.queries}
    if counts_events(binding) and least >= 0:
        return sum(values), inf
    if statistics == {"Maximum"}:
        return max(values), greatest
    return (least, min(values)) if statistics == {"Minimum"} else (least, greatest)


def _period_weights(binding: MetricBinding, points: Sequence[Point], series: Sequence[Series]) -> list[float]:
    """The weight of each period in the value over the window: its number of requests for a ratio, otherwise 1."""
    if binding.kind in {"gauge", "rate"}:
        return [1.0] * len(points)
    counts = {
        point.at: point.value for query_series in series if query_series.key == binding.queries[-1].key for point in query_series.points
    }
    return [counts.get(point.at, 0.0) for point in points] if counts else [1.0] * len(points)


def decide_by_interval(threshold: Threshold, low: float, high: float) -> CriterionOutcome:
    """Met if the whole interval satisfies the comparison, not met if no part of it does, otherwise "cannot tell".

    For `==` and `!=`, only an interval that excludes the threshold, or that is exactly the threshold, decides.
    """
    bound = threshold.value
    match threshold.comparator:
        case "<":
            met, failed = high < bound, low >= bound
        case "<=":
            met, failed = high <= bound, low > bound
        case ">":
            met, failed = low > bound, high <= bound
        case ">=":
            met, failed = low >= bound, high < bound
        case "==":
            met, failed = low == bound == high, not low <= bound <= high
        case "!=":
            met, failed = not low <= bound <= high, low == bound == high
    return MET if met else NOT_MET if failed else CANNOT_TELL


def run_bounds(held: Sequence[bool | None], period: int) -> tuple[int, int]:
    """The seconds of the longest run of adjoining periods in which a comparison holds.

    The first number assumes that it holds in no missing period (None), the second that it holds in all of them.
    """
    return _longest_run([holds is True for holds in held]) * period, _longest_run([holds is not False for holds in held]) * period


def _longest_run(held: Sequence[bool]) -> int:
    longest = current = 0
    for holds in held:
        current = current + 1 if holds else 0
        longest = max(longest, current)
    return longest
