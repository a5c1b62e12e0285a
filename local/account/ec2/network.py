"""The account's network: what the emulator's EC2 lacks in network ACLs, interfaces and addresses.

The emulator associates no subnet with an ACL, forgets the subnet when an association is replaced, deletes ACLs that are
in use, and gives instances addresses outside every network and no interface. Squall needs all of this to find what is
in a subnet, and FIS needs it to cut a subnet off.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import functools
import random
import string
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from typing import Any

from ministack.services import ec2

from local.account.patching import find_original, require_names

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Json], Response]

LAST_RULE = 32767
"""The rule that denies what no other rule matches; it can't be deleted."""
_RESERVED = 512
"""The first addresses of a subnet, which no instance gets."""
_GONE = ("terminated", "shutting-down")
_lock = threading.RLock()


def install_patches() -> None:
    """Patch EC2."""
    require_names(
        ec2, "_network_acls", "_network_interfaces", "_subnets", "_instances", "_ACTION_MAP", "_error", "_xml", "_p", "_parse_filters"
    )
    launch = find_original(
        ec2, "_launch_instances_internal",
        "image_id instance_type subnet_id count key_name user_data sg_ids requested_private_ip iam_profile",
    )  # fmt: skip

    @functools.wraps(launch)
    def launch_at_home(*args: Any, **kwargs: Any) -> list[Json]:
        return [_at_home(instance) for instance in launch(*args, **kwargs)]

    ec2._launch_instances_internal = launch_at_home
    ec2._ACTION_MAP |= {
        "CreateNetworkAcl": _with_last_rules(find_original(ec2, "_create_network_acl", "params")),
        "DescribeNetworkAcls": _with_associations(find_original(ec2, "_describe_network_acls", "params")),
        "DeleteNetworkAcl": _unless_used(find_original(ec2, "_delete_network_acl", "params")),
        "ReplaceNetworkAclAssociation": _replace_association,
        "DescribeNetworkInterfaces": _describe_interfaces,
    }


# --- network ACLs -------------------------------------------------------------------------------------------------


def acl_of(subnet: str) -> tuple[Json, str]:
    """The subnet's network ACL and the id of the association. A subnet without an association of its own has its VPC's
    default ACL."""
    with _lock:
        acls = list(ec2._network_acls.values())
        for acl in acls:
            for association in acl["Associations"]:
                if association["SubnetId"] == subnet:
                    return acl, association["NetworkAclAssociationId"]
        vpc = ec2._subnets[subnet]["VpcId"]
        default = next(acl for acl in acls if acl["VpcId"] == vpc and acl["IsDefault"])
        return default, _associate_acl(default, subnet)


def _associate_acl(acl: Json, subnet: str) -> str:
    identifier = _make_identifier("aclassoc")
    acl["Associations"] = [*acl["Associations"], {"NetworkAclAssociationId": identifier, "SubnetId": subnet}]
    return identifier


def _with_associations(describe: Handler) -> Handler:
    def describe_acls(params: Json) -> Response:
        for subnet in list(ec2._subnets):
            acl_of(subnet)
        return describe(params)

    return describe_acls


def _with_last_rules(create: Handler) -> Handler:
    def create_acl(params: Json) -> Response:
        known = set(ec2._network_acls)
        response = create(params)
        for identifier in set(ec2._network_acls) - known:
            rules = ec2._network_acls[identifier]["Entries"]
            for egress in (False, True):
                rules.append({"RuleNumber": LAST_RULE, "Protocol": "-1", "RuleAction": "deny", "Egress": egress, "CidrBlock": "0.0.0.0/0"})
        return response

    return create_acl


def _unless_used(delete: Handler) -> Handler:
    def delete_acl(params: Json) -> Response:
        acl = ec2._network_acls.get(ec2._p(params, "NetworkAclId"))
        if acl is not None and (acl["Associations"] or acl["IsDefault"]):
            message = f"network acl '{acl['NetworkAclId']}' is in use and cannot be deleted."
            response: Response = ec2._error("DependencyViolation", message, 400)
            return response
        return delete(params)

    return delete_acl


