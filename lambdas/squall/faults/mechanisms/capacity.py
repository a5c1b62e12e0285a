"""Compares the targets of a fault, and the groups around them, with their state before it."""

from collections.abc import Iterable, Sequence

from squall.domain.base.vocabulary import RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.resources.workload import Group, Workload


def outcome_of(*, touched: bool, lost: bool, differences: Sequence[str]) -> RollbackOutcome:
    """The outcome of a fault that lasted. `touched`: it reached a target; `lost`: a target was replaced by another
    resource."""
    if differences:
        return RollbackOutcome.NOT_RESTORED
    if lost:
        return RollbackOutcome.RECOVERED
    return RollbackOutcome.RESTORED if touched else RollbackOutcome.NOT_NEEDED


def state_of(resource_id: str, workload: Workload) -> str:
    """The state of the resource, as the service names it; `gone` if the service no longer knows it."""
    return next((resource.state for resource in workload.resources if resource.id == resource_id), "gone")


def is_lost(resource_id: str, workload: Workload) -> bool:
    """Whether nothing brings this resource back: a stopped instance can return, a stopped task can't."""
    return all(resource.state in resource.LOST for resource in workload.resources if resource.id == resource_id)


def missing_capacity(targets: Sequence[TargetBefore], before: Workload, after: Workload) -> list[str]:
    """What the groups of these targets lack, one sentence each; empty if they are as large and as healthy as before."""
    names = _list_groups(targets)
    arns = {arn for target in targets for arn in target.healthy_in}
    return [*_compare_groups(names, before, after), *_target_groups(arns, before, after)]


def _list_groups(targets: Sequence[TargetBefore]) -> set[str]:
    """Names of the groups that the targets belong to, or that have members in them."""
    own = {target.resource.belongs_to for target in targets if target.resource.belongs_to}
    return own.union(*(target.resource.carries for target in targets))


def _compare_groups(names: Iterable[str], before: Workload, after: Workload) -> Iterable[str]:
    then, now = {group.name: group for group in before.groups}, {group.name: group for group in after.groups}
    for name in sorted(names):
        yield from _compare_group(name, then.get(name), now.get(name))


def _compare_group(name: str, before: Group | None, after: Group | None) -> Iterable[str]:
    if after is None:
        yield f"{before.words if before else name} is gone"
        return
    if after.strength < after.desired:
        yield f"{name} has {after.strength} of {after.desired} {after.members if not after.weights else 'units'} in service"
    suspended = sorted(set(after.suspended) - set(before.suspended if before else ()))
    if suspended:
        yield f"{name} has suspended {', '.join(suspended)}"


def _target_groups(arns: Iterable[str], before: Workload, after: Workload) -> Iterable[str]:
    then, now = ({group.arn: len(group.healthy) for group in workload.target_groups} for workload in (before, after))
    for arn in sorted(arns):
        wanted = then.get(arn, 0) - _count_scaled_in(arn, before, after)
        if now.get(arn, 0) < wanted:
            yield f"{arn.partition('targetgroup/')[2] or arn} has {now.get(arn, 0)} healthy targets, it had {then[arn]}"


def _count_scaled_in(arn: str, before: Workload, after: Workload) -> int:
    """How many members fewer the groups attached to this target group are meant to have now."""
    now = {group.name: group for group in after.groups}
    attached = [(group, now[group.name]) for group in before.groups if arn in group.target_groups and group.name in now]
    return sum(
        len(then.in_service) - len(group.in_service)
        for then, group in attached
        if group.desired < then.desired and group.strength >= group.desired
    )


def explain_resized(targets: Sequence[TargetBefore], before: Workload, after: Workload) -> tuple[str, ...]:
    """A sentence for each group of these targets that was resized meanwhile. No fault changes a desired capacity."""
    names = _list_groups(targets)
    now = {group.name: group.desired for group in after.groups}
    return tuple(
        f"the desired capacity of {group.name} was changed from {group.desired} to {now[group.name]}"
        for group in before.groups
        if group.name in names and now.get(group.name, group.desired) != group.desired
    )
