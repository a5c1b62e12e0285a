"""Transit gateways cut off from a Region: what they need, what is left, and what FIS may do."""

from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.resources.transit_gateways import TransitGateway
from squall.faults import registry
from tests.unit.builders import instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites
from tests.unit.faults.test_fis_actions import LENGTH, find_outcome
from tests.unit.resources import transit_gateway

CUT = registry.get_fault(FaultType.TRANSIT_GATEWAY_DISRUPTION, ResourceType.TRANSIT_GATEWAY)
REGION = {"region": "eu-central-1"}
ATTACHMENT = transit_gateway().attachments[0]


def attached(**changes: Any) -> TransitGateway:
    return transit_gateway(attachments=(ATTACHMENT.model_copy(update=changes),))


def test_the_action_names_the_region() -> None:
    targets, actions = compile_fault(CUT, CUT.parse(REGION), [transit_gateway()], LENGTH)
    (target,), (action,) = targets.values(), actions.values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:ec2:transit-gateway", [transit_gateway().arn])
    assert action["parameters"] == {**REGION, "duration": "PT10M"}
    assert action["description"].endswith(": eu-central-1")
    with pytest.raises(InvalidInput, match="region"):
        CUT.parse({})


@pytest.mark.parametrize(
    ("target", "failed", "reason"),
    [
        (transit_gateway(), [], ""),
        (transit_gateway(state="modifying"), ["targets_usable"], "is modifying"),
        (attached(region="us-east-1"), ["peered"], "has no attachment to eu-central-1, but to us-east-1"),
        (transit_gateway(attachments=()), ["peered"], "but to none"),
        (attached(route_table=None, association=None), ["associated"], "its route table is none (not associated)"),
        (attached(state="pendingAcceptance"), ["associated"], "is pendingAcceptance"),
    ],
)
def test_what_has_no_way_to_that_region_is_not_cut(target: TransitGateway, failed: list[str], reason: str) -> None:
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(CUT, known, [target], CUT.parse(REGION))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


def test_only_the_attachments_to_that_region_have_to_opt_in() -> None:
    assert [*transit_gateway().under(CUT.type, REGION).tagged_parts] == [ATTACHMENT.id]
    assert transit_gateway().under(CUT.type, {"region": "us-east-1"}).tagged_parts == {}


@pytest.mark.parametrize(
    ("now", "left", "differences"),
    [
        (transit_gateway(), False, ()),
        (attached(route_table=None, association=None), True, ()),
        (attached(route_table="tgw-rtb-2"), True, ()),
        (attached(state="deleting"), False, (f"{ATTACHMENT.id} of tgw-306131 is deleting, it was available",)),
        (transit_gateway(attachments=()), False, (f"{ATTACHMENT.id} of tgw-306131 is gone",)),
        (None, False, ("tgw-306131 is gone, it was available",)),
    ],
)
def test_an_attachment_without_its_route_table_is_left_over(now: TransitGateway | None, left: bool, differences: tuple[str, ...]) -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (now,) if now else ()})
    report = find_outcome(CUT, transit_gateway(), after)
    assert report.differences == (*report.leftovers, *differences)
    command = f"--transit-gateway-route-table-id tgw-rtb-1 --transit-gateway-attachment-id {ATTACHMENT.id}"
    assert [command in remnant for remnant in report.leftovers] == ([True] if left else [])
    assert report.outcome is (RollbackOutcome.NOT_RESTORED if left or differences else RollbackOutcome.RESTORED)


def test_an_attachment_with_another_route_table_leaves_that_one_first() -> None:
    def tell(other: TransitGateway) -> str:
        after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (other,)})
        (left,) = find_outcome(CUT, transit_gateway(), after).leftovers
        return left.partition("by hand: ")[2]

    ids = f"--region eu-west-1 --transit-gateway-route-table-id {{}} --transit-gateway-attachment-id {ATTACHMENT.id}"
    associate = f"aws ec2 associate-transit-gateway-route-table {ids.format('tgw-rtb-1')}"
    assert tell(attached(route_table="tgw-rtb-2")) == (
        f"aws ec2 disassociate-transit-gateway-route-table {ids.format('tgw-rtb-2')} && {associate}"
    )
    assert tell(attached(route_table=None, association=None)) == associate


def test_fis_touches_attachments_with_the_tag_alone() -> None:
    on = {
        grant.resources[0].rpartition(":")[2]: grant.tagged
        for grant in CUT.grants()
        if "ec2:DisassociateTransitGatewayRouteTable" in grant.actions
    }
    assert on == {"transit-gateway-attachment/*": True, "transit-gateway-route-table/*": False}
