"""Reads the present levels of services from CloudWatch, with many metrics in each call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from discovery.analysis.levels import Level
from squall.adapters.cloudwatch.metrics import CloudWatchMetrics
from squall.domain.documents.metrics.metric_models import MetricQuery
from squall.domain.language.metric_table import LOAD_BALANCER
from squall.domain.metrics.scopes import load_balancer_dimension, target_group_dimension

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from discovery.account import AwsAccount
    from discovery.analysis.services import Service
    from discovery.inventory import Inventory
    from squall.domain.documents.metrics.metric_models import Series
    from squall.domain.resources.workload import TargetGroup

SPAN_SECONDS = 24 * 3600
PERIOD_SECONDS = 3600
YOUNG_SECONDS = 2 * 3600
MINUTE_SECONDS = 60
"""What has had requests for less than two hours is counted by the minute: the hour in which it began says too little."""
_COUNTS = frozenset({"requests", "invocations"})
_AGENT = {"memory": "mem_used_percent", "disk": "disk_used_percent"}


@dataclass(frozen=True)
class _Request:
    """A metric that is read for one value of a service's level."""

    service: str
    value: str
    query: MetricQuery


def measure_services(account: AwsAccount, inventory: Inventory, services: Sequence[Service]) -> dict[str, Level]:
    """The level of each service over the last day, by its id. If CloudWatch gives no answer, every level is unknown."""
    metrics = CloudWatchMetrics(account.client("cloudwatch"))
    groups = {group.arn: group for group in inventory.target_groups}
    requests = [request for service in services for request in _list_queries(service, groups)]
    requests += _list_agent_queries(account, metrics, services)
    end = int(inventory.at.timestamp()) // PERIOD_SECONDS * PERIOD_SECONDS + PERIOD_SECONDS
    if not requests:
        return {}
    queries = [request.query for request in requests]
    none: dict[str, Series] = {}
    series = account.attempt(lambda: metrics.series(queries, end - SPAN_SECONDS, end, PERIOD_SECONDS), none)
    young = [request.query for request in requests if request.value in _COUNTS and _is_young(series.get(request.query.key), end)]
    by_minute = account.attempt(lambda: metrics.series(young, end - YOUNG_SECONDS, end, MINUTE_SECONDS), none) if young else none
    values: dict[str, dict[str, list[float]]] = {}
    covered: dict[str, float] = {}
    for request in requests:
        key = request.query.key
        period, source = (MINUTE_SECONDS, by_minute) if key in by_minute else (PERIOD_SECONDS, series)
        points = source[key].points if key in source else ()
        values.setdefault(request.service, {}).setdefault(request.value, []).extend(point.value for point in points)
        if request.value in _COUNTS:
            # The last period is not over yet: only the seconds that have passed count.
            seconds = sum(min(period, max(1.0, inventory.at.timestamp() - point.at)) for point in points)
            covered[request.service] = max(covered.get(request.service, 0.0), seconds)
    return {service: _read_level(readings, covered.get(service) or 1.0) for service, readings in values.items()} if series else {}


def _is_young(counted: Series | None, end: int) -> bool:
    return counted is not None and bool(counted.points) and min(point.at for point in counted.points) >= end - YOUNG_SECONDS


def _list_queries(service: Service, groups: Mapping[str, TargetGroup]) -> Iterator[_Request]:
    for arn in service.target_groups:
        group = groups[arn]
        balancer = (("LoadBalancer", load_balancer_dimension(group.load_balancer or "")),)
        both = (("TargetGroup", target_group_dimension(arn)), *balancer)
        yield _make_request(service, "requests", LOAD_BALANCER, "RequestCount", both, "Sum")
        yield _make_request(service, "errors", LOAD_BALANCER, "HTTPCode_Target_5XX_Count", both, "Sum")
        yield _make_request(service, "response", LOAD_BALANCER, "TargetResponseTime", both, "Average")
        yield _make_request(service, "p99", LOAD_BALANCER, "TargetResponseTime", both, "p99")
        if group.load_balancer_groups == 1:
            yield _make_request(service, "errors", LOAD_BALANCER, "HTTPCode_ELB_5XX_Count", balancer, "Sum")
    match service.kind:
        case "auto_scaling":
            yield _make_request(service, "cpu", "AWS/EC2", "CPUUtilization", (("AutoScalingGroupName", service.name),), "Average")
        case "ecs":
            cluster, _, name = service.name.partition("/")
            dimensions = (("ClusterName", cluster), ("ServiceName", name))
            yield _make_request(service, "cpu", "AWS/ECS", "CPUUtilization", dimensions, "Average")
            yield _make_request(service, "memory", "AWS/ECS", "MemoryUtilization", dimensions, "Average")
        case "function":
            yield _make_request(service, "invocations", "AWS/Lambda", "Invocations", (("FunctionName", service.name),), "Sum")


def _list_agent_queries(account: AwsAccount, metrics: CloudWatchMetrics, services: Sequence[Service]) -> Iterator[_Request]:
    """The queries for memory and disk of instances, where the CloudWatch agent publishes them by Auto Scaling group."""
    groups = {service.name: service for service in services if service.kind == "auto_scaling"}
    if not groups:
        return
    for value, name in _AGENT.items():
        none: Sequence[tuple[tuple[str, str], ...]] = ()
        published = account.attempt(partial(metrics.published, "CWAgent", name, ()), none)
        for dimensions in published:
            service = groups.get(dict(dimensions).get("AutoScalingGroupName", ""))
            if service:
                yield _make_request(service, value, "CWAgent", name, dimensions, "Average")


def _make_request(
    service: Service, value: str, namespace: str, metric: str, dimensions: tuple[tuple[str, str], ...], statistic: str
) -> _Request:
    key = f"{service.id} {value} {metric} {statistic} {dimensions}"
    return _Request(
        service.id, value, MetricQuery(key=key, namespace=namespace, metric_name=metric, dimensions=dimensions, statistic=statistic)
    )


def _read_level(values: Mapping[str, Sequence[float]], seconds: float) -> Level:
    """The level from the values of a service by their names. `seconds`: how long requests or invocations were
    counted."""
    requests = sum(values.get("requests", ()))
    invocations = values.get("invocations", ())
    return Level(
        requests_per_second=requests / seconds if "requests" in values else None,
        availability_percent=100 * (1 - min(1.0, sum(values.get("errors", ())) / requests)) if requests else None,
        response_seconds=max(values.get("response", ()), default=None),
        response_p99_seconds=max(values.get("p99", ()), default=None),
        cpu_percent=max(values.get("cpu", ()), default=None),
        memory_percent=max(values.get("memory", ()), default=None),
        disk_percent=max(values.get("disk", ()), default=None),
        invocations=sum(invocations) / seconds * 60 if invocations else None,
    )
