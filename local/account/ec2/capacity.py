"""Zones without capacity: which launches of which Auto Scaling groups EC2 refuses at this moment."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_region
from ministack.services import ec2

from local.account.fis.injected import Injected
from local.account.patching import require_names
from local.account.profile import holder

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

CODE = "InsufficientInstanceCapacity"
_GROUP_TAG = "aws:autoscaling:groupName"


@dataclass(frozen=True)
class Shortage:
    """The groups whose launches are refused in these zones, and the percentage of launches that is refused."""

    groups: frozenset[str]
    zones: frozenset[str]
    percent: float


injected: Injected[Shortage] = Injected()


def install_patches() -> None:
    """Make RunInstances refuse such launches. Must be installed after every other patch of RunInstances."""
    require_names(ec2, "_ACTION_MAP", "_p", "_subnets", "_error", "_DEFAULT_SUBNET_ID")
    run = ec2._ACTION_MAP["RunInstances"]

    def run_if_there_is_capacity(params: Json) -> Response:
        group, zone = _find_group(params), _find_zone(params)
        short = [shortage for shortage in injected.list() if group in shortage.groups and zone in shortage.zones]
        response: Response
        if any(holder.chance(shortage.percent / 100) for shortage in short):
            kind = ec2._p(params, "InstanceType")
            # On AWS a server error, which SDKs retry. Not here: only the group launches for the group, and it retries at its own pace.
            message = (
                f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). "
                "Our system will be working on provisioning additional capacity."
            )
            response = ec2._error(CODE, message, 400)
        else:
            response = run(params)
        return response

    ec2._ACTION_MAP["RunInstances"] = run_if_there_is_capacity


def _find_group(params: Json) -> str:
    """The group that the launch is for, by the tag that only Auto Scaling can write."""
    specification = 1
    while ec2._p(params, f"TagSpecification.{specification}.ResourceType"):
        number = 1
        while key := ec2._p(params, f"TagSpecification.{specification}.Tag.{number}.Key"):
            if key == _GROUP_TAG:
                return str(ec2._p(params, f"TagSpecification.{specification}.Tag.{number}.Value"))
            number += 1
        specification += 1
    return ""


def _find_zone(params: Json) -> str:
    subnet = ec2._subnets.get(ec2._p(params, "SubnetId") or ec2._DEFAULT_SUBNET_ID) or {}
    return str(subnet.get("AvailabilityZone") or f"{get_region()}a")
