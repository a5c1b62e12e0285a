"""From the language's metrics to CloudWatch: what each means for this workload, or why it can't be measured."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from squall.domain.documents.metric_models import Counted, MetricBinding, MetricQuery, Published
from squall.domain.experiment.experiment import MetricDefinition
from squall.domain.language import METRICS, Threshold
from squall.domain.language import declared as declared_unit
from squall.domain.metrics.periods import lag_of
from squall.domain.policy.environment import Timing
from squall.domain.problems import Problem
from squall.domain.resources.base import Resource
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.pods import EksPod
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import TargetGroup, Workload
from squall.domain.sentinel.config import ATTEMPTS, FAILURES, NAMESPACE, RESPONSE_TIME
from squall.domain.sentinel.config import METRICS as SENTINEL

Dimensions = tuple[tuple[str, str], ...]

FELT = ("availability", "error_rate", "error_count", "request_rate", "response_time")
"""What users feel: evidence of what a fault does to them, never of whether there was one."""
ALWAYS_BOUND = ("availability", "request_rate")
"""Measured wherever there is a load balancer: no other number means anything without traffic."""
WHERE_SHARED = ("healthy_hosts",)
"""Behind a load balancer that others share, requests nobody answers are told by their absence while no host is healthy."""
_ALB = "AWS/ApplicationELB"
_DATABASE = {
    "cpu_utilization": "CPUUtilization",
    "database_connections": "DatabaseConnections",
    "database_write_latency": "WriteLatency",
}
"""In AWS/RDS. WriteLatency is of writes to the volume, in seconds, for every engine."""
_ROUTED = (502, 504)
"""The load balancer's own errors for which it had chosen a target: RequestCount holds these, and no other of its own."""
_APPLICATION = ":loadbalancer/app/"
"""In the ARN of an application load balancer: network and gateway load balancers publish none of these metrics."""


def binding_name(metric: str, statistic: str | None) -> str:
    """`response_time`, or `response_time:p99` when a sentence asks for a statistic of its own."""
    natural = METRICS[metric].statistic if metric in METRICS else None
    return metric if statistic in {None, natural} else f"{metric}:{statistic}"


def binding_of(bindings: Sequence[MetricBinding], threshold: Threshold) -> MetricBinding | None:
    """The binding a sentence is measured by; None if the workload has none for it."""
    name = binding_name(threshold.metric, threshold.statistic)
    exact = next((binding for binding in bindings if binding.name == name), None)
    if exact is not None:
        return exact
    plain = next((binding for binding in bindings if binding.name == threshold.metric), None)
    asked = threshold.statistic
    return plain if plain is not None and any(query.statistic == asked for query in plain.queries) else None


def bind(
    metrics_needed: Iterable[str],
    statistics: Mapping[str, Collection[str]],
    declared: Mapping[str, MetricDefinition],
    workload: Workload,
    timing: Timing,
    *,
    pinned: Sequence[Resource],
    paths: Mapping[str, str] | None = None,
    probed: "Probed | None" = None,
) -> tuple[tuple[MetricBinding, ...], list[Problem]]:
    """One binding a metric, one more for each statistic asked for by name, and a problem for each metric that can't be measured.

    What is measured is what is hit: only the pinned instances' own target group and Auto Scaling group are looked at; and what clients
    have of it, where there is a sentinel.
    """
    group = measured_group(workload, pinned)
    needed = list(dict.fromkeys([*metrics_needed, *_always(group), *(SENTINEL if probed else ())]))
    bindings: list[MetricBinding] = []
    problems: list[Problem] = []
    for metric in needed:
        wanted = sorted(statistics.get(metric, ()))
        sentinel = metric in SENTINEL and metric not in declared
        found = _sentinel(metric, wanted, probed) if sentinel else _bind(metric, wanted, declared, workload, pinned, group)
        if isinstance(found, str):
            problems.append(Problem(path=(paths or {}).get(metric, f"metrics.{metric}"), message=f"{metric} can't be measured: {found}"))
        else:
            lag = lag_of(metric, timing, declared)
            bindings += [binding.model_copy(update={"lag_seconds": lag}) for binding in found]
    return tuple(bindings), problems


@dataclass(frozen=True)
class Probed:
    """The sentinel of a run."""

    dimensions: Dimensions
    """Of its metrics."""
    period_seconds: int | None
    """None: the environment's."""


