"""Generated accounts: whatever their shape, an outage is never validated, and a loss of nothing is never refuted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st

from squall.domain.base.vocabulary import Verdict
from squall.domain.documents.result import Result
from tests.accounts.account import Account, balancer_arn
from tests.accounts.containers import Containers, Service
from tests.accounts.run import experiment, run
from tests.accounts.traffic import Registered
from tests.fakes.workload import ACCOUNT, REGION

BALANCERS = {"one": balancer_arn("one"), "two": balancer_arn("two"), "net": balancer_arn("three", "net")}
UNUSUAL = 3
"""The target group that always exists, and at most two more."""
HISTORY_SECONDS = 3 * 3600
"""Enough for the baseline: how often guards abort healthy runs is no matter of the account's shape."""
CASES, PARTS = 2000, 20
"""Cases of the soak, and how many tests share them."""


@dataclass(frozen=True)
class Served:
    """One target group of a generated account."""

    balancer: str
    weight: int | None
    by_rule: bool
    holds: frozenset[int]
    """Which of the three targets are registered in it."""
    by_address: bool
    unhealthy: frozenset[int]
    failing: float
    balancer_fails: bool
    empty_minutes: int
    attached: bool


@dataclass(frozen=True)
class Generated:
    """An account, its truth, and what the experiment names."""

    served: list[Served]
    tasks: bool
    """Whether the targets are tasks of an ECS service, and not instances of a group."""
    mode: str
    """Network mode of the tasks."""
    controller: str
    deploying: bool
    prefixed: bool
    """Whether the addresses of the instances are those of prefixes."""
    classic: frozenset[int]
    """Which instances a classic load balancer sends requests to, too."""
    classic_fails: bool
    lattice: bool
    lifecycle: str
    """Of the first instance."""
    replaced: bool
    service: int | None
    """The target group that the experiment names."""


SERVED = st.builds(
    Served,
    balancer=st.sampled_from(sorted(BALANCERS)),
    weight=st.sampled_from([100, 100, 1, 0, None]),
    by_rule=st.booleans(),
    holds=st.frozensets(st.integers(0, 2)),
    by_address=st.booleans(),
    unhealthy=st.frozensets(st.integers(0, 2), max_size=1),
    failing=st.sampled_from([0.0, 0.0, 0.6]),
    balancer_fails=st.booleans(),
    empty_minutes=st.sampled_from([0, 0, 0, 3]),
    attached=st.booleans(),
)
WELL = st.builds(
    Served,
    balancer=st.just("one"),
    weight=st.just(100),
    by_rule=st.booleans(),
    holds=st.just(frozenset({0, 1, 2})),
    by_address=st.booleans(),
    unhealthy=st.frozensets(st.integers(0, 2), max_size=1),
    failing=st.sampled_from([0.0, 0.6]),
    balancer_fails=st.booleans(),
    empty_minutes=st.sampled_from([0, 0, 3]),
    attached=st.just(False),
)
SELDOM = st.sampled_from([False] * 5 + [True])
ACCOUNTS = st.builds(
    Generated,
    served=st.tuples(WELL, st.lists(SERVED, max_size=UNUSUAL - 1)).map(lambda pair: [pair[0], *pair[1]]),
    tasks=st.booleans(),
    mode=st.sampled_from(["awsvpc", "awsvpc", "bridge"]),
    controller=st.sampled_from(["ECS", "ECS", "CODE_DEPLOY", "EXTERNAL"]),
    deploying=SELDOM,
    prefixed=st.booleans(),
    classic=st.just(frozenset()) | st.frozensets(st.integers(0, 2)),
    classic_fails=st.booleans(),
    lattice=SELDOM,
    lifecycle=st.sampled_from(["InService"] * 5 + ["Standby", "Terminating:Wait"]),
    replaced=st.sampled_from([True] * 5 + [False]),
    service=st.none() | st.integers(0, UNUSUAL - 1),
)


def build(case: Generated) -> tuple[Account, list[str]]:
    """The account, and the names of its targets in the experiment."""
    account = Account()
    ids = [entry.id for entry in account.group("web")]
    addresses = [_address_of(number) for number in range(3)]
    for number, item in enumerate(ids):
        if case.prefixed:
            account.interfaces[item] = {"Ipv4Prefixes": [{"Ipv4Prefix": f"10.0.4.{16 * number}/28"}]}
        else:
            account.addresses[item] = [addresses[number]]
    for number, shape in enumerate(case.served):
        group = _serve(account, number, shape, addresses if shape.by_address else ids)
        if shape.attached and not shape.by_address and not case.tasks:
            account.attach("web", group)
    if case.tasks:
        return account, [_run_tasks(account, case).arn]
    account.classic = {"old": [ids[at] for at in sorted(case.classic)]} if case.classic else {}
    if case.lattice:
        account.lattice["web"] = f"arn:aws:vpc-lattice:{REGION}:{ACCOUNT}:targetgroup/tg-0123456789abcdef0"
    account.world.fleet.instances[ids[0]].lifecycle = case.lifecycle
    if not case.replaced:
        account.world.fleet.groups["web"].replaces_after = None
    return account, ids


