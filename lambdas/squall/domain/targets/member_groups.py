"""The group whose members a sentence such as `3 tasks run within 5 minutes` counts: the one that the targets belong
to."""

from collections.abc import Iterable

from squall.domain.language.sentences import MembersRun
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Group, Workload
from squall.domain.targets.failure_domains import failure_domains


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


def _list_groups(workload: Workload, resources: Iterable[Resource]) -> list[Group]:
    domains = failure_domains(workload, resources)
    return [group for group in workload.groups if group.domain in domains]
