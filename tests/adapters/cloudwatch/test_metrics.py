"""Metric values: the same promises from the fake and CloudWatch; pages, holes and limits by script."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.cloudwatch.metrics import CloudWatchMetrics
from squall.domain.documents.metrics.metric_models import MetricQuery, Point
from squall.errors import Unavailable
from tests.adapters.scripted import Scripted

if TYPE_CHECKING:
    from squall.ports.metrics import Metrics
    from tests.fakes.world import FakeWorld

PERIODS = 5


def _query(key: str = "requests", statistic: str = "Sum", metric: str = "RequestCount") -> MetricQuery:
    return MetricQuery(key=key, namespace="App", metric_name=metric, dimensions=(("Name", "web"),), statistic=statistic)


@pytest.fixture
def start(kind: str, world: FakeWorld) -> int:
    """Some minutes ago: CloudWatch takes no data of the distant past or the future."""
    now = world.clock.now() if kind == "fake" else datetime.now(UTC)
    return int(now.timestamp()) // 60 * 60 - 600


@pytest.fixture
def metrics(kind: str, world: FakeWorld, request: pytest.FixtureRequest, start: int) -> Metrics:
    """RequestCount is 10, 20, 30 … in successive minutes, but missing in the third."""
    values = {start + 60 * index: 10.0 * (index + 1) for index in range(PERIODS) if index != 2}
    if kind == "fake":
        world.metrics.set("RequestCount", values.get)
        return world.metrics
    cloudwatch = request.getfixturevalue("aws")("cloudwatch")
    for at, value in values.items():
        datum = {"MetricName": "RequestCount", "Dimensions": [{"Name": "Name", "Value": "web"}], "Value": value}
        cloudwatch.put_metric_data(Namespace="App", MetricData=[{**datum, "Timestamp": datetime.fromtimestamp(at, UTC)}])
    return CloudWatchMetrics(cloudwatch)


def test_a_series_is_oldest_first_without_the_missing(metrics: Metrics, start: int) -> None:
    result = metrics.series([_query(), _query("absent", metric="Nothing")], start, start + 60 * PERIODS, 60)
    assert result["requests"].points == tuple(Point(at=start + 60 * index, value=10.0 * (index + 1)) for index in (0, 1, 3, 4))
    assert result["requests"].period_seconds == 60
    assert result["absent"].points == ()


def test_the_end_is_exclusive(metrics: Metrics, start: int) -> None:
    assert [point.at for point in metrics.series([_query()], start, start + 60, 60)["requests"].points] == [start]


def test_what_is_published_is_found_by_some_of_its_dimensions(metrics: Metrics) -> None:
    assert list(metrics.published("App", "RequestCount", [("Name", "web")])) == [(("Name", "web"),)]
    assert list(metrics.published("App", "Nothing", [("Name", "web")])) == []


def test_what_is_published_with_more_is_found_with_all_of_it_on_every_page() -> None:
    def page(*names: str) -> dict[str, Any]:
        return {"Metrics": [{"Dimensions": [{"Name": "path", "Value": "/"}, {"Name": "device", "Value": name}]} for name in names]}

    scripted = Scripted("cloudwatch", list_metrics=[page("a", "b"), page("c")])
    result = CloudWatchMetrics(scripted).published("CWAgent", "disk_used_percent", [("path", "/")])
    assert list(result) == [(("device", name), ("path", "/")) for name in ("a", "b", "c")]
    assert scripted.arguments("list_metrics")[0]["Dimensions"] == [{"Name": "path", "Value": "/"}]


def test_two_queries_of_one_key_are_an_error(metrics: Metrics, start: int) -> None:
    with pytest.raises(ValueError, match="key"):
        metrics.series([_query(), _query(statistic="Average")], start, start + 60, 60)


def test_over_is_one_value_of_the_whole_span(metrics: Metrics, start: int) -> None:
    end = start + 60 * PERIODS
    assert metrics.over(_query(), start, end) == 120
    assert metrics.over(_query(statistic="Maximum"), start, end) == 50
    assert metrics.over(_query(metric="Nothing"), start, end) is None


EPOCH = 1_700_000_040


def _time(minutes: int) -> datetime:
    return datetime.fromtimestamp(EPOCH, UTC) + timedelta(minutes=minutes)


def _page(**results: Any) -> dict[str, Any]:
    parts = [
        {"Id": key, "StatusCode": status, "Timestamps": [_time(minute) for minute in result], "Values": list(result.values())}
        for key, (status, result) in results.items()
    ]
    return {"MetricDataResults": parts}


def test_pages_are_put_together() -> None:
    client = Scripted("cloudwatch", get_metric_data=[_page(q0=("PartialData", {1: 2.0, 0: 1.0})), _page(q0=("Complete", {2: 3.0}))])
    points = CloudWatchMetrics(client).series([_query()], EPOCH, EPOCH + 180, 60)["requests"].points
    assert [point.value for point in points] == [1.0, 2.0, 3.0]


def test_a_value_that_is_no_number_is_no_data_point() -> None:
    client = Scripted("cloudwatch", get_metric_data=[_page(q0=("Complete", {0: 1.0, 1: float("nan"), 2: float("inf")}))])
    points = CloudWatchMetrics(client).series([_query()], EPOCH, EPOCH + 180, 60)["requests"].points
    assert [point.value for point in points] == [1.0]


@pytest.mark.parametrize(("status", "retryable"), [("PartialData", True), ("InternalError", True), ("Forbidden", False)])
def test_holes_of_cloudwatchs_making_are_not_judged(status: str, retryable: bool) -> None:
    metrics = CloudWatchMetrics(Scripted("cloudwatch", get_metric_data=[_page(q0=(status, {0: 1.0}))]))
    with pytest.raises(Unavailable) as caught:
        metrics.series([_query()], EPOCH, EPOCH + 60, 60)
    assert caught.value.retryable is retryable


def test_five_hundred_queries_a_call() -> None:
    every = {f"q{index}": ("Complete", {0: 1.0}) for index in range(500)}
    client = Scripted("cloudwatch", get_metric_data=[_page(**every)])
    with pytest.raises(KeyError):  # the script answers the second call with more than was asked
        CloudWatchMetrics(client).series([_query(f"key-{index}") for index in range(501)], EPOCH, EPOCH + 60, 60)
    assert [len(call["MetricDataQueries"]) for call in client.arguments("get_metric_data")] == [500, 1]


def _statistics(*points: dict[str, Any]) -> dict[str, Any]:
    return {"Datapoints": [{"Timestamp": _time(index), **point} for index, point in enumerate(points)]}


def test_a_percentile_is_an_extended_statistic_with_one_period() -> None:
    client = Scripted("cloudwatch", get_metric_statistics=[_statistics({"ExtendedStatistics": {"p99": 1.5}})])
    assert CloudWatchMetrics(client).over(_query(statistic="p99"), EPOCH, EPOCH + 600) == 1.5
    asked = client.arguments("get_metric_statistics")[0]
    assert (asked["Period"], asked["ExtendedStatistics"], "Statistics" in asked) == (600, ["p99"], False)


def test_a_divided_span_is_put_together_where_that_is_exact() -> None:
    points = ({"Average": 1.0, "SampleCount": 3.0, "Minimum": 1.0}, {"Average": 5.0, "SampleCount": 1.0, "Minimum": 5.0})
    metrics = CloudWatchMetrics(Scripted("cloudwatch", get_metric_statistics=[_statistics(*points)]))
    assert metrics.over(_query(statistic="Average"), EPOCH, EPOCH + 600) == 2.0
    assert metrics.over(_query(statistic="Minimum"), EPOCH, EPOCH + 600) == 1.0
    assert metrics.over(_query(statistic="SampleCount"), EPOCH, EPOCH + 600) == 4.0


def test_percentiles_of_parts_make_no_percentile() -> None:
    points = ({"ExtendedStatistics": {"p99": 1.0}}, {"ExtendedStatistics": {"p99": 2.0}})
    metrics = CloudWatchMetrics(Scripted("cloudwatch", get_metric_statistics=[_statistics(*points)]))
    assert metrics.over(_query(statistic="p99"), EPOCH, EPOCH + 600) is None


def test_a_distribution_is_asked_for_in_two_requests_and_leaves_out_what_cannot_be_told() -> None:
    plain = _statistics({"Average": 2.0, "Minimum": 1.0, "Maximum": 9.0, "SampleCount": 40.0})
    extended = _statistics({"ExtendedStatistics": {"p50": 1.5, "p95": 7.0, "p99": 8.0}})
    client = Scripted("cloudwatch", get_metric_statistics=[plain, extended])
    answer = {"Average": 2.0, "Minimum": 1.0, "Maximum": 9.0, "SampleCount": 40.0, "p50": 1.5, "p95": 7.0, "p99": 8.0}
    assert CloudWatchMetrics(client).distribution(_query(), EPOCH, EPOCH + 600) == answer
    assert [call["Period"] for call in client.arguments("get_metric_statistics")] == [600, 600]
    negative = Scripted("cloudwatch", get_metric_statistics=[plain, _statistics()])
    assert "p99" not in CloudWatchMetrics(negative).distribution(_query(), EPOCH, EPOCH + 600)
    nothing = Scripted("cloudwatch", get_metric_statistics=[_statistics()])
    assert CloudWatchMetrics(nothing).distribution(_query(), EPOCH, EPOCH + 600) == {}
