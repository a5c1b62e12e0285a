"""Reads the present levels of services from CloudWatch, many metrics a call."""

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
_AGENT = {"memory": "mem_used_percent", "disk": "disk_used_percent"}


@dataclass(frozen=True)
class _Asked:
    service: str
    value: str
    query: MetricQuery


def measure_services(account: AwsAccount, inventory: Inventory, services: Sequence[Service]) -> dict[str, Level]:
    """The level of each service over the last day, by its id. Without an answer of CloudWatch every level is unknown."""
    metrics = CloudWatchMetrics(account.client("cloudwatch"))
    groups = {group.arn: group for group in inventory.target_groups}
    asked = [entry for service in services for entry in _list_queries(service, groups)]
    asked += _list_agent_queries(account, metrics, services)
    end = int(inventory.at.timestamp()) // PERIOD_SECONDS * PERIOD_SECONDS + PERIOD_SECONDS
    if not asked:
        return {}
    queries = [entry.query for entry in asked]
    none: dict[str, Series] = {}
    series = account.attempt(lambda: metrics.series(queries, end - SPAN_SECONDS, end, PERIOD_SECONDS), none)
    values: dict[str, dict[str, list[float]]] = {}
    covered: dict[str, float] = {}
    for entry in asked:
        points = series[entry.query.key].points if entry.query.key in series else ()
        values.setdefault(entry.service, {}).setdefault(entry.value, []).extend(point.value for point in points)
        if entry.value in {"requests", "invocations"}:  # the last period is still running
            seconds = sum(min(PERIOD_SECONDS, max(1.0, inventory.at.timestamp() - point.at)) for point in points)
            covered[entry.service] = max(covered.get(entry.service, 0.0), seconds)
    return {service: _read_level(found, covered.get(service) or 1.0) for service, found in values.items()} if series else {}


def _list_queries(service: Service, groups: Mapping[str, TargetGroup]) -> Iterator[_Asked]:
    for arn in service.target_groups:
        group = groups[arn]
        balancer = (("LoadBalancer", load_balancer_dimension(group.load_balancer or "")),)
        both = (("TargetGroup", target_group_dimension(arn)), *balancer)
        yield _ask(service, "requests", LOAD_BALANCER, "RequestCount", both, "Sum")
        yield _ask(service, "errors", LOAD_BALANCER, "HTTPCode_Target_5XX_Count", both, "Sum")
        yield _ask(service, "response", LOAD_BALANCER, "TargetResponseTime", both, "Average")
        yield _ask(service, "p99", LOAD_BALANCER, "TargetResponseTime", both, "p99")
        if group.load_balancer_groups == 1:
            yield _ask(service, "errors", LOAD_BALANCER, "HTTPCode_ELB_5XX_Count", balancer, "Sum")
    match service.kind:
        case "auto_scaling":
            yield _ask(service, "cpu", "AWS/EC2", "CPUUtilization", (("AutoScalingGroupName", service.name),), "Average")
        case "ecs":
            cluster, _, name = service.name.partition("/")
            dimensions = (("ClusterName", cluster), ("ServiceName", name))
            yield _ask(service, "cpu", "AWS/ECS", "CPUUtilization", dimensions, "Average")
            yield _ask(service, "memory", "AWS/ECS", "MemoryUtilization", dimensions, "Average")
        case "function":
            yield _ask(service, "invocations", "AWS/Lambda", "Invocations", (("FunctionName", service.name),), "Sum")


def _list_agent_queries(account: AwsAccount, metrics: CloudWatchMetrics, services: Sequence[Service]) -> Iterator[_Asked]:
    """Memory and disk of instances, where the CloudWatch agent publishes them by Auto Scaling group."""
    groups = {service.name: service for service in services if service.kind == "auto_scaling"}
    if not groups:
        return
    for value, name in _AGENT.items():
        none: Sequence[tuple[tuple[str, str], ...]] = ()
        published = account.attempt(partial(metrics.published, "CWAgent", name, ()), none)
        for dimensions in published:
            service = groups.get(dict(dimensions).get("AutoScalingGroupName", ""))
            if service:
                yield _ask(service, value, "CWAgent", name, dimensions, "Average")


def _ask(service: Service, value: str, namespace: str, metric: str, dimensions: tuple[tuple[str, str], ...], statistic: str) -> _Asked:
    key = f"{service.id} {value} {metric} {statistic} {dimensions}"
    return _Asked(
        service.id, value, MetricQuery(key=key, namespace=namespace, metric_name=metric, dimensions=dimensions, statistic=statistic)
    )


def _read_level(values: Mapping[str, Sequence[float]], seconds: float) -> Level:
    """`seconds`: how long requests or invocations were counted."""
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
