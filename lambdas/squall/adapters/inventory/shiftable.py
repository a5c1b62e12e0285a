"""What Application Recovery Controller can shift away from a zone, as candidates. ARC tells zones and shifts, the service of
each resource its tags. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.adapters.inventory.instances import read_group
from squall.adapters.inventory.inventories import Found
from squall.domain.resources.shiftable import Pool, ShiftableResource, ZonalShift, kind_named, name_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from squall.domain.resources.types import OtherResource
    from squall.domain.resources.workload import Group

_IDS_PER_CALL = 200
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
        ids = {name: id_ for id_, name in zones.items()}
        managed = call(self._arc, "get_managed_resource", absent=_NOT_MANAGED, resourceIdentifier=arn)
        described = self._describe(kind, arn, ids) if managed and managed.get("arn", arn) == arn else None
        if managed is None or described is None:
            return None
        tags, group, pools = described
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
            pools=pools,
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
                expires_at=entry["expiryTime"],
            )
            for entry in entries
        ]
        return tuple(sorted(shifts, key=lambda shift: (shift.started_at, shift.id)))

    def _describe(self, kind: str, arn: str, ids: Mapping[str, str]) -> tuple[dict[str, str], Group | None, tuple[Pool, ...]] | None:
        """The resource's tags, the group that it is, and what serves behind it. None if its service does not know it."""
        name = arn.rpartition("/")[2]
        match kind:
            case "ASG":
                answer = call(self._client("autoscaling"), "describe_auto_scaling_groups", AutoScalingGroupNames=[name])
                groups = [group for group in answer["AutoScalingGroups"] if group["AutoScalingGroupARN"] == arn]
                return (
                    (_read_tags(groups[0].get("Tags", ())), read_group(groups[0]), (_read_group_pool(groups[0], ids),)) if groups else None
                )
            case "EKS":
                answer = call(self._client("eks"), "describe_cluster", absent=_NOT_MANAGED, name=name)
                cluster = answer["cluster"] if answer else {}
                return (dict(cluster.get("tags", {})), None, ()) if cluster.get("arn") == arn else None
            case _:
                absent = frozenset({"LoadBalancerNotFound"})
                answer = call(self._client("elbv2"), "describe_tags", absent=absent, ResourceArns=[arn])
                known = answer["TagDescriptions"] if answer else []
                return (_read_tags(known[0].get("Tags", ())), None, self._list_pools(arn, ids)) if known else None

    def _list_pools(self, arn: str, ids: Mapping[str, str]) -> tuple[Pool, ...]:
        """The target groups of a load balancer."""
        elb = self._client("elbv2")
        groups = {
            group["TargetGroupArn"]: group for group in list_items(elb, "describe_target_groups", "TargetGroups", LoadBalancerArn=arn)
        }
        targets = {group: call(elb, "describe_target_health", TargetGroupArn=group)["TargetHealthDescriptions"] for group in groups}
        instances = {
            entry["Target"]["Id"] for group, entries in targets.items() if groups[group]["TargetType"] == "instance" for entry in entries
        }
        zones = self._find_zones(instances)
        return tuple(_read_pool(groups[group], targets[group], zones, ids) for group in sorted(groups))

    def _find_zones(self, instances: Iterable[str]) -> dict[str, str]:
        """The ids of the instances to the names of their zones."""
        zones: dict[str, str] = {}
        for chunk in split_chunks(sorted(instances), _IDS_PER_CALL):
            filters = [{"Name": "instance-id", "Values": chunk}]
            for reservation in list_items(self._client("ec2"), "describe_instances", "Reservations", Filters=filters):
                zones |= {entry["InstanceId"]: entry["Placement"]["AvailabilityZone"] for entry in reservation["Instances"]}
        return zones


def _read_pool(group: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], zones: Mapping[str, str], ids: Mapping[str, str]) -> Pool:
    """A target group. Elastic Load Balancing tells the zones of addresses, EC2 those of instances; functions and load balancers
    as targets have none, and without health checks nobody knows what serves."""
    states = [(entry["Target"], entry.get("TargetHealth", {}).get("State", "")) for entry in entries]
    name, staying = (
        group["TargetGroupArn"].rpartition("targetgroup/")[2],
        [(target, state) for target, state in states if state != "draining"],
    )
    if group["TargetType"] not in {"instance", "ip"} or any(state == "unavailable" for _, state in staying):
        return Pool(name=name, size=len(staying))
    members = [(zones.get(target["Id"], target.get("AvailabilityZone", "")), int(state == "healthy")) for target, state in staying]
    return _make_pool(name, members, ids)


def _read_group_pool(group: Mapping[str, Any], ids: Mapping[str, str]) -> Pool:
    """The instances of an Auto Scaling group, in its units of capacity."""
    members = [
        (entry.get("AvailabilityZone", ""), int(entry.get("WeightedCapacity") or 1) if entry["LifecycleState"] == "InService" else 0)
        for entry in group.get("Instances", ())
    ]
    pool = _make_pool(group["AutoScalingGroupName"], members, ids)
    return pool.model_copy(update={"size": group["DesiredCapacity"]})


def _make_pool(name: str, members: Sequence[tuple[str, int]], ids: Mapping[str, str]) -> Pool:
    """A pool of members, each with the name or id of its zone and what serves of it."""
    known = {*ids, *ids.values()}
    if any(serves and zone not in known for zone, serves in members):
        return Pool(name=name, size=len(members))
    serving: dict[str, int] = {}
    for zone, serves in members:
        if serves:
            serving[ids.get(zone, zone)] = serving.get(ids.get(zone, zone), 0) + serves
    return Pool(name=name, size=len(members), serving=serving)


def _read_tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}
