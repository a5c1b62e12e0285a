"""`3 tasks run within 5 minutes`: since when so many members of the targets' group run, by what the looks can tell."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.recovery import Recovery, RunningMembers
from squall.domain.language.parse import parse_criterion
from squall.domain.language.sentences import MembersRun
from squall.domain.recovery.recovery import RecoveryInput, assess_recovery
from squall.domain.recovery.running_members import MemberLook, count_running, find_member_times
from squall.domain.resources.pods import EksPod
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import Workload
from squall.domain.targets.member_groups import explain_uncounted, explain_untimed
from squall.faults.plan import traits_of
from tests.unit.builders import NOW, definition, discovery, experiment, healthy_series, instance, window
from tests.unit.builders import workload as fleet
from tests.unit.resources import discovery_of, others, pod, task

EARLY = NOW - timedelta(hours=1)
ONE, TWO, THREE = (task(letter * 32, private_ip=None, in_service_at=EARLY, launched_at=EARLY) for letter in "abc")
GONE = ONE.model_copy(update={"state": "STOPPED"})
FOUND = discovery_of([ONE, TWO, THREE]).model_copy(update={"pinned": (ONE,)})


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def started(letter: str, seconds: int | None) -> EcsTask:
    moment = None if seconds is None else at(seconds)
    return task(letter * 32, private_ip=None, in_service_at=moment, launched_at=None)


def sentence(count: int = 3) -> MembersRun:
    parsed = parse_criterion(f"{count} tasks run within 5 minutes")
    assert isinstance(parsed, MembersRun)
    return parsed


def look(
    now: Iterable[EcsTask], *, seconds: int = 600, previous: Recovery | None = None, load: Workload | None = None, leave: bool = True
) -> MemberLook:
    """A look at the service after a fault that takes its target away at once (`leave`), or not."""
    return MemberLook(
        discovery=FOUND,
        workload_now=load or others(*now),
        before=(TargetBefore(resource=ONE, healthy_in=()),),
        effect_at=NOW,
        now=at(seconds),
        previous=previous,
        targets_leave_at_once=leave,
    )


def counted(now: Iterable[EcsTask], *, count: int = 3, **changes: Any) -> RunningMembers | None:
    seen = look(now, **changes)
    return count_running(sentence(count), seen, find_member_times(seen))


def running(count: int, since: int | None = None, after: int | None = None) -> RunningMembers:
    moments = {name: at(seconds) for name, seconds in (("since", since), ("after", after)) if seconds is not None}
    return RunningMembers(group="ECS service shop/web", count=count, **moments)


@pytest.mark.parametrize(
    ("now", "count", "expected"),
    [
        ([GONE, TWO, THREE, started("d", 70)], 3, running(3, 70)),
        ([GONE, TWO, THREE, started("d", 70)], 2, running(3, 0)),
        ([GONE, TWO, THREE], 3, running(2)),
        ([GONE], 1, running(0)),
        ([GONE, TWO, THREE, started("d", None)], 3, running(3, 600, 0)),
        ([GONE, TWO, started("d", 70), started("e", 400)], 3, running(3, 400, 70)),  # THREE may have run until any time
        ([ONE, TWO, THREE], 3, running(3, 0)),
        ([ONE.model_copy(update={"launched_at": at(90)}), TWO, THREE], 3, running(3, 600, 90)),  # stopped and started again
    ],
)
def test_so_many_run_from_when_the_last_of_them_came_into_service(now: list[EcsTask], count: int, expected: RunningMembers) -> None:
    assert counted(now, count=count) == expected


@pytest.mark.parametrize(("leave", "expected"), [(True, running(3, 400)), (False, running(3, 400, 0))])
def test_a_target_that_the_fault_does_not_take_away_may_have_run_until_its_replacement_did(leave: bool, expected: RunningMembers) -> None:
    assert counted([GONE, TWO, THREE, started("d", 400)], leave=leave) == expected


def test_only_faults_that_take_their_targets_away_do_so_at_once() -> None:
    def leaves(kind: str, **parameters: Any) -> tuple[bool, bool]:
        traits = traits_of(definition(experiment(type=kind, parameters=parameters)))
        return traits.targets_leave_at_once, traits.targets_are_replaced

    assert leaves("instance_termination") == (True, True)
    assert leaves("instance_termination", mode="stop_and_start") == (True, False)
    assert leaves("cpu_stress") == (False, False)


@pytest.mark.parametrize("checked", [True, None])
def test_a_task_with_health_checks_may_have_been_unhealthy_until_the_first_look(checked: bool | None) -> None:
    one, two, three, new = (member.model_copy(update={"health_checked": checked}) for member in (ONE, TWO, THREE, started("d", 70)))
    assert counted([one, two, three], leave=False) == running(3, 600, 0)
    assert counted([GONE, two, three, new]) == running(3, 600, 70)
    assert counted([GONE, two, three, new], count=2) == running(3, 600, 0)
    times = find_member_times(look([one, two, three], seconds=100))
    previous = Recovery(recovered=False, looked_at=at(100), members_since=times.since, members_after=times.after)
    assert counted([one, two, three], seconds=160, previous=previous, leave=False) == running(3, 100, 0), "seen before, and again"


def pods_at(*moments: int | None) -> list[EksPod]:
    return [pod(f"web-{n}", in_service_at=None if moment is None else at(moment)) for n, moment in enumerate(moments)]


@pytest.mark.parametrize(
    ("suspended", "certain"), [((), True), (("AZRebalance", "Launch"), True), (("ReplaceUnhealthy",), False), (("Terminate",), False)]
)
def test_an_instance_has_been_in_service_since_it_came_if_its_group_replaces_unhealthy_ones(
    suspended: tuple[str, ...], certain: bool
) -> None:
    load = fleet()
    group = load.groups[0].model_copy(update={"suspended": suspended})
    for then, now in ((group, group), (load.groups[0], group), (group, load.groups[0])):
        found = discovery().model_copy(update={"workload": load.model_copy(update={"groups": (then,)})})
        seen = replace(look((), load=load.model_copy(update={"groups": (now,)})), discovery=found)
        times = find_member_times(seen)
        assert set(times.since) == set(group.in_service)
        assert (set(times.since.values()), set(times.after.values())) == (({NOW}, set()) if certain else ({at(600)}, {NOW}))


def test_a_pod_is_ready_since_kubernetes_says_so() -> None:
    known = pods_at(-60, -60, -60)
    found = discovery_of(known)
    for ready, expected in ((-60, (NOW, None)), (70, (at(70), None)), (None, (at(600), NOW))):
        seen = replace(look((), load=others(*pods_at(ready, -60, -60))), discovery=found)
        times = find_member_times(seen)
        assert (times.since[known[0].id], times.after.get(known[0].id)) == expected


def test_a_limit_within_the_fault_is_refused_where_nobody_looks_in_time() -> None:
    within = sentence(2)  # 5 minutes
    load = FOUND.workload
    checked = others(*(member.model_copy(update={"health_checked": True}) for member in (ONE, TWO, THREE)))
    assert explain_untimed(load, FOUND.pinned, within, timedelta(minutes=15)) == ""
    assert explain_untimed(checked, FOUND.pinned, within, timedelta(minutes=4)) == ""
    refusal = explain_untimed(checked, FOUND.pinned, within, timedelta(minutes=5))
    assert "ECS service shop/web has container health checks, so its tasks may become unhealthy and healthy again" in refusal
    assert refusal.endswith("the limit must be longer than the fault")
    web = fleet()
    held = web.model_copy(update={"groups": (web.groups[0].model_copy(update={"suspended": ("ReplaceUnhealthy",)}),)})
    instances = parse_criterion("2 instances run within 5 minutes")
    assert isinstance(instances, MembersRun)
    assert explain_untimed(web, web.instances[:1], instances, timedelta(minutes=15)) == ""
    assert "Auto Scaling group shop has suspended ReplaceUnhealthy" in explain_untimed(
        held, web.instances[:1], instances, timedelta(minutes=15)
    )


def test_a_target_that_its_group_still_lists_after_it_was_lost_does_not_run() -> None:
    stale = others(GONE, TWO, THREE).model_copy(update={"groups": others(ONE, TWO, THREE).groups})
    seen = look((), load=stale, seconds=60)
    assert count_running(sentence(), seen, find_member_times(seen)) == running(2)


def test_a_member_that_an_earlier_look_did_not_find_came_after_that_look() -> None:
    first = look([GONE, TWO], seconds=100)
    times = find_member_times(first)
    previous = Recovery(recovered=False, looked_at=at(100), members_since=times.since, members_after=times.after)
    assert counted([GONE, TWO, THREE, started("d", 50)], seconds=160, previous=previous) == running(3, 160, 100)
    assert counted([GONE, TWO, THREE, started("d", 130)], seconds=160, previous=previous) == running(3, 160, 130)
    assert counted([GONE, TWO, started("d", 130)], count=2, seconds=160, previous=previous) == running(2, 130, 0)


def test_what_a_look_found_is_remembered_by_the_next() -> None:
    first = look([GONE, TWO, THREE, started("d", None)], seconds=100)
    times = find_member_times(first)
    previous = Recovery(recovered=False, looked_at=at(100), members_since=times.since, members_after=times.after)
    assert counted([GONE, TWO, THREE, started("d", None)], seconds=160, previous=previous) == running(3, 100, 0)


def test_a_service_that_is_gone_runs_nothing() -> None:
    seen = look((), load=Workload(at=NOW, instances=()), seconds=60)
    assert count_running(sentence(), seen, find_member_times(seen)) == running(0)


def test_whose_members_count_is_never_guessed() -> None:
    assert explain_uncounted(FOUND.workload, FOUND.pinned, sentence()) == ""
    web = fleet()
    assert "Auto Scaling group shop, which has instances" in explain_uncounted(web, web.instances[:1], sentence())
    other = task("f" * 32, group="shop/admin", private_ip=None)
    several = others(ONE, TWO, THREE, other)
    assert "the targets belong to 2: ECS service shop/admin, ECS service shop/web" in explain_uncounted(several, [ONE, other], sentence())
    assert explain_uncounted(several, [ONE], sentence()) == ""
    alone = task("f" * 32, group=None, private_ip=None)
    assert "no group that replaces them" in explain_uncounted(others(alone), [alone], sentence())


SPAN = window("recovery", NOW, 14)


def watched(now: Workload, text: str = "2 instances run within 5 minutes") -> tuple[Recovery, datetime | None]:
    exp = experiment(type="cpu_stress", success_criteria=[text])
    found = discovery(exp=exp)
    return assess_recovery(
        RecoveryInput(
            definition=definition(exp),
            discovery=found,
            series=healthy_series(found.bindings, SPAN),
            window=SPAN,
            workload_now=now,
            before=(TargetBefore(resource=found.pinned[0], healthy_in=()),),
            effect_at=NOW,
            fault_end=at(600),
            now=at(840),
            traits=traits_of(definition(exp)),
        )
    )


def test_the_run_waits_until_so_many_run() -> None:
    load = fleet()
    lost = fleet([load.instances[0].model_copy(update={"state": "terminated"}), load.instances[1]], desired=2)
    recovery, again = watched(lost)
    assert (recovery.recovered, recovery.detail, again) == (False, "1 of 2 instances run", at(900))
    back = fleet([*lost.instances, instance("i-new", in_service_at=at(200))])
    recovery, again = watched(back)
    assert (recovery.recovered, recovery.recovered_at, again) == (True, at(200), None)
    assert recovery.running["2 instances run within 5 minutes"].since == at(200)


def test_nothing_is_counted_where_no_sentence_asks() -> None:
    recovery, _ = watched(fleet(), "System availability > 99%")
    assert (recovery.running, recovery.members_since) == ({}, {})
