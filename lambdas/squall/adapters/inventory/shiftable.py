"""What Application Recovery Controller can shift away from a zone, as candidates. ARC tells zones and shifts, the service of
each resource its tags. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.instances import read_group
from squall.adapters.inventory.inventories import Found
from squall.domain.resources.shiftable import ShiftableResource, ZonalShift, kind_named, name_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from squall.domain.resources.types import OtherResource
    from squall.domain.resources.workload import Group

_NOT_MANAGED = frozenset({"ResourceNotFoundException"})


class ShiftableResources:
    """Finds resources that are registered with ARC, by ARN or by tags."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client, self._arc = client, client("arc-zonal-shift")

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        arns = list(dict.fromkeys(names)) if names else self._list_managed() if tags else []
        zones = self._list_zones() if arns else {}
        found = [described for arn in arns if (described := self._find(arn, zones)) is not None]
        matching = [(resource, group) for resource, group in found if tags.items() <= resource.tags.items()]
        known = {resource.arn for resource, _ in found}
        return Found(
            tuple(resource for resource, _ in matching),
            tuple(arn for arn in arns if names and arn not in known),
            groups=tuple(group for _, group in matching if group),
        )

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _list_managed(self) -> list[str]:
        return sorted(arn for item in list_items(self._arc, "list_managed_resources", "items") if kind_named(arn := item.get("arn", "")))

    def _list_zones(self) -> dict[str, str]:
        """The ids of the Region's zones to their names."""
        answer = call(self._client("ec2"), "describe_availability_zones")
        return {zone["ZoneId"]: zone["ZoneName"] for zone in answer["AvailabilityZones"] if zone.get("ZoneId")}

    def _find(self, arn: str, zones: Mapping[str, str]) -> tuple[ShiftableResource, Group | None] | None:
        """The resource, and the group that it is. None if ARC does not manage it, or if there is none."""
        kind = kind_named(arn)
        if kind is None or arn.split(":")[3] != str(self._arc.meta.region_name):
            return None
        managed = call(self._arc, "get_managed_resource", absent=_NOT_MANAGED, resourceIdentifier=arn)
        described = self._describe(kind, arn) if managed and managed.get("arn", arn) == arn else None
        if managed is None or described is None:
            return None
        tags, group = described
        ids = {name: id_ for id_, name in zones.items()}
        weights = {ids.get(zone, zone): float(weight) for zone, weight in managed["appliedWeights"].items()}
        resource = ShiftableResource(
            id=name_in(arn),
            arn=arn,
            state="managed",
            tags=tags,
            kind=kind,
            weights=weights,
            zones={zone: zones[zone] for zone in sorted(weights) if zone in zones},
            autoshift=managed.get("zonalAutoshiftStatus", "DISABLED"),
            autoshifts=tuple(sorted(ids.get(shift["awayFrom"], shift["awayFrom"]) for shift in managed.get("autoshifts", ()))),
            shifts=self._list_shifts(arn, ids),
        )
        return resource, group

    def _list_shifts(self, arn: str, ids: Mapping[str, str]) -> tuple[ZonalShift, ...]:
        entries = list_items(self._arc, "list_zonal_shifts", "items", resourceIdentifier=arn)
        shifts = [
            ZonalShift(
                id=entry["zonalShiftId"],
                by=entry.get("shiftType", ""),
                away_from=ids.get(entry["awayFrom"], entry["awayFrom"]),
                status=entry["status"],
                started_at=entry["startTime"],
            )
            for entry in entries
        ]
        return tuple(sorted(shifts, key=lambda shift: (shift.started_at, shift.id)))

    def _describe(self, kind: str, arn: str) -> tuple[dict[str, str], Group | None] | None:
        """The resource's tags, and the group that it is. None if its service does not know it."""
        name = arn.rpartition("/")[2]
        match kind:
            case "ASG":
                answer = call(self._client("autoscaling"), "describe_auto_scaling_groups", AutoScalingGroupNames=[name])
                groups = [group for group in answer["AutoScalingGroups"] if group["AutoScalingGroupARN"] == arn]
                return (_read_tags(groups[0].get("Tags", ())), read_group(groups[0])) if groups else None
            case "EKS":
                answer = call(self._client("eks"), "describe_cluster", absent=_NOT_MANAGED, name=name)
                cluster = answer["cluster"] if answer else {}
                return (dict(cluster.get("tags", {})), None) if cluster.get("arn") == arn else None
            case _:
                absent = frozenset({"LoadBalancerNotFound"})
                answer = call(self._client("elbv2"), "describe_tags", absent=absent, ResourceArns=[arn])
                known = answer["TagDescriptions"] if answer else []
                return (_read_tags(known[0].get("Tags", ())), None) if known else None


def _read_tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}