def _sentinel(metric: str, statistics: Sequence[str], probed: Probed | None) -> list[MetricBinding] | str:
    """Silence of the sentinel is never taken for good: `with_traffic`, as of requests."""
    if probed is None:
        return "the experiment declares no sentinel"

    def query(part: str, name: str, statistic: str) -> MetricQuery:
        key = query_key(metric, part)
        asked = {"key": key, "namespace": NAMESPACE, "metric_name": name, "dimensions": probed.dimensions}
        return MetricQuery(**asked, statistic=statistic, published="with_traffic")

    if metric == "sentinel_availability":
        queries = query("failures", FAILURES, "Sum"), query("attempts", ATTEMPTS, "Sum")
        found = [_binding(metric, queries)]
    else:
        found = [_binding(metric, (query("sum", RESPONSE_TIME, "Sum"), query("count", RESPONSE_TIME, "SampleCount")))]
        for statistic in statistics:
            one = _binding(metric, (query(statistic, RESPONSE_TIME, statistic),))
            found.append(one.model_copy(update={"name": binding_name(metric, statistic), "kind": "gauge"}))
    return [one.model_copy(update={"period_seconds": probed.period_seconds}) for one in found]


def _always(group: TargetGroup | str) -> tuple[str, ...]:
    if isinstance(group, str):
        return ()
    return ALWAYS_BOUND if serves_alone(group) else (*ALWAYS_BOUND, *WHERE_SHARED)


def serves_alone(group: TargetGroup) -> bool:
    """Whether what its load balancer counts is this group's: errors of the load balancer itself are published for it as a whole."""
    return group.load_balancer_groups == 1


def measured_group(workload: Workload, pinned: Sequence[Resource]) -> TargetGroup | str:
    """The target group behind an application load balancer in which every pinned instance is registered, or why there is none.

    Of several the one their Auto Scaling group is attached to, then the largest. Where the experiment names its service, that one.
    """
    if workload.service is not None:
        return _service(workload, pinned)
    if not any(resource.registered_as or workload.names_of(resource) for resource in pinned):
        kinds = " and ".join(sorted({resource.type.one for resource in pinned})) or "a resource"
        return f"{kinds} is registered in no target group; name the target group of those who would notice in service"
    ids = {name for resource in pinned for name in workload.names_of(resource) or {resource.id}}
    behind = [group for group in workload.target_groups if group.load_balancer and _APPLICATION in group.load_balancer]
    touched = [group for group in behind if group.registered & ids]
    shared = [group for group in touched if ids <= group.registered]
    attached = {arn for group in workload.groups if group.name in {i.belongs_to for i in pinned} for arn in group.target_groups}
    if shared:
        return max(shared, key=lambda group: (group.arn in attached, len(group.registered), group.arn))
    named = ", ".join(sorted(ids)) or "the targets"
    if touched:
        where = "; ".join(f"{target_group_dimension(g.arn)}: {', '.join(sorted(g.registered & ids))}" for g in touched)
        return f"{named} share no target group ({where}), so no metric is about all of them; declare it in metrics"
    return f"no application load balancer was found for {named}; declare it in metrics"


def _service(workload: Workload, pinned: Sequence[Resource]) -> TargetGroup | str:
    """The target group the experiment names, unless the targets are registered in others: what is measured is what is hit."""
    own = {resource.registered_as for resource in pinned if resource.registered_as}
    others = [group for group in workload.target_groups if group.arn != workload.service and own & group.registered]
    if others:
        return f"the targets are registered in {', '.join(target_group_dimension(group.arn) for group in others)}; leave out service"
    group = next((group for group in workload.target_groups if group.arn == workload.service), None)
    if group is None:
        return f"the target group {workload.service} does not exist"
    if not group.load_balancer or _APPLICATION not in group.load_balancer:
        return f"{target_group_dimension(group.arn)} is behind no application load balancer; declare it in metrics"
    return group


