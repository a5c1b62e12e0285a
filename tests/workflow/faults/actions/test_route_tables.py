"""A subnet is cut off from a Region by a route table of FIS: whole runs, and what they end as."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.resources.subnets import FisPart, Subnet
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.rig import environment
from tests.workflow.walk import Walk

NAME, ACTION = "subnet-0a1", "aws:network:route-table-disrupt-cross-region-connectivity"
OPTED_IN = {"squall:environment": "staging"}


def routed_subnet(world: FakeWorld) -> Subnet:
    """The subnet of one instance, with a route table of its own and a gateway endpoint in it."""
    member = world.fleet.members("web")[0]
    return Subnet(
        id=NAME, arn=f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{NAME}", state="available", zone=member.zone, tags=OPTED_IN, vpc="vpc-1",
        cidr="10.0.1.0/24", acl="acl-0a1", association="aclassoc-0", instances=(member.id,), route_table="rtb-1",
        route_association="rtbassoc-0", gateways={"vpce-s3": OPTED_IN},
    )  # fmt: skip


@pytest.fixture
def subnet(world: FakeWorld) -> Subnet:
    result = routed_subnet(world)
    world.fleet.add_other(result)
    return result


@pytest.fixture
def cut(experiment: dict[str, Any], subnet: Subnet, known: deployed.DeployedDefinitions) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[ACTION])
    definition = {key: value for key, value in experiment.items() if key != "rollback"}
    changes = {"type": ACTION, "target_resources": [subnet.arn], "parameters": {"region": "us-east-1"}}
    return {"definition": {**definition, **changes, "success_criteria": ["System availability > 99%"]}}


def test_it_is_validated_without_a_signal_and_the_subnet_has_its_route_table_again(
    walk: Walk, world: FakeWorld, cut: dict[str, Any]
) -> None:
    walk.run(cut)
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [(p.kind, p.proven) for p in result.rollback.proofs]) == (RollbackOutcome.RESTORED, [("state", True)])
    nothing_is_left(world)


def test_it_is_invalid_where_the_route_table_was_never_replaced(walk: Walk, world: FakeWorld, cut: dict[str, Any]) -> None:
    world.faults.idle.add("route-table-disrupt-cross-region-connectivity")
    walk.run(cut)
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "nothing shows that the route table of subnet-0a1 was replaced" in result.reason
    nothing_is_left(world)


def test_an_abort_puts_the_route_table_back(walk: Walk, world: FakeWorld, cut: dict[str, Any]) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    walk.run(cut)
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.verdict, result.rollback.outcome) == (Status.ABORTED, Verdict.ABORTED, RollbackOutcome.RESTORED)
    nothing_is_left(world)


def test_a_route_table_that_fis_left_in_place_is_found(walk: Walk, world: FakeWorld, cut: dict[str, Any], subnet: Subnet) -> None:
    left = FisPart(kind="route-table", id="rtb-f15", subnets=(NAME,))
    changes = {"route_table": "rtb-f15", "route_association": "rtbassoc-9", "made_by_fis": (left,)}
    walk.after["StopFault"] = lambda _: world.fleet.others.update({subnet.arn: subnet.model_copy(update=changes)})
    walk.run(cut)
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert "replace-route-table-association --region eu-west-1 --association-id rtbassoc-9" in result.rollback.leftovers[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gateways": {"vpce-s3": {}}}, "vpce-s3 in subnet-0a1 has squall:environment = 'none'"),
        ({"route_association": None}, "has no association with a route table"),
        ({"tags": {}}, "subnet-0a1 has no tag squall:environment"),
    ],
)
def test_what_fis_may_not_touch_or_nothing_would_prove_is_never_cut(
    walk: Walk, world: FakeWorld, cut: dict[str, Any], subnet: Subnet, changes: dict[str, Any], reason: str
) -> None:
    world.fleet.add_other(subnet.model_copy(update=changes))
    walk.run(cut)
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert reason in "; ".join([result.reason, *(check.detail for check in result.safety_checks)])
    assert world.faults.runs == {}
