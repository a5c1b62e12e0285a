"""Reads metric values from CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, list_pages, split_chunks
from squall.domain.documents.metrics.metric_models import MetricQuery, Point, Series
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUERIES_PER_CALL = 500
"""The most queries that GetMetricData takes."""
PLAIN = ("Average", "Minimum", "Maximum", "SampleCount")
PERCENTILES = ("p50", "p95", "p99")
STATISTICS = frozenset({"Sum", "Average", "Minimum", "Maximum", "SampleCount"})


class CloudWatchMetrics:
    def __init__(self, client: Any) -> None:
        self._client = client

    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        if len({query.key for query in queries}) != len(queries):
            raise ValueError("two queries have the same key")
        points: dict[str, dict[int, float]] = {query.key: {} for query in queries}
        for some in split_chunks(queries, QUERIES_PER_CALL):
            self._read(some, start, end, period_seconds, points)
        return {
            key: Series(key=key, period_seconds=period_seconds, points=tuple(Point(at=at, value=values[at]) for at in sorted(values)))
            for key, values in points.items()
        }

    def _read(self, queries: list[MetricQuery], start: int, end: int, period_seconds: int, points: dict[str, dict[int, float]]) -> None:
        keys = {f"q{index}": query.key for index, query in enumerate(queries)}
        asked = [_data_query(f"q{index}", query, period_seconds) for index, query in enumerate(queries)]
        statuses = dict.fromkeys(keys, "Missing")
        span: dict[str, Any] = {"StartTime": _to_time(start), "EndTime": _to_time(end)}
        for page in list_pages(self._client, "get_metric_data", MetricDataQueries=asked, ScanBy="TimestampAscending", **span):
            for result in page["MetricDataResults"]:
                statuses[result["Id"]] = result.get("StatusCode", "Complete")
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    if start <= at.timestamp() < end and isfinite(value):  # a value that is no number is no data point
                        points[keys[result["Id"]]][int(at.timestamp())] = float(value)
        # A partial answer must not be judged, because an absent count is read as zero.
        if wrong := {keys[query_id]: status for query_id, status in statuses.items() if status != "Complete"}:
            raise Unavailable("cloudwatch", "GetMetricData", "PartialData", str(wrong), retryable="Forbidden" not in wrong.values())

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        if query.statistic in STATISTICS:
            points = self._read_span(query, start, end, Statistics=sorted({query.statistic, "SampleCount"}))
            return _combine_points(query.statistic, points)
        return _read_percentiles(self._read_span(query, start, end, ExtendedStatistics=[query.statistic])).get(query.statistic)

    def distribution(self, query: MetricQuery, start: int, end: int) -> Mapping[str, float]:
        plain = self._read_span(query, start, end, Statistics=list(PLAIN))
        plain_values = {name: value for name in PLAIN if (value := _combine_points(name, plain)) is not None}
        return (
            {**plain_values, **_read_percentiles(self._read_span(query, start, end, ExtendedStatistics=list(PERCENTILES)))}
            if plain_values
            else {}
        )

    def published(self, namespace: str, metric_name: str, dimensions: Sequence[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], ...]]:
        wanted = [{"Name": name, "Value": value} for name, value in dimensions]
        metrics = list_items(self._client, "list_metrics", "Metrics", Namespace=namespace, MetricName=metric_name, Dimensions=wanted)
        return [tuple(sorted((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])) for metric in metrics]

    def _read_span(self, query: MetricQuery, start: int, end: int, **wanted: Any) -> Sequence[Mapping[str, Any]]:
        """Data points with one period over the whole span. A request may ask for plain or for extended statistics, not
        for both."""
        answer = call(
            self._client,
            "get_metric_statistics",
            Namespace=query.namespace,
            MetricName=query.metric_name,
            Dimensions=_make_dimensions(query),
            StartTime=_to_time(start),
            EndTime=_to_time(end),
            Period=end - start,
            **wanted,
        )
        points: Sequence[Mapping[str, Any]] = answer["Datapoints"]
        return points


def _read_percentiles(points: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The percentiles over the span; empty if CloudWatch divided it, because the percentile of a whole does not follow
    from those of its parts.

    CloudWatch divides a span that does not begin on a whole minute. Only environments with periods under a minute have
    such spans.
    """
    return {name: float(value) for name, value in points[0]["ExtendedStatistics"].items()} if len(points) == 1 else {}


def _combine_points(statistic: str, points: Sequence[Mapping[str, Any]]) -> float | None:
    """The value of the statistic over the whole span, also if CloudWatch divided the span at the boundary of a
    period."""
    values = [float(point[statistic]) for point in points]
    if not values:
        return None
    if statistic == "Minimum":
        return min(values)
    if statistic == "Maximum":
        return max(values)
    if statistic == "Average":
        samples = [float(point["SampleCount"]) for point in points]
        return sum(value * count for value, count in zip(values, samples, strict=True)) / sum(samples)
    return sum(values)


def _data_query(query_id: str, query: MetricQuery, period_seconds: int) -> dict[str, Any]:
    metric = {"Namespace": query.namespace, "MetricName": query.metric_name, "Dimensions": _make_dimensions(query)}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": period_seconds, "Stat": query.statistic}, "ReturnData": True}


def _make_dimensions(query: MetricQuery) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in query.dimensions]


def _to_time(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
