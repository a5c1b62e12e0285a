"""The workload around the targets: the groups that replace them, and the target groups that send them requests."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal, TypeVar

from squall.domain.base.model import Model
from squall.domain.resources.base import R, Resource
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import OtherResource

T = TypeVar("T")
_GROUPS = {
    "auto_scaling": ("Auto Scaling group", "instances"),
    "ecs": ("ECS service", "tasks"),
    "eks": ("Kubernetes workload", "pods"),
}


CLASSIC = "loadbalancer/"
"""Stands before the name of a classic load balancer, in the place of a target group's ARN."""


class Group(Model):
    """What replaces lost targets: an Auto Scaling group, an ECS service, or the controller of pods in an EKS
    cluster."""

    kind: Literal["auto_scaling", "ecs", "eks"] = "auto_scaling"
    name: str
    """The group's name; an ECS service's is `cluster/service`, a pod controller's `cluster/namespace/kind/name`."""
    desired: int
    minimum: int
    in_service: tuple[str, ...]
    """Ids of instances that are InService and healthy, of tasks that run and are not unhealthy, or of pods that are
    ready."""
    weights: dict[str, int] = {}
    """Capacity units of members that count for another number than one, by id: a mixed instances policy may weigh
    instance types."""
    suspended: tuple[str, ...] = ()
    """Names of suspended Auto Scaling processes."""
    rolling_out: bool = False
    """Whether an ECS service or a pod controller is being deployed: it then stops and starts members by itself."""
    target_groups: tuple[str, ...] = ()
    """Target group ARNs."""
    published_metrics: tuple[str, ...] | None = None
    """Names of the group metrics that Auto Scaling publishes, a setting of the group; None: not known."""

    @property
    def strength(self) -> int:
        """The capacity in service, in the units of `desired`."""
        return sum(self.weights.get(member, 1) for member in self.in_service)

    @property
    def domain(self) -> str:
        """The group as a failure domain."""
        return f"{'asg' if self.kind == 'auto_scaling' else self.kind}/{self.name}"

    @property
    def words(self) -> str:
        """The group's kind and name, for a sentence."""
        return f"{_GROUPS[self.kind][0]} {self.name}"

    @property
    def members(self) -> str:
        """The word for its members, in the plural."""
        return _GROUPS[self.kind][1]


class TargetGroup(Model):
    """A target group of a load balancer, and the health of its targets.

    A classic load balancer, which has no target groups, stands as one of its own: both names are
    `loadbalancer/<name>`. A target group of VPC Lattice is behind itself.
    """

    arn: str
    load_balancer: str | None
    """ARN of the load balancer; None: the group has none."""
    in_use: bool = True
    """Whether a listener's rule sends it requests: with a weight above zero, where the rule has weights."""
    load_balancer_groups: int | None = None
    """How many target groups behind the load balancer serve users, this one included: those in use that have targets.
    None: not known."""
    protocol: str | None = None
    """HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP …"""
    ports: tuple[int, ...] = ()
    """Ports at which its targets are registered."""
    health_ports: tuple[int, ...] = ()
    """Ports at which health checks ask the targets."""
    unhealthy_after_seconds: int | None = None
    """After how many seconds of silence, at most, a target counts as unhealthy; None: not known."""
    healthy: tuple[str, ...]
    """Names under which targets are registered: ids of instances, or addresses."""
    unhealthy: tuple[str, ...]
    idle: tuple[str, ...] = ()
    """Targets that are registered and sent no requests: they are draining, their zone is not enabled or was shifted
    away."""

    @property
    def name(self) -> str:
        """`targetgroup/<name>/<id>`, as CloudWatch calls it."""
        _, _, suffix = self.arn.partition("targetgroup/")
        return f"targetgroup/{suffix}" if suffix else self.arn

    @property
    def registered(self) -> frozenset[str]:
        return frozenset({*self.healthy, *self.unhealthy, *self.idle})

    @property
    def asked(self) -> frozenset[str]:
        """The targets that the load balancer may send requests to."""
        return frozenset({*self.healthy, *self.unhealthy})

    @property
    def serves(self) -> bool:
        """Whether a load balancer sends requests to it."""
        return self.in_use and self.load_balancer is not None


