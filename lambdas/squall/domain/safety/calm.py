"""Checks that nothing else disturbs the workload: alarms, deployments, the last fault."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.metrics.periods import format_length
from squall.domain.metrics.scopes import load_balancer_dimension
from squall.domain.resources.base import Resource
from squall.domain.resources.caches import ReplicationGroup
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.functions import LambdaFunction
from squall.domain.resources.managed import MANAGED
from squall.domain.resources.pods import EksPod
from squall.domain.resources.shiftable import ShiftableResource
from squall.domain.resources.subnets import Subnet
from squall.domain.resources.transit_gateways import TransitGateway
from squall.domain.resources.volumes import Volume
from squall.domain.resources.workload import CLASSIC, Workload
from squall.domain.run.alarm_state import AlarmState
from squall.domain.safety.inputs import Answer, Check, SafetyInput

MAXIMUM_NAMES = 10
"""The most names that a sentence lists."""


def _check_do_not_disturb(inputs: SafetyInput) -> Answer:
    policy = inputs.definition.environment
    names = policy.calm.do_not_disturb
    if not names:
        return True, f"{policy.name} names no do-not-disturb alarm"
    if inputs.named_alarms is None:
        return None, f"the states of {_join_names(names)} could not be read"
    absent = [name for name in names if name not in inputs.named_alarms]
    if absent:
        return None, f"there is no alarm {_join_names(absent)}, which decides whether the workload may be disturbed"
    firing = [name for name in names if inputs.named_alarms[name].state == "ALARM"]
    return not firing, f"do not disturb: {_join_names(firing)} in ALARM" if firing else f"{_join_names(names)}: none in ALARM"


def _check_workload_alarms(inputs: SafetyInput) -> Answer:
    policy = inputs.definition.environment
    if inputs.firing is None or inputs.workload_now is None:
        return None, "the alarms in ALARM, or the parts of the workload, could not be read"
    guards = {guard.name for guard in inputs.guards}  # guards_healthy checks these
    ignored = guards | set(policy.calm.ignored_alarms)
    parts = _list_parts(inputs.workload_now)
    alarms = [alarm for alarm in inputs.firing if alarm.name not in ignored and not alarm.only_scales and _watches_part(alarm, parts)]
    if not alarms:
        return True, f"no alarm of the workload is in ALARM; {len(inputs.firing)} others are, or are ignored"
    detail = f"in ALARM: {_join_names([alarm.name for alarm in alarms])}"
    match policy.calm.workload_alarms:
        case "refuse":
            return False, detail
        case "warn":
            return CheckOutcome.WARNED, detail
        case "ignore":
            return True, f"{detail}; {policy.name} ignores alarms of the workload"


Part = Mapping[str, str]
"""One part of the workload, as the dimensions of its metrics."""


def _list_parts(workload: Workload) -> list[Part]:
    auto_scaling = [group for group in workload.groups if group.kind == "auto_scaling"]
    services = [group.name.rpartition("/") for group in workload.groups if group.kind == "ecs"]
    balanced = [(group.name, group.load_balancer) for group in workload.target_groups]
    return [
        *({"AutoScalingGroupName": group.name} for group in auto_scaling),
        *({"InstanceId": member, "AutoScalingGroupName": group.name} for group in auto_scaling for member in group.in_service),
        *({"InstanceId": instance.id} for instance in workload.instances),
        *({"TargetGroup": name, "LoadBalancer": load_balancer_dimension(balancer or "")} for name, balancer in balanced),
        *({"LoadBalancerName": name.removeprefix(CLASSIC)} for name, _ in balanced if name.startswith(CLASSIC)),
        *({"ServiceName": service, "ClusterName": cluster} for cluster, _, service in services),
        *(part for resource in workload.others for part in _list_parts_of(resource)),
        *_list_pod_controllers(workload),
    ]


_DIMENSIONS_OF_SHIFTED = {"ASG": "AutoScalingGroupName", "EKS": "ClusterName"}
"""The dimension that names a resource whose traffic is shifted, by its kind; of any other kind it is the load balancer's."""


