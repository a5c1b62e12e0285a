"""Finds the dimensions of a metric for the pinned targets (their target group, group, service or database), or why
there are none.

What is hit is measured: only the groups in which the pinned targets are registered count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from squall.domain.language.metric_table import KnownMetric, Scope, Source
from squall.domain.resources.base import Resource
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.pods import EksPod
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import TargetGroup, Workload

Dimensions = tuple[tuple[str, str], ...]

_APPLICATION = ":loadbalancer/app/"
"""In the ARN of an application load balancer. Network and gateway load balancers publish none of the metrics of
requests."""


@dataclass(frozen=True)
class SentinelSource:
    """The metrics that the sentinel of a run publishes."""

    dimensions: Dimensions
    period_seconds: int | None
    """None: the environment's metric period."""


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
    """The target group of an application load balancer in which every pinned target is registered, or why there is
    none.

    If there are several, it is the one to which the targets' Auto Scaling group is attached, then the largest. If the
    experiment names its `service`, it is that target group.
    """
    if workload.service is not None:
        return _named_service(workload, pinned)
    if not any(resource.registered_as or workload.names_of(resource) for resource in pinned):
        kinds = " and ".join(sorted({resource.type.with_article for resource in pinned})) or "a resource"
        return f"{kinds} is registered in no target group; name in service the target group whose users would notice"
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


def _named_service(workload: Workload, pinned: Sequence[Resource]) -> TargetGroup | str:
    """The target group that the experiment names. It is refused if the targets are registered in others, because what
    is hit must be measured."""
    own = {resource.registered_as for resource in pinned if resource.registered_as}
    others = [group for group in workload.target_groups if group.arn != workload.service and own & group.registered]
    if others:
        names = ", ".join(target_group_dimension(group.arn) for group in others)
        return f"the targets are registered in {names}; leave out service, which names another"
    group = next((group for group in workload.target_groups if group.arn == workload.service), None)
    if group is None:
        return f"the target group {workload.service} does not exist"
    if not group.load_balancer or _APPLICATION not in group.load_balancer:
        return f"{target_group_dimension(group.arn)} is behind no application load balancer; declare it in metrics"
    return group


def _target_group_dimensions(place: Place) -> Dimensions | str:
    group = place.group
    if isinstance(group, str):
        return group
    balancer = load_balancer_dimension(group.load_balancer or "")
    return (("TargetGroup", target_group_dimension(group.arn)), ("LoadBalancer", balancer))


def _compute_dimensions(place: Place) -> Dimensions | str:
    """The dimensions for the one Auto Scaling group of the targets, or for a single instance that is in no group."""
    if any(isinstance(resource, EksPod) for resource in place.pinned):
        return "CloudWatch publishes it for pods only with Container Insights; declare it in metrics"
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
