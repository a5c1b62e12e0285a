"""Transit gateways as candidates, with their peering attachments. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import list_items
from squall.adapters.inventory.inventories import Found, select_named
from squall.domain.resources.transit_gateways import PeeringAttachment, TransitGateway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_GONE = ["deleted", "failed", "rejected"]
"""States of attachments that EC2 still lists for a while."""


class Ec2TransitGateways:
    """Finds transit gateways by ARN, or by tags."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        """Lists all of the account instead of asking by id: one that does not exist must not hide the others."""
        entries = list_items(self._client, "describe_transit_gateways", "TransitGateways")
        selected = select_named(names, tags, [_read_gateway(entry) for entry in entries if entry["State"] != "deleted"])
        gateways = [resource for resource in selected.resources if isinstance(resource, TransitGateway)]
        return Found(tuple(self._with_attachments(gateway) for gateway in gateways), selected.missing)

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _with_attachments(self, gateway: TransitGateway) -> TransitGateway:
        of_it = [{"Name": "transit-gateway-id", "Values": [gateway.id]}]
        peerings = list_items(
            self._client, "describe_transit_gateway_peering_attachments", "TransitGatewayPeeringAttachments", Filters=of_it
        )
        filters = [*of_it, {"Name": "resource-type", "Values": ["peering"]}]
        attached = list_items(self._client, "describe_transit_gateway_attachments", "TransitGatewayAttachments", Filters=filters)
        associations = {entry["TransitGatewayAttachmentId"]: entry.get("Association") or {} for entry in attached}
        attachments = [
            _read_attachment(gateway.id, peering, associations.get(peering["TransitGatewayAttachmentId"], {}))
            for peering in peerings
            if peering["State"] not in _GONE
        ]
        return gateway.model_copy(update={"attachments": tuple(sorted(attachments, key=lambda attachment: attachment.id))})


def _read_gateway(entry: Mapping[str, Any]) -> TransitGateway:
    return TransitGateway(id=entry["TransitGatewayId"], arn=entry["TransitGatewayArn"], state=entry["State"], tags=_read_tags(entry))


def _read_attachment(gateway: str, peering: Mapping[str, Any], association: Mapping[str, Any]) -> PeeringAttachment:
    """The attachment, with the Region at its other end: either side may have asked for it."""
    requester, accepter = peering["RequesterTgwInfo"], peering["AccepterTgwInfo"]
    other = accepter if requester.get("TransitGatewayId") == gateway else requester
    return PeeringAttachment(
        id=peering["TransitGatewayAttachmentId"],
        region=other.get("Region", ""),
        state=peering["State"],
        route_table=association.get("TransitGatewayRouteTableId"),
        association=association.get("State"),
        tags=_read_tags(peering),
    )


def _read_tags(entry: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in entry.get("Tags", ())}
