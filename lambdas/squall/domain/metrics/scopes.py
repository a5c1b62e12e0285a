"""Finds the dimensions of a metric for the pinned targets (their target group, group, service or database), or why
there are none.

What is hit is measured: only the groups in which the pinned targets are registered count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from squall.domain.language.metric_table import KnownMetric, Scope, Source
from squall.domain.resources.base import Resource
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.instances import Instance
from squall.domain.resources.pods import EksPod
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import TargetGroup, Workload

Dimensions = tuple[tuple[str, str], ...]

_APPLICATION = ":loadbalancer/app/"
"""A part of the ARN of every application load balancer. Network and gateway load balancers publish none of the metrics
of requests."""


@dataclass(frozen=True)
class SentinelSource:
    """The metrics that the sentinel of a run publishes."""

    dimensions: Dimensions
    period_seconds: int | None
    """Seconds. None: the environment's metric period."""


@dataclass(frozen=True)
class Place:
    """The pinned targets and what surrounds them, where a metric is looked for."""

    pinned: Sequence[Resource]
    workload: Workload
    group: TargetGroup | str
    """`measured_group`."""
    sentinel: SentinelSource | None = None


def find_source(row: KnownMetric, place: Place) -> Source | str:
    """The first source of the metric that the pinned targets have, or why they have none."""
    source = next((source for source in row.sources if _FITS.get(source.scope, _fits_all)(place)), None)
    if source is not None:
        return source
    wanted = " or ".join(dict.fromkeys(_OWNERS[source.scope] for source in row.sources))
    kinds = " and ".join(sorted({resource.type.with_article for resource in place.pinned})) or "nothing pinned"
    return f"CloudWatch publishes it for {wanted} only, and the target is {kinds}; declare it in metrics"


def find_dimensions(scope: Scope, place: Place) -> Dimensions | str:
    """The dimensions of a scope's metrics, or why there are none."""
    return _DIMENSIONS[scope](place)


def locate(row: KnownMetric, place: Place) -> tuple[Source, Dimensions] | str:
    """The source of the metric for the pinned targets with its dimensions, or why there is none."""
    source = find_source(row, place)
    if isinstance(source, str):
        return source
    dimensions = find_dimensions(source.scope, place)
    return dimensions if isinstance(dimensions, str) else (source, dimensions)


def balancer_dimensions(place: Place) -> Dimensions | None:
    """The dimension of the whole load balancer; None if there is none, or if it serves other target groups too."""
    if isinstance(place.group, str) or not serves_alone(place.group):
        return None
    return (("LoadBalancer", load_balancer_dimension(place.group.load_balancer or "")),)


def serves_alone(group: TargetGroup) -> bool:
    """Whether the load balancer serves this target group alone. It publishes its own errors only for all of its groups
    together."""
    return group.load_balancer_groups == 1


def load_balancer_dimension(arn: str) -> str:
    """`app/name/0123` of a load balancer's ARN."""
    return arn.partition("loadbalancer/")[2] or arn


def target_group_dimension(arn: str) -> str:
    """`targetgroup/name/0123` of a target group's ARN."""
    _, _, suffix = arn.partition("targetgroup/")
    return f"targetgroup/{suffix}" if suffix else arn


