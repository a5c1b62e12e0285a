"""RDS DB instances and clusters, and ElastiCache replication groups, as candidates. Only reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found, select_named
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.caches import CacheNode, ReplicationGroup
from squall.domain.resources.databases import ClusterMember, Database, DatabaseCluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_OPERATIONS = {
    ResourceType.DATABASE: ("describe_db_instances", "DBInstances"),
    ResourceType.DATABASE_CLUSTER: ("describe_db_clusters", "DBClusters"),
}

_RESTARTED = "DB instance restarted"
"""How the message of RDS-EVENT-0006 begins (RDS user guide, "Event categories and event messages")."""
_DAY_IN_MINUTES = 1440

_ZONE, _WRITER_ZONE = _OWN = "availability-zone", "writer-availability-zone"
"""Filters that RDS does not have: the zones that it names of a database or a cluster, and the zone of a cluster's
writer."""


class RdsDatabases:
    """Finds databases of one of the two types."""

    def __init__(self, client: Any, kind: ResourceType) -> None:
        self._client, self._kind = client, kind

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        return self._with_restarts(select_named(names, tags, self._describe(filters)))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        """Lists all databases instead of asking by identifier: one that is gone must not hide the others."""
        return self._with_restarts(select_named([resource.arn for resource in resources], {}, self._describe({})))

    def _with_restarts(self, found: Found) -> Found:
        """The same, with the time of each DB instance's newest restart: a reboot is over before anybody looks at its state."""
        return replace(found, resources=tuple(self._with_restart(resource) for resource in found.resources))

    def _with_restart(self, resource: OtherResource) -> OtherResource:
        if not isinstance(resource, Database):
            return resource
        wanted = {"SourceType": "db-instance", "EventCategories": ["availability"], "Duration": _DAY_IN_MINUTES}
        events = list_items(self._client, "describe_events", "Events", SourceIdentifier=resource.id, **wanted)
        restarts = [event["Date"] for event in events if event.get("Message", "").startswith(_RESTARTED)]
        return resource.model_copy(update={"restarted_at": max(restarts, default=None)})

    def _describe(self, filters: Mapping[str, Sequence[str]]) -> list[OtherResource]:
        zones, writer_zones = set(filters.get(_ZONE, ())), set(filters.get(_WRITER_ZONE, ()))
        entries = self._list(self._kind, {name: list(values) for name, values in filters.items() if name not in _OWN})
        within = [entry for entry in entries if not zones or zones & _list_zones(entry)]
        if self._kind is ResourceType.DATABASE:
            return [_read_database(entry) for entry in within]
        if not within:
            return []
        members = {entry["DBInstanceIdentifier"]: entry for entry in self._list(ResourceType.DATABASE, {})}
        clusters = [_read_cluster(entry, members) for entry in within]
        return [cluster for cluster in clusters if not writer_zones or cluster.zone in writer_zones]

    def _list(self, kind: ResourceType, filters: Mapping[str, list[str]]) -> list[Any]:
        method, key = _OPERATIONS[kind]
        wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
        return list(list_items(self._client, method, key, **({"Filters": wanted} if wanted else {})))


def _list_zones(entry: Mapping[str, Any]) -> set[str]:
    """The zone of an instance, or the zones in which a cluster may have instances."""
    return {*entry.get("AvailabilityZones", ()), entry.get("AvailabilityZone", "")}


def _read_tags(entry: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in entry.get("TagList", [])}


def _read_database(entry: Mapping[str, Any]) -> Database:
    return Database(
        id=entry["DBInstanceIdentifier"],
        arn=entry["DBInstanceArn"],
        state=entry["DBInstanceStatus"],
        zone=entry.get("AvailabilityZone", ""),
        tags=_read_tags(entry),
        engine=entry.get("Engine", ""),
        multi_az=entry.get("MultiAZ", False),
        secondary_zone=entry.get("SecondaryAvailabilityZone") or None,
        cluster=entry.get("DBClusterIdentifier") or None,
    )


def _read_cluster(entry: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> DatabaseCluster:
    members = sorted(_read_members(entry.get("DBClusterMembers", []), known), key=lambda member: member.id)
    return DatabaseCluster(
        id=entry["DBClusterIdentifier"],
        arn=entry["DBClusterArn"],
        state=entry["Status"],
        zone=next((member.zone for member in members if member.writer), ""),
        tags=_read_tags(entry),
        engine=entry.get("Engine", ""),
        members=tuple(members),
    )


def _read_members(members: Iterable[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> Iterable[ClusterMember]:
    for member in members:
        instance = known.get(member["DBInstanceIdentifier"], {})
        yield ClusterMember(
            id=member["DBInstanceIdentifier"],
            zone=instance.get("AvailabilityZone", ""),
            state=instance.get("DBInstanceStatus", "unknown"),
            writer=member.get("IsClusterWriter", False),
        )


class CacheGroups:
    """Finds ElastiCache replication groups by tags, or by ARN."""

    def __init__(self, client: Any, tagging: Any) -> None:
        self._client, self._tagging = client, tagging

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        arns = list(dict.fromkeys(names)) if names else self._find_tagged(tags) if tags else []
        known = {arn: group for arn in arns if (group := self._read(arn)) is not None}
        matching = tuple(group for group in known.values() if tags.items() <= group.tags.items())
        return Found(matching, tuple(arn for arn in arns if names and arn not in known))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _find_tagged(self, tags: Mapping[str, str]) -> list[str]:
        filters, kinds = [{"Key": key, "Values": [value]} for key, value in tags.items()], ["elasticache:replicationgroup"]
        entries = list_items(self._tagging, "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourceTypeFilters=kinds)
        return sorted(entry["ResourceARN"] for entry in entries)

    def _read(self, arn: str) -> ReplicationGroup | None:
        gone = frozenset({"ReplicationGroupNotFoundFault", "ReplicationGroupNotFound"})
        answer = call(self._client, "describe_replication_groups", absent=gone, ReplicationGroupId=arn.rpartition(":")[2])
        entry = next((group for group in (answer or {}).get("ReplicationGroups", ()) if group.get("ARN") == arn), None)
        if entry is None:
            return None
        tags = call(self._client, "list_tags_for_resource", ResourceName=arn)
        groups = entry.get("NodeGroups", ())
        nodes = [
            CacheNode(
                id=member["CacheClusterId"],
                group=group["NodeGroupId"],
                zone=member.get("PreferredAvailabilityZone", ""),
                role=member.get("CurrentRole", ""),
            )
            for group in groups
            for member in group.get("NodeGroupMembers", ())
        ]
        return ReplicationGroup(
            id=entry["ReplicationGroupId"],
            arn=arn,
            state=entry["Status"],
            tags={tag["Key"]: tag.get("Value", "") for tag in tags.get("TagList", ())},
            multi_az=entry.get("MultiAZ", ""),
            automatic_failover=entry.get("AutomaticFailover", ""),
            node_groups={group["NodeGroupId"]: group.get("Status", "") for group in groups},
            nodes=tuple(sorted(nodes, key=lambda node: node.id)),
        )
