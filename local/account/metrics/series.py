"""Time series from the stored points: by exact dimensions, by period, and only those that are published yet."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import math
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch

from local.account.metrics.expressions import ExpressionError, Scope, Series, Value, evaluate_expression, find_references
from local.account.profile import holder

Point = dict[str, Any]
RECEIVED = "_received"
DISORDER_SECONDS = 3600.0


@dataclass(frozen=True)
class MetricStat:
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    period: int
    stat: str


@dataclass(frozen=True)
class Query:
    """One entry of a GetMetricData request or of an alarm's ``Metrics``: a metric or an expression."""

    id: str
    metric: MetricStat | None
    expression: str | None
    label: str | None
    return_data: bool
    period: int | None


@dataclass(frozen=True)
class Window:
    """Whole periods from ``start`` to ``end``, both multiples of the period or of the caller's own origin."""

    start: float
    end: float
    now: float


def forget_points() -> int:
    """Delete every stored point, as if the account were new; returns the number of series deleted.

    AWS has no such call. It lets one fault be measured after another without minutes in between.
    """
    names = list(cloudwatch._metrics)
    for name in names:
        cloudwatch._metrics.pop(name, None)
    return len(names)


def read_dimensions(entries: Any) -> tuple[tuple[str, str], ...]:
    """Dimensions in the order in which they identify a metric."""
    return tuple(sorted((str(d["Name"]), str(d["Value"])) for d in entries or []))


def parse_query(data: dict[str, Any]) -> Query:
    """A query of the API as a `Query`; what it leaves out gets CloudWatch's default."""
    metric = None
    if stat := data.get("MetricStat"):
        named = stat.get("Metric") or {}
        metric = MetricStat(
            named.get("Namespace", ""), named.get("MetricName", ""), read_dimensions(named.get("Dimensions")),
            int(stat.get("Period", 60)), str(stat.get("Stat", "Average")),
        )  # fmt: skip
    expression = data.get("Expression")
    period = data.get("Period")
    return Query(
        id=str(data.get("Id", "")), metric=metric, expression=str(expression) if expression else None,
        label=data.get("Label"), return_data=bool(data.get("ReturnData", True)), period=int(period) if period else None,
    )  # fmt: skip


def visible_points(metric: MetricStat, window: Window) -> list[Point]:
    """The window's points that are published by now, given how late the profile publishes.

    Points are stored in the order of their arrival, which is nearly that of their times. A point that arrived an hour
    before the window began is not looked at, which keeps an evaluation cheap however long the account has been running.
    """
    key = (metric.namespace, metric.name, cloudwatch._dims_key(dict(metric.dimensions)))
    lag = holder.current.metric_lag_seconds
    visible = []
    for point in reversed(list(cloudwatch._metrics.get(key) or [])):
        received = point.get(RECEIVED, point["Timestamp"])
        if received < window.start - DISORDER_SECONDS:
            break
        if window.start <= point["Timestamp"] < window.end and received + lag <= window.now:
            visible.append(point)
    return visible[::-1]


def compute_statistic(points: list[Point], stat: str) -> float | None:
    """One statistic of some points; None without points."""
    stats = cloudwatch._calc_stats(points)
    if stat not in ("SampleCount", "Sum", "Average", "Minimum", "Maximum") and not cloudwatch._is_percentile_stat(stat):
        raise ExpressionError(f"statistic {stat} is not known here")
    if not stats:
        return None
    value = cloudwatch._stat_value(stats, stat, points)
    return None if value is None else float(value)


def metric_series(metric: MetricStat, window: Window, origin: float = 0.0) -> Series:
    """The statistic of each period that has points; periods begin at ``origin`` plus a multiple of the period."""
    buckets: dict[int, list[Point]] = defaultdict(list)
    for point in visible_points(metric, window):
        index = math.floor((point["Timestamp"] - origin) / metric.period)
        buckets[int(origin + index * metric.period)].append(point)
    result: Series = {}
    for begin in sorted(buckets):
        value = compute_statistic(buckets[begin], metric.stat)
        if value is not None:
            result[begin] = value
    return result


def common_period(queries: list[Query]) -> int:
    """The period expressions are evaluated at: the longest of the metrics they may use."""
    periods = [q.metric.period for q in queries if q.metric] + [q.period for q in queries if q.period]
    return max(periods, default=60)


def resolve_queries(queries: list[Query], window: Window) -> dict[str, Series]:
    """The series of every query, expressions after what they refer to."""
    period = common_period(queries)
    first = math.floor(window.start / period) * period
    times = tuple(range(int(first), math.ceil(window.end), period))
    values: dict[str, Value] = {}
    for query in queries:
        if query.metric:
            values[query.id] = metric_series(query.metric, window)
    waiting = [q for q in queries if q.expression]
    while waiting:
        ready = [q for q in waiting if q.expression and not (find_references(q.expression) & {w.id for w in waiting})]
        if not ready:
            raise ExpressionError("expressions refer to each other in a circle")
        for query in ready:
            values[query.id] = evaluate_expression(query.expression or "", Scope(_by_reference(values), times, period))
            waiting.remove(query)
    return {name: value for name, value in values.items() if isinstance(value, dict)}


def _by_reference(values: dict[str, Value]) -> dict[str, Value]:
    return dict(values)


def stamp_arrivals(point_list: list[Point]) -> None:
    """Mark new points with their time of arrival, which the publication lag is counted from."""
    now = time.time()
    for point in reversed(point_list):
        if RECEIVED in point:
            break
        point[RECEIVED] = now
