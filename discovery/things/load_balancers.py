"""Load balancers, and the settings of health checks of their target groups."""

from collections.abc import Iterator

from discovery.things.base import Account, Thing


class LoadBalancer(Thing):
    type: str
    """`application`, `network` or `gateway`."""
    internal: bool
    zones: tuple[str, ...]
    security_groups: tuple[str, ...]
    endpoint: str
    """Its DNS name."""


class HealthCheck(Thing):
    """The health check of a target group; `id` is the ARN of the target group."""

    enabled: bool
    protocol: str
    path: str | None
    vpc: str


def read_load_balancers(account: Account) -> Iterator[LoadBalancer]:
    """Every application, network and gateway load balancer."""
    for entry in account.items("elbv2", "describe_load_balancers", "LoadBalancers"):
        yield LoadBalancer(
            id=entry["LoadBalancerArn"],
            name=entry["LoadBalancerName"],
            type=entry.get("Type", "application"),
            internal=entry.get("Scheme") == "internal",
            zones=tuple(sorted(zone["ZoneName"] for zone in entry.get("AvailabilityZones", []) if zone.get("ZoneName"))),
            security_groups=tuple(sorted(entry.get("SecurityGroups", []))),
            endpoint=entry.get("DNSName", ""),
        )


def read_health_checks(account: Account) -> Iterator[HealthCheck]:
    """The health check of every target group."""
    for entry in account.items("elbv2", "describe_target_groups", "TargetGroups"):
        yield HealthCheck(
            id=entry["TargetGroupArn"],
            name=entry["TargetGroupName"],
            enabled=bool(entry.get("HealthCheckEnabled", True)),
            protocol=entry.get("HealthCheckProtocol", ""),
            path=entry.get("HealthCheckPath"),
            vpc=entry.get("VpcId", ""),
        )
