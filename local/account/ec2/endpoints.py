"""Interface endpoints of VPCs: the security groups that the emulator's endpoints lack. Nothing in the account goes through
them."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

from collections.abc import Callable
from typing import Any

from ministack.services import ec2

from local.account.patching import find_original, replace_function, require_names

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Json], Response]

INTERFACE = "Interface"


def install_patches() -> None:
    """Patch EC2."""
    require_names(ec2, "_vpc_endpoints", "_security_groups", "_ACTION_MAP", "_parse_member_list", "_parse_filters", "_error", "_xml")
    replace_function(ec2, "_vpce_fields_xml", "ep tag", _with_groups)
    ec2._ACTION_MAP |= {
        "CreateVpcEndpoint": _grouped(find_original(ec2, "_create_vpc_endpoint", "p")),
        "DescribeVpcEndpoints": _describe,
        "ModifyVpcEndpoint": _changing_groups(find_original(ec2, "_modify_vpc_endpoint", "p")),
        "DeleteSecurityGroup": _unless_used(ec2._ACTION_MAP["DeleteSecurityGroup"]),
    }


def _refuse(code: str, message: str) -> Response:
    error: Response = ec2._error(code, message, 400)
    return error


def _with_groups(fields: Callable[..., str]) -> Callable[..., str]:
    def vpce_fields_xml(ep: Json, tag: str = "item") -> str:
        text, end = fields(ep, tag), f"</{tag}>"
        known = [(group, ec2._security_groups.get(group, {}).get("GroupName", group)) for group in ep.get("Groups", [])]
        items = "".join(f"<item><groupId>{group}</groupId><groupName>{name}</groupName></item>" for group, name in known)
        return f"{text.removesuffix(end)}<groupSet>{items}</groupSet>{end}"

    return vpce_fields_xml


def _grouped(create: Handler) -> Handler:
    """Give a new interface endpoint the security groups that the call names, or its VPC's default group."""

    def create_vpc_endpoint(p: Json) -> Response:
        before = set(ec2._vpc_endpoints)
        groups = ec2._parse_member_list(p, "SecurityGroupId")
        answer = create(p)
        for id_ in set(ec2._vpc_endpoints) - before:
            endpoint = ec2._vpc_endpoints[id_]
            if endpoint["VpcEndpointType"] == INTERFACE:
                endpoint["Groups"] = groups or _default_groups(endpoint["VpcId"])
        return answer

    return create_vpc_endpoint


def _default_groups(vpc: str) -> list[str]:
    return [id_ for id_, group in ec2._security_groups.items() if (group["VpcId"], group["GroupName"]) == (vpc, "default")]


def _describe(p: Json) -> Response:
    """The endpoints by id, VPC and type; an unknown id is an error."""
    ids, filters = ec2._parse_member_list(p, "VpcEndpointId"), ec2._parse_filters(p)
    if unknown := [id_ for id_ in ids if id_ not in ec2._vpc_endpoints]:
        return _refuse("InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{unknown[0]}' does not exist")
    found = [
        endpoint
        for id_, endpoint in ec2._vpc_endpoints.items()
        if (not ids or id_ in ids)
        and endpoint["VpcId"] in filters.get("vpc-id", [endpoint["VpcId"]])
        and endpoint["VpcEndpointType"] in filters.get("vpc-endpoint-type", [endpoint["VpcEndpointType"]])
    ]
    items = "".join(ec2._vpce_fields_xml(endpoint) for endpoint in found)
    answer: Response = ec2._xml(200, "DescribeVpcEndpointsResponse", f"<vpcEndpointSet>{items}</vpcEndpointSet>")
    return answer


def _changing_groups(modify: Handler) -> Handler:
    def modify_vpc_endpoint(p: Json) -> Response:
        endpoint = ec2._vpc_endpoints.get(ec2._p(p, "VpcEndpointId"))
        adding, removing = (ec2._parse_member_list(p, f"{verb}SecurityGroupId") for verb in ("Add", "Remove"))
        if endpoint and (adding or removing):
            groups = [*(group for group in endpoint.get("Groups", []) if group not in removing), *adding]
            if unknown := [group for group in adding if group not in ec2._security_groups]:
                return _refuse("InvalidGroup.NotFound", f"The security group '{unknown[0]}' does not exist")
            if not groups:
                return _refuse("InvalidParameter", "An interface endpoint needs a security group")
            endpoint["Groups"] = list(dict.fromkeys(groups))
        return modify(p)

    return modify_vpc_endpoint


def _unless_used(delete: Handler) -> Handler:
    def delete_security_group(p: Json) -> Response:
        group = ec2._p(p, "GroupId")
        if any(group in endpoint.get("Groups", []) for endpoint in ec2._vpc_endpoints.values()):
            return _refuse("DependencyViolation", f"resource {group} has a dependent object")
        return delete(p)

    return delete_security_group
