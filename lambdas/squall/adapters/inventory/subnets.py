"""Subnets as candidates: what lives in them, their network ACLs, and what of the VPC stands in them alone. Read only."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found, identified
from squall.domain.resources.subnets import Acl, Endpoint, PrefixList, Subnet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

MANAGED = "managedByFIS"
"""Tag of a network ACL that FIS made; its value is `true`."""
_AMAZON = "AWS"


class Ec2Subnets:
    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        """By listing, not by id: a name that is nobody's must not hide the others."""
        asked = {name: list(values) for name, values in filters.items()}
        return self._found(identified(names, tags, [_subnet(entry, self._client) for entry in self._listed("describe_subnets", asked)]))

    def again(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([one.arn for one in resources], {}, {})

    def _listed(self, method: str, filters: Mapping[str, list[str]]) -> list[Any]:
        key = {
            "describe_subnets": "Subnets",
            "describe_network_acls": "NetworkAcls",
            "describe_network_interfaces": "NetworkInterfaces",
            "describe_vpc_endpoints": "VpcEndpoints",
        }[method]
        asked = [{"Name": name, "Values": values} for name, values in filters.items()]
        return list(list_items(self._client, method, key, **({"Filters": asked} if asked else {})))

    def _found(self, found: Found) -> Found:
        subnets = [one for one in found.resources if isinstance(one, Subnet)]
        if not subnets:
            return found
        vpcs = sorted({one.vpc for one in subnets})
        acls = self._listed("describe_network_acls", {"vpc-id": vpcs})
        homes = _homes(self._listed("describe_network_interfaces", {"subnet-id": [one.id for one in subnets]}))
        endpoints = _endpoints(self._listed("describe_vpc_endpoints", {"vpc-id": vpcs, "vpc-endpoint-type": ["Interface"]}))
        lists = self._prefix_lists()
        whole = tuple(
            one.model_copy(
                update={
                    **_association(one.id, acls),
                    "clones": tuple(_acl(acl) for acl in acls if acl["VpcId"] == one.vpc and _managed(acl)),
                    "instances": tuple(sorted(homes[one.id][0])),
                    "addresses": tuple(sorted(homes[one.id][1])),
                    "endpoints": endpoints.get(one.vpc, ()),
                    "prefix_lists": lists,
                }
            )
            for one in subnets
        )
        inside = {name: one.vpc for one in whole for name in (*one.instances, *one.addresses)}
        return Found(whole, found.missing, instances=tuple(name for one in whole for name in one.instances), registered=inside)

    def _prefix_lists(self) -> tuple[PrefixList, ...]:
        lists = list_items(self._client, "describe_managed_prefix_lists", "PrefixLists")
        own = [one for one in lists if one.get("OwnerId") != _AMAZON]
        return tuple(
            PrefixList(id=one["PrefixListId"], name=one.get("PrefixListName", ""), entries=self._entries(one["PrefixListId"]))
            for one in sorted(own, key=lambda one: str(one["PrefixListId"]))
        )

    def _entries(self, prefix_list: str) -> tuple[str, ...]:
        """Those of the first page, a hundred: more than ten are too many."""
        answer = call(self._client, "get_managed_prefix_list_entries", PrefixListId=prefix_list)
        return tuple(entry["Cidr"] for entry in answer.get("Entries", ()))


def _subnet(entry: Mapping[str, Any], client: Any) -> Subnet:
    meta = client.meta
    return Subnet(
        id=entry["SubnetId"],
        arn=entry.get("SubnetArn") or f"arn:{meta.partition}:ec2:{meta.region_name}:{entry['OwnerId']}:subnet/{entry['SubnetId']}",
        state=entry["State"],
        zone=entry.get("AvailabilityZone", ""),
        tags={tag["Key"]: tag["Value"] for tag in entry.get("Tags", [])},
        vpc=entry["VpcId"],
        cidr=entry["CidrBlock"],
    )


def _association(subnet: str, acls: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    for acl in acls:
        for association in acl.get("Associations", ()):
            if association.get("SubnetId") == subnet:
                return {"acl": acl["NetworkAclId"], "association": association["NetworkAclAssociationId"]}
    return {"acl": None, "association": None}


def _managed(acl: Mapping[str, Any]) -> bool:
    return {"Key": MANAGED, "Value": "true"} in acl.get("Tags", [])


def _acl(acl: Mapping[str, Any]) -> Acl:
    return Acl(id=acl["NetworkAclId"], subnets=tuple(sorted(one["SubnetId"] for one in acl.get("Associations", ()))))


def _homes(interfaces: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[set[str], set[str]]]:
    """Subnet to the instances in it, and to every address in it: pods have addresses of their node's interfaces."""
    homes: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for interface in interfaces:
        instances, addresses = homes[interface["SubnetId"]]
        instance = interface.get("Attachment", {}).get("InstanceId")
        if instance:
            instances.add(instance)
        addresses.update(one["PrivateIpAddress"] for one in interface.get("PrivateIpAddresses", ()))
    return homes


def _endpoints(entries: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Endpoint, ...]]:
    """VPC to its interface endpoints."""
    found: dict[str, list[Endpoint]] = defaultdict(list)
    for entry in sorted(entries, key=lambda one: str(one["VpcEndpointId"])):
        subnets = tuple(sorted(entry.get("SubnetIds", ())))
        found[entry["VpcId"]].append(Endpoint(id=entry["VpcEndpointId"], service=entry["ServiceName"], subnets=subnets))
    return {vpc: tuple(endpoints) for vpc, endpoints in found.items()}
