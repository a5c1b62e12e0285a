"""A subnet of an account, with what lives in it, as AWS describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squall.adapters.inventory.subnets import Ec2Subnets
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.subnets import Subnet
from tests.accounts.account import STAGING
from tests.accounts.modelled import Modelled
from tests.accounts.traffic import VPC
from tests.fakes.workload import ACCOUNT, REGION, ZONES

if TYPE_CHECKING:
    from tests.accounts.account import Account

ID = "subnet-0aaaaaaaaaaaaaaaa"
ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{ID}"
CIDR, CIDR_6 = "10.0.4.0/22", "2001:db8:4::/64"


@dataclass
class Inhabited:
    """The subnet and the interfaces in it."""

    interfaces: list[dict[str, Any]] = field(default_factory=list)
    owner: str = ACCOUNT
    """The account of the VPC: a shared one is another's, which alone sees the tags and replaces network ACLs."""


class Network:
    """One subnet, read through the real adapter. The fake FIS keeps its network ACL among the fleet's resources."""

    def __init__(self, account: Account, inhabited: Inhabited) -> None:
        self._account, self._inhabited = account, inhabited
        acl = {"acl": "acl-0bbbbbbb", "association": "aclassoc-0ccccccc"}
        account.world.fleet.add_other(Subnet(id=ID, arn=ARN, state="available", vpc=VPC, cidr=CIDR, **acl))
        ec2 = Modelled("ec2", {name: getattr(self, name) for name in _METHODS})
        account.finders[ResourceType.SUBNET] = lambda: Ec2Subnets(ec2)

    @property
    def _now(self) -> Subnet:
        now = self._account.world.fleet.others[ARN]
        assert isinstance(now, Subnet)
        return now

    def describe_subnets(self, **_: Any) -> dict[str, Any]:
        own = self._inhabited.owner == ACCOUNT
        block = {"AssociationId": "subnet-cidr-assoc-0", "Ipv6CidrBlock": CIDR_6, "Ipv6CidrBlockState": {"State": "associated"}}
        return {
            "Subnets": [
                {
                    "SubnetId": ID, "SubnetArn": ARN.replace(ACCOUNT, self._inhabited.owner), "VpcId": VPC,
                    "OwnerId": self._inhabited.owner,
                    "State": "available", "CidrBlock": CIDR, "AvailabilityZone": ZONES[0], "Ipv6CidrBlockAssociationSet": [block],
                    "Tags": [{"Key": key, "Value": value} for key, value in STAGING.items()] if own else [],
                }
            ]
        }  # fmt: skip

    def describe_network_acls(self, **_: Any) -> dict[str, Any]:
        now = self._now
        clones = [{"NetworkAclId": acl.id, "VpcId": VPC, "Tags": [{"Key": "managedByFIS", "Value": "true"}]} for acl in now.clones]
        acls: list[dict[str, Any]] = [{"NetworkAclId": "acl-0bbbbbbb", "VpcId": VPC, "Tags": []}, *clones]
        for acl in acls:
            held = {"SubnetId": ID, "NetworkAclId": acl["NetworkAclId"], "NetworkAclAssociationId": now.association}
            acl |= {"Entries": _ENTRIES, "Associations": [held] if acl["NetworkAclId"] == now.acl else []}
        return {"NetworkAcls": acls}

    def describe_network_interfaces(self, **_: Any) -> dict[str, Any]:
        return {"NetworkInterfaces": [{"SubnetId": ID, **interface} for interface in self._inhabited.interfaces]}

    def describe_vpc_endpoints(self, **_: Any) -> dict[str, Any]:
        return {"VpcEndpoints": []}

    def describe_route_tables(self, **_: Any) -> dict[str, Any]:
        main = {"Main": True, "RouteTableId": "rtb-0a1", "RouteTableAssociationId": "rtbassoc-0"}
        return {"RouteTables": [{"RouteTableId": "rtb-0a1", "VpcId": VPC, "Associations": [main], "Routes": [], "Tags": []}]}

    def describe_managed_prefix_lists(self, **_: Any) -> dict[str, Any]:
        return {"PrefixLists": []}


_METHODS = (
    "describe_subnets", "describe_network_acls", "describe_network_interfaces", "describe_vpc_endpoints", "describe_managed_prefix_lists",
    "describe_route_tables",
)  # fmt: skip
_ENTRIES = [
    {"Egress": egress, "RuleNumber": number, "Protocol": "-1", "RuleAction": action, "CidrBlock": "0.0.0.0/0"}
    for egress in (True, False)
    for number, action in ((100, "allow"), (32767, "deny"))
]