def _list_parts_of(resource: Resource) -> Iterator[Part]:
    """The dimensions by which metrics know a resource that is no instance, and what it contains."""
    match resource:
        case LambdaFunction():
            yield {"FunctionName": resource.id}
        case DatabaseCluster() | Database() | ReplicationGroup():
            yield from _list_stores(resource)
        case ShiftableResource():
            yield {_DIMENSIONS_OF_SHIFTED.get(resource.kind, "LoadBalancer"): resource.id}
        case TransitGateway():
            yield {"TransitGateway": resource.id}
        case DescribedResource():
            names = MANAGED[resource.type].dimensions
            yield from [dict.fromkeys(names, resource.id)] if names else []
        case Volume():
            yield {"VolumeId": resource.id}
            yield from ({"InstanceId": attachment.instance, "VolumeId": resource.id} for attachment in resource.attachments)
        case Subnet():
            yield {"SubnetId": resource.id}
            yield from ({"InstanceId": instance, "SubnetId": resource.id} for instance in resource.instances)
        case EksPod():
            yield {"FullPodName": resource.name, "Namespace": resource.namespace, "ClusterName": resource.cluster.rpartition("/")[2]}


def _list_stores(resource: DatabaseCluster | Database | ReplicationGroup) -> Iterator[Part]:
    match resource:
        case DatabaseCluster():
            yield {"DBClusterIdentifier": resource.id}
            yield from ({"DBClusterIdentifier": resource.id, "DBInstanceIdentifier": member.id} for member in resource.members)
        case Database():
            yield {"DBInstanceIdentifier": resource.id}
        case ReplicationGroup():
            yield {"ReplicationGroupId": resource.id}
            yield from ({"ReplicationGroupId": resource.id, "CacheClusterId": node.id} for node in resource.nodes)


def _list_pod_controllers(workload: Workload) -> Iterator[Part]:
    """Container Insights calls a pod by the name of what controls it: `PodName` is the Deployment's name."""
    for group in workload.groups:
        if group.kind == "eks":
            cluster, namespace, _, name = group.name.split("/", 3)
            yield {"PodName": name, "Namespace": namespace, "ClusterName": cluster}


_SHARED_DIMENSIONS = frozenset({"ClusterName", "Namespace"})
"""Dimensions that don't name a part of the workload unless another dimension agrees, too."""


def _watches_part(alarm: AlarmState, parts: Sequence[Part]) -> bool:
    """Whether the alarm watches one of the parts."""
    return any(_names_part(dict(watched.dimensions), part) for watched in alarm.watches for part in parts)


def _names_part(dimensions: Mapping[str, str], part: Part) -> bool:
    """Whether every dimension that both have agrees, and at least one of them names a part by itself."""
    common = dimensions.keys() & part.keys()
    return bool(common - _SHARED_DIMENSIONS) and all(dimensions[name] == part[name] for name in common)


def _check_cool_down(inputs: SafetyInput) -> Answer:
    policy = inputs.definition.environment
    cool_down = policy.calm.cool_down
    if cool_down is None:
        return True, f"{policy.name} asks for no cool-down"
    if inputs.recent_faults is None:
        return None, "the last faults could not be looked up"
    ended = sorted(_list_fault_ends(inputs), reverse=True)
    if not ended:
        return True, f"no fault on {', '.join(inputs.discovery.failure_domains)} in the last {format_length(cool_down)}"
    ended_at, what = ended[0]
    detail = f"{what} ended at {ended_at:%Y-%m-%d %H:%M:%S} UTC; "
    return inputs.now - ended_at >= cool_down, f"{detail}{policy.name} asks for {format_length(cool_down)} of rest"


def _list_fault_ends(inputs: SafetyInput) -> Iterator[tuple[datetime, str]]:
    """The end of each fault of another execution on these failure domains, or of its observation if that was longer, and
    what ended, in words. What may still run ends now."""
    for record in inputs.recent_faults or ():
        if record.id != inputs.execution_id and set(record.lock_keys) & set(inputs.discovery.failure_domains):
            observed = "the observation of " if record.observation_seconds else ""
            yield record.fault_ended_at or record.ended_at or inputs.now, f"{observed}the last fault here, of {record.id},"


def _check_deployments(inputs: SafetyInput) -> Answer:
    if inputs.deployments is None:
        return None, "deployments in progress could not be read"
    calm = inputs.definition.environment.calm
    checked = ["instance refreshes of the targets' groups", *calm.pipelines, *calm.deployment_groups]
    return not inputs.deployments, "; ".join(inputs.deployments) or f"nothing is being deployed: {', '.join(checked)}"


def _join_names(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - MAXIMUM_NAMES
    return ", ".join(names[:MAXIMUM_NAMES]) + (f" and {more} more" if more > 0 else "")


ALWAYS: Mapping[str, Check] = {
    "do_not_disturb": _check_do_not_disturb,
    "workload_alarms": _check_workload_alarms,
    "cool_down": _check_cool_down,
    "no_deployment": _check_deployments,
}
