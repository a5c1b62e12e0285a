"""Auto Scaling groups as candidates themselves, with the launches that found no capacity. Only reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found, select_named
from squall.domain.resources.scaling_groups import FailedLaunch, ScalingGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_ACTIVITIES = 100
_NO_GROUP = frozenset({"ValidationError"})
"""Auto Scaling's answer for a group that was deleted since it was listed."""
"""How many of the newest activities one call reads."""
_NO_CAPACITY = re.compile(r"insufficient\s*(instance\s*)?capacity|(not|in)\s*(have\s*)?sufficient .*capacity", re.IGNORECASE)
"""EC2's error code, or its sentence: `We currently do not have sufficient m5.large capacity in the Availability Zone
you requested`."""


class ScalingGroups:
    """Finds Auto Scaling groups by ARN, or by tags."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        wanted = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
        groups = list(
            list_items(self._client, "describe_auto_scaling_groups", "AutoScalingGroups", **({"Filters": wanted} if wanted else {}))
        )
        selected = select_named(names, tags, [_read_group(group) for group in groups])
        described = [group for group in selected.resources if isinstance(group, ScalingGroup)]
        whole = tuple(group.model_copy(update={"failed": self._find_failed(group.id)}) for group in described)
        return Found(whole, selected.missing, instances=tuple(sorted(name for group in whole for name in group.contains)))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _find_failed(self, group: str) -> tuple[FailedLaunch, ...]:
        answer = call(self._client, "describe_scaling_activities", absent=_NO_GROUP, AutoScalingGroupName=group, MaxRecords=_ACTIVITIES)
        return tuple(
            FailedLaunch(id=activity["ActivityId"], at=activity["StartTime"], said=activity["StatusMessage"][:500])
            for activity in (answer["Activities"] if answer else ())
            if activity["StatusCode"] != "Successful" and _NO_CAPACITY.search(activity.get("StatusMessage", ""))
        )


def _read_group(group: Mapping[str, Any]) -> ScalingGroup:
    mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    return ScalingGroup(
        id=group["AutoScalingGroupName"],
        arn=group["AutoScalingGroupARN"],
        state=str(group.get("Status") or "active").lower(),
        zone=group["AvailabilityZones"][0] if len(group["AvailabilityZones"]) == 1 else "",
        tags={tag["Key"]: tag["Value"] for tag in group.get("Tags", [])},
        zones=tuple(sorted(group["AvailabilityZones"])),
        zone_ids=tuple(sorted(group.get("AvailabilityZoneIds", ()))),
        launch_template=bool(group.get("LaunchTemplate") or mixed),
        suspended=tuple(sorted(process["ProcessName"] for process in group.get("SuspendedProcesses", []))),
        instances=tuple(sorted(member["InstanceId"] for member in group.get("Instances", []))),
    )
