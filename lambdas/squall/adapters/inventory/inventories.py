"""Candidates of every type, with the groups and target groups that they belong to. Only reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.workload import Workload
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from squall.adapters.inventory.instances import AwsInventory
    from squall.adapters.inventory.target_groups import TargetGroups
    from squall.domain.resources.types import OtherResource
    from squall.domain.resources.workload import Group

_MISUNDERSTOOD = frozenset(
    {
        "ClusterNotFoundException",
        "InvalidFilter",
        "InvalidParameter",
        "InvalidParameterCombination",
        "InvalidParameterException",
        "InvalidParameterValue",
        "ParamValidation",
        "UnknownParameter",
        "ValidationError",
        "ValidationException",
    }
)
"""Codes with which a service refuses what an experiment asks for: a filter that it does not know, a cluster that does
not exist."""


@dataclass(frozen=True)
class Found:
    """What a finder found."""

    resources: tuple[OtherResource, ...]
    missing: tuple[str, ...] = ()
    """Names of resources that do not exist, as they were written."""
    target_groups: tuple[str, ...] = ()
    """ARNs of the target groups in which the resources are registered."""
    instances: tuple[str, ...] = ()
    """Ids of instances that are lost together with the resources: they are described with their groups."""
    registered: Mapping[str, str] = field(default_factory=dict)
    """The names under which target groups may know the resources, or what is lost together with them, each with its
    VPC. The VPC of a function is `""`. A network in CIDR notation stands for every address in it."""
    groups: tuple[Group, ...] = ()
    """The groups that replace the resources."""
    unreadable: tuple[str, ...] = ()
    """The places where Squall may not look, one sentence each."""


class Finder(Protocol):
    """Finds candidates of one type other than instances."""

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]], /) -> Found:
        """The resources with these names; without names, those with these tags. Tags and filters narrow what is
        named."""

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        """The same resources as they are now."""


class Inventories:
    """Describes workloads. Each resource type has its finder, which is made when it is first needed."""

    def __init__(self, fleet: AwsInventory, target_groups: TargetGroups, finders: Mapping[ResourceType, Callable[[], Finder]]) -> None:
        self._fleet, self._target_groups, self._finders = fleet, target_groups, finders

    def describe(
        self,
        targets: Sequence[str],
        tags: Mapping[str, str],
        filters: Mapping[str, Sequence[str]],
        at: datetime,
        *,
        resource_type: ResourceType = ResourceType.INSTANCE,
        service: str | None = None,
    ) -> Workload:
        try:
            if resource_type is ResourceType.INSTANCE:
                return self._fleet.describe(targets, tags, filters, at, service)
            return self._make_workload(self._finders[resource_type]().find(targets, tags, filters), service, at)
        except Unavailable as error:
            if error.code not in _MISUNDERSTOOD:
                raise
            sentence = f"{error.service} refused to look for the targets: {error.code}: {error.message}"
            return Workload(at=at, instances=(), unreadable=(sentence,), service=service)

    def refresh(self, workload: Workload, at: datetime) -> Workload:
        if not workload.others:
            return self._fleet.refresh(workload, at)
        refreshed = self._finders[workload.others[0].type]().refresh(workload.others)
        again = self._make_workload(refreshed, workload.service, at, [group.arn for group in workload.target_groups])
        return again.model_copy(update={"missing": tuple(dict.fromkeys([*workload.missing, *refreshed.missing]))})

    def _make_workload(self, found: Found, service: str | None, at: datetime, known: Sequence[str] = ()) -> Workload:
        arns = {*known, *found.target_groups, *([service] if service else [])}
        contained = self._fleet.describe(found.instances, {}, {}, at) if found.instances else Workload(at=at, instances=())
        groups = {group.arn: group for group in contained.target_groups}
        if arns or found.registered:
            groups |= {group.arn: group for group in self._target_groups.find(arns, found.registered)}
        registered = frozenset(name for group in groups.values() for name in group.registered)
        return contained.model_copy(
            update={
                "others": tuple(resource.known_as(registered) for resource in found.resources),
                "groups": (*contained.groups, *found.groups),
                "target_groups": tuple(groups.values()),
                "missing": found.missing,
                "unreadable": found.unreadable,
                "service": service,
            }
        )


def select_named(names: Sequence[str], tags: Mapping[str, str], known: Sequence[OtherResource]) -> Found:
    """The known resources with these names and tags; without names, all with these tags."""
    matching = sorted((resource for resource in known if tags.items() <= resource.tags.items()), key=lambda resource: resource.id)
    if not names:
        return Found(tuple(matching) if tags else ())
    every = {name for resource in known for name in (resource.arn, resource.id)}
    chosen = {resource.arn: resource for resource in matching if resource.arn in names or resource.id in names}
    return Found(tuple(chosen.values()), tuple(name for name in dict.fromkeys(names) if name not in every))
