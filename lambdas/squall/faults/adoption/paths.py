"""How FIS's targets say which resources they mean: its filter paths and its parameters, by Squall's names."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import ResourceType
from squall.domain.documents.definition import Definition
from squall.faults.mechanisms.zones import ZONE_ID, split_list

ZONE, ZONE_OF_ID, WRITER_ZONE = "availability-zone", "availability-zone-id", "writer-availability-zone"

_INSTANCES = {
    "State.Name": "instance-state-name",
    "State.Code": "instance-state-code",
    "Placement.AvailabilityZone": ZONE,
    "Placement.AvailabilityZoneId": ZONE_OF_ID,
    "Placement.Tenancy": "tenancy",
    "Placement.GroupName": "placement-group-name",
    "VpcId": "vpc-id",
    "SubnetId": "subnet-id",
    "InstanceId": "instance-id",
    "InstanceType": "instance-type",
    "InstanceLifecycle": "instance-lifecycle",
    "ImageId": "image-id",
    "KeyName": "key-name",
    "Architecture": "architecture",
    "PlatformDetails": "platform-details",
    "PrivateIpAddress": "private-ip-address",
    "PrivateDnsName": "private-dns-name",
    "PublicIpAddress": "ip-address",
    "PublicDnsName": "dns-name",
    "Monitoring.State": "monitoring-state",
    "IamInstanceProfile.Arn": "iam-instance-profile.arn",
    "NetworkInterfaces.Groups.GroupId": "network-interface.group-id",
    "NetworkInterfaces.Groups.GroupName": "network-interface.group-name",
    "SecurityGroups.GroupId": "instance.group-id",
    "SecurityGroups.GroupName": "instance.group-name",
}
_SUBNETS = {
    "VpcId": "vpc-id",
    "SubnetId": "subnet-id",
    "State": "state",
    "AvailabilityZone": ZONE,
    "AvailabilityZoneId": ZONE_OF_ID,
    "CidrBlock": "cidr-block",
}
_VOLUMES = {
    "VolumeId": "volume-id",
    "State": "status",
    "AvailabilityZone": ZONE,
    "AvailabilityZoneId": ZONE_OF_ID,
    "VolumeType": "volume-type",
    "Size": "size",
    "SnapshotId": "snapshot-id",
    "Attachments.InstanceId": "attachment.instance-id",
    "Attachments.Device": "attachment.device",
}
_DATABASES = {
    "DBInstanceIdentifier": "db-instance-id",
    "DBClusterIdentifier": "db-cluster-id",
    "DbiResourceId": "dbi-resource-id",
    "Engine": "engine",
    "AvailabilityZone": ZONE,
}
_CLUSTERS = {
    "DBClusterIdentifier": "db-cluster-id",
    "DbClusterResourceId": "db-cluster-resource-id",
    "Engine": "engine",
    "AvailabilityZones": ZONE,
}
PATHS: Mapping[ResourceType, Mapping[str, str]] = {
    ResourceType.INSTANCE: _INSTANCES,
    ResourceType.SUBNET: _SUBNETS,
    ResourceType.VOLUME: _VOLUMES,
    ResourceType.DATABASE: _DATABASES,
    ResourceType.DATABASE_CLUSTER: _CLUSTERS,
    ResourceType.ECS_TASK: {"ClusterArn": "cluster", "AvailabilityZone": ZONE},
}
"""FIS's filter paths, which are paths in the service's own description of a resource (AWS FIS user guide, "Resource
filters"), to the filters of Squall. Both compare case-sensitively, one of several values suffices, and all filters have to
match."""
SEVERAL = frozenset(
    {
        "NetworkInterfaces.Groups.GroupId",
        "NetworkInterfaces.Groups.GroupName",
        "SecurityGroups.GroupId",
        "SecurityGroups.GroupName",
        "Attachments.InstanceId",
        "Attachments.Device",
        "AvailabilityZones",
    }
)
"""Paths at which a resource may have several values, so that the same path twice can match by two of them."""
Read = tuple[list[str], dict[str, list[str]]]
"""ARNs that a target's parameters name, and filters."""


def find_value_problem(name: str, value: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a value of a filter, and what was expected."""
    if re.search(r"[*?\\]", value):
        yield f"FIS compares {value!r} letter by letter, the service takes it for a pattern", "values without * ? and \\"
    if name == ZONE and re.fullmatch(ZONE_ID, value):
        yield f"{value} is the id of a zone: FIS compares it with the names", "the name of a zone, such as eu-west-1a"


def read_parameters(definition: Definition, kind: ResourceType, parameters: Mapping[str, Any]) -> Read:
    """What the parameters of a target say. Raises InvalidInput with paths below the parameters."""
    reader = _READERS.get(kind)
    known = _KNOWN.get(kind, ())
    if unknown := sorted(set(parameters) - set(known)):
        expected = ", ".join(known) or f"no parameters of {kind.words}s"
        raise InvalidInput([Problem(path=name, message=_LOST.get(name, "is not understood"), expected=expected) for name in unknown])
    return reader(definition, {name: str(value) for name, value in parameters.items()}) if reader and parameters else ([], {})


_LOST = {
    "functionQualifier": "would be lost: Squall disturbs every version and alias of a function",
    "targetContainerName": "would be lost: Squall lets FIS take the first container of a pod",
}
_KNOWN: Mapping[ResourceType, tuple[str, ...]] = {
    ResourceType.ECS_TASK: ("cluster", "service"),
    ResourceType.POD: ("clusterIdentifier", "namespace", "selectorType", "selectorValue", "availabilityZoneIdentifier"),
    ResourceType.SUBNET: ("availabilityZoneIdentifier", "vpc"),
    ResourceType.VOLUME: ("availabilityZoneIdentifier",),
    ResourceType.DATABASE: ("availabilityZoneIdentifiers",),
    ResourceType.DATABASE_CLUSTER: ("writerAvailabilityZoneIdentifiers",),
}


def _read_task_parameters(definition: Definition, given: Mapping[str, str]) -> Read:
    """A cluster and a service together are a service, whose ARN stands for its tasks."""
    filters = {name: [given[name]] for name in ("cluster", "service") if given.get(name)}
    if len(filters) < 2:
        return [], filters
    cluster, service = (given[name].rpartition("/")[2] for name in ("cluster", "service"))
    place = ":".join(given["cluster"].split(":")[:5]) if given["cluster"].startswith("arn:") else _place(definition, "ecs")
    return [f"{place}:service/{cluster}/{service}"], filters


def _read_pod_parameters(definition: Definition, given: Mapping[str, str]) -> Read:
    cluster, selector = given.get("clusterIdentifier", ""), given.get("selectorType", "")
    if selector not in _SELECTORS:
        raise InvalidInput([Problem(path="selectorType", message=f"{selector!r} is not understood", expected=", ".join(_SELECTORS))])
    filters = {"namespace": [given.get("namespace", "")], _SELECTORS[selector]: [given.get("selectorValue", "")]}
    if selector == "labelSelector":
        labels = [label.strip().replace("==", "=") for label in given.get("selectorValue", "").split(",")]
        if wrong := [label for label in labels if "=" not in label or "!=" in label or " " in label]:
            message = f"{wrong[0]!r} is no label with its value"
            raise InvalidInput([Problem(path="selectorValue", message=message, expected="app=web, or several with commas")])
        filters["labels"] = labels
    if zone := given.get("availabilityZoneIdentifier"):
        filters |= _read_zones(ZONE, "availabilityZoneIdentifier", zone)
    return [cluster if cluster.startswith("arn:") else f"{_place(definition, 'eks')}:cluster/{cluster}"], filters


_SELECTORS = {"labelSelector": "labels", "deploymentName": "deployment", "podName": "pod"}


def _read_subnet_parameters(_definition: Definition, given: Mapping[str, str]) -> Read:
    vpc = given.get("vpc", "").rpartition("/")[2]
    zone = given.get("availabilityZoneIdentifier", "")
    name = ZONE_OF_ID if re.fullmatch(ZONE_ID, zone) else ZONE
    return [], {**({"vpc-id": [vpc]} if vpc else {}), **({name: [zone]} if zone else {})}


def _read_zone_parameter(parameter: str, name: str) -> Callable[[Definition, Mapping[str, str]], Read]:
    return lambda _definition, given: ([], _read_zones(name, parameter, given[parameter]))


def _read_zones(name: str, parameter: str, text: str) -> dict[str, list[str]]:
    """The filter for the zones in this list; none for `all`. Raises InvalidInput for the ids of zones, which the
    description of such a resource does not have."""
    zones = split_list(text)
    if zones == ["all"]:
        return {}
    if ids := [zone for zone in zones if re.fullmatch(ZONE_ID, zone)]:
        message = f"{', '.join(ids)}: the description of such a resource has no ids of zones"
        raise InvalidInput([Problem(path=parameter, message=message, expected="names of zones, such as eu-west-1a")])
    return {name: zones}


def _place(definition: Definition, service: str) -> str:
    """The beginning of an ARN of this account and Region."""
    return f"arn:{definition.partition}:{service}:{definition.region}:{definition.account}"


_READERS: Mapping[ResourceType, Callable[[Definition, Mapping[str, str]], Read]] = {
    ResourceType.ECS_TASK: _read_task_parameters,
    ResourceType.POD: _read_pod_parameters,
    ResourceType.SUBNET: _read_subnet_parameters,
    ResourceType.VOLUME: _read_zone_parameter("availabilityZoneIdentifier", ZONE),
    ResourceType.DATABASE: _read_zone_parameter("availabilityZoneIdentifiers", ZONE),
    ResourceType.DATABASE_CLUSTER: _read_zone_parameter("writerAvailabilityZoneIdentifiers", WRITER_ZONE),
}
