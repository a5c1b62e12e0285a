"""Since when how many members of the targets' groups run, as far as the looks of WatchRecovery can tell.

A member counts from when it has been in service without interruption. Where the service reports no such time, it came
into service between two looks, or between the effect and the first look, which comes after the fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.recovery import Recovery, RunningMembers
from squall.domain.language.sentences import MembersRun
from squall.domain.resources.base import Member
from squall.domain.resources.workload import Group, Workload
from squall.domain.targets.member_groups import find_counted_group, serves_since_start


@dataclass(frozen=True)
class MemberLook:
    """What one look at the account knows of the members."""

    discovery: Discovery
    workload_now: Workload
    before: Sequence[TargetBefore]
    effect_at: datetime
    now: datetime
    previous: Recovery | None
    targets_leave_at_once: bool
    """Whether the fault took its targets out of service at the effect."""


@dataclass(frozen=True)
class MemberTimes:
    """For members in service, by id: since when they are, at the latest; and not before when, where only that is
    known."""

    since: dict[str, datetime] = field(default_factory=dict)
    after: dict[str, datetime] = field(default_factory=dict)


def find_member_times(look: MemberLook) -> MemberTimes:
    """The times of all members in service now."""
    times = MemberTimes()
    groups = {member: group for group in look.workload_now.groups for member in group.in_service}
    for member in sorted(groups):
        resource = next((known for known in look.workload_now.resources if known.id == member), None)
        if resource is not None and not resource.usable:
            continue  # the group has not noticed yet that it is lost
        since, after = _bound_service(look, groups[member], member, resource if isinstance(resource, Member) else None)
        times.since[member] = since
        if after is not None and after < since:
            times.after[member] = after
    return times


def _bound_service(look: MemberLook, group: Group, member: str, resource: Member | None) -> tuple[datetime, datetime | None]:
    """Since when the member is in service, and the lower bound if that is only an upper bound."""
    then = next((known for known in look.discovery.workload.groups if known.domain == group.domain), group)
    certain = serves_since_start(then, resource) and serves_since_start(group, resource)
    reported = resource.in_service_at if resource else None
    launched = resource.launched_at if resource else None
    last = look.previous.looked_at if look.previous else None
    if reported is not None and reported > (last or look.effect_at):
        return (reported, None) if certain else (look.now, reported)
    started_again = launched is not None and launched > (last or look.effect_at)
    if look.previous is not None and last is not None:
        if member in look.previous.members_since and not started_again:
            return look.previous.members_since[member], look.previous.members_after.get(member)
        return look.now, last
    if started_again:
        return look.now, launched
    known = {target.resource.id for target in look.before}.union(*(group.in_service for group in look.discovery.workload.groups))
    return (look.effect_at, None) if certain and (member in known or reported is not None) else (look.now, look.effect_at)


def count_running(sentence: MembersRun, look: MemberLook, times: MemberTimes) -> RunningMembers | None:
    """How many members of the sentence's group run; None if it is unclear which group that is.

    A member that was in service before the fault and is gone may have run until any time, unless the fault took it away
    at once: since when enough run is then only an upper bound.
    """
    then = find_counted_group(look.discovery.workload, look.discovery.measured, sentence)
    if then is None:
        return None
    now = next((group for group in look.workload_now.groups if group.domain == then.domain), None)
    running = [member for member in (now.in_service if now else ()) if member in times.since]
    if len(running) < sentence.count:
        return RunningMembers(group=then.words, count=len(running))
    taken = {part for target in look.before for part in target.resource.hit} if look.targets_leave_at_once else set()
    gone = [member for member in then.in_service if member not in running and member not in taken]
    since = _earliest_count(sentence.count, [times.since[member] for member in running])
    after = _earliest_count(
        sentence.count, [*(times.after.get(member, times.since[member]) for member in running), *(look.effect_at for _ in gone)]
    )
    return RunningMembers(group=then.words, count=len(running), since=since, after=after if after < since else None)


def _earliest_count(count: int, moments: Sequence[datetime]) -> datetime:
    """The moment from which on this many run, if one runs from each of these moments on."""
    return sorted(moments)[count - 1]


def list_lacking(sentences: Sequence[MembersRun], running: Mapping[str, RunningMembers]) -> list[str]:
    """The sentences of which too few members run, a phrase each."""
    counted = [(sentence, running[sentence.text]) for sentence in sentences if sentence.text in running]
    return [f"{members.count} of {sentence.count} {sentence.members} run" for sentence, members in counted if members.since is None]
