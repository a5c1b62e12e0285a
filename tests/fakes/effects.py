"""What FIS's actions with a duration do to the fake account, and how FIS undoes it."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from math import ceil
from typing import TYPE_CHECKING

from squall.domain.resources.caches import ReplicationGroup
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.host_groups import ACTIVE, DRAINING, EcsCluster
from squall.domain.resources.shiftable import BY_FIS, ShiftableResource, ZonalShift
from squall.domain.resources.subnets import Acl, FisPart, Subnet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.workload import FakeFleet

_ids = count(1)


def cut_off(fleet: FakeFleet, arn: str) -> Callable[[], None]:
    """Associate a clone of the network ACL, and the original at the end: each association has a new id."""
    subnet = fleet.others[arn]
    assert isinstance(subnet, Subnet)
    clone = Acl(id=f"acl-f15{next(_ids):05x}", subnets=(subnet.id,))
    _associate(fleet, arn, clone.id, (*subnet.clones, clone))
    original, clones = subnet.acl or "", subnet.clones
    return lambda: _associate(fleet, arn, original, clones)


def _associate(fleet: FakeFleet, arn: str, acl: str, clones: tuple[Acl, ...]) -> None:
    changed = {"acl": acl, "association": f"aclassoc-{next(_ids):08x}", "clones": clones}
    fleet.others[arn] = fleet.others[arn].model_copy(update=changed)


def reroute(fleet: FakeFleet, arn: str) -> Callable[[], None]:
    """Associate a route table of FIS's, and the original at the end: each association has a new id."""
    subnet = fleet.others[arn]
    assert isinstance(subnet, Subnet)
    made = FisPart(kind="route-table", id=f"rtb-f15{next(_ids):05x}", subnets=(subnet.id,))
    _route(fleet, arn, made.id, (*subnet.made_by_fis, made))
    original, parts = subnet.route_table or "", subnet.made_by_fis
    return lambda: _route(fleet, arn, original, parts)


def _route(fleet: FakeFleet, arn: str, table: str, parts: tuple[FisPart, ...]) -> None:
    changed = {"route_table": table, "route_association": f"rtbassoc-{next(_ids):08x}", "made_by_fis": parts}
    fleet.others[arn] = fleet.others[arn].model_copy(update=changed)


def block(fleet: FakeFleet, arn: str) -> Callable[[], None]:
    """Give the endpoint a security group of FIS's, and its own ones back, unless somebody changed it meanwhile."""
    endpoint = fleet.others[arn]
    assert isinstance(endpoint, DescribedResource)
    blocked = fleet.others[arn] = endpoint.with_field("Groups", f'["sg-f15{next(_ids):05x}"]')

    def end() -> None:
        if fleet.others[arn] == blocked:
            fleet.others[arn] = endpoint

    return end


def shift(fleet: FakeFleet, arn: str) -> Callable[[], None]:
    """Shift the traffic away from the zone, and cancel the shift at the end: ARC still lists it."""
    resource = fleet.others[arn]
    assert isinstance(resource, ShiftableResource)
    zone = next(iter(resource.weights))
    began = ZonalShift(id=f"shift-{next(_ids)}", by=BY_FIS, away_from=zone, status="ACTIVE", started_at=fleet.now())
    _tell_shifts(fleet, arn, {**resource.weights, zone: 0.0}, (*resource.shifts, began))

    def end() -> None:
        over = began.model_copy(update={"status": "CANCELED", "expires_at": fleet.now() + timedelta(minutes=1)})
        _tell_shifts(fleet, arn, resource.weights, (*resource.shifts, over))

    return end


def _tell_shifts(fleet: FakeFleet, arn: str, weights: dict[str, float], shifts: tuple[ZonalShift, ...]) -> None:
    fleet.others[arn] = fleet.others[arn].model_copy(update={"weights": weights, "shifts": shifts})


def drain(fleet: FakeFleet, arn: str, percent: int) -> Callable[[], None]:
    """Drain that share of the container instances, rounded up: services move their tasks to the first of the others."""
    cluster = fleet.others[arn]
    assert isinstance(cluster, EcsCluster)
    taken = cluster.hosts[: ceil(len(cluster.hosts) * percent / 100)]
    names = {host.id for host in taken}
    moved = [task for host in taken for task in host.tasks]
    new = tuple(task.model_copy(update={"id": f"moved{next(_ids)}"}) for task in moved)
    kept = [host for host in cluster.hosts if host.id not in names]
    hosts = (
        *(host.model_copy(update={"state": DRAINING, "tasks": ()}) for host in taken),
        *(host.model_copy(update={"tasks": (*host.tasks, *new) if host is kept[0] else host.tasks}) for host in kept),
    )
    stopped = {**cluster.stopped, **dict.fromkeys((task.id for task in moved), "ServiceSchedulerInitiated")}
    fleet.others[arn] = cluster.model_copy(update={"hosts": hosts, "stopped": stopped})
    return lambda: _activate(fleet, arn, names)


def _activate(fleet: FakeFleet, arn: str, names: set[str]) -> None:
    cluster = fleet.others[arn]
    assert isinstance(cluster, EcsCluster)
    hosts = tuple(host.model_copy(update={"state": ACTIVE}) if host.id in names else host for host in cluster.hosts)
    fleet.others[arn] = cluster.model_copy(update={"hosts": hosts})


def fail_over_cache(fleet: FakeFleet, arn: str) -> Callable[[], None]:
    """The primaries fail over, and stay where they are then."""
    group = fleet.others[arn]
    assert isinstance(group, ReplicationGroup)
    heirs = {key: next(n.id for n in group.nodes if (n.group, n.role) == (key, "replica")) for key in group.primaries}
    roles = {node.id: "primary" if heirs.get(node.group) == node.id else "replica" for node in group.nodes if node.role}
    nodes = tuple(node.model_copy(update={"role": roles.get(node.id, "")}) for node in group.nodes)
    fleet.others[arn] = group.model_copy(update={"nodes": nodes})
    return lambda: None


def nothing(_fleet: FakeFleet, _arn: str) -> Callable[[], None]:
    """The parameters that are not part of the target's description."""
    return lambda: None


EFFECTS: dict[str, Callable[[FakeFleet, str], Callable[[], None]]] = {
    "aws:network:disrupt-connectivity": cut_off,
    "aws:arc:start-zonal-autoshift": shift,
    "aws:ebs:pause-volume-io": nothing,
    "aws:ec2:asg-insufficient-instance-capacity-error": nothing,
    "aws:kinesis:stream-provisioned-throughput-exception": nothing,
    "aws:kinesis:stream-expired-iterator-exception": nothing,
    "aws:dsql:cluster-connection-failure": nothing,
    "aws:dynamodb:global-table-pause-replication": nothing,
    "aws:memorydb:multi-region-cluster-pause-replication": nothing,
    "aws:s3:bucket-pause-replication": nothing,
    "aws:elasticache:replicationgroup-interrupt-az-power": fail_over_cache,
    "aws:directconnect:virtual-interface-disconnect": nothing,
    "aws:network:disrupt-vpc-endpoint": block,
    "aws:eks:inject-kubernetes-custom-resource": nothing,
    "aws:network:route-table-disrupt-cross-region-connectivity": reroute,
    "aws:network:transit-gateway-disrupt-cross-region-connectivity": nothing,
    "aws:fis:inject-api-internal-error": nothing,
    "aws:fis:inject-api-throttle-error": nothing,
    "aws:fis:inject-api-unavailable-error": nothing,
    "aws:ec2:api-insufficient-instance-capacity-error": nothing,
}
"""By action: starts the effect, and returns what undoes it."""
