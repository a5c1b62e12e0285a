"""EC2 instances as targets."""

from typing import Literal

from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.base import Member

IN_SERVICE = "InService"
"""The lifecycle state in which Auto Scaling counts an instance as one that serves."""


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
    addresses: tuple[str, ...] = ()
    """The addresses of its network interfaces that a target group knows, also those of pods and tasks on it."""
    carries_others: bool = False
    """Whether tasks or pods on it have network interfaces that EC2 does not list under it: nothing tells in which target
    groups those are registered."""
    detailed_monitoring: bool | None = None
    """Whether EC2 publishes its metrics every minute, and not every five; None: not known."""

    spot_request: str | None = None
    """Id of its Spot request; None: it is no Spot Instance."""
    spot_status: str | None = None
    """Status code of its Spot request, which says who interrupts it, and why; None: EC2 knows no such request."""

    @property
    def usable(self) -> bool:
        """Whether it serves. An instance in Standby, in a warm pool, or that is being launched or terminated serves
        nobody."""
        return self.state in self.USABLE and self.lifecycle in {None, IN_SERVICE}

    @property
    def condition(self) -> str:
        return self.state if self.lifecycle in {None, IN_SERVICE} else f"{self.state} and {self.lifecycle}"

    @property
    def registered_names(self) -> frozenset[str]:
        return frozenset({self.id, *self.addresses})

    @property
    def own_names(self) -> frozenset[str]:
        return self.registered_names & {self.id, self.private_ip}

    @property
    def hit(self) -> frozenset[str]:
        """The instance under all its names: its group knows it by id, target groups by id or by address."""
        return self.registered_names

    @property
    def own_domain(self) -> str:
        return f"instance/{self.id}"
