"""Candidates are bounded by the blast radius, and only what opted in to this environment can ever be pinned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.base.vocabulary import BlastRadius
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.targets.failure_domains import failure_domains, list_capacities
from squall.domain.targets.pinning import MAXIMUM_TARGETS
from tests.unit.builders import NOW, REL12, TAG, environment, experiment, instance, pin_targets, workload

FIRST, SECOND = REL12["target_resources"]
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")


@st.composite
def fleets(draw: st.DrawFn) -> list[Instance]:
    zones = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=12))
    states = draw(st.lists(st.sampled_from(["running", "running", "running", "stopped"]), min_size=len(zones), max_size=len(zones)))
    groups = draw(st.lists(st.sampled_from(["shop", "shop", None]), min_size=len(zones), max_size=len(zones)))
    parts = zip(zones, states, groups, strict=True)
    return [instance(f"i-{n:017x}", zone, state=state, group=group) for n, (zone, state, group) in enumerate(parts)]


def named(fleet: list[Instance], radius: BlastRadius) -> dict[str, object]:
    return {"target_resources": [i.id for i in fleet], "blast_radius": radius.value}


@given(fleet=fleets(), radius=st.sampled_from(BlastRadius), seed=st.text(max_size=8), share=st.sampled_from([0.0, 50.0, 67.0, 100.0]))
def test_what_is_pinned_never_exceeds_the_radius(fleet: list[Instance], radius: BlastRadius, seed: str, share: float) -> None:
    load = workload(fleet)
    pinned, problems = pin_targets(load, experiment(**named(fleet, radius)), environment(minimum_healthy_percent=share), seed)
    assert bool(pinned) != bool(problems)
    assert all(i.state == "running" and i in load.instances for i in pinned)
    assert len(pinned) <= MAXIMUM_TARGETS
    zones = [i.zone for i in pinned]
    if radius is BlastRadius.SINGLE_INSTANCE:
        assert len(pinned) <= 1
    if radius is BlastRadius.SINGLE_AZ:
        assert len(set(zones)) <= 1
    if radius is BlastRadius.MULTIPLE_AZ:
        assert len(set(zones)) == len(zones)
        running = [i.zone for i in load.instances if i.state == "running"]
        assert not pinned or any(running.count(zone) > zones.count(zone) for zone in set(running))
    if radius is BlastRadius.MULTIPLE_REGION:
        assert not pinned
    if len(pinned) > 1:
        lost = [i.id for i in pinned]
        assert all(c.after(lost) >= c.needed(share) for c in list_capacities(load, pinned))


@given(fleet=fleets(), radius=st.sampled_from(BlastRadius), seed=st.text(max_size=8))
def test_the_same_seed_pins_the_same(fleet: list[Instance], radius: BlastRadius, seed: str) -> None:
    exp = experiment(**named(fleet, radius))
    turned = workload(list(reversed(fleet)))
    assert pin_targets(workload(fleet), exp, environment(), seed)[0] == pin_targets(turned, exp, environment(), seed)[0]


@given(fleet=fleets(), radius=st.sampled_from(BlastRadius), wrong=st.integers(0, 11))
def test_one_target_of_another_environment_refuses_all(fleet: list[Instance], radius: BlastRadius, wrong: int) -> None:
    stranger = fleet[wrong % len(fleet)].model_copy(update={"tags": {TAG: "production"}})
    fleet = [stranger if i.id == stranger.id else i for i in fleet]
    pinned, problems = pin_targets(workload(fleet), experiment(**named(fleet, radius)), environment(), "s")
    assert pinned == ()
    assert any(stranger.id in p.message and "'production'" in p.message and "'staging'" in p.expected for p in problems)


def test_rel12_bp05_pins_exactly_one_of_its_two_candidates() -> None:
    chosen = {tuple(i.id for i in pin_targets(workload(), experiment(), environment(), str(n))[0]) for n in range(20)}
    assert chosen == {(FIRST,), (SECOND,)}


def test_every_unknown_target_is_named() -> None:
    _, problems = pin_targets(workload([instance(FIRST)], missing=[SECOND, "i-3"]), experiment(), environment(), "s")
    assert [SECOND in problems[0].message, "i-3" in problems[1].message] == [True, True]


def test_a_target_without_the_tag_is_refused_by_name() -> None:
    _, problems = pin_targets(workload([instance(FIRST, tags={})]), experiment(), environment(), "s")
    assert problems[0].message == f"{FIRST} has no tag {TAG}"


def test_select_all_is_refused_with_both_numbers() -> None:
    target = {"arns": [instance(FIRST).arn, instance(SECOND).arn], "select": "all"}
    pinned, problems = pin_targets(workload(), experiment(target=target, target_resources=[]), environment(), "s")
    assert pinned == ()
    assert "there are 2 targets, but single_instance allows 1" in problems[0].message


@pytest.mark.parametrize(
    ("select", "candidates", "pinned"),
    [({"percent": 50}, 5, 2), ({"percent": 50}, 2, 1), ({"percent": 100}, 3, 3), ({"count": 2}, 4, 2), ({"percent": 99}, 2, 1)],
)
def test_so_many_are_pinned_as_the_experiment_selects_rounded_down(select: dict[str, int], candidates: int, pinned: int) -> None:
    fleet = [instance(f"i-{number}", ZONES[number % 2]) for number in range(candidates)]
    target = {"tags": {TAG: "staging"}, "select": select}
    exp = experiment(target_resources=[], target=target, blast_radius="single_region")
    chosen, problems = pin_targets(workload(fleet), exp, environment(minimum_healthy_percent=0), "s")
    assert (len(chosen), problems) == (pinned, [])


@pytest.mark.parametrize(
    ("select", "radius", "share", "said"),
    [
        ({"percent": 5}, "single_region", 0, "5 % of 4 candidates is none, rounded down as FIS does"),
        ({"count": 3}, "single_az", 0, "count 3 of 4 candidates is 3, but single_az and the healthy share allow 2"),
        ({"percent": 75}, "single_region", 50, "75 % of 4 candidates is 3, but single_region and the healthy share allow 2"),
        ({"count": 6}, "single_region", 0, "count 6 of 4 candidates is 6"),
    ],
)
def test_fewer_than_selected_are_never_pinned(select: dict[str, int], radius: str, share: float, said: str) -> None:
    fleet = [instance(f"i-{number}", ZONES[number % 2]) for number in range(4)]
    exp = experiment(target_resources=[], target={"tags": {TAG: "staging"}, "select": select}, blast_radius=radius)
    chosen, problems = pin_targets(workload(fleet), exp, environment(minimum_healthy_percent=share), "s")
    assert chosen == ()
    assert [problem.path for problem in problems] == ["target.select"]
    assert said in problems[0].message


def test_a_count_in_one_zone_is_pinned_in_a_zone_that_has_as_many() -> None:
    fleet = [instance("i-0", ZONES[0]), *(instance(f"i-{number}", ZONES[1]) for number in range(1, 4))]
    exp = experiment(target_resources=[], target={"tags": {TAG: "staging"}, "select": {"count": 3}}, blast_radius="single_az")
    for seed in "abcdef":
        chosen, _ = pin_targets(workload(fleet), exp, environment(minimum_healthy_percent=0), seed)
        assert [target.zone for target in chosen] == [ZONES[1]] * 3


def test_stopped_candidates_are_passed_over_and_said_when_none_runs() -> None:
    load = workload([instance(FIRST, state="stopped"), instance(SECOND)])
    assert pin_targets(load, experiment(), environment(), "s")[0][0].id == SECOND
    _, problems = pin_targets(workload([instance(FIRST, state="stopped")]), experiment(), environment(), "s")
    assert f"{FIRST} is stopped" in problems[0].message


def test_two_zones_with_an_instance_each_cannot_both_lose_it() -> None:
    pinned, problems = pin_targets(workload(), experiment(blast_radius="multiple_az"), environment(minimum_healthy_percent=0), "s")
    assert pinned == ()
    assert "multiple_az needs targets in two zones" in problems[0].message


def test_candidates_by_tags_are_all_instances_with_them() -> None:
    load = workload([instance(FIRST, tags={TAG: "staging", "app": "shop"}), instance(SECOND)])
    exp = experiment(target={"tags": {"app": "shop"}}, target_resources=[])
    assert pin_targets(load, exp, environment(), "s")[0][0].id == FIRST


def test_failure_domains_are_group_and_target_group_else_the_instance() -> None:
    load = workload()
    assert failure_domains(load, load.instances) == ("asg/shop", "tg/shop/73e2d6bc24d8a067")
    alone = Workload(at=NOW, instances=(instance("i-9", group=None),))
    assert failure_domains(alone, alone.instances) == ("instance/i-9",)


@pytest.mark.parametrize(("share", "pinned"), [(0.0, 4), (50.0, 2), (75.0, 1), (100.0, 1)])
def test_the_healthy_share_bounds_a_region(share: float, pinned: int) -> None:
    fleet = [instance(f"i-{n}", ZONES[n % 3]) for n in range(4)]
    result, _ = pin_targets(
        workload(fleet), experiment(**named(fleet, BlastRadius.SINGLE_REGION)), environment(minimum_healthy_percent=share), "s"
    )
    assert len(result) == pinned
