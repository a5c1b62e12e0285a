"""Subnets, and the security groups that the rules of each security group admit."""

from collections.abc import Iterator

from discovery.things.base import Account, Thing, read_tags


class Subnet(Thing):
    zone: str
    vpc: str


class SecurityGroup(Thing):
    admits: tuple[str, ...]
    """Ids of the security groups whose members its rules admit."""


def read_subnets(account: Account) -> Iterator[Subnet]:
    """Every subnet."""
    for entry in account.items("ec2", "describe_subnets", "Subnets"):
        tags = read_tags(entry.get("Tags"))
        name = tags.get("Name") or entry["SubnetId"]
        yield Subnet(id=entry["SubnetId"], name=name, tags=tags, zone=entry["AvailabilityZone"], vpc=entry["VpcId"])


def read_security_groups(account: Account) -> Iterator[SecurityGroup]:
    """Every security group. A group that admits itself is not listed in its own `admits`: that shows no relation."""
    for entry in account.items("ec2", "describe_security_groups", "SecurityGroups"):
        own = entry["GroupId"]
        pairs = [pair for rule in entry.get("IpPermissions", []) for pair in rule.get("UserIdGroupPairs", [])]
        admits = {pair["GroupId"] for pair in pairs if "GroupId" in pair}
        yield SecurityGroup(id=own, name=entry.get("GroupName", own), admits=tuple(sorted(admits - {own})))
