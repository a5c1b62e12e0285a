"""Generated scenarios: what is pinned is within the radius, what can't meet does not, and FIS takes the template."""

from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.domain.base.vocabulary import BlastRadius, FaultType
from squall.domain.documents.discovery import Discovery
from squall.domain.experiment.experiment import Experiment
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload, join_workloads
from squall.domain.targets.failure_domains import failure_domains, list_capacities, list_lost_members
from squall.domain.targets.pinning import MAXIMUM_TARGETS, Asked, Rules, pin_targets
from squall.faults.fis import count_at_once
from squall.faults.plan import bind_plan, find_template_problems
from squall.faults.template import compile_template
from tests.unit.builders import NOW, REGION, REL12, definition, environment, instance, workload
from tests.unit.faults.test_faults import GUARDS, ROLE, assert_accepted
from tests.unit.resources import database, subnet

FLEET = workload([instance(f"i-{number:017x}", f"{REGION}{'abc'[number % 3]}", private_ip=f"10.0.1.{number}") for number in range(7)])
DATABASES = Workload(at=NOW, instances=(), others=(database("orders"), database("stock", f"{REGION}b")))
WHOLE = join_workloads([FLEET, DATABASES])
STRESS: dict[str, dict[str, Any]] = {
    "cpu_stress": {},
    "memory_stress": {"memory_percent": 50},
    "network_latency": {"latency_ms": 200},
    "service_unavailable": {"port": 8080},
    "instance_termination": {},
}
NETWORK = {FaultType.NETWORK_LATENCY, FaultType.SERVICE_UNAVAILABLE}
SHARED = {key: value for key, value in REL12.items() if key not in {"type", "target_resources", "duration_minutes"}}


@st.composite
def faults(draw: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from([*STRESS, "database_failure"]))
    known = DATABASES.others if kind == "database_failure" else FLEET.instances
    candidates = draw(st.lists(st.sampled_from([resource.arn for resource in known]), min_size=1, max_size=4, unique=True))
    after = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
    return {
        "type": kind,
        "parameters": STRESS.get(kind, {}),
        "target_resources": candidates,
        "duration": f"{draw(st.integers(1, 30))}m",
        "after": after,
        "delay": draw(st.sampled_from([None, None, "1m", "7m"])) if earlier else None,
    }


@st.composite
def scenarios(draw: st.DrawFn) -> Experiment:
    named: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 7))):
        named[f"f{number}"] = draw(faults(list(named)))
    radius = draw(st.sampled_from([radius.value for radius in BlastRadius if radius is not BlastRadius.MULTIPLE_REGION]))
    return Experiment.model_validate({**SHARED, "blast_radius": radius, "faults": named})


def check(exp: Experiment, seed: str, share: float) -> None:
    policy = environment(minimum_healthy_percent=share)
    plan = bind_plan(definition(exp, policy))
    parts = [DATABASES if bound.planned.type is FaultType.DATABASE_FAILURE else FLEET for bound in plan]
    asked = [Asked(bound.planned, part, bound.traits) for bound, part in zip(plan, parts, strict=True)]
    pinned, problems = pin_targets(asked, Rules(WHOLE, exp.blast_radius, policy, seed))
    assert bool(pinned) != bool(problems)
    if problems:
        return
    union = {target.arn: target for targets in pinned.values() for target in targets}
    check_radius(exp.blast_radius, list(union.values()))
    check_share(exp, pinned, share)
    assert all(pinned[fault.name] for fault in exp.plan)
    check_meetings(exp, pinned)
    found = Discovery(
        workload=WHOLE,
        pinned=tuple(union.values()),
        seed=seed,
        failure_domains=failure_domains(WHOLE, list(union.values())),
        bindings=(),
        faults=pinned,
        parts=(FLEET, DATABASES),
    )
    defined = definition(exp, policy)
    if find_template_problems(defined, found):
        return
    body = compile_template(defined, found, stack="Squall", run_id="run-1", role_arn=ROLE, alarm_arns=GUARDS)
    assert_accepted(body)
    assert count_at_once(body["actions"]) <= 10
    check_order(exp, body["actions"])


def check_radius(radius: BlastRadius, union: list[Resource]) -> None:
    assert len(union) <= (1 if radius is BlastRadius.SINGLE_INSTANCE else MAXIMUM_TARGETS)
    zones = {target.zone for target in union}
    assert radius is not BlastRadius.SINGLE_AZ or len(zones) == 1
    assert radius is not BlastRadius.MULTIPLE_AZ or len(zones) > 1


def check_share(exp: Experiment, pinned: dict[str, tuple[Resource, ...]], share: float) -> None:
    """A fault hits more than one target only if all faults together still leave every failure domain its share."""
    every = [target for targets in pinned.values() for target in targets]
    if len(pinned[exp.plan[-1].name]) > 1:
        capacities = list_capacities(WHOLE, every)
        assert all(each.after(list_lost_members(WHOLE, every, each)) >= each.needed(share) for each in capacities)


