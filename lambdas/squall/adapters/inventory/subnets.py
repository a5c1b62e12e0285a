"""Subnets as candidates: what lives in them, their network ACLs, and the VPC's interface endpoints. Only reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found, select_named
from squall.domain.resources.subnets import Acl, Endpoint, FisPart, PrefixList, Subnet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

MANAGED = "managedByFIS"
"""The tag of what FIS made; its value is `true`."""
_AMAZON = "AWS"
_OF_BALANCER = "ELB "
"""The beginning of the description of an interface that Elastic Load Balancing made for a node of a load balancer."""
_PROPAGATED = "EnableVgwRoutePropagation"
"""The origin of the routes that a virtual private gateway propagates."""
_REST = 32767
"""The lowest rule number of the rules that deny everything that no other rule matches."""


class Ec2Subnets:
    """Finds subnets by id, ARN, tags or filters."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        """Lists all subnets instead of asking by id: one that does not exist must not hide the others."""
        wanted = {name: list(values) for name, values in filters.items()}
        subnets = [_read_subnet(entry, self._client) for entry in self._list("describe_subnets", wanted)]
        return self._with_surroundings(select_named(names, tags, subnets))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _list(self, method: str, filters: Mapping[str, list[str]]) -> list[Any]:
        key = {
            "describe_subnets": "Subnets",
            "describe_network_acls": "NetworkAcls",
            "describe_network_interfaces": "NetworkInterfaces",
            "describe_route_tables": "RouteTables",
            "describe_vpc_endpoints": "VpcEndpoints",
        }[method]
        wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
        return list(list_items(self._client, method, key, **({"Filters": wanted} if wanted else {})))

    def _with_surroundings(self, found: Found) -> Found:
        subnets = [resource for resource in found.resources if isinstance(resource, Subnet)]
        if not subnets:
            return found
        vpcs = sorted({subnet.vpc for subnet in subnets})
        acls = self._list("describe_network_acls", {"vpc-id": vpcs})
        ids = [subnet.id for subnet in subnets]
        interfaces = self._list("describe_network_interfaces", {"subnet-id": ids})
        inhabitants = _group_by_subnet(interfaces)
        every = self._list("describe_vpc_endpoints", {"vpc-id": vpcs, "vpc-endpoint-type": ["Interface", "Gateway"]})
        endpoints = _group_by_vpc([entry for entry in every if entry.get("VpcEndpointType") != "Gateway"])
        tables = self._list("describe_route_tables", {"vpc-id": vpcs})
        managed = self._list("describe_route_tables", {f"tag:{MANAGED}": ["true"]})  # of every VPC, because prefix lists have none
        owned = self._list_prefix_lists()
        lists = tuple(self._read_prefix_list(entry) for entry in owned)
        whole = tuple(
            subnet.model_copy(
                update={
                    **_find_association(subnet.id, acls),
                    **_find_routes(subnet, tables, every),
                    "made_by_fis": (*_list_tables(managed), *_list_parts(subnet.id, interfaces, owned)),
                    "clones": tuple(_read_acl(acl) for acl in acls if acl["VpcId"] == subnet.vpc and _is_managed(acl)),
                    "instances": tuple(sorted(inhabitants[subnet.id].instances)),
                    "addresses": tuple(sorted(inhabitants[subnet.id].addresses)),
                    "balancers": tuple(sorted(inhabitants[subnet.id].balancers)),
                    "endpoints": endpoints.get(subnet.vpc, ()),
                    "prefix_lists": lists,
                }
            )
            for subnet in subnets
        )
        registered = {name: subnet.vpc for subnet in whole for name in (*subnet.instances, subnet.cidr, *subnet.ipv6_cidrs)}
        instances = tuple(name for subnet in whole for name in subnet.instances)
        return Found(whole, found.missing, instances=instances, registered=registered)

    def _list_prefix_lists(self) -> list[Any]:
        """The account's own prefix lists."""
        lists = list_items(self._client, "describe_managed_prefix_lists", "PrefixLists")
        return sorted((entry for entry in lists if entry.get("OwnerId") != _AMAZON), key=lambda entry: str(entry["PrefixListId"]))

    def _read_prefix_list(self, entry: Mapping[str, Any]) -> PrefixList:
        id_ = entry["PrefixListId"]
        return PrefixList(id=id_, name=entry.get("PrefixListName", ""), entries=self._read_entries(id_))

    def _read_entries(self, prefix_list: str) -> tuple[str, ...]:
        """The entries of the first page, up to a hundred: more than ten are too many for FIS anyway."""
        answer = call(self._client, "get_managed_prefix_list_entries", PrefixListId=prefix_list)
        return tuple(entry["Cidr"] for entry in answer.get("Entries", ()))


def _read_subnet(entry: Mapping[str, Any], client: Any) -> Subnet:
    meta = client.meta
    return Subnet(
        id=entry["SubnetId"],
        arn=entry.get("SubnetArn") or f"arn:{meta.partition}:ec2:{meta.region_name}:{entry['OwnerId']}:subnet/{entry['SubnetId']}",
        state=entry["State"],
        zone=entry.get("AvailabilityZone", ""),
        tags=_read_tags(entry),
        vpc=entry["VpcId"],
        cidr=entry["CidrBlock"],
        ipv6_cidrs=tuple(block["Ipv6CidrBlock"] for block in entry.get("Ipv6CidrBlockAssociationSet", ())),
    )


