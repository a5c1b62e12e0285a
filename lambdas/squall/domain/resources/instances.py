"""EC2 instances as targets."""

from typing import Literal

from squall.domain.resources.base import Member
from squall.domain.vocabulary import ResourceType


class Instance(Member):
    """An EC2 instance."""

    USABLE = frozenset({"running"})
    LOST = frozenset({"terminated", "shutting-down"})
    IDENTITY = ("arn", "state", "zone", "group", "lifecycle")

    type: Literal[ResourceType.INSTANCE] = ResourceType.INSTANCE
    lifecycle: str | None = None
    """Auto Scaling lifecycle state (InService …)."""
    managed: bool = False
    """Whether it is registered with Systems Manager and online."""
    platform: str = "Linux"
    """Operating system, in Systems Manager's word."""
    private_ip: str | None = None
    """Its primary IPv4 address in the VPC."""

    @property
    def registered_as(self) -> str | None:
        return self.id

    @property
    def own_domain(self) -> str:
        return f"instance/{self.id}"
