"""An EBS volume as a fault sees it: what it is attached to, and whether its I/O can be paused at all."""

from typing import Literal

from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.vocabulary import ResourceType


class Attachment(Model):
    """To an instance, which stands and falls with it."""

    instance: str
    state: str
    """attaching, attached, busy, detaching …"""
    instance_type: str = ""
    nitro: bool = False
    """The instance is built on the Nitro System."""
    root: bool = False
    """It is the instance's root device."""
    deleted_with: bool = False
    """It is deleted when the instance is terminated."""


class Volume(Resource):
    """An EBS volume; `zone` is where it and its instances are."""

    USABLE = frozenset({"in-use"})
    IDENTITY = ("arn", "state", "zone", "attachments")

    type: Literal[ResourceType.VOLUME] = ResourceType.VOLUME
    attachments: tuple[Attachment, ...] = ()
    """By instance; several of a volume with Multi-Attach."""
    outpost: bool = False

    @property
    def contains(self) -> frozenset[str]:
        return frozenset(one.instance for one in self.attachments)

    @property
    def own_domain(self) -> str:
        return f"volume/{self.id}"

    @property
    def hit(self) -> frozenset[str]:
        return frozenset({self.id, *self.contains})

    @property
    def least(self) -> int | None:
        """It is lost as a whole: the share counts the instances it is attached to."""
        return 0