def measured_group(workload: Workload, pinned: Sequence[Resource]) -> TargetGroup | str:
    """The target group whose traffic is measured, or why there is none: the only one in which the pinned targets serve,
    behind an application load balancer, with every target in it.

    Where they serve in several, the users of the others would be neither guarded nor judged: the experiment has to name
    one as its `service`. The idle colour of a blue/green deployment in the same subnet serves nobody and is left out.
    """
    parts = [part for resource in pinned for part in _list_parts(workload, resource)]
    touched = [group for group in workload.target_groups if group.serves and _sends_requests(workload, group, pinned)]
    if workload.service is not None:
        return _named_service(workload, pinned, touched)
    if laden := [resource.id for resource in pinned if isinstance(resource, Instance) and resource.carries_others]:
        return (
            f"{', '.join(laden)} carries network interfaces of tasks or pods that EC2 does not list under it, and nothing tells "
            "which target groups have those; name in service the target group whose users would notice"
        )
    if not touched and not parts and not any(resource.registered_names or resource.contains for resource in pinned):
        kinds = " and ".join(sorted({resource.type.with_article for resource in pinned})) or "a resource"
        return f"{kinds} is registered in no target group; name in service the target group whose users would notice"
    named = ", ".join(sorted({name for part in parts for name in part} or {resource.id for resource in pinned})) or "the targets"
    if len(touched) > 1:
        places = "; ".join(_describe_place(group, parts) for group in touched)
        return f"{named} serve in {len(touched)} target groups ({places}); name in service the one to guard and judge"
    if not touched or not _is_application(touched[0]):
        where = f" (found {_describe_place(touched[0], parts)})" if touched else ""
        or_name = "" if touched else ", or name in service the target group whose users would notice"
        return f"no application load balancer was found for {named}{where}; declare it in metrics{or_name}"
    return _holding_all(workload, touched[0], pinned)


def _sends_requests(workload: Workload, group: TargetGroup, pinned: Sequence[Resource]) -> bool:
    """Whether requests to the group reach one of the resources. A resource that is registered, but not under a name of
    its own, counts as reached."""
    named = (part for resource in pinned for part in _list_parts(workload, resource))
    nameless = [resource for resource in pinned if not workload.parts_of(resource)]
    return any(part & group.asked for part in named) or any(workload.holds(group, resource) for resource in nameless)


def _holding_all(workload: Workload, group: TargetGroup, pinned: Sequence[Resource]) -> TargetGroup | str:
    named = (part for resource in pinned for part in _list_parts(workload, resource))
    nameless = (resource for resource in pinned if not resource.contains and not workload.parts_of(resource))
    outside = sorted(min(part) for part in named if not part & group.asked)
    outside += sorted(resource.id for resource in nameless if not workload.holds(group, resource))
    if not outside:
        return group
    return f"{', '.join(outside)} is not served in {group.name}, so no metric is about all targets; declare it in metrics"


def _list_parts(workload: Workload, resource: Resource) -> list[frozenset[str]]:
    """The parts of the resource that are no idle colour."""
    return [part for part in workload.parts_of(resource) if not _is_idle_colour(workload, part)]


def _is_idle_colour(workload: Workload, part: frozenset[str]) -> bool:
    """Whether the part is registered only in target groups to which no listener sends requests."""
    places = [group for group in workload.target_groups if part & group.registered]
    return bool(places) and not any(group.serves for group in places)


def _is_application(group: TargetGroup) -> bool:
    return group.load_balancer is not None and _APPLICATION in group.load_balancer


def _describe_place(group: TargetGroup, parts: Sequence[frozenset[str]]) -> str:
    """The group's ARN, its load balancer, and which of the targets it has."""
    held = ", ".join(sorted({name for part in parts for name in part} & group.asked)) or "through its service"
    return f"{group.arn} behind {load_balancer_dimension(group.load_balancer or '')}: {held}"


def _named_service(workload: Workload, pinned: Sequence[Resource], touched: Sequence[TargetGroup]) -> TargetGroup | str:
    """The target group that the experiment names. Where the targets themselves serve in target groups, it must be one
    of these and hold all targets: what is measured is what is hit. A database serves nowhere itself; in a scenario with
    instances, their service is named."""
    group = next((group for group in workload.target_groups if group.arn == workload.service), None)
    if group is None:
        return f"the target group {workload.service} does not exist in this account and Region"
    if not group.serves or not _is_application(group):
        return f"{group.name} is behind no application load balancer that sends it requests; declare it in metrics"
    registrable = [resource for resource in pinned if resource.registered_names or resource.belongs_to]
    own = [resource for resource in registrable if not resource.contains]
    if not own or not touched:
        return group
    if group not in touched:
        names = ", ".join(other.name for other in touched)
        return f"the targets serve in {names}; service names another"
    return _holding_all(workload, group, own)


