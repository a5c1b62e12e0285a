"""EBS volumes as EC2 has them: tagged at launch, deleted with their instance, on Nitro instances. The emulator lacks
all of this."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import re
from typing import Any

from ministack.services import ec2

from local.account.patching import find_original, require_names

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_GONE = ("terminated", "shutting-down")
_BEFORE_NITRO = ("t1", "t2", "m1", "m2", "m3", "m4", "c1", "c3", "c4", "r3", "r4", "i2", "i3", "d2", "g2", "g3", "p2", "p3", "x1", "f1")
_TYPE = re.compile(r"(<instanceType>(\w+)\.[\w-]+</instanceType>.*?<hypervisor>)xen(</hypervisor>)", re.DOTALL)


def install_patches() -> None:
    """Patch EC2."""
    require_names(ec2, "_volumes", "_instances", "_tags", "_ACTION_MAP", "_parse_tag_specs")
    run = find_original(ec2, "_run_instances", "p")
    describe = find_original(ec2, "_describe_volumes", "p")
    types = find_original(ec2, "_describe_instance_types", "p")

    def run_with_tagged_volumes(params: Json) -> Response:
        response: Response = run(params)
        if response[0] == 200:
            for volume in re.findall(r"<volumeId>(vol-\w+)</volumeId>", response[2].decode()):
                ec2._parse_tag_specs(params, "volume", volume)
        return response

    def describe_what_is_left(params: Json) -> Response:
        _delete_with_instances()
        response: Response = describe(params)
        return response

    def describe_types(params: Json) -> Response:
        status, headers, body = types(params)
        return status, headers, _TYPE.sub(_add_hypervisor, body.decode()).encode()

    ec2._ACTION_MAP |= {
        "RunInstances": run_with_tagged_volumes,
        "DescribeVolumes": describe_what_is_left,
        "DescribeInstanceTypes": describe_types,
    }


def _add_hypervisor(match: re.Match[str]) -> str:
    return f"{match[1]}{'xen' if match[2] in _BEFORE_NITRO else 'nitro'}{match[3]}"


def _delete_with_instances() -> None:
    for identifier, volume in list(ec2._volumes.items()):
        attached = volume.get("Attachments") or []
        if attached and all(attachment["DeleteOnTermination"] and _is_gone(attachment["InstanceId"]) for attachment in attached):
            ec2._volumes.pop(identifier, None)


def _is_gone(instance_id: str) -> bool:
    instance = ec2._instances.get(instance_id)
    return instance is None or instance["State"]["Name"] in _GONE
