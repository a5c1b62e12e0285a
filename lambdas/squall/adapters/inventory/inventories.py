"""Candidates of every type: instances with all they belong to, and whatever else a fault can hit. Read only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import ResourceType
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from squall.adapters.inventory.instances import AwsInventory
    from squall.adapters.inventory.target_groups import TargetGroups
    from squall.domain.resources.types import OtherResource
    from squall.domain.resources.workload import Group, TargetGroup

_NO_SUCH_GROUP = frozenset({"TargetGroupNotFound", "TargetGroupNotFoundException", "ValidationError"})


@dataclass(frozen=True)
class Found:
    resources: tuple[OtherResource, ...]
    missing: tuple[str, ...] = ()
    """Names that are nobody's, as they were written."""
    target_groups: tuple[str, ...] = ()
    """ARNs of those the resources are registered in."""
    instances: tuple[str, ...] = ()
    """Ids of instances that stand and fall with them: described with their groups."""
    registered: Mapping[str, str] = field(default_factory=dict)
    """Names under which something that stands and falls with them may be registered in target groups, to the VPC it is in."""
    groups: tuple[Group, ...] = ()
    """What replaces them."""
    unreadable: tuple[str, ...] = ()
    """Where nobody lets Squall look, each a sentence."""


class Finder(Protocol):
    """Candidates of one type that is not EC2's."""

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        """By name, or by tags; both and filters narrow."""

    def again(self, resources: Sequence[OtherResource]) -> Found:
        """The same ones now."""


class Inventories:
    """Each type has its finder, made when it is first needed."""

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
        if resource_type is ResourceType.INSTANCE:
            return self._fleet.describe(targets, tags, filters, at)
        found = self._finders[resource_type]().find(targets, tags, filters)
        return self._workload(found, service, at)

    def refresh(self, workload: Workload, at: datetime) -> Workload:
        if not workload.others:
            return self._fleet.refresh(workload, at)
        found = self._finders[workload.others[0].type]().again(workload.others)
        again = self._workload(found, workload.service, at, [group.arn for group in workload.target_groups])
        return again.model_copy(update={"missing": tuple(dict.fromkeys([*workload.missing, *found.missing]))})

    def _workload(self, found: Found, service: str | None, at: datetime, known: Sequence[str] = ()) -> Workload:
        arns = dict.fromkeys([*known, *found.target_groups, *([service] if service else [])])
        groups = {group.arn: group for arn in arns for group in self._group(arn)}
        inside = self._fleet.describe(found.instances, {}, {}, at) if found.instances else Workload(at=at, instances=())
        groups |= {group.arn: group for group in inside.target_groups}
        groups |= {group.arn: group for group in self._target_groups.holding(found.registered)} if found.registered else {}
        return inside.model_copy(
            update={
                "others": found.resources,
                "groups": (*inside.groups, *found.groups),
                "target_groups": tuple(groups.values()),
                "missing": found.missing,
                "unreadable": found.unreadable,
                "service": service,
            }
        )

    def _group(self, arn: str) -> Sequence[TargetGroup]:
        """One at a time: one that isn't there must not hide the others."""
        try:
            return self._target_groups.describe([arn], {})
        except Unavailable as error:
            if error.code in _NO_SUCH_GROUP:
                return ()
            raise


def identified(names: Sequence[str], tags: Mapping[str, str], known: Sequence[OtherResource]) -> Found:
    """Of all there are, those of these names that carry these tags; without names, all that carry the tags."""
    matching = sorted((one for one in known if tags.items() <= one.tags.items()), key=lambda one: one.id)
    if not names:
        return Found(tuple(matching) if tags else ())
    every = {name: one for one in known for name in (one.arn, one.id)}
    chosen = {one.arn: one for one in matching if one.arn in names or one.id in names}
    return Found(tuple(chosen.values()), tuple(name for name in dict.fromkeys(names) if name not in every))
