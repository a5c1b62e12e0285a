"""Transit gateways as candidates: which Regions they are attached to, and by which route tables."""

from __future__ import annotations

from typing import Any

from squall.adapters.inventory.transit_gateways import Ec2TransitGateways
from squall.domain.resources.transit_gateways import PeeringAttachment, TransitGateway
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted

ACCOUNT = "123456789012"
ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:transit-gateway/tgw-0a1"
STAGING = {"squall:environment": "staging"}
TAGS = [{"Key": "squall:environment", "Value": "staging"}]
GATEWAY = {"TransitGatewayId": "tgw-0a1", "TransitGatewayArn": ARN, "State": "available", "OwnerId": ACCOUNT, "Tags": TAGS}
HERE, THERE = {"TransitGatewayId": "tgw-0a1", "Region": REGION}, {"TransitGatewayId": "tgw-9", "Region": "us-east-1"}


def peering(id_: str, requester: Any = HERE, accepter: Any = THERE, state: str = "available") -> dict[str, Any]:
    return {
        "TransitGatewayAttachmentId": id_, "RequesterTgwInfo": requester, "AccepterTgwInfo": accepter, "State": state, "Tags": TAGS,
    }  # fmt: skip


def finder(peerings: list[Any], attached: list[Any]) -> tuple[Ec2TransitGateways, Scripted]:
    ec2 = Scripted(
        "ec2",
        describe_transit_gateways=[
            {"TransitGateways": [GATEWAY, {**GATEWAY, "TransitGatewayId": "tgw-2", "TransitGatewayArn": f"{ARN}2", "Tags": []}]}
        ],
        describe_transit_gateway_peering_attachments=[{"TransitGatewayPeeringAttachments": peerings}],
        describe_transit_gateway_attachments=[{"TransitGatewayAttachments": attached}],
    )
    return Ec2TransitGateways(ec2), ec2


def test_attachments_tell_the_region_at_their_other_end_and_their_route_table() -> None:
    association = {"TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated"}
    found, ec2 = finder(
        [peering("tgw-attach-2", THERE, HERE), peering("tgw-attach-1"), peering("tgw-attach-0", state="deleted")],
        [{"TransitGatewayAttachmentId": "tgw-attach-2", "Association": association}],
    )
    (resource,) = found.find([ARN], {}, {}).resources
    common = {"region": "us-east-1", "state": "available", "tags": STAGING}
    assert resource == TransitGateway(
        id="tgw-0a1",
        arn=ARN,
        state="available",
        tags=STAGING,
        attachments=(
            PeeringAttachment(id="tgw-attach-1", **common),
            PeeringAttachment(id="tgw-attach-2", route_table="tgw-rtb-1", association="associated", **common),
        ),
    )
    of_it = {"Name": "transit-gateway-id", "Values": ["tgw-0a1"]}
    assert ec2.arguments("describe_transit_gateway_peering_attachments") == [{"Filters": [of_it]}]
    assert ec2.arguments("describe_transit_gateway_attachments") == [{"Filters": [of_it, {"Name": "resource-type", "Values": ["peering"]}]}]
    assert found.refresh([resource]).resources == (resource,)


def test_tags_choose_and_what_is_not_there_is_named() -> None:
    found, _ = finder([], [])
    assert [resource.id for resource in found.find([], STAGING, {}).resources] == ["tgw-0a1"]
    assert found.find([], {}, {}).resources == ()
    gone = ARN.replace("0a1", "0ff")
    assert found.find([ARN, gone], {}, {}).missing == (gone,)
    assert found.find([ARN], {"app": "shop"}, {}).resources == ()
