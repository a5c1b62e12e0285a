"""ElastiCache replication groups, and cache clusters outside of them."""

from collections.abc import Iterator
from typing import Any

from discovery.things.base import Account, Thing


class Cache(Thing):
    engine: str
    nodes: int
    zones: tuple[str, ...]
    multi_az: bool
    failover: bool
    """Whether a replica takes over automatically."""
    endpoints: tuple[str, ...]
    security_groups: tuple[str, ...]


def read_caches(account: Account) -> Iterator[Cache]:
    """Every replication group, and every cluster that belongs to none."""
    clusters = list(account.items("elasticache", "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True))
    by_id = {entry["CacheClusterId"]: entry for entry in clusters}
    grouped: set[str] = set()
    for entry in account.items("elasticache", "describe_replication_groups", "ReplicationGroups"):
        members = entry.get("MemberClusters", [])
        grouped.update(members)
        yield _read_group(entry, [by_id[name] for name in members if name in by_id])
    for entry in clusters:
        if entry["CacheClusterId"] not in grouped and not entry.get("ReplicationGroupId"):
            yield _read_cluster(entry)


def _read_group(entry: dict[str, Any], members: list[dict[str, Any]]) -> Cache:
    shards = entry.get("NodeGroups", [])
    points = [entry.get("ConfigurationEndpoint"), *(shard.get(key) for shard in shards for key in ("PrimaryEndpoint", "ReaderEndpoint"))]
    return Cache(
        id=entry["ARN"],
        name=entry["ReplicationGroupId"],
        engine=entry.get("Engine", "redis"),
        nodes=len(entry.get("MemberClusters", [])),
        zones=_list_zones(members),
        multi_az=entry.get("MultiAZ") == "enabled",
        failover=entry.get("AutomaticFailover") in {"enabled", "enabling"},
        endpoints=tuple(dict.fromkeys(point["Address"] for point in points if point and point.get("Address"))),
        security_groups=_list_security_groups(members),
    )


def _read_cluster(entry: dict[str, Any]) -> Cache:
    nodes = [node["Endpoint"] for node in entry.get("CacheNodes", []) if node.get("Endpoint")]
    point: dict[str, Any] = entry.get("ConfigurationEndpoint") or next(iter(nodes), {})
    return Cache(
        id=entry["ARN"],
        name=entry["CacheClusterId"],
        engine=entry.get("Engine", ""),
        nodes=entry.get("NumCacheNodes", 1),
        zones=_list_zones([entry]),
        multi_az=False,
        failover=False,
        endpoints=(point["Address"],) if point.get("Address") else (),
        security_groups=_list_security_groups([entry]),
    )


def _list_zones(members: list[dict[str, Any]]) -> tuple[str, ...]:
    zones = {m.get("PreferredAvailabilityZone") for m in members} | {
        node.get("CustomerAvailabilityZone") for m in members for node in m.get("CacheNodes", [])
    }
    return tuple(sorted(zone for zone in zones if zone and zone != "Multiple"))


def _list_security_groups(members: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted({group["SecurityGroupId"] for member in members for group in member.get("SecurityGroups", [])}))
