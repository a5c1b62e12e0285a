"""A subnet as a fault sees it: its network ACL, what lives in it, and what the whole VPC has only there."""

from typing import Literal

from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.vocabulary import ResourceType


class Endpoint(Model):
    """An interface endpoint of the VPC: the way to a service of AWS."""

    id: str
    service: str
    """`com.amazonaws.eu-west-1.ssm`."""
    subnets: tuple[str, ...]
    """Ids of those it has an interface in."""


class PrefixList(Model):
    """A prefix list of the account's own."""

    id: str
    name: str
    entries: tuple[str, ...]
    """CIDR blocks."""


class Acl(Model):
    """A network ACL of the VPC that carries `managedByFIS = true`."""

    id: str
    subnets: tuple[str, ...] = ()
    """Ids of those it is associated with."""


class Subnet(Resource):
    """A subnet. FIS cuts it off with a clone of its network ACL, associated in place of the original."""

    USABLE = frozenset({"available"})
    IDENTITY = ("arn", "state", "zone", "vpc", "acl")

    type: Literal[ResourceType.SUBNET] = ResourceType.SUBNET
    vpc: str
    cidr: str
    acl: str | None = None
    """Id of the network ACL it is associated with."""
    association: str | None = None
    """Id of that association: EC2 gives a new one with each replacement, also back to the same ACL."""
    instances: tuple[str, ...] = ()
    """Ids of the running instances in it."""
    addresses: tuple[str, ...] = ()
    """Of every network interface in it: how target groups of type ip know what lives there."""
    endpoints: tuple[Endpoint, ...] = ()
    """Of the VPC."""
    prefix_lists: tuple[PrefixList, ...] = ()
    """Of the account."""
    clones: tuple[Acl, ...] = ()
    """Network ACLs of the VPC that FIS made, whoever's experiment it was for."""

    @property
    def contains(self) -> frozenset[str]:
        return frozenset({*self.instances, *self.addresses})

    @property
    def own_domain(self) -> str:
        return f"subnet/{self.id}"

    @property
    def hit(self) -> frozenset[str]:
        return frozenset({self.id, *self.contains})

    @property
    def least(self) -> int | None:
        """It is lost as a whole: the share counts what lives in it, in the groups it belongs to."""
        return 0