def published_as(metric: str, declared: Mapping[str, MetricDefinition]) -> frozenset[tuple[str, str]]:
    """Namespace and name of every CloudWatch metric that a metric of the language may be measured by."""
    if metric in declared:
        return frozenset({(declared[metric].namespace, declared[metric].metric_name)})
    names = {("AWS/RDS", _DATABASE[metric])} if metric in _DATABASE else set()
    if metric == "cpu_utilization":
        names.add(("AWS/EC2", "CPUUtilization"))
    found = _load_balancer(metric, (), (), ()) if metric in METRICS else ()
    return frozenset({*names, *((q.namespace, q.metric_name) for b in found if isinstance(b, MetricBinding) for q in b.queries)})


def load_balancer_dimension(arn: str) -> str:
    """`app/name/0123` of a load balancer's ARN."""
    return arn.partition("loadbalancer/")[2] or arn


def target_group_dimension(arn: str) -> str:
    """`targetgroup/name/0123` of a target group's ARN."""
    _, _, suffix = arn.partition("targetgroup/")
    return f"targetgroup/{suffix}" if suffix else arn


def _bind(
    metric: str,
    statistics: Sequence[str],
    declared: Mapping[str, MetricDefinition],
    workload: Workload,
    pinned: Sequence[Resource],
    group: TargetGroup | str,
) -> list[MetricBinding] | str:
    """Bindings, or the reason why there are none."""
    if metric in declared:
        return _declared(metric, declared[metric], statistics)
    if metric in _DATABASE and any(isinstance(one, Database | DatabaseCluster) for one in pinned):
        return _database(metric, statistics, pinned)
    if metric == "cpu_utilization":
        tasks = any(isinstance(one, EcsTask) for one in pinned)
        return _service_cpu(statistics, pinned) if tasks else _cpu(statistics, workload, pinned)
    if metric not in METRICS:
        return "it is neither a metric Squall knows nor declared in metrics"
    if isinstance(group, str):
        return group
    whole = (("LoadBalancer", load_balancer_dimension(group.load_balancer or "")),)
    part = (("TargetGroup", target_group_dimension(group.arn)), *whole)
    return _load_balancer(metric, statistics, whole if serves_alone(group) else None, part)


def _load_balancer(metric: str, statistics: Sequence[str], whole: Dimensions | None, part: Dimensions) -> list[MetricBinding] | str:
    """`whole`: the load balancer's own dimension, None where others share it."""
    bad: tuple[MetricQuery, ...] = (_query(metric, "target_5xx", "HTTPCode_Target_5XX_Count", part, "Sum", "nonzero"),)
    routed: tuple[MetricQuery, ...] = ()
    if whole is not None:  # published per load balancer only
        bad = (*bad, _query(metric, "elb_5xx", "HTTPCode_ELB_5XX_Count", whole, "Sum", "nonzero", "outside_total"))
        routed = tuple(
            _query(metric, f"elb_{status}", f"HTTPCode_ELB_{status}_Count", whole, "Sum", "nonzero", "total_only") for status in _ROUTED
        )
    requests = _query(metric, "requests", "RequestCount", part, "Sum", "with_traffic")
    share = (*bad, *routed, requests)
    counted = {"availability": share, "error_rate": share, "error_count": bad, "request_rate": (requests,)}
    if metric in counted:
        return [_binding(metric, counted[metric])]
    gauges: dict[str, tuple[str, Published]] = {
        "response_time": ("TargetResponseTime", "with_traffic"),
        "healthy_hosts": ("HealthyHostCount", "always"),
        "unhealthy_hosts": ("UnHealthyHostCount", "always"),
    }
    if metric in gauges:
        name, published = gauges[metric]
        return _gauges(metric, name, part, published, statistics)
    return "Squall does not know which CloudWatch metric it is; declare it in metrics"


def _gauges(metric: str, name: str, dimensions: Dimensions, published: Published, statistics: Sequence[str]) -> list[MetricBinding]:
    found = []
    for statistic in dict.fromkeys([METRICS[metric].statistic, *statistics]):
        binding = _binding(metric, (_query(binding_name(metric, statistic), "value", name, dimensions, statistic, published),))
        found.append(binding.model_copy(update={"name": binding_name(metric, statistic)}))
    return found