class Workload(Model):
    """The candidates and what they belong to, as the account described them at one moment."""

    at: datetime
    instances: tuple[Instance, ...]
    others: tuple[OtherResource, ...] = ()
    """Candidates that are not instances."""
    groups: tuple[Group, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    missing: tuple[str, ...] = ()
    """Requested targets that the account does not know, as they were written."""
    unreadable: tuple[str, ...] = ()
    """Where Squall may not look for requested targets, a sentence each."""
    service: str | None = None
    """ARN of the target group whose traffic is measured, as the experiment names it."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All candidates, of every type."""
        return (*self.instances, *self.others)

    def names_of(self, resource: Resource) -> frozenset[str]:
        """Names under which target groups know the resource: its own, or those of what it contains that is registered
        somewhere."""
        return frozenset(name for names in self.parts_of(resource) for name in names)

    def holds(self, group: TargetGroup, resource: Resource) -> bool:
        """Whether the resource is behind the target group: it is registered there by one of its names, or it has no
        name of its own there (a task that shares its instance's address), and its service is attached to it."""
        if self.names_of(resource) & group.registered:
            return True
        nameless = resource.belongs_to is not None and not resource.registered_names and not resource.contains
        return nameless and any(group.arn in owner.target_groups for owner in self.groups if owner.name == resource.belongs_to)

    def parts_of(self, resource: Resource) -> tuple[frozenset[str], ...]:
        """The names by which load balancers may know each part of the resource.

        The parts are the resource itself, or each instance and address in it that is registered somewhere.
        """
        if not resource.contains:
            return (resource.registered_names,) if resource.registered_names else ()
        inside = [instance.registered_names for instance in self.instances if instance.id in resource.contains]
        named = frozenset(name for names in inside for name in names)
        parts = [*inside, *(frozenset({name}) for name in sorted(resource.contains - named))]
        registered = frozenset(name for group in self.target_groups for name in group.registered)
        return tuple(part for part in parts if part & registered)

    @property
    def dangling(self) -> tuple[tuple[Group, str], ...]:
        """Each group that is attached to a target group that does not exist, with the ARN of that target group."""
        known = {group.arn for group in self.target_groups}
        return tuple((group, arn) for group in self.groups for arn in group.target_groups if arn not in known)

    def now(self, resource: R) -> R | None:
        """The same resource in this workload; None if the workload does not contain it."""
        return next((known for known in self.resources if known.id == resource.id and isinstance(known, type(resource))), None)


def join_workloads(parts: Sequence[Workload]) -> Workload:
    """One workload with everything that the parts describe; what several describe, as the first does. Only a part that is
    about instances says since when they serve: that is kept."""
    if len(parts) == 1:
        return parts[0]
    since = {known.id: known.in_service_at for part in parts for known in part.instances if known.in_service_at}
    instances = _keep_first(parts, lambda part: part.instances, lambda instance: instance.id)
    return Workload(
        at=max(part.at for part in parts),
        instances=tuple(known.model_copy(update={"in_service_at": since.get(known.id)}) for known in instances),
        others=_keep_first(parts, lambda part: part.others, lambda resource: f"{resource.type} {resource.id}"),
        groups=_keep_first(parts, lambda part: part.groups, lambda group: group.domain),
        target_groups=_keep_first(parts, lambda part: part.target_groups, lambda group: group.arn),
        missing=tuple(dict.fromkeys(name for part in parts for name in part.missing)),
        unreadable=tuple(dict.fromkeys(sentence for part in parts for sentence in part.unreadable)),
        service=parts[0].service,
    )


def _keep_first(parts: Sequence[Workload], items: Callable[[Workload], Iterable[T]], key: Callable[[T], str]) -> tuple[T, ...]:
    first: dict[str, T] = {}
    for part in parts:
        for item in items(part):
            first.setdefault(key(item), item)
    return tuple(first.values())
