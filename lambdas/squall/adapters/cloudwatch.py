"""Metric values from CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, chunks, pages
from squall.domain.metrics import MetricQuery, Point, Series
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUERIES_PER_CALL = 500
STATISTICS = frozenset({"Sum", "Average", "Minimum", "Maximum", "SampleCount"})


class CloudWatchMetrics:
    def __init__(self, client: Any) -> None:
        self._client = client

    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        if len({query.key for query in queries}) != len(queries):
            raise ValueError("two queries of one key")
        points: dict[str, dict[int, float]] = {query.key: {} for query in queries}
        for some in chunks(queries, QUERIES_PER_CALL):
            self._read(some, start, end, period_seconds, points)
        return {
            key: Series(key=key, period_seconds=period_seconds, points=tuple(Point(at=at, value=found[at]) for at in sorted(found)))
            for key, found in points.items()
        }

    def _read(self, queries: list[MetricQuery], start: int, end: int, period_seconds: int, points: dict[str, dict[int, float]]) -> None:
        keys = {f"q{index}": query.key for index, query in enumerate(queries)}
        asked = [_data_query(f"q{index}", query, period_seconds) for index, query in enumerate(queries)]
        statuses = dict.fromkeys(keys, "Missing")
        span: dict[str, Any] = {"StartTime": _time(start), "EndTime": _time(end)}
        for page in pages(self._client, "get_metric_data", MetricDataQueries=asked, ScanBy="TimestampAscending", **span):
            for result in page["MetricDataResults"]:
                statuses[result["Id"]] = result.get("StatusCode", "Complete")
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    if start <= at.timestamp() < end:
                        points[keys[result["Id"]]][int(at.timestamp())] = float(value)
        # A series with holes of CloudWatch's making must not be judged: absent counts are read as zero.
        if wrong := {keys[query_id]: status for query_id, status in statuses.items() if status != "Complete"}:
            raise Unavailable("cloudwatch", "GetMetricData", "PartialData", str(wrong), retryable="Forbidden" not in wrong.values())

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        plain = query.statistic in STATISTICS
        wanted: dict[str, Any] = (
            {"Statistics": sorted({query.statistic, "SampleCount"})} if plain else {"ExtendedStatistics": [query.statistic]}
        )
        answer = call(
            self._client,
            "get_metric_statistics",
            Namespace=query.namespace,
            MetricName=query.metric_name,
            Dimensions=_dimensions(query),
            StartTime=_time(start),
            EndTime=_time(end),
            Period=end - start,
            **wanted,
        )
        found = answer["Datapoints"]
        if plain:
            return _combined(query.statistic, found)
        if len(found) > 1:
            # Percentiles of parts make no percentile of the whole: it can't be told. CloudWatch divides a span that does not begin on a
            # whole minute, which only environments with periods under a minute have.
            return None
        return float(found[0]["ExtendedStatistics"][query.statistic]) if found else None


def _combined(statistic: str, found: Sequence[Mapping[str, Any]]) -> float | None:
    """One value, also where the span was divided at a period's boundary."""
    values = [float(point[statistic]) for point in found]
    if not values:
        return None
    if statistic == "Minimum":
        return min(values)
    if statistic == "Maximum":
        return max(values)
    if statistic == "Average":
        samples = [float(point["SampleCount"]) for point in found]
        return sum(value * count for value, count in zip(values, samples, strict=True)) / sum(samples)
    return sum(values)


def _data_query(query_id: str, query: MetricQuery, period_seconds: int) -> dict[str, Any]:
    metric = {"Namespace": query.namespace, "MetricName": query.metric_name, "Dimensions": _dimensions(query)}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": period_seconds, "Stat": query.statistic}, "ReturnData": True}


def _dimensions(query: MetricQuery) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in query.dimensions]


def _time(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