def _cpu(statistics: Sequence[str], workload: Workload, pinned: Sequence[Resource]) -> list[MetricBinding] | str:
    if any(isinstance(one, EksPod) for one in pinned):
        return "CloudWatch has it of pods with Container Insights only; declare it in metrics"
    known = {group.name for group in workload.groups}
    holding = [one.id for one in pinned if one.contains and one.belongs_to not in known]
    if holding:
        return f"{', '.join(holding)} has no CPU of its own; declare it in metrics"
    groups = sorted({one.belongs_to for one in pinned if one.belongs_to in known and one.belongs_to})
    alone = [one.id for one in pinned if one.belongs_to not in known]
    if len(groups) == 1 and not alone:
        dimensions: Dimensions = (("AutoScalingGroupName", groups[0]),)
    elif not groups and len(alone) == 1:
        dimensions = (("InstanceId", alone[0]),)
    else:
        owners = [*groups, *sorted(alone)] or ["nothing"]
        return f"the targets have no single Auto Scaling group or instance (found {', '.join(owners)}); declare it in metrics"
    found = _gauges("cpu_utilization", "CPUUtilization", dimensions, "always", statistics)
    return _in_namespace("AWS/EC2", found)


def _service_cpu(statistics: Sequence[str], pinned: Sequence[Resource]) -> list[MetricBinding] | str:
    """ECS publishes it of a service, in percent of what its tasks reserve."""
    services = {one.group for one in pinned if isinstance(one, EcsTask)}
    name = next(iter(services), None)
    if len(services) != 1 or name is None:
        return "the tasks are of no single ECS service; declare it in metrics"
    cluster, _, service = name.partition("/")
    found = _gauges("cpu_utilization", "CPUUtilization", (("ClusterName", cluster), ("ServiceName", service)), "always", statistics)
    return _in_namespace("AWS/ECS", found)


def _in_namespace(namespace: str, found: Sequence[MetricBinding]) -> list[MetricBinding]:
    return [
        binding.model_copy(update={"queries": tuple(query.model_copy(update={"namespace": namespace}) for query in binding.queries)})
        for binding in found
    ]


def _database(metric: str, statistics: Sequence[str], pinned: Sequence[Resource]) -> list[MetricBinding] | str:
    """Of the instance, or of whichever member is the cluster's writer."""
    if len(pinned) != 1:
        return f"{len(pinned)} databases have no metric in common; declare it in metrics"
    (one,) = pinned
    dimensions: Dimensions = (("DBInstanceIdentifier", one.id),)
    if isinstance(one, DatabaseCluster):
        if not one.engine.startswith("aurora"):
            return f"CloudWatch tells of the writer of Aurora clusters only, {one.id} is {one.engine}; declare it in metrics"
        dimensions = (("DBClusterIdentifier", one.id), ("Role", "WRITER"))
    found = _gauges(metric, _DATABASE[metric], dimensions, "always", statistics)
    return _in_namespace("AWS/RDS", found)


def _declared(metric: str, definition: MetricDefinition, statistics: Sequence[str]) -> list[MetricBinding] | str:
    unit = declared_unit(definition.unit)
    if unit is None:
        return f"its unit {definition.unit!r} is not one of the language's"
    found = []
    for statistic in dict.fromkeys([definition.statistic, *statistics]):
        name = metric if statistic == definition.statistic else binding_name(metric, statistic)
        query = MetricQuery(
            key=query_key(name, "value"),
            namespace=definition.namespace,
            metric_name=definition.metric_name,
            dimensions=tuple(sorted(definition.dimensions.items())),
            statistic=statistic,
            published=definition.published,
        )
        found.append(
            MetricBinding(
                name=name, kind="gauge", unit=unit.unit, scale=float(unit.factor), queries=(query,), lag_seconds=definition.lag_seconds
            )
        )
    return found


def query_key(name: str, part: str) -> str:
    """A legal CloudWatch query id, unique among all bindings of a run."""
    return re.sub(r"\W", "_", f"q_{name}_{part}".lower(), flags=re.ASCII)[:255]


def _query(
    name: str,
    part: str,
    metric: str,
    dimensions: Dimensions,
    statistic: str,
    published: Published,
    counted: Counted = "inside_total",
) -> MetricQuery:
    return MetricQuery(
        key=query_key(name, part),
        namespace=_ALB,
        metric_name=metric,
        dimensions=dimensions,
        statistic=statistic,
        published=published,
        counted=counted,
    )


def _binding(metric: str, queries: tuple[MetricQuery, ...]) -> MetricBinding:
    known = METRICS[metric]
    return MetricBinding(name=metric, kind=known.kind, unit=known.unit, queries=queries, lag_seconds=0)
