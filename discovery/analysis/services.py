"""The services of an account: what computes and what keeps data, where it runs, and which target groups send it
requests."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from squall.domain.base.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from discovery.inventory import Inventory
    from discovery.things.base import Thing
    from squall.domain.resources.workload import TargetGroup

Kind = Literal["auto_scaling", "instances", "ecs", "eks", "function", "database", "cache", "table"]
OPT_IN = "squall:environment"
OWN_TAG = "squall:stack"
"""The tag of everything that Squall's own stack has deployed."""
POD_LABEL = "squall.environment"
WORDS: Mapping[Kind, str] = {
    "auto_scaling": "Auto Scaling group",
    "instances": "EC2 instances",
    "ecs": "ECS service",
    "eks": "EKS workload",
    "function": "Lambda function",
    "database": "database",
    "cache": "cache",
    "table": "DynamoDB table",
}
STORES: frozenset[Kind] = frozenset({"database", "cache", "table"})


class Service(Model):
    """Something that a fault can take away from its users. `id` is the thing's ARN, or that of its target group."""

    id: str
    kind: Kind
    name: str
    tags: dict[str, str]
    members: tuple[str, ...]
    """Ids of its instances or tasks, or names of its pods; only those that serve requests."""
    zones: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    target_groups: tuple[str, ...] = ()
    """ARNs of the target groups of application load balancers in which its members serve requests."""
    uses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """Host names in its configuration that belong to nothing in the account."""

    @property
    def words(self) -> str:
        return f"{WORDS[self.kind]} {self.name}"

    @property
    def environment(self) -> str | None:
        """The environment that it has opted in to; None if it has not."""
        return self.tags.get(OPT_IN)


def find_services(inventory: Inventory) -> tuple[Service, ...]:
    """Every service, sorted by kind and name, except the functions and the table of a deployed Squall."""
    serving = _index_serving(inventory.target_groups)
    services = [
        *_list_scaling_groups(inventory, serving),
        *_list_ecs_services(inventory, serving),
        *_list_pod_workloads(inventory, serving),
        *_list_functions(inventory, serving),
        *_list_stores(inventory),
    ]
    services += _list_lone_instances(inventory, frozenset(arn for service in services for arn in service.target_groups))
    order = list(WORDS)
    foreign = [service for service in services if OWN_TAG not in service.tags]
    return tuple(sorted(foreign, key=lambda service: (order.index(service.kind), service.name, service.id)))


def _index_serving(groups: Iterable[TargetGroup]) -> dict[str, set[str]]:
    """The ARNs of the target groups of application load balancers that send requests to a target, by its name."""
    serving: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        if group.serves and ":loadbalancer/app/" in (group.load_balancer or ""):
            for name in group.asked:
                serving[name].add(group.arn)
    return serving


def _groups_of(names: Iterable[str], serving: Mapping[str, set[str]]) -> tuple[str, ...]:
    return tuple(sorted({arn for name in names for arn in serving.get(name, ())}))


def _list_scaling_groups(inventory: Inventory, serving: Mapping[str, set[str]]) -> Iterator[Service]:
    instances = {instance.id: instance for instance in inventory.instances}
    for group in inventory.scaling_groups:
        members = [instances[name] for name in group.in_service if name in instances]
        yield Service(
            id=group.id,
            kind="auto_scaling",
            name=group.name,
            tags={**_common_tags(members), **group.tags},
            members=group.in_service,
            zones=tuple(sorted({member.zone for member in members})) or group.zones,
            security_groups=_union(member.security_groups for member in members),
            target_groups=_groups_of((name for m in members for name in (m.id, *m.addresses)), serving),
            uses=group.uses,
            hosts=group.hosts,
        )


def _list_lone_instances(inventory: Inventory, taken: frozenset[str]) -> Iterator[Service]:
    """Services of instances that serve in a target group but are in no Auto Scaling group: one for each target group."""
    for group in inventory.target_groups:
        if group.arn in taken or not group.serves or ":loadbalancer/app/" not in (group.load_balancer or ""):
            continue
        members = [i for i in inventory.instances if i.group is None and {i.id, *i.addresses} & group.asked]
        if members:
            yield Service(
                id=group.arn,
                kind="instances",
                name=group.name.split("/")[1],
                tags=_common_tags(members),
                members=tuple(member.id for member in members),
                zones=tuple(sorted({member.zone for member in members})),
                security_groups=_union(member.security_groups for member in members),
                target_groups=(group.arn,),
            )


def _list_ecs_services(inventory: Inventory, serving: Mapping[str, set[str]]) -> Iterator[Service]:
    for service in inventory.ecs_services:
        yield Service(
            id=service.id,
            kind="ecs",
            name=f"{service.cluster}/{service.name}",
            tags=service.tags,
            members=tuple(task.id for task in service.tasks),
            zones=service.zones,
            security_groups=service.security_groups,
            target_groups=_groups_of((task.address for task in service.tasks if task.address), serving),
            uses=service.uses,
            hosts=service.hosts,
        )


def _list_pod_workloads(inventory: Inventory, serving: Mapping[str, set[str]]) -> Iterator[Service]:
    for workload in inventory.pod_workloads:
        label = workload.labels.get(POD_LABEL)
        opted_in = label is not None and workload.cluster_tags.get(OPT_IN) == label
        yield Service(
            id=workload.id,
            kind="eks",
            name=f"{workload.cluster}/{workload.namespace}/{workload.name}",
            tags={**workload.labels, **({OPT_IN: label} if opted_in and label else {})},
            members=tuple(pod.name for pod in workload.pods if pod.ready),
            zones=workload.zones,
            target_groups=_groups_of((pod.address for pod in workload.pods if pod.address), serving),
            uses=workload.uses,
            hosts=workload.hosts,
        )


def _list_functions(inventory: Inventory, serving: Mapping[str, set[str]]) -> Iterator[Service]:
    for function in inventory.functions:
        yield Service(
            id=function.id,
            kind="function",
            name=function.name,
            tags=function.tags,
            members=(function.name,),
            zones=(),
            security_groups=function.security_groups,
            target_groups=_groups_of((function.id,), serving),
            uses=function.uses,
            hosts=function.hosts,
        )


def _list_stores(inventory: Inventory) -> Iterator[Service]:
    for database in inventory.databases:
        yield _make_store(database, "database", database.zones, database.security_groups)
    for cache in inventory.caches:
        yield _make_store(cache, "cache", cache.zones, cache.security_groups)
    for table in inventory.tables:
        yield _make_store(table, "table", (), ())


def _make_store(thing: Thing, kind: Kind, zones: tuple[str, ...], security_groups: tuple[str, ...]) -> Service:
    return Service(
        id=thing.id, kind=kind, name=thing.name, tags=thing.tags, members=(thing.name,), zones=zones, security_groups=security_groups
    )


def _union(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for group in groups for name in group}))


def _common_tags(things: Iterable[Thing]) -> dict[str, str]:
    """The tags that all things have, with the same value."""
    common: set[tuple[str, str]] | None = None
    for thing in things:
        common = set(thing.tags.items()) if common is None else common & set(thing.tags.items())
    return dict(sorted(common or ()))
