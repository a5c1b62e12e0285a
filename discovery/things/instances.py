"""EC2 instances, and which of them Systems Manager can send commands to."""

from collections.abc import Iterator

from discovery.things.base import Account, Thing, read_tags


class Instance(Thing):
    zone: str
    type: str
    group: str | None
    """Name of its Auto Scaling group."""
    subnet: str
    vpc: str
    addresses: tuple[str, ...]
    security_groups: tuple[str, ...]
    detailed_monitoring: bool
    managed: bool
    """Whether it is online in Systems Manager, on Linux."""


def read_instances(account: Account) -> Iterator[Instance]:
    """Every running instance."""
    online = {
        entry["InstanceId"]
        for entry in account.items("ssm", "describe_instance_information", "InstanceInformationList")
        if entry.get("PingStatus") == "Online" and entry.get("PlatformType", "Linux") == "Linux"
    }
    running = [{"Name": "instance-state-name", "Values": ["running"]}]
    for reservation in account.items("ec2", "describe_instances", "Reservations", Filters=running):
        for entry in reservation["Instances"]:
            tags = read_tags(entry.get("Tags"))
            interfaces = entry.get("NetworkInterfaces", [])
            addresses = {a["PrivateIpAddress"] for i in interfaces for a in i.get("PrivateIpAddresses", []) if a.get("PrivateIpAddress")}
            yield Instance(
                id=entry["InstanceId"],
                name=tags.get("Name") or entry["InstanceId"],
                tags=tags,
                zone=entry.get("Placement", {}).get("AvailabilityZone", ""),
                type=entry.get("InstanceType", ""),
                group=tags.get("aws:autoscaling:groupName"),
                subnet=entry.get("SubnetId", ""),
                vpc=entry.get("VpcId", ""),
                addresses=tuple(sorted(addresses | ({entry["PrivateIpAddress"]} if entry.get("PrivateIpAddress") else set()))),
                security_groups=tuple(sorted(group["GroupId"] for group in entry.get("SecurityGroups", []))),
                detailed_monitoring=entry.get("Monitoring", {}).get("State") == "enabled",
                managed=entry["InstanceId"] in online,
            )
