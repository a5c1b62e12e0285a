"""Transit gateways as targets: their attachments to transit gateways of other Regions, and where these find their routes."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource


class PeeringAttachment(Model):
    """An attachment to a transit gateway of another Region."""

    id: str
    region: str
    """The Region of the other transit gateway."""
    state: str
    """`available` while traffic can pass."""
    route_table: str | None = None
    """Id of the route table that decides about the traffic which arrives by this attachment; None: it has none."""
    association: str | None = None
    """State of the association with that route table: `associated`."""
    tags: dict[str, str] = {}


class TransitGateway(Resource):
    """A transit gateway. FIS takes the peering attachments to one Region out of their route tables."""

    USABLE = frozenset({"available"})
    IDENTITY = ("arn", "state", "attachments")

    type: Literal[ResourceType.TRANSIT_GATEWAY] = ResourceType.TRANSIT_GATEWAY
    attachments: tuple[PeeringAttachment, ...] = ()
    """Its peering attachments, sorted by id."""
    away_from: str = ""
    """The Region that the fault cuts it off from; empty if it is not known."""

    def under(self, _fault_type: FaultType, parameters: Mapping[str, Any], /) -> Self:
        return self.model_copy(update={"away_from": str(parameters.get("region", ""))})

    def list_attachments(self, region: str) -> list[PeeringAttachment]:
        """Its attachments to this Region."""
        return [attachment for attachment in self.attachments if attachment.region == region]

    @property
    def tagged_parts(self) -> Mapping[str, Mapping[str, str]]:
        """The attachments that the fault disturbs: IAM authorizes FIS on these, not on the transit gateway."""
        return {attachment.id: attachment.tags for attachment in self.list_attachments(self.away_from)}

    @property
    def agent(self) -> str | None:
        return None

    @property
    def own_domain(self) -> str:
        return self.arn

    @property
    def least(self) -> int | None:
        """0, because the way to the Region is cut as a whole."""
        return 0
