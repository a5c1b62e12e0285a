"""Arithmetic on time series: combining several metrics into one, values over windows, missing periods."""

from collections.abc import Mapping, Sequence

from squall.domain.documents.metric_models import MetricBinding, Point, Series, Window


def combine(binding: MetricBinding, series: Sequence[Series], period_seconds: int) -> tuple[Point, ...]:
    """Per-period values in the binding's unit.

    Counts published only when non-zero are 0 where the denominator has a point; denominators are never filled, so a period without
    traffic has no value.
    """
    by_key = {one.key: {point.at: point.value for point in one.points} for one in series}
    columns = [by_key.get(query.key, {}) for query in binding.queries]
    points = []
    for at in _periods_with_value(binding, columns):
        totals = {query.key: column.get(at) for query, column in zip(binding.queries, columns, strict=True)}
        value = value_over(binding, totals, period_seconds)
        if value is not None:
            points.append(Point(at=at, value=value))
    return tuple(points)


def value_over(binding: MetricBinding, totals: Mapping[str, float | None], seconds: int) -> float | None:
    """The value over a window from each query's one-period statistic over it (by query key); None without data."""
    values = [_filled(totals.get(query.key), nonzero=query.published == "nonzero") for query in binding.queries]
    if binding.kind in {"ratio_good", "ratio_bad"}:
        return _ratio(binding, values)
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if binding.kind == "mean":
        return known[0] / known[1] * binding.scale if known[1] else None
    total = sum(known) * binding.scale
    return total / seconds if binding.kind == "rate" else total


def published_sparsely(binding: MetricBinding) -> bool:
    """Whether CloudWatch has no point where the value is 0: then silence is zero, not missing."""
    return all(query.published == "nonzero" for query in binding.queries)


def points_over(binding: MetricBinding, series: Sequence[Series], window: Window) -> tuple[Point, ...]:
    """`combine` inside the window; for sparsely published counts with the zeros CloudWatch doesn't write."""
    points = tuple(point for point in combine(binding, series, window.period_seconds) if window.start <= point.at < window.end)
    if not published_sparsely(binding):
        return points
    known = {point.at: point for point in points}
    return tuple(known.get(at, Point(at=at, value=0.0)) for at in range(window.start, window.end, window.period_seconds))


def dead_periods(binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series] = ()) -> tuple[int, ...]:
    """Periods in which nothing counted a ratio's requests although there were some: its counts of bad events have a point, so that
    everything that was answered, failed; or `hosts`, the counts of healthy hosts, say that there was nobody to answer."""
    if binding.kind not in {"ratio_good", "ratio_bad"}:
        return ()
    by_key = {one.key: {point.at: point.value for point in one.points} for one in series}
    total = by_key.get(binding.queries[-1].key, {})
    bad = {at for query in binding.queries[:-1] for at, value in by_key.get(query.key, {}).items() if value > 0}
    periods = {one.period_seconds for one in series}
    bad |= {point.at for one in hosts if one.period_seconds in periods for point in one.points if point.value == 0}
    return tuple(sorted(at for at in bad if not total.get(at)))


def _periods_with_value(binding: MetricBinding, columns: Sequence[Mapping[int, float]]) -> list[int]:
    """Periods where every query that is never filled has a point; with none such, periods where any has."""
    required = [column for query, column in zip(binding.queries, columns, strict=True) if query.published != "nonzero"]
    if binding.kind in {"ratio_good", "ratio_bad"}:
        required = [*required, columns[-1]]
    if required:
        return sorted(set.intersection(*(set(column) for column in required)))
    return sorted(set().union(*columns))


def _filled(value: float | None, *, nonzero: bool) -> float | None:
    return 0.0 if value is None and nonzero else value


def _ratio(binding: MetricBinding, values: Sequence[float | None]) -> float | None:
    *counts, total = values
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or not total:
        return None
    bad = min(100.0, 100 * sum(known) / total)  # a load balancer's own errors are not all among its requests
    return 100 - bad if binding.kind == "ratio_good" else bad
