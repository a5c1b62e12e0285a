"""Subnets as targets: their network ACL, what lives in them, and which endpoints the whole VPC would lose with them."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource


class Endpoint(Model):
    """An interface endpoint of the VPC: the way to an AWS service."""

    id: str
    service: str
    """`com.amazonaws.eu-west-1.ssm`."""
    subnets: tuple[str, ...]
    """Ids of the subnets in which it has an interface."""


class PrefixList(Model):
    """A prefix list that belongs to the account."""

    id: str
    name: str
    entries: tuple[str, ...]
    """CIDR blocks."""


class Acl(Model):
    """A network ACL of the VPC that FIS made: its tag is `managedByFIS = true`."""

    id: str
    subnets: tuple[str, ...] = ()
    """Ids of the subnets that it is associated with."""


class FisPart(Model):
    """Something that FIS made to block traffic to a Region: its tag is `managedByFIS = true`."""

    kind: Literal["route-table", "prefix-list", "network-interface"]
    id: str
    subnets: tuple[str, ...] = ()
    """Ids of the subnets that a route table is associated with."""
    vpc: str = ""
    """The VPC of a route table; empty for the rest, and in documents of earlier versions."""


class Subnet(Resource):
    """A subnet. FIS cuts it off with a clone of its network ACL, or of its route table, in place of the original."""

    USABLE = frozenset({"available"})
    IDENTITY = ("arn", "state", "zone", "vpc", "acl")

    type: Literal[ResourceType.SUBNET] = ResourceType.SUBNET
    vpc: str
    cidr: str
    ipv6_cidrs: tuple[str, ...] = ()
    acl: str | None = None
    """Id of its network ACL."""
    acl_rules: int = 0
    """The number of rules of that ACL, in the direction that has more; the last one, which denies the rest,
    excepted."""
    association: str | None = None
    """Id of its association with the ACL. EC2 gives a new id with each replacement, also when the same ACL is put
    back."""
    instances: tuple[str, ...] = ()
    """Ids of the running instances in it."""
    addresses: tuple[str, ...] = ()
    """Addresses of every network interface in it, and those of its CIDR blocks that target groups of type ip know: a
    pod may have an address of a prefix that its node was given."""
    balancers: tuple[str, ...] = ()
    """Load balancers with a node in it, as `app/name/0123`."""
    endpoints: tuple[Endpoint, ...] = ()
    """The interface endpoints of its VPC."""
    prefix_lists: tuple[PrefixList, ...] = ()
    """The account's prefix lists."""
    route_table: str | None = None
    """Id of its route table: the one that it is associated with, else the main one of its VPC."""
    route_association: str | None = None
    """Id of its association with the route table, another one after each replacement. None: it uses the main one without an
    association."""
    routes: int = 0
    """The number of routes in its route table, without those that a virtual private gateway propagates: they do not count
    towards the quota."""
    gateways: dict[str, dict[str, str]] = {}
    """The gateway endpoints with routes in its route table: ids to tags."""
    made_by_fis: tuple[FisPart, ...] = ()
    """What FIS made for any experiment to block traffic to a Region: network interfaces of the subnet, route tables and prefix
    lists of the account."""
    away_from: str = ""
    """The Region that the fault cuts it off from; empty if the fault is another one."""
    clones: tuple[Acl, ...] = ()
    """Network ACLs of the VPC that FIS made for any experiment."""

    def known_as(self, registered: frozenset[str], /) -> Self:
        networks = [ip_network(cidr) for cidr in (self.cidr, *self.ipv6_cidrs)]
        addresses = {name: ip_address(name) for name in registered if not name.startswith(("i-", "arn:"))}
        inside = {name for name, address in addresses.items() if any(address in network for network in networks)}
        return self.model_copy(update={"addresses": tuple(sorted({*self.addresses, *inside}))})

    def under(self, _fault_type: FaultType, parameters: Mapping[str, Any], /) -> Self:
        return self.model_copy(update={"away_from": str(parameters.get("region", ""))})

    @property
    def tagged_parts(self) -> Mapping[str, Mapping[str, str]]:
        """The gateway endpoints whose routes FIS copies: IAM authorizes it on these as well."""
        return self.gateways if self.away_from else {}

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
        """0, because the subnet is lost as a whole. The healthy share applies to the groups of its instances and
        addresses."""
        return 0
