"""Arithmetic on time series: combines several metrics into one value, by period and over windows, and handles missing
periods."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite

from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery, Point, Series, Window
from squall.domain.documents.metrics.statistics import MissingPolicy


def combine_series(
    binding: MetricBinding, series: Sequence[Series], period_seconds: int, window: Window | None = None
) -> tuple[Point, ...]:
    """The value of each period, in the binding's unit; with a window, only of the periods in it.

    Counts that are published only when they are not zero are 0 where the total has a data point. Totals are never
    filled, so a period without traffic has no value.
    """
    by_key = _columns_by_query(series, window)
    columns = [by_key.get(query.key, {}) for query in binding.queries]
    fillings = [_filling(query) for query in binding.queries]
    points = []
    for at in _periods_with_value(binding, columns):
        values = [column.get(at, filling) for column, filling in zip(columns, fillings, strict=True)]
        value = _combine_values(binding, values, period_seconds)
        if value is not None:
            points.append(Point(at=at, value=value))
    return tuple(points)


def value_over(binding: MetricBinding, totals: Mapping[str, float | None], seconds: int) -> float | None:
    """The value over a window of this many seconds, from the statistic of each query over the window (by query key).

    None without data.
    """
    known = ((query, totals.get(query.key)) for query in binding.queries)
    return _combine_values(binding, [_filling(query) if value is None else value for query, value in known], seconds)


def _combine_values(binding: MetricBinding, values: Sequence[float | None], seconds: int) -> float | None:
    if binding.kind in {"ratio_good", "ratio_bad"}:
        return _compute_ratio(binding, values)
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if binding.kind == "mean":
        return scale_value(known[0] / known[1], binding.scale) if known[1] else None
    total = scale_value(sum(known), binding.scale)
    return total / seconds if binding.kind == "rate" else total


def scale_value(value: float, scale: float) -> float:
    """The value times a unit's factor, rounded once: 9 ms are 0.009 s, while 9 * 0.001 in floats is a little more."""
    divisor = round(1 / scale) if 0 < scale < 1 else 1
    return value / divisor if divisor > 1 and 1 / divisor == scale else value * scale


def counts_events(binding: MetricBinding) -> bool:
    """Whether the value over a window is the sum of its periods, so that it grows with the window."""
    return binding.kind == "gauge" and all(query.statistic in {"Sum", "SampleCount"} for query in binding.queries)


def published_sparsely(binding: MetricBinding) -> bool:
    """Whether CloudWatch has no data point where the value is 0, so that a period without one is zero and not
    missing."""
    return all(query.published == "nonzero" for query in binding.queries)


def missing_policy(binding: MetricBinding) -> MissingPolicy:
    """What a period without a data point means; guards, judging and statistics all follow this."""
    if published_sparsely(binding):
        return "zero"
    return "breaching" if any(query.published == "with_traffic" for query in binding.queries) else "ignore"


def points_over(binding: MetricBinding, series: Sequence[Series], window: Window) -> tuple[Point, ...]:
    """`combine_series` inside the window, with the zeros that CloudWatch does not publish."""
    points = combine_series(binding, series, window.period_seconds, window)
    if not published_sparsely(binding):
        return points
    known = {point.at: point for point in points}
    return tuple(known.get(at, Point(at=at, value=0.0)) for at in range(window.start, window.end, window.period_seconds))


def dead_periods(binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series] = ()) -> tuple[int, ...]:
    """The start of each period of a ratio in which requests were made, but the total counts none.

    Either only bad events were counted, so everything that was answered failed; or the counts of healthy hosts
    (`hosts`) were zero, so nobody could answer.
    """
    if binding.kind not in {"ratio_good", "ratio_bad"}:
        return ()
    by_key = _columns_by_query(series)
    total = by_key.get(binding.queries[-1].key, {})
    events = [query for query in binding.queries[:-1] if query.counted != "total_only"]
    bad = {at for query in events for at, value in by_key.get(query.key, {}).items() if value > 0}
    periods = {query_series.period_seconds for query_series in series}
    bad |= {
        point.at for query_series in hosts if query_series.period_seconds in periods for point in query_series.points if point.value == 0
    }
    return tuple(sorted(at for at in bad if not total.get(at)))


def hostless_periods(counted: Iterable[Series], hosts: Iterable[Series], window: Window) -> tuple[int, ...]:
    """Start of each period of the window in which the target group had no target at all: CloudWatch counted neither
    hosts nor requests, although it had counted both before.

    Both series should reach back before the window, and beyond it. A single silent period at the end of all that was
    read may not be published yet.
    """
    known = [
        {point.at for query_series in series if query_series.period_seconds == window.period_seconds for point in query_series.points}
        for series in (counted, hosts)
    ]
    if not all(known):
        return ()
    counted_periods = known[0] | known[1]
    both = max(min(known[0]), min(known[1]))
    silent_end = (window.end - max(counted_periods)) // window.period_seconds - 1
    end = window.end - window.period_seconds if silent_end == 1 else window.end
    return tuple(at for at in range(window.start, end, window.period_seconds) if at > both and at not in counted_periods)


def _periods_with_value(binding: MetricBinding, columns: Sequence[Mapping[int, float]]) -> list[int]:
    """The periods that have a value, in order.

    Queries that CloudWatch publishes only for nonzero values may lack a data point; every other query must have one. If
    there are only such queries, one data point suffices.
    """
    required = [column for query, column in zip(binding.queries, columns, strict=True) if query.published != "nonzero"]
    if binding.kind in {"ratio_good", "ratio_bad"}:
        required = [*required, columns[-1]]
    if required:
        return sorted(set.intersection(*(set(column) for column in required)))
    return sorted(set().union(*columns))


def _columns_by_query(series: Sequence[Series], window: Window | None = None) -> dict[str, dict[int, float]]:
    """Query key to start of period to value, in the window if there is one. A value that is not a number is no data
    point."""
    start, end = (window.start, window.end) if window else (-inf, inf)
    columns: dict[str, dict[int, float]] = {}
    for query_series in series:
        points = {point.at: point.value for point in query_series.points if start <= point.at < end and isfinite(point.value)}
        columns.setdefault(query_series.key, {}).update(points)
    return columns


def _filling(query: MetricQuery) -> float | None:
    """The value of a period in which CloudWatch has none."""
    return 0.0 if query.published == "nonzero" else None


def _compute_ratio(binding: MetricBinding, values: Sequence[float | None]) -> float | None:
    *counts, total = values
    known = [(query.counted, count) for query, count in zip(binding.queries, counts, strict=False) if count is not None]
    if len(known) < len(counts) or total is None:
        return None
    events = sum(count for counted, count in known if counted != "total_only")
    total += sum(_SIGNS[counted] * count for counted, count in known)
    if total <= 0:
        return None
    bad = min(100.0, 100 * events / total)
    return 100 - bad if binding.kind == "ratio_good" else bad


_SIGNS = {"inside_total": 0, "outside_total": 1, "total_only": -1}
"""How often a count is added to a ratio's total."""
