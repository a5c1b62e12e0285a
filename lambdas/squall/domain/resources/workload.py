"""The workload around the targets: Auto Scaling groups and target groups."""

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
    """What replaces targets that are lost: an Auto Scaling group, an ECS service, or what controls pods of an EKS cluster."""

    kind: Literal["auto_scaling", "ecs", "eks"] = "auto_scaling"
    name: str
    """Of an ECS service `cluster/service`, of what controls pods `cluster/namespace/kind/name`."""
    desired: int
    minimum: int
    in_service: tuple[str, ...]
    """Ids of instances InService and healthy, of tasks that run and are not unhealthy, or of pods that are ready."""
    suspended: tuple[str, ...] = ()
    rolling_out: bool = False
    """Whether an ECS service, or what controls pods, is being deployed: it stops and starts them itself."""
    target_groups: tuple[str, ...] = ()
    """Target group ARNs."""

    @property
    def domain(self) -> str:
        """The failure domain it is."""
        return f"{'asg' if self.kind == 'auto_scaling' else self.kind}/{self.name}"

    @property
    def words(self) -> str:
        return f"{_GROUPS[self.kind][0]} {self.name}"

    @property
    def members(self) -> str:
        """What it consists of, in words."""
        return _GROUPS[self.kind][1]


class TargetGroup(Model):
    arn: str
    load_balancer: str | None
    """ARN of the load balancer."""
    load_balancer_groups: int | None = None
    """How many target groups the load balancer serves, this one among them; None: not known."""
    protocol: str | None = None
    """HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP …"""
    ports: tuple[int, ...] = ()
    """At which its targets are registered."""
    health_ports: tuple[int, ...] = ()
    """At which they are asked whether they are healthy."""
    unhealthy_after_seconds: int | None = None
    """How long a target must be silent to be called unhealthy, at most; None: not known."""
    healthy: tuple[str, ...]
    unhealthy: tuple[str, ...]

    @property
    def registered(self) -> frozenset[str]:
        return frozenset({*self.healthy, *self.unhealthy})


class Workload(Model):
    """The account's own description of what the candidates belong to, at one moment."""

    at: datetime
    instances: tuple[Instance, ...]
    others: tuple[OtherResource, ...] = ()
    """Candidates that are no instances."""
    groups: tuple[Group, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    missing: tuple[str, ...] = ()
    """Targets asked for that the account does not know."""
    unreadable: tuple[str, ...] = ()
    """Where targets were asked for and nobody lets Squall look, each a sentence."""
    service: str | None = None
    """ARN of the target group whose traffic the sentences speak of, where the targets themselves are registered in none."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All of them, whatever their type."""
        return (*self.instances, *self.others)

    def names_of(self, resource: Resource) -> frozenset[str]:
        """How target groups know it: by its own name, or by those of what lives in it and is registered somewhere."""
        if not resource.contains:
            return frozenset({resource.registered_as} if resource.registered_as else ())
        return resource.contains & {name for group in self.target_groups for name in group.registered}

    def now(self, resource: R) -> R | None:
        """The same resource as this workload has it; None if it doesn't."""
        return next((one for one in self.resources if one.id == resource.id and isinstance(one, type(resource))), None)
