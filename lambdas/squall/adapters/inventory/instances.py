"""Instances and what they belong to, as EC2, Auto Scaling, load balancers and Systems Manager describe them. Only
reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.adapters.inventory.names import Names
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import group_named
from squall.domain.resources.workload import Group, TargetGroup, Workload

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from squall.adapters.inventory.target_groups import TargetGroups

_NAMES_PER_CALL = 50
"""The smallest limit: Auto Scaling and Systems Manager take 50 ids in a call."""
_LIVING = ("pending", "running", "stopping", "stopped")
_ARN = re.compile(r"arn:(?P<partition>[^:]+):ec2:(?P<region>[^:]+):(?P<account>\d{12}):instance/(?P<id>i-[0-9a-zA-Z]+)")
_ID = re.compile(r"i-[0-9a-zA-Z]+")
_LAUNCHED = re.compile(
    r"(?:Launching a new EC2 instance(?! into)|Attaching an existing EC2 instance|Moving EC2 instance out of Standby)"
    r".*?: (?P<id>i-[0-9a-zA-Z]+)"
)
"""The only link between a scaling activity and its instance is the sentence that describes it."""
_NO_GROUP = frozenset({"ValidationError"})
"""Auto Scaling's answer for a group that does not exist."""
_TRUNK = "trunk"
"""The type of an interface that carries the interfaces of tasks or pods, which EC2 does not list under the instance."""
_LATTICE = "vpc-lattice"
_ACTIVITIES = 100
"""How many of the newest activities one call reads: the launch of a replacement is among them."""


