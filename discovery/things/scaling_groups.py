"""Auto Scaling groups."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from discovery.things.base import Account, Thing, read_tags


class ScalingGroup(Thing):
    minimum: int
    maximum: int
    desired: int
    zones: tuple[str, ...]
    instances: tuple[str, ...]
    in_service: tuple[str, ...]
    """Ids of the instances that are InService and healthy."""
    health_check: str
    """`EC2`, `ELB` or both, separated by commas."""
    target_groups: tuple[str, ...]
    suspended: tuple[str, ...] = ()
    launch_template: bool = False
    uses: tuple[str, ...] = ()
    """Ids of things that the user data of its launch template names."""
    hosts: tuple[str, ...] = ()
    """Host names of other URLs in the user data."""


def read_scaling_groups(account: Account) -> Iterator[ScalingGroup]:
    """Every group, with what its launch template's user data refers to."""
    for entry in account.items("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        yield account.resumed(ScalingGroup, entry["AutoScalingGroupARN"]) or _read(account, entry)


def _read(account: Account, entry: dict[str, Any]) -> ScalingGroup:
    template = entry.get("LaunchTemplate") or (
        entry.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    )
    uses, hosts = account.match(_read_user_data(account, template) if template else iter(()))
    members = entry.get("Instances", [])
    return ScalingGroup(
        id=entry["AutoScalingGroupARN"],
        name=entry["AutoScalingGroupName"],
        tags=read_tags(entry.get("Tags")),
        minimum=entry["MinSize"],
        maximum=entry["MaxSize"],
        desired=entry["DesiredCapacity"],
        zones=tuple(sorted(entry["AvailabilityZones"])),
        instances=tuple(sorted(member["InstanceId"] for member in members)),
        in_service=tuple(
            sorted(m["InstanceId"] for m in members if m.get("LifecycleState") == "InService" and m.get("HealthStatus") == "Healthy")
        ),
        health_check=entry.get("HealthCheckType", "EC2"),
        target_groups=tuple(entry.get("TargetGroupARNs", [])),
        suspended=tuple(sorted(process["ProcessName"] for process in entry.get("SuspendedProcesses", []))),
        launch_template=bool(template),
        uses=uses,
        hosts=hosts,
    )


def _read_user_data(account: Account, template: dict[str, Any]) -> Iterator[str]:
    """The lines of the template's user data, in the version that the group launches."""
    own = str(template.get("LaunchTemplateId", ""))
    by_id = own.startswith("lt-")  # the local account gives a name here
    name = {"LaunchTemplateId": own} if by_id else {"LaunchTemplateName": template.get("LaunchTemplateName", "")}
    versions = account.items(
        "ec2",
        "describe_launch_template_versions",
        "LaunchTemplateVersions",
        **name,
        Versions=[template.get("Version") or "$Default"],
    )
    for version in versions:
        try:
            data = base64.b64decode(version.get("LaunchTemplateData", {}).get("UserData", "") or "")
        except (binascii.Error, ValueError):
            continue
        yield from data.decode(errors="replace").splitlines()
