"""Failure domains: the groups and target groups that pinned targets belong to, and the healthy capacity that is left in
each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload


@dataclass(frozen=True)
class Capacity:
    """What capacity a failure domain has, and how much it needs."""

    domain: str
    size: int
    """How many members it should have: the desired capacity of a group, the registered targets of a target group, the
    members of a database."""
    in_service: frozenset[str]
    """Names of the members that serve now."""
    least: int | None = None
    """How many members must be left, where a share makes no sense: a database has one writer and needs one that takes
    over."""

    weights: Mapping[str, int] = field(default_factory=dict)
    """Capacity units of members that count for another number than one."""

    def count(self, members: Iterable[str]) -> int:
        """The capacity of these members, in the units of `size`."""
        return sum(self.weights.get(member, 1) for member in members)

    def after(self, lost: Iterable[str]) -> int:
        """How much capacity is left once these members are lost."""
        return self.count(self.in_service - set(lost))

    def needed(self, percent: float) -> float:
        """How many members must be left where the environment wants this share to stay healthy."""
        return self.size * percent / 100 if self.least is None else self.least


def failure_domains(workload: Workload, resources: Iterable[Resource]) -> tuple[str, ...]:
    """The failure domains of the resources, sorted, as lock keys: `asg/<name>`, `ecs/<cluster>/<service>`,
    `eks/<cluster>/…`, `tg/<name/id>`; a resource that belongs to none is a domain by itself."""
    return tuple(sorted({domain for resource in resources for domain in _list_domains(workload, resource)}))


def list_capacities(workload: Workload, resources: Sequence[Resource]) -> tuple[Capacity, ...]:
    """The capacity of every failure domain of the resources, in the order of the domains."""
    known = {
        group.domain: Capacity(group.domain, group.desired, frozenset(group.in_service), weights=group.weights) for group in workload.groups
    }
    for group in workload.target_groups:
        domain = _target_group_domain(group.arn)
        known[domain] = Capacity(domain, len(group.asked), frozenset(group.healthy))
    alone = {
        resource.own_domain: Capacity(resource.own_domain, resource.size, resource.standing, resource.least, resource.part_weights)
        for resource in resources
    }
    return tuple(known[domain] if domain in known else alone[domain] for domain in failure_domains(workload, resources))


def list_lost_members(workload: Workload, resources: Iterable[Resource], capacity: Capacity) -> frozenset[str]:
    """The members of a failure domain that faults on the resources take away. Where FIS chooses the units of a resource, it is
    taken to choose those that leave the least, besides what the other faults take."""
    lost: frozenset[str] = frozenset()
    for resource in sorted(resources, key=lambda resource: resource.most_taken < len(resource.units)):
        left = capacity.in_service - lost
        units = [_add_names(workload, unit) & left for unit in resource.units]
        lost = lost.union(*sorted(units, key=capacity.count, reverse=True)[: resource.most_taken])
    return lost


def _add_names(workload: Workload, unit: frozenset[str]) -> frozenset[str]:
    """The unit with every name under which target groups know its instances."""
    return unit.union(*(instance.registered_names for instance in workload.instances if instance.id in unit))


def _list_domains(workload: Workload, resource: Resource) -> list[str]:
    around = {
        resource.belongs_to,
        *resource.carries,
        *(instance.group for instance in workload.instances if instance.id in resource.contains),
    }
    groups = [group.domain for group in workload.groups if group.name in around]
    shared = [*groups, *(_target_group_domain(target.arn) for target in workload.target_groups if workload.holds(target, resource))]
    whole = resource.contains or resource.size > 1  # what has parts of its own is a domain, whoever else has it
    return [*shared, resource.own_domain] if whole or not shared else shared


def _target_group_domain(arn: str) -> str:
    return f"tg/{arn.partition('targetgroup/')[2] or arn}"
