"""RDS DB instances outside of clusters, and DB clusters with their members."""

from collections.abc import Iterator
from typing import Any

from discovery.things.base import Account, Thing, read_tags


class Database(Thing):
    engine: str
    cluster: bool
    state: str
    zones: tuple[str, ...]
    """The zones of the instance and its standby, or of the cluster's members."""
    standby: bool
    """Whether another node can take over: a standby of the instance, or a reader of the cluster."""
    endpoints: tuple[str, ...]
    port: int | None
    security_groups: tuple[str, ...]
    subnets: tuple[str, ...]
    backup_days: int
    deletion_protection: bool


def read_databases(account: Account) -> Iterator[Database]:
    """Every cluster, and every instance outside of clusters."""
    instances = list(account.items("rds", "describe_db_instances", "DBInstances"))
    members = {entry["DBInstanceIdentifier"]: entry for entry in instances if entry.get("DBClusterIdentifier")}
    for entry in account.items("rds", "describe_db_clusters", "DBClusters"):
        yield _read_cluster(entry, members)
    for entry in instances:
        if entry["DBInstanceIdentifier"] not in members:
            yield _read_instance(entry)


def _read_cluster(entry: dict[str, Any], known: dict[str, Any]) -> Database:
    members = entry.get("DBClusterMembers", [])
    described = [known.get(member["DBInstanceIdentifier"], {}) for member in members]
    readers = [
        member
        for member, instance in zip(members, described, strict=True)
        if not member.get("IsClusterWriter") and instance.get("DBInstanceStatus") == "available"
    ]
    return Database(
        id=entry["DBClusterArn"],
        name=entry["DBClusterIdentifier"],
        tags=read_tags(entry.get("TagList")),
        engine=entry.get("Engine", ""),
        cluster=True,
        state=entry.get("Status", ""),
        zones=tuple(sorted({instance["AvailabilityZone"] for instance in described if instance.get("AvailabilityZone")})),
        standby=bool(readers),
        endpoints=tuple(entry[key] for key in ("Endpoint", "ReaderEndpoint") if entry.get(key)),
        port=entry.get("Port"),
        security_groups=tuple(sorted(group["VpcSecurityGroupId"] for group in entry.get("VpcSecurityGroups", []))),
        subnets=_list_subnets(next((instance for instance in described if instance), {})),
        backup_days=entry.get("BackupRetentionPeriod", 0),
        deletion_protection=bool(entry.get("DeletionProtection")),
    )


def _read_instance(entry: dict[str, Any]) -> Database:
    zones = {entry.get("AvailabilityZone"), entry.get("SecondaryAvailabilityZone")} - {None, ""}
    endpoint = entry.get("Endpoint", {})
    return Database(
        id=entry["DBInstanceArn"],
        name=entry["DBInstanceIdentifier"],
        tags=read_tags(entry.get("TagList")),
        engine=entry.get("Engine", ""),
        cluster=False,
        state=entry.get("DBInstanceStatus", ""),
        zones=tuple(sorted(zones)),
        standby=bool(entry.get("MultiAZ")),
        endpoints=(endpoint["Address"],) if endpoint.get("Address") else (),
        port=endpoint.get("Port"),
        security_groups=tuple(sorted(group["VpcSecurityGroupId"] for group in entry.get("VpcSecurityGroups", []))),
        subnets=_list_subnets(entry),
        backup_days=entry.get("BackupRetentionPeriod", 0),
        deletion_protection=bool(entry.get("DeletionProtection")),
    )


def _list_subnets(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(subnet["SubnetIdentifier"] for subnet in entry.get("DBSubnetGroup", {}).get("Subnets", []))
