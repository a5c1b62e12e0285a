"""The workload around the targets: the groups that replace them, and the target groups that send them requests."""

from datetime import datetime
from typing import Literal

from squall.domain.model import Model
from squall.domain.resources.base import R, Resource
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import OtherResource

_GROUPS = {
    "auto_scaling": ("Auto Scaling group", "instances"),
    "ecs": ("ECS service", "tasks"),
    "eks": ("Kubernetes workload", "pods"),
}


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
    suspended: tuple[str, ...] = ()
    """Names of suspended Auto Scaling processes."""
    rolling_out: bool = False
    """Whether an ECS service or a pod controller is being deployed: it then stops and starts members by itself."""
    target_groups: tuple[str, ...] = ()
    """Target group ARNs."""

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
    """A target group of a load balancer, and the health of its targets."""

    arn: str
    load_balancer: str | None
    """ARN of the load balancer; None: the group has none."""
    load_balancer_groups: int | None = None
    """How many target groups the load balancer has, this one included; None: not known."""
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

    @property
    def registered(self) -> frozenset[str]:
        return frozenset({*self.healthy, *self.unhealthy})


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
    """ARN of the target group whose traffic is measured, where the targets themselves are registered in none."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All candidates, whatever their type."""
        return (*self.instances, *self.others)

    def names_of(self, resource: Resource) -> frozenset[str]:
        """Names under which target groups know the resource: its own, or those of what it contains that is registered
        somewhere."""
        if not resource.contains:
            return frozenset({resource.registered_as} if resource.registered_as else ())
        return resource.contains & {name for group in self.target_groups for name in group.registered}

    def now(self, resource: R) -> R | None:
        """The same resource in this workload; None if the workload does not contain it."""
        return next((known for known in self.resources if known.id == resource.id and isinstance(known, type(resource))), None)
