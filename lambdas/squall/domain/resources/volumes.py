"""EBS volumes as targets: what they are attached to, and whether their I/O can be paused."""

from typing import Literal

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.base import Resource


class Attachment(Model):
    """An attachment to an instance, which is lost together with the volume."""

    instance: str
    """Id of the instance."""
    state: str
    """attaching, attached, busy, detaching …"""
    instance_type: str = ""
    nitro: bool = False
    """Whether the instance is built on the Nitro System."""
    root: bool = False
    """Whether it is the instance's root device."""
    deleted_with: bool = False
    """Whether it is deleted when the instance is terminated."""


class Volume(Resource):
    """An EBS volume; `zone` is where it and its instances are."""

    USABLE = frozenset({"in-use"})
    IDENTITY = ("arn", "state", "zone", "attachments")

    type: Literal[ResourceType.VOLUME] = ResourceType.VOLUME
    attachments: tuple[Attachment, ...] = ()
    """Sorted by instance; a volume with Multi-Attach may have several."""
    outpost: bool = False

    @property
    def contains(self) -> frozenset[str]:
        return frozenset(attachment.instance for attachment in self.attachments)

    @property
    def own_domain(self) -> str:
        return f"volume/{self.id}"

    @property
    def hit(self) -> frozenset[str]:
        return frozenset({self.id, *self.contains})

    @property
    def least(self) -> int | None:
        """0, because the volume is lost as a whole. The healthy share applies to the groups of its instances."""
        return 0