def _target_group_dimensions(place: Place) -> Dimensions | str:
    group = place.group
    if isinstance(group, str):
        return group
    balancer = load_balancer_dimension(group.load_balancer or "")
    return (("TargetGroup", target_group_dimension(group.arn)), ("LoadBalancer", balancer))


def _compute_dimensions(place: Place) -> Dimensions | str:
    """The dimensions for the one Auto Scaling group of the targets, or for a single instance that is in no group."""
    if any(isinstance(resource, EksPod) for resource in place.pinned):
        return (
            "CloudWatch publishes it for pods only with Container Insights (the EKS add-on amazon-cloudwatch-observability); "
            "turn it on and declare the metric in metrics"
        )
    known = {group.name for group in place.workload.groups}
    holding = [resource.id for resource in place.pinned if resource.contains and resource.belongs_to not in known]
    if holding:
        return f"{', '.join(holding)} has no CPU of its own; declare it in metrics"
    groups = sorted({resource.belongs_to for resource in place.pinned if resource.belongs_to in known and resource.belongs_to})
    alone = [resource.id for resource in place.pinned if resource.belongs_to not in known]
    if len(groups) == 1 and not alone:
        return (("AutoScalingGroupName", groups[0]),)
    if not groups and len(alone) == 1:
        return (("InstanceId", alone[0]),)
    owners = [*groups, *sorted(alone)] or ["nothing"]
    return f"the targets have no single Auto Scaling group or instance (found {', '.join(owners)}); declare it in metrics"


def _ecs_service_dimensions(place: Place) -> Dimensions | str:
    services = {resource.group for resource in place.pinned if isinstance(resource, EcsTask)}
    name = next(iter(services), None)
    if len(services) != 1 or name is None:
        return "the tasks do not belong to a single ECS service; declare it in metrics"
    cluster, _, service = name.partition("/")
    return (("ClusterName", cluster), ("ServiceName", service))


def _database_dimensions(place: Place) -> Dimensions | str:
    """The dimensions of the database instance, or of the cluster's current writer."""
    if len(place.pinned) != 1:
        return f"no metric is about {len(place.pinned)} databases together; declare it in metrics"
    (database,) = place.pinned
    if not isinstance(database, DatabaseCluster):
        return (("DBInstanceIdentifier", database.id),)
    if not database.engine.startswith("aurora"):
        return f"CloudWatch publishes it for the writer of Aurora clusters only, {database.id} is {database.engine}; declare it in metrics"
    return (("DBClusterIdentifier", database.id), ("Role", "WRITER"))


def _sentinel_dimensions(place: Place) -> Dimensions | str:
    return "the experiment has no sentinel: add one with a url" if place.sentinel is None else place.sentinel.dimensions


def _fits_all(place: Place) -> bool:  # noqa: ARG001 - the dimensions of these scopes say what is missing
    return True


_FITS: Mapping[Scope, Callable[[Place], bool]] = {
    "ecs_service": lambda place: any(isinstance(resource, EcsTask) for resource in place.pinned),
    "database": lambda place: any(isinstance(resource, Database | DatabaseCluster) for resource in place.pinned),
}
"""Whether a scope fits the pinned targets. Scopes that are not listed may fit any target."""
_DIMENSIONS: Mapping[Scope, Callable[[Place], Dimensions | str]] = {
    "target_group": _target_group_dimensions,
    "compute": _compute_dimensions,
    "ecs_service": _ecs_service_dimensions,
    "database": _database_dimensions,
    "sentinel": _sentinel_dimensions,
}
_OWNERS: Mapping[Scope, str] = {
    "target_group": "target groups",
    "compute": "instances",
    "ecs_service": "ECS services",
    "database": "RDS databases",
    "sentinel": "the sentinel",
}