def _serve(account: Account, number: int, shape: Served, names: list[str]) -> Registered:
    held = [names[at] for at in sorted(shape.holds)]
    states = {names[at]: "unhealthy" for at in shape.holds & shape.unhealthy}
    more: dict[str, Any] = {"kind": "ip" if shape.by_address else "instance", "states": states}
    more |= {"failing": shape.failing, "balancer_fails": shape.balancer_fails, "empty_minutes": shape.empty_minutes}
    # Only application load balancers have rules.
    more |= {"weight": shape.weight, "by_rule": shape.by_rule and shape.balancer != "net"}
    return account.serve(f"group-{number}", BALANCERS[shape.balancer], held, **more)


def _run_tasks(account: Account, case: Generated) -> Service:
    """A service whose tasks are in the first target group, and in those that are attached; the others' targets are other
    instances."""
    groups = list(account.target_groups.values())
    own = [group for group, shape in zip(groups, case.served, strict=True) if shape.attached or group is groups[0]]
    launch = "FARGATE" if case.mode == "awsvpc" else "EC2"
    service = Service(own, launch_type=launch, mode=case.mode, controller=case.controller, deploying=case.deploying)
    Containers(account, service)
    if case.mode == "awsvpc":
        for group in own:
            group.kind, group.targets = "ip", []
    return service


def _is_hit(account: Account, case: Generated, group: Registered, result: Result) -> bool:
    """Whether the fault takes a target away to which the group's load balancer sends requests."""
    if case.tasks:
        return bool(result.targets) and (group is next(iter(account.target_groups.values())) or case.served[_number(group)].attached)
    ids = [target["id"] for target in result.targets]
    attached = ids if group.arn in account.attached["web"] else []
    return bool({*ids, *(_address_of(_index(entry)) for entry in ids)} & {*group.targets, *attached})


def _address_of(number: int) -> str:
    return f"10.0.4.{16 * number + 3}"


def _index(instance_id: str) -> int:
    """Which of the three first instances it is."""
    return int(instance_id.rpartition("-")[2], 16) - 1


def _number(group: Registered) -> int:
    return int(group.name.rpartition("-")[2])


def check(case: Generated) -> str:
    """Walk the account and compare the verdict with the truth. Returns the verdict, or the status of a refused run."""
    account, targets = build(case)
    account.world.metrics.kept_seconds = HISTORY_SECONDS
    groups = list(account.target_groups.values())
    named = groups[case.service].arn if case.service is not None and case.service < len(groups) else None
    result = run(account, experiment(targets, **({"service": named} if named else {})), minimum_healthy_percent=0)
    touched = [group for group in groups if group.used and _is_hit(account, case, group, result)]
    judged = [group for group in touched if named in {None, group.arn}]
    classic = case.classic_fails and named is None and {_index(target["id"]) for target in result.targets} & case.classic
    text = str(result.verdict or result.status)
    event(text)
    if any(group.failing or group.empty_minutes for group in judged) or (classic and not case.tasks):
        assert result.verdict is not Verdict.VALIDATED, result.reason
    if not any(group.failing or group.empty_minutes for group in groups):
        assert result.verdict is not Verdict.REFUTED, result.reason
    return text


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=ACCOUNTS)
def test_no_outage_is_validated_and_no_loss_of_nothing_refuted(case: Generated) -> None:
    check(case)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_thousands_of_accounts_have_no_wrong_verdict(part: int, record_property: Callable[[str, object], None]) -> None:
    answer: Counter[str] = Counter()

    @seed(part)
    @settings(max_examples=CASES // PARTS, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=ACCOUNTS)
    def check_counted(case: Generated) -> None:
        answer[check(case)] += 1

    check_counted()
    record_property("verdicts", dict(answer))
    assert answer.total() >= CASES // PARTS
    assert answer[Verdict.VALIDATED] >= 1, answer
    assert answer[Verdict.REFUTED] >= 1, answer
