"""What real AWS does between a fault and its evidence: neighbours, delays, late looks. Each ends with the verdict the evidence supports."""

from __future__ import annotations

from typing import Any

from squall.domain.documents import Discovery
from squall.domain.vocabulary import Status
from tests.fakes.workload import ACCOUNT, REGION, FakeGroup
from tests.fakes.world import FakeWorld
from tests.workflow.endings import result_of
from tests.workflow.walk import Walk

PAY = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/pay/0123456789abcdef"
PAY_BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/pay/fedcba9876543210"


def add_neighbour(world: FakeWorld, balancer: str = PAY_BALANCER) -> list[str]:
    """A smaller workload of the same environment, beside `web`; its instances."""
    group = FakeGroup("pay", desired=2, target_groups=(PAY,), tags={"squall:environment": "staging"})
    return [one.id for one in world.fleet.add_group(group, balancer)]


def test_what_is_measured_is_what_is_hit(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    pay = add_neighbour(world)
    web = [one.id for one in world.fleet.members("web")]
    found: dict[bool, set[str]] = {}
    for name in ("a", "b", "c", "d", "e", "f"):  # the choice among candidates hangs on the name
        walk.run({"definition": {**experiment, "target_resources": [*web, *pay]}, "mode": "plan"}, name)
        discovery = world.documents.get(name, "discovery", Discovery)
        assert discovery is not None
        groups = {value for b in discovery.bindings for q in b.queries for key, value in q.dimensions if key == "TargetGroup"}
        found.setdefault(discovery.pinned[0].id in pay, set()).update(groups)
        assert result_of(world, name).status is Status.PLANNED
    assert found == {True: {"targetgroup/pay/0123456789abcdef"}, False: {"targetgroup/web/0123456789abcdef"}}


def test_targets_that_share_no_target_group_are_refused(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    hit = [world.fleet.members("web")[0].id, add_neighbour(world)[0]]
    walk.run({"definition": {**experiment, "target_resources": hit, "blast_radius": "single_region"}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert any("share no target group" in problem.message for problem in result.problems)
    assert world.faults.runs == {}