def _find_association(subnet: str, acls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    for acl in acls:
        for association in acl.get("Associations", ()):
            if association.get("SubnetId") == subnet:
                rules = _count_rules(acl)
                return {"acl": acl["NetworkAclId"], "association": association["NetworkAclAssociationId"], "acl_rules": rules}
    return {"acl": None, "association": None}


def _count_rules(acl: Mapping[str, Any]) -> int:
    """The number of inbound or of outbound rules, whichever is greater. The rules from 32767 on, which deny everything
    else, do not count towards the quota."""
    directions = [entry["Egress"] for entry in acl.get("Entries", ()) if entry["RuleNumber"] < _REST]
    return max(directions.count(True), directions.count(False))


def _find_routes(subnet: Subnet, tables: Sequence[Mapping[str, Any]], endpoints: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The subnet's route table, its association with it, and the gateway endpoints that have routes in it."""
    of_vpc = [(table, association) for table in tables if table["VpcId"] == subnet.vpc for association in table.get("Associations", ())]
    own = next(((table, association) for table, association in of_vpc if association.get("SubnetId") == subnet.id), None)
    main = next((table for table, association in of_vpc if association.get("Main")), None)
    table = own[0] if own else main
    id_ = str(table["RouteTableId"]) if table else None
    gateways = {entry["VpcEndpointId"]: _read_tags(entry) for entry in endpoints if id_ in entry.get("RouteTableIds", ())}
    routes = [route for route in (table or {}).get("Routes", ()) if route.get("Origin") != _PROPAGATED]
    association = own[1]["RouteTableAssociationId"] if own else None
    return {"route_table": id_, "route_association": association, "routes": len(routes), "gateways": gateways}


def _list_tables(tables: Sequence[Mapping[str, Any]]) -> list[FisPart]:
    """The route tables that FIS made, of every VPC."""
    return [
        FisPart(
            kind="route-table",
            id=table["RouteTableId"],
            subnets=tuple(sorted(entry["SubnetId"] for entry in table.get("Associations", ()) if entry.get("SubnetId"))),
            vpc=table["VpcId"],
        )
        for table in sorted(tables, key=lambda table: str(table["RouteTableId"]))
        if _is_managed(table)
    ]


def _list_parts(subnet: str, interfaces: Sequence[Mapping[str, Any]], lists: Sequence[Mapping[str, Any]]) -> list[FisPart]:
    """The network interfaces in the subnet, and the prefix lists, that FIS made."""
    inside = [entry["NetworkInterfaceId"] for entry in interfaces if entry["SubnetId"] == subnet and _is_managed(entry, "TagSet")]
    return [
        *(FisPart(kind="prefix-list", id=entry["PrefixListId"]) for entry in lists if _is_managed(entry)),
        *(FisPart(kind="network-interface", id=id_) for id_ in sorted(inside)),
    ]


def _is_managed(entry: Mapping[str, Any], tags: str = "Tags") -> bool:
    return {"Key": MANAGED, "Value": "true"} in entry.get(tags, [])


def _read_tags(entry: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in entry.get("Tags", [])}


def _read_acl(acl: Mapping[str, Any]) -> Acl:
    return Acl(id=acl["NetworkAclId"], subnets=tuple(sorted(association["SubnetId"] for association in acl.get("Associations", ()))))


@dataclass
class _Inhabitants:
    """What lives in a subnet: ids of instances, addresses of all interfaces, and names of load balancers."""

    instances: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    balancers: set[str] = field(default_factory=set)


def _group_by_subnet(interfaces: Sequence[Mapping[str, Any]]) -> Mapping[str, _Inhabitants]:
    """What lives in each subnet, by the subnet's id."""
    by_subnet: dict[str, _Inhabitants] = defaultdict(_Inhabitants)
    for interface in interfaces:
        inhabitants = by_subnet[interface["SubnetId"]]
        if instance := interface.get("Attachment", {}).get("InstanceId"):
            inhabitants.instances.add(instance)
        inhabitants.addresses.update(address["PrivateIpAddress"] for address in interface.get("PrivateIpAddresses", ()))
        inhabitants.addresses.update(address["Ipv6Address"] for address in interface.get("Ipv6Addresses", ()))
        if (description := interface.get("Description", "")).startswith(_OF_BALANCER):
            inhabitants.balancers.add(description.removeprefix(_OF_BALANCER))
    return by_subnet


def _group_by_vpc(entries: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Endpoint, ...]]:
    """The interface endpoints of each VPC, by its id."""
    by_vpc: dict[str, list[Endpoint]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: str(entry["VpcEndpointId"])):
        subnets = tuple(sorted(entry.get("SubnetIds", ())))
        by_vpc[entry["VpcId"]].append(Endpoint(id=entry["VpcEndpointId"], service=entry["ServiceName"], subnets=subnets))
    return {vpc: tuple(endpoints) for vpc, endpoints in by_vpc.items()}