def check_meetings(exp: Experiment, pinned: dict[str, tuple[Resource, ...]]) -> None:
    for one, other in combinations(exp.plan, 2):
        if not {target.arn for target in pinned[one.name]} & {target.arn for target in pinned[other.name]}:
            continue
        assert FaultType.INSTANCE_TERMINATION not in {one.type, other.type}, "what is gone is hit by no other fault"
        assert {one.type, other.type} != {FaultType.DATABASE_FAILURE}, "one failover would prove both"
        if one.name not in other.earlier and other.name not in one.earlier:
            assert one.type is not other.type
            assert not {one.type, other.type} <= NETWORK


def check_order(exp: Experiment, actions: dict[str, Any]) -> None:
    """Each action begins after every action of the faults that its own waits for."""

    def before(name: str) -> set[str]:
        direct = set(actions[name].get("startAfter", ()))
        return direct.union(*(before(earlier) for earlier in direct))

    for fault in exp.plan:
        own = {name for name in actions if name.partition(".")[0] == fault.name}
        wanted = {name for name in actions if name.partition(".")[0] in fault.after}
        assert own
        assert all(wanted <= before(name) for name in own)
        assert (f"{fault.name}.wait" in own) == bool(fault.delay)


@given(exp=scenarios(), seed=st.text(max_size=4), share=st.sampled_from([0.0, 50.0, 80.0]))
@settings(max_examples=150, deadline=None)
def test_a_generated_scenario_keeps_its_bounds(exp: Experiment, seed: str, share: float) -> None:
    check(exp, seed, share)


@pytest.mark.soak
@given(exp=scenarios(), seed=st.text(max_size=4), share=st.sampled_from([0.0, 50.0, 80.0]))
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_generated_scenarios_keep_their_bounds(exp: Experiment, seed: str, share: float) -> None:
    check(exp, seed, share)


@st.composite
def orders(draw: st.DrawFn) -> dict[str, dict[str, list[str]]]:
    size = draw(st.integers(1, 8))
    return {
        f"a{n}": {"startAfter": draw(st.lists(st.sampled_from([f"a{m}" for m in range(n)]), max_size=3, unique=True)) if n else []}
        for n in range(size)
    }


@given(actions=orders())
@settings(max_examples=100, deadline=None)
def test_as_many_can_run_at_once_as_wait_for_none_of_each_other(actions: dict[str, dict[str, list[str]]]) -> None:
    def before(name: str) -> set[str]:
        direct = set(actions[name]["startAfter"])
        return direct.union(*(before(earlier) for earlier in direct))

    order = {name: before(name) for name in actions}
    sizes = (size for size in range(len(actions), 0, -1) for chosen in combinations(actions, size) if not is_ordered(chosen, order))
    assert count_at_once(actions) == next(sizes)


def is_ordered(chosen: tuple[str, ...], order: dict[str, set[str]]) -> bool:
    return any(one in order[other] or other in order[one] for one, other in combinations(chosen, 2))


def test_two_databases_of_a_kind_are_joined_once() -> None:
    assert [resource.id for resource in join_workloads([WHOLE, DATABASES, FLEET]).others] == ["orders", "stock"]
    assert timedelta(0) == FLEET.at - DATABASES.at


def test_when_an_instance_came_into_service_is_known_whichever_fault_describes_it_first() -> None:
    by_group, by_id = workload([instance("i-1")]), workload([instance("i-1", in_service_at=NOW)])
    for parts in ([by_group, by_id], [by_id, by_group]):
        assert [known.in_service_at for known in join_workloads(parts).instances] == [NOW]


@pytest.mark.parametrize("seed", ["c", "d"])
def test_subnets_of_two_zones_and_the_instance_of_the_third_are_every_zone(seed: str) -> None:
    instances = [instance(f"i-{zone * 17}", f"{REGION}{zone}") for zone in "abc"]
    fleet = workload(instances)
    subnets = [subnet(f"0{zone}1", f"{REGION}{zone}", instances=(f"i-{zone * 17}",), addresses=()) for zone in "abc"]
    networks = fleet.model_copy(update={"others": tuple(subnets)})
    cut = {"type": "service_unavailable", "target_resources": [known.arn for known in subnets]}
    gone = {"type": "instance_termination", "target_resources": [instances[2].arn]}
    shared = {**SHARED, "duration": "10m", "blast_radius": "multiple_az"}
    exp = Experiment.model_validate({**shared, "faults": {"cut": cut, "gone": gone}})
    policy = environment(minimum_healthy_percent=0.0)
    parts = [networks, fleet]
    asked = [Asked(bound.planned, part, bound.traits) for bound, part in zip(bind_plan(definition(exp, policy)), parts, strict=True)]
    _, problems = pin_targets(asked, Rules(join_workloads(parts), exp.blast_radius, policy, seed))
    assert [problem.message for problem in problems] == ["the faults together hit every EC2 instance in every zone"]