def _replace_association(params: Json) -> Response:
    """Give the subnet another ACL. As on AWS, the association has a new id and the old id is no longer valid."""
    old, wanted = ec2._p(params, "AssociationId"), ec2._p(params, "NetworkAclId")
    response: Response
    if wanted not in ec2._network_acls:
        response = ec2._error("InvalidNetworkAclID.NotFound", f"The network ACL '{wanted}' does not exist", 400)
        return response
    with _lock:
        for subnet in list(ec2._subnets):
            acl, association = acl_of(subnet)
            if association == old:
                acl["Associations"] = [association for association in acl["Associations"] if association["NetworkAclAssociationId"] != old]
                made = _associate_acl(ec2._network_acls[wanted], subnet)
                response = ec2._xml(200, "ReplaceNetworkAclAssociationResponse", f"<newAssociationId>{made}</newAssociationId>")
                return response
    response = ec2._error("InvalidAssociationID.NotFound", f"The association ID '{old}' does not exist", 400)
    return response


# --- addresses and interfaces -------------------------------------------------------------------------------------


def _at_home(instance: Json) -> Json:
    """Give the instance a free address of its subnet."""
    subnet = ec2._subnets.get(instance["SubnetId"])
    if subnet is not None:
        taken = {other["PrivateIpAddress"] for other in ec2._instances.values() if other is not instance}
        hosts = IPv4Network(subnet["CidrBlock"])
        free = (str(hosts[n]) for n in range(min(_RESERVED, hosts.num_addresses // 2), hosts.num_addresses - 1))
        instance["PrivateIpAddress"] = next(address for address in free if address not in taken)
        instance["PrivateDnsName"] = f"ip-{instance['PrivateIpAddress'].replace('.', '-')}.ec2.internal"
    return instance


def list_interfaces() -> Iterator[Json]:
    """The interfaces of instances, and those that were created."""
    for instance in list(ec2._instances.values()):
        if instance["State"]["Name"] not in _GONE:
            yield {
                "NetworkInterfaceId": f"eni-{instance['InstanceId'].removeprefix('i-')}",
                "SubnetId": instance["SubnetId"],
                "VpcId": instance["VpcId"],
                "PrivateIpAddress": instance["PrivateIpAddress"],
                "Status": "in-use",
                "InstanceId": instance["InstanceId"],
            }
    for interface in list(ec2._network_interfaces.values()):
        yield {**interface, "InstanceId": (interface.get("Attachment") or {}).get("InstanceId")}


_FILTERS = {
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
    "network-interface-id": "NetworkInterfaceId",
    "attachment.instance-id": "InstanceId",
    "addresses.private-ip-address": "PrivateIpAddress",
}


def _describe_interfaces(params: Json) -> Response:
    """The interfaces with these ids or filters. Raises for an unknown filter: to ignore it would return interfaces that
    were not asked for."""
    response: Response
    filters = ec2._parse_filters(params)
    if unknown := sorted(set(filters) - set(_FILTERS)):
        response = ec2._error("InvalidParameterValue", f"The filter '{unknown[0]}' is invalid", 400)
        return response
    interfaces = list(list_interfaces())
    if ids := ec2._parse_member_list(params, "NetworkInterfaceId"):
        interfaces = [interface for interface in interfaces if interface["NetworkInterfaceId"] in ids]
    for name, values in filters.items():
        interfaces = [interface for interface in interfaces if interface[_FILTERS[name]] in values]
    inner = f"<networkInterfaceSet>{''.join(map(_interface_xml, interfaces))}</networkInterfaceSet>"
    response = ec2._xml(200, "DescribeNetworkInterfacesResponse", inner)
    return response


def _interface_xml(interface: Json) -> str:
    address = interface["PrivateIpAddress"]
    attached = (
        f"<attachment><instanceId>{interface['InstanceId']}</instanceId><status>attached</status></attachment>"
        if interface["InstanceId"]
        else ""
    )
    return (
        f"<item><networkInterfaceId>{interface['NetworkInterfaceId']}</networkInterfaceId><subnetId>{interface['SubnetId']}</subnetId>"
        f"<vpcId>{interface['VpcId']}</vpcId><privateIpAddress>{address}</privateIpAddress><status>{interface['Status']}</status>{attached}"
        f"<privateIpAddressesSet><item><privateIpAddress>{address}</privateIpAddress><primary>true</primary></item></privateIpAddressesSet></item>"
    )


def _make_identifier(kind: str) -> str:
    return f"{kind}-{''.join(random.choices(string.hexdigits[:16], k=17))}"
