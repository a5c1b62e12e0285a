"""Failure domains: the groups and target groups that pinned targets belong to, and the healthy capacity left in each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload


@dataclass(frozen=True)
class Capacity:
    """What a failure domain has and what it needs."""

    domain: str
    size: int
    """Desired capacity of a group, registered targets of a target group, members of a database."""
    in_service: frozenset[str]
    least: int | None = None
    """How much must stay, where a share says nothing: a database has one writer and needs one that takes over."""

    def after(self, lost: Iterable[str]) -> int:
        return len(self.in_service - set(lost))

    def needed(self, percent: float) -> float:
        return self.size * percent / 100 if self.least is None else self.least


def failure_domains(workload: Workload, resources: Iterable[Resource]) -> tuple[str, ...]:
    """Lock keys: `asg/<name>`, `ecs/<cluster>/<service>`, `eks/<cluster>/…`, `tg/<name/id>`, else the resource's own; sorted."""
    return tuple(sorted({domain for resource in resources for domain in _domains_of(workload, resource)}))


def capacities(workload: Workload, resources: Sequence[Resource]) -> tuple[Capacity, ...]:
    """Capacity of every failure domain of the resources, in the domains' order."""
    known = {group.domain: Capacity(group.domain, group.desired, frozenset(group.in_service)) for group in workload.groups}
    for group in workload.target_groups:
        domain = _target_group_domain(group.arn)
        known[domain] = Capacity(domain, len({*group.healthy, *group.unhealthy}), frozenset(group.healthy))
    alone = {r.own_domain: Capacity(r.own_domain, r.size, r.standing, r.least) for r in resources}
    return tuple(known[domain] if domain in known else alone[domain] for domain in failure_domains(workload, resources))


def lost(resources: Iterable[Resource]) -> frozenset[str]:
    """What a fault on the resources takes away of their failure domains."""
    return frozenset(one for resource in resources for one in resource.hit)


def _domains_of(workload: Workload, resource: Resource) -> list[str]:
    around = {resource.belongs_to, *(one.group for one in workload.instances if one.id in resource.contains)}
    group = [group.domain for group in workload.groups if group.name in around]
    names = workload.names_of(resource)
    found = [*group, *(_target_group_domain(target.arn) for target in workload.target_groups if names & target.registered)]
    return [*found, resource.own_domain] if resource.contains or not found else found


def _target_group_domain(arn: str) -> str:
    return f"tg/{arn.partition('targetgroup/')[2] or arn}"
