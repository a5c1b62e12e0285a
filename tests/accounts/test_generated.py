"""Generated accounts: whatever their shape, an outage is never validated, and a loss of nothing is never refuted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from squall.domain.base.vocabulary import Verdict
from tests.accounts.account import Account, balancer_arn
from tests.accounts.run import experiment, run

BALANCERS = {"one": balancer_arn("one"), "two": balancer_arn("two"), "net": balancer_arn("three", "net")}


@dataclass(frozen=True)
class Served:
    """One target group of a generated account."""

    balancer: str
    weight: int | None
    holds: frozenset[int]
    """Which of the three instances are registered in it."""
    by_address: bool
    unhealthy: frozenset[int]
    failing: float
    balancer_fails: bool
    empty_minutes: int
    attached: bool


SERVED = st.builds(
    Served,
    balancer=st.sampled_from(sorted(BALANCERS)),
    weight=st.sampled_from([100, 100, 1, 0, None]),
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
    holds=st.just(frozenset({0, 1, 2})),
    by_address=st.booleans(),
    unhealthy=st.frozensets(st.integers(0, 2), max_size=1),
    failing=st.sampled_from([0.0, 0.6]),
    balancer_fails=st.booleans(),
    empty_minutes=st.sampled_from([0, 0, 3]),
    attached=st.just(False),
)
ACCOUNTS = st.tuples(WELL, st.lists(SERVED, max_size=2)).map(lambda pair: [pair[0], *pair[1]])
"""One target group of all instances, and what else may be in an account."""


def build(shapes: list[Served]) -> tuple[Account, list[str]]:
    account = Account()
    ids = [one.id for one in account.group("web")]
    for number, one in enumerate(ids):
        account.addresses[one] = [f"10.0.4.{number}"]
    for number, shape in enumerate(shapes):
        names = [account.addresses[ids[at]][0] if shape.by_address else ids[at] for at in sorted(shape.holds)]
        states = {name: "unhealthy" for at, name in zip(sorted(shape.holds), names, strict=True) if at in shape.unhealthy}
        more: dict[str, Any] = {"kind": "ip" if shape.by_address else "instance", "states": states}
        more |= {"failing": shape.failing, "balancer_fails": shape.balancer_fails, "empty_minutes": shape.empty_minutes}
        group = account.serve(f"group-{number}", BALANCERS[shape.balancer], names, weight=shape.weight, **more)
        if shape.attached and not shape.by_address:
            account.attach("web", group)
    return account, ids


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(shapes=ACCOUNTS, service=st.none() | st.integers(0, 2))
def test_no_outage_is_validated_and_no_loss_of_nothing_refuted(shapes: list[Served], service: int | None) -> None:
    account, ids = build(shapes)
    groups = list(account.target_groups.values())
    named = groups[service].arn if service is not None and service < len(groups) else None
    result = run(account, experiment(ids, **({"service": named} if named else {})), minimum_healthy_percent=0)
    pinned = {name for target in result.targets for name in (target["id"], *account.addresses.get(target["id"], []))}
    touched = [group for group in groups if group.used and pinned & {*group.targets, *account.attached_to(group)}]
    judged = [group for group in touched if named in {None, group.arn}]
    event(str(result.verdict))
    if any(group.failing or group.empty_minutes for group in judged):
        assert result.verdict is not Verdict.VALIDATED, result.reason
    if not any(group.failing or group.empty_minutes for group in groups):
        assert result.verdict is not Verdict.REFUTED, result.reason
