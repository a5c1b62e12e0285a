"""The group whose members a sentence such as `3 tasks run within 5 minutes` counts: the one that the targets belong
to."""

from collections.abc import Iterable
from datetime import timedelta

from squall.domain.language.sentences import MembersRun
from squall.domain.resources.base import Member, Resource
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import Group, Workload
from squall.domain.targets.failure_domains import failure_domains

_REPLACING = frozenset({"ReplaceUnhealthy", "Terminate"})
"""The Auto Scaling processes that together take an unhealthy instance away for good."""


def find_counted_group(workload: Workload, resources: Iterable[Resource], sentence: MembersRun) -> Group | None:
    """The one group of such members that the resources belong to; None if there is none, or if there are several."""
    groups = [group for group in _list_groups(workload, resources) if group.members == sentence.members]
    return groups[0] if len(groups) == 1 else None


def explain_uncounted(workload: Workload, resources: Iterable[Resource], sentence: MembersRun) -> str:
    """Why it is unclear which members count; empty if it is clear."""
    groups = _list_groups(workload, resources)
    counted = [group for group in groups if group.members == sentence.members]
    if len(counted) > 1:
        names = ", ".join(group.words for group in counted)
        return f'"{sentence.text}" counts the {sentence.members} of one group, and the targets belong to {len(counted)}: {names}'
    if counted:
        return ""
    others = ", ".join(f"{group.words}, which has {group.members}" for group in groups) or "no group that replaces them"
    return f'"{sentence.text}" counts the {sentence.members} of the group that the targets belong to, and they belong to {others}'


def explain_untimed(workload: Workload, resources: Iterable[Resource], sentence: MembersRun, length: timedelta, noun: str = "fault") -> str:
    """Why nobody could tell that so many run in time, because Squall first looks after a fault, or after an observation, of
    this length; empty if it can be told. `noun`: which of the two."""
    group = find_counted_group(workload, resources, sentence)
    if group is None or timedelta(seconds=sentence.within_seconds) > length:
        return ""
    suspended = _REPLACING & set(group.suspended)
    checked = any(isinstance(task, EcsTask) and task.health_checked for task in workload.resources if task.id in group.in_service)
    if not suspended and not checked:
        return ""
    reason = f"has suspended {', '.join(sorted(suspended))}" if suspended else "has container health checks"
    doubt = f"its {group.members} may become unhealthy and healthy again, and Squall first looks when the {noun} is over"
    return f'"{sentence.text}" can\'t be judged: {group.words} {reason}, so {doubt}; the limit must be longer than the {noun}'


def serves_since_start(group: Group, member: Resource | None) -> bool:
    """Whether a member that is in service now has been ever since it came.

    Kubernetes reports since when a pod is ready. Auto Scaling never takes back an instance that it called unhealthy, but
    replaces it, unless a process is suspended. A task runs once; but with container health checks it may become
    unhealthy and healthy again, and ECS does not report when.
    """
    if group.kind == "ecs":
        return isinstance(member, EcsTask) and member.health_checked is False
    if group.kind == "eks":
        return isinstance(member, Member) and member.in_service_at is not None
    return not _REPLACING & set(group.suspended)


def _list_groups(workload: Workload, resources: Iterable[Resource]) -> list[Group]:
    domains = failure_domains(workload, resources)
    return [group for group in workload.groups if group.domain in domains]
