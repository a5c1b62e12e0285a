"""Reads metrics from CloudWatch: one request for all series, and one for each value that can't be computed from its
periods.
"""

from collections.abc import Callable, Mapping, Sequence

from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery, Series, Window
from squall.domain.metrics.series import value_over
from squall.domain.metrics.windows import PacedWindow
from squall.ports.metrics import Metrics

SeriesByMetric = dict[str, tuple[Series, ...]]
SUMMABLE: Mapping[str, Callable[[list[float]], float]] = {"Sum": sum, "SampleCount": sum, "Maximum": max, "Minimum": min}
"""Statistics whose value over a window can be computed from its periods. Averages and percentiles need another request.
"""


def read_series(metrics: Metrics, bindings: Sequence[MetricBinding], window: Window) -> SeriesByMetric:
    """The series of each binding's queries over the window, by binding name."""
    if window.periods == 0:
        return {
            b.name: tuple(Series(key=q.key, period_seconds=window.period_seconds, points=()) for q in (*b.queries, *b.unattributed))
            for b in bindings
        }
    aliased: dict[str, tuple[str, MetricQuery]] = {}
    for i, binding in enumerate(bindings):
        for query in (*binding.queries, *binding.unattributed):
            alias = f"b{i}_{query.key}"
            aliased[alias] = (binding.name, query)
    answered = metrics.series(
        [query.model_copy(update={"key": alias}) for alias, (_, query) in aliased.items()], window.start, window.end, window.period_seconds
    )
    result: dict[str, list[Series]] = {binding.name: [] for binding in bindings}
    for alias, (name, query) in aliased.items():
        points = answered[alias].points if alias in answered else ()
        result[name].append(Series(key=query.key, period_seconds=window.period_seconds, points=points))
    return {name: tuple(series) for name, series in result.items()}


def read_in_periods(metrics: Metrics, bindings: Sequence[MetricBinding], window: PacedWindow) -> SeriesByMetric:
    """`read_series` with every metric in the window of its own period, or in the usual one if there is none: one request
    for each window."""
    by_name: SeriesByMetric = {}
    for own_window in (window.usual, *window.finer.values()):
        own = [binding for binding in bindings if window.of(binding) == own_window]
        if own:
            by_name |= read_series(metrics, own, own_window)
    return {binding.name: by_name[binding.name] for binding in bindings}


def read_values(
    metrics: Metrics, bindings: Sequence[MetricBinding], window: Window, series: Mapping[str, Sequence[Series]]
) -> dict[str, float | None]:
    """The value of each binding over the whole window, by its name, in its unit; None where CloudWatch has no data."""
    return {
        binding.name: value_over(
            binding,
            {
                query.key: _sum_periods(metrics, query, window, _find_series(series.get(binding.name, ()), query.key))
                for query in binding.queries
            },
            window.end - window.start,
        )
        if window.periods
        else None
        for binding in bindings
    }


def _find_series(series: Sequence[Series], key: str) -> Series | None:
    return next((s for s in series if s.key == key), None)


def _sum_periods(metrics: Metrics, query: MetricQuery, window: Window, series: Series | None) -> float | None:
    combine = SUMMABLE.get(query.statistic)
    if combine is None:
        return metrics.over(query, window.start, window.end)
    values = [point.value for point in series.points] if series else []
    return float(combine(values)) if values else None