class AwsInventory:
    """Describes workloads of instances."""

    def __init__(self, ec2: Any, autoscaling: Any, target_groups: TargetGroups, ssm: Any) -> None:
        self._ec2, self._autoscaling, self._target_groups, self._ssm = ec2, autoscaling, target_groups, ssm

    def describe(
        self,
        targets: Sequence[str],
        tags: Mapping[str, str],
        filters: Mapping[str, Sequence[str]],
        at: datetime,
        service: str | None = None,
    ) -> Workload:
        by_tag = {f"tag:{key}": [value] for key, value in tags.items()}
        wanted = by_tag | {name: list(values) for name, values in filters.items()}
        entries, missing = self._find_targets(targets) if targets else ([], [])
        if wanted and targets:  # tags and filters narrow what was named, never widen it
            matching = {entry["InstanceId"] for entry in self._find_filtered(wanted)}
            entries = [entry for entry in entries if entry["InstanceId"] in matching]
        elif wanted:
            entries = self._find_filtered(wanted)
        return self._make_workload(entries, missing, at, service=service)

    def refresh(self, workload: Workload, at: datetime) -> Workload:
        known = [instance.id for instance in workload.instances]
        groups = self._describe_groups([group.name for group in workload.groups])
        before = {member for group in workload.groups for member in group.in_service}
        joined = {member["InstanceId"]: group for group in groups for member in group["Instances"] if member["InstanceId"] not in before}
        entries = self._find_ids([*known, *joined])
        in_service = self._find_in_service({group["AutoScalingGroupName"] for group in joined.values()}, joined)
        existing = {entry["InstanceId"] for entry in entries}
        missing = [*workload.missing, *(instance for instance in known if instance not in existing)]
        return self._make_workload(entries, missing, at, groups, in_service, workload)

    def _find_in_service(self, groups: Iterable[str], ids: Collection[str]) -> dict[str, datetime]:
        """The time at which each instance came into service, by its id: the end of the Auto Scaling activity that
        launched it, lifecycle hooks included."""
        ended: dict[str, datetime] = {}
        for name in sorted(groups):
            answer = call(
                self._autoscaling, "describe_scaling_activities", absent=_NO_GROUP, AutoScalingGroupName=name, MaxRecords=_ACTIVITIES
            )
            newest: dict[str, Any] = {}
            for activity in answer["Activities"] if answer else ():  # newest first: an instance may have joined more than once
                if launched := _LAUNCHED.match(activity.get("Description", "")):
                    newest.setdefault(launched["id"], activity)
            done = {id_: activity for id_, activity in newest.items() if activity["StatusCode"] == "Successful" and id_ in ids}
            ended |= {id_: activity["EndTime"] for id_, activity in done.items() if "EndTime" in activity}
        return ended

    def _make_workload(
        self,
        entries: list[Any],
        missing: Sequence[str],
        at: datetime,
        groups: Sequence[Any] = (),
        in_service: Mapping[str, datetime] | None = None,
        before: Workload | None = None,
        service: str | None = None,
    ) -> Workload:
        """The workload of these instances. `before`: an earlier description, whose target groups are read again."""
        ids = [entry["InstanceId"] for entry in entries]
        membership = self._ask_membership(ids)
        names = {entry["AutoScalingGroupName"] for entry in membership.values()} - {group["AutoScalingGroupName"] for group in groups}
        described = [*groups, *self._describe_groups(sorted(names))]
        around = [read_group(group) for group in described]
        managed = self._ask_systems_manager(ids)
        requests = self._ask_spot_requests(entries)
        service = before.service if before else service
        arns = [*(arn for group in around for arn in group.target_groups), *([service] if service else ())]
        arns += [group.arn for group in before.target_groups] if before else ()
        registered = {} if before else {name: entry.get("VpcId", "") for entry in entries for name in _list_names(entry)}
        target_groups = self._target_groups.find(arns, registered) if arns or registered else []
        target_groups += [service for group in described for service in _list_lattice(group)]
        known = frozenset(name for group in target_groups for name in group.registered)
        return Workload(
            at=at,
            instances=tuple(self._instance(entry, membership, managed, requests, in_service or {}, known) for entry in entries),
            groups=tuple(sorted(around, key=lambda group: group.name)),
            target_groups=tuple(target_groups),
            missing=tuple(dict.fromkeys(missing)),
            service=service,
        )

    def _find_targets(self, targets: Sequence[str]) -> tuple[list[Any], list[str]]:
        """The instances that the targets name, and the targets that this account and Region do not know, as they were
        written. A group stands for its instances."""
        ids = {target: _parse_id(target, self._ec2.meta.region_name) for target in dict.fromkeys(targets)}
        members = self._list_members([target for target in ids if group_named(target)])
        every = [known for known in (*ids.values(), *(member for group in members.values() for member in group)) if known]
        entry_by_id = {entry["InstanceId"]: entry for entry in self._find_ids(every)}
        ours = {
            target: entry_by_id[known]
            for target, known in ids.items()
            if known in entry_by_id and _same_account(target, entry_by_id[known])
        }
        named = (*ours.values(), *(entry_by_id[member] for group in members.values() for member in group if member in entry_by_id))
        wanted = {entry["InstanceId"]: entry for entry in named}
        return list(wanted.values()), [target for target in ids if target not in ours and target not in members]

    def _list_members(self, groups: Sequence[str]) -> dict[str, list[str]]:
        """The ids of the instances of each group that exists, by the group's ARN."""
        names = [name for group in groups if (name := group_named(group))]
        group_by_arn = {group["AutoScalingGroupARN"]: group for group in self._describe_groups(names)}
        return {arn: [member["InstanceId"] for member in group_by_arn[arn]["Instances"]] for arn in groups if arn in group_by_arn}

    def _find_ids(self, ids: Iterable[str]) -> list[Any]:
        """Describes the instances by a filter instead of by parameter: an unknown or malformed id is then only absent,
        and hides no other."""
        answers = (self._find_filtered({"instance-id": chunk}) for chunk in split_chunks(list(dict.fromkeys(ids)), _NAMES_PER_CALL))
        return [entry for answer in answers for entry in answer]

    def _find_filtered(self, wanted: Mapping[str, list[str]]) -> list[Any]:
        # EC2 shows a terminated instance for an hour. A call by id has to return it; among the matches of a filter it
        # would not be a candidate.
        state = {} if wanted.keys() & {"instance-id", "instance-state-name"} else {"instance-state-name": list(_LIVING)}
        filters = [{"Name": name, "Values": values} for name, values in {**wanted, **state}.items()]
        reservations = list_items(self._ec2, "describe_instances", "Reservations", Filters=filters)
        entries = [{**entry, "OwnerId": reservation["OwnerId"]} for reservation in reservations for entry in reservation["Instances"]]
        return sorted(entries, key=lambda entry: str(entry["InstanceId"]))

    def _ask_membership(self, ids: Sequence[str]) -> dict[str, Any]:
        """What Auto Scaling says about each instance that is in a group, by the instance's id."""
        return {
            entry["InstanceId"]: entry
            for chunk in split_chunks(ids, _NAMES_PER_CALL)
            for entry in list_items(self._autoscaling, "describe_auto_scaling_instances", "AutoScalingInstances", InstanceIds=chunk)
        }

    def _describe_groups(self, names: Sequence[str]) -> list[Any]:
        return [
            group
            for chunk in split_chunks(names, _NAMES_PER_CALL)
            for group in list_items(self._autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", AutoScalingGroupNames=chunk)
        ]

    def _ask_systems_manager(self, ids: Sequence[str]) -> dict[str, Any]:
        """What Systems Manager says about each instance that it knows, by the instance's id."""
        return {
            entry["InstanceId"]: entry
            for chunk in split_chunks(ids, _NAMES_PER_CALL)
            for entry in list_items(
                self._ssm, "describe_instance_information", "InstanceInformationList", Filters=[{"Key": "InstanceIds", "Values": chunk}]
            )
        }

    def _ask_spot_requests(self, entries: Sequence[Any]) -> dict[str, str]:
        """The status code of the Spot request of each Spot Instance, by the request's id. A filter leaves out the requests
        that EC2 does not know any more, where a call by id would be refused."""
        ids = [request for entry in entries if (request := _read_spot_request(entry))]
        return {
            request["SpotInstanceRequestId"]: request["Status"]["Code"]
            for chunk in split_chunks(ids, _NAMES_PER_CALL)
            for request in list_items(
                self._ec2,
                "describe_spot_instance_requests",
                "SpotInstanceRequests",
                Filters=[{"Name": "spot-instance-request-id", "Values": chunk}],
            )
        }

    def _instance(
        self,
        entry: Mapping[str, Any],
        membership: Mapping[str, Any],
        managed: Mapping[str, Any],
        requests: Mapping[str, str],
        in_service: Mapping[str, datetime],
        registered: frozenset[str],
    ) -> Instance:
        """`registered`: all names that target groups know."""
        instance_id = entry["InstanceId"]
        member, agent = membership.get(instance_id, {}), managed.get(instance_id, {})
        meta = self._ec2.meta
        return Instance(
            id=instance_id,
            arn=f"arn:{meta.partition}:ec2:{meta.region_name}:{entry['OwnerId']}:instance/{instance_id}",
            state=entry["State"]["Name"],
            zone=entry.get("Placement", {}).get("AvailabilityZone", ""),
            tags={tag["Key"]: tag["Value"] for tag in entry.get("Tags", [])},
            group=member.get("AutoScalingGroupName"),
            lifecycle=member.get("LifecycleState"),
            managed=agent.get("PingStatus") == "Online",
            platform=agent.get("PlatformType") or ("Windows" if entry.get("Platform", "").lower() == "windows" else "Linux"),
            private_ip=entry.get("PrivateIpAddress"),
            addresses=tuple(sorted(Names.of(_list_names(entry)).match(registered) - {instance_id})),
            carries_others=any(interface.get("InterfaceType") == _TRUNK for interface in entry.get("NetworkInterfaces", ())),
            detailed_monitoring=_has_detailed_monitoring(entry),
            spot_request=_read_spot_request(entry),
            spot_status=requests.get(_read_spot_request(entry) or ""),
            launched_at=entry.get("LaunchTime"),
            in_service_at=in_service.get(instance_id),
        )


def _list_names(entry: Mapping[str, Any]) -> Iterator[str]:
    """Every name under which a target group may know the instance, or what runs on it: its id, and all addresses of its
    interfaces. A node of EKS gives its pods the addresses of a prefix, which is listed as a network."""
    yield entry["InstanceId"]
    if address := entry.get("PrivateIpAddress"):
        yield address
    for interface in entry.get("NetworkInterfaces", ()):
        yield from (address["PrivateIpAddress"] for address in interface.get("PrivateIpAddresses", ()))
        yield from (address["Ipv6Address"] for address in interface.get("Ipv6Addresses", ()))
        yield from (prefix["Ipv4Prefix"] for prefix in interface.get("Ipv4Prefixes", ()))
        yield from (prefix["Ipv6Prefix"] for prefix in interface.get("Ipv6Prefixes", ()))


def _read_spot_request(entry: Mapping[str, Any]) -> str | None:
    return entry.get("SpotInstanceRequestId") or None if entry.get("InstanceLifecycle") == "spot" else None


def _has_detailed_monitoring(entry: Mapping[str, Any]) -> bool | None:
    state = entry.get("Monitoring", {}).get("State")
    return None if state is None else state in {"enabled", "pending"}


def _parse_id(target: str, region: str) -> str | None:
    """The id of the instance, if the target may be an instance in this Region."""
    if arn := _ARN.fullmatch(target):
        return arn["id"] if arn["region"] == region else None
    return target if _ID.fullmatch(target) else None


def _same_account(target: str, entry: Mapping[str, Any]) -> bool:
    arn = _ARN.fullmatch(target)
    return arn is None or arn["account"] == entry["OwnerId"]


def read_group(group: Mapping[str, Any]) -> Group:
    """The group, as Auto Scaling describes it."""
    serving = [member for member in group["Instances"] if member["LifecycleState"] == "InService"]
    healthy = [member["InstanceId"] for member in serving if member["HealthStatus"].lower() == "healthy"]
    sources = [source["Identifier"] for source in group.get("TrafficSources", []) if source.get("Type") == "elbv2"]
    weights = {member["InstanceId"]: int(member["WeightedCapacity"]) for member in group["Instances"] if member.get("WeightedCapacity")}
    counted = group.get("DesiredCapacityType", "units") == "units"  # vCPUs and memory tell no number of instances: the members do
    return Group(
        name=group["AutoScalingGroupName"],
        desired=group["DesiredCapacity"] if counted or weights else len(group["Instances"]),
        weights=weights,
        minimum=group["MinSize"],
        in_service=tuple(sorted(healthy)),
        suspended=tuple(sorted(process["ProcessName"] for process in group.get("SuspendedProcesses", []))),
        target_groups=tuple(sorted({*group.get("TargetGroupARNs", []), *sources})),
        published_metrics=tuple(sorted(enabled["Metric"] for enabled in group.get("EnabledMetrics", []))),
    )


def _list_lattice(group: Mapping[str, Any]) -> list[TargetGroup]:
    """The target groups of VPC Lattice that the group is attached to. Lattice sends requests to its members, but
    publishes none of the metrics that Squall knows."""
    attached = [source["Identifier"] for source in group.get("TrafficSources", []) if source.get("Type") == _LATTICE]
    members = read_group(group).in_service
    return [TargetGroup(arn=arn, load_balancer=arn, healthy=members, unhealthy=()) for arn in attached]
