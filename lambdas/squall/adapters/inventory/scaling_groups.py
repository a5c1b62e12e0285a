"""Auto Scaling groups as candidates themselves, with the launches that found no capacity. Read only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found, identified
from squall.domain.resources.scaling_groups import FailedLaunch, ScalingGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_ACTIVITIES = 100
_NO_CAPACITY = re.compile(r"insufficient\s*(instance\s*)?capacity|(not|in)\s*(have\s*)?sufficient .*capacity", re.IGNORECASE)
"""EC2's code, or its sentence: `We currently do not have sufficient m5.large capacity in the Availability Zone you requested`."""


class ScalingGroups:
    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        asked = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
        groups = list(
            list_items(self._client, "describe_auto_scaling_groups", "AutoScalingGroups", **({"Filters": asked} if asked else {}))
        )
        found = identified(names, tags, [_group(group) for group in groups])
        whole = tuple(
            one.model_copy(update={"failed": self._failed(one.id)}) if isinstance(one, ScalingGroup) else one for one in found.resources
        )
        return Found(whole, found.missing, instances=tuple(sorted(name for one in whole for name in one.contains)))

    def again(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([one.arn for one in resources], {}, {})

    def _failed(self, group: str) -> tuple[FailedLaunch, ...]:
        answer = call(self._client, "describe_scaling_activities", AutoScalingGroupName=group, MaxRecords=_ACTIVITIES)
        return tuple(
            FailedLaunch(id=one["ActivityId"], at=one["StartTime"], said=one["StatusMessage"][:500])
            for one in answer["Activities"]
            if one["StatusCode"] != "Successful" and _NO_CAPACITY.search(one.get("StatusMessage", ""))
        )


def _group(group: Mapping[str, Any]) -> ScalingGroup:
    mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    return ScalingGroup(
        id=group["AutoScalingGroupName"],
        arn=group["AutoScalingGroupARN"],
        state=str(group.get("Status") or "active").lower(),
        zone=group["AvailabilityZones"][0] if len(group["AvailabilityZones"]) == 1 else "",
        tags={tag["Key"]: tag["Value"] for tag in group.get("Tags", [])},
        zones=tuple(sorted(group["AvailabilityZones"])),
        launch_template=bool(group.get("LaunchTemplate") or mixed),
        suspended=tuple(sorted(process["ProcessName"] for process in group.get("SuspendedProcesses", []))),
        instances=tuple(sorted(member["InstanceId"] for member in group.get("Instances", []))),
    )
