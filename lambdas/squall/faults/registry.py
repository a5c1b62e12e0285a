"""The faults that Squall can inject, each a fault type on a resource type. A new fault needs its module, and a row in
the table of this one.

A module is imported when its fault is asked for: a function that handles one run loads one fault, not all of them.
"""

from importlib import import_module

from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.policy.custom_actions import CustomAction
from squall.domain.policy.environment import Environment
from squall.faults.actions.waiting import NoFault
from squall.faults.base import AnyFault, Fault
from squall.faults.custom.command import CustomCommand
from squall.faults.custom.fault import CustomFault

_PLACES = {
    (FaultType.INSTANCE_TERMINATION, ResourceType.INSTANCE): "instances.termination:InstanceTermination",
    (FaultType.NETWORK_LATENCY, ResourceType.INSTANCE): "instances.network_latency:NetworkLatency",
    (FaultType.CPU_STRESS, ResourceType.INSTANCE): "instances.cpu_stress:CpuStress",
    (FaultType.MEMORY_STRESS, ResourceType.INSTANCE): "instances.memory_stress:MemoryStress",
    (FaultType.DISK_FILL, ResourceType.INSTANCE): "instances.disk_fill:DiskFill",
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.INSTANCE): "instances.service_unavailable:ServiceUnavailable",
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.INSTANCE): "instances.dependency_timeout:DependencyTimeout",
    (FaultType.DATABASE_FAILURE, ResourceType.DATABASE): "databases:DatabaseInstanceFailure",
    (FaultType.DATABASE_FAILURE, ResourceType.DATABASE_CLUSTER): "databases:DatabaseClusterFailure",
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.SUBNET): "subnets:SubnetUnavailable",
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.SUBNET): "subnets:SubnetDependency",
    (FaultType.INSTANCE_TERMINATION, ResourceType.ECS_TASK): "tasks.stop:TaskStop",
    (FaultType.NETWORK_LATENCY, ResourceType.ECS_TASK): "tasks.network:TaskNetworkLatency",
    (FaultType.CPU_STRESS, ResourceType.ECS_TASK): "tasks.stress:TaskCpuStress",
    (FaultType.DISK_FILL, ResourceType.ECS_TASK): "tasks.stress:TaskDiskFill",
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.ECS_TASK): "tasks.service_unavailable:TaskServiceUnavailable",
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.ECS_TASK): "tasks.network:TaskDependencyTimeout",
    (FaultType.NETWORK_LATENCY, ResourceType.FUNCTION): "functions.invocation:InvocationLatency",
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.FUNCTION): "functions.invocation:InvocationTimeout",
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.FUNCTION): "functions.invocation:InvocationError",
    (FaultType.DISK_FILL, ResourceType.VOLUME): "volumes:VolumePause",
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.SCALING_GROUP): "scaling_groups:InsufficientCapacity",
    (FaultType.INSTANCE_TERMINATION, ResourceType.POD): "pods.delete:PodDelete",
    (FaultType.NETWORK_LATENCY, ResourceType.POD): "pods.disturbances:PodNetworkLatency",
    (FaultType.CPU_STRESS, ResourceType.POD): "pods.disturbances:PodCpuStress",
    (FaultType.MEMORY_STRESS, ResourceType.POD): "pods.disturbances:PodMemoryStress",
    (FaultType.SERVICE_UNAVAILABLE, ResourceType.POD): "pods.disturbances:PodServiceUnavailable",
    (FaultType.DEPENDENCY_TIMEOUT, ResourceType.POD): "pods.disturbances:PodDependencyTimeout",
}
"""Module below `squall.faults` and class of each fault. A test loads every row."""
_ACTIONS = {
    (FaultType.REBOOT_INSTANCES, ResourceType.INSTANCE): "actions.generic:RebootInstances",
    (FaultType.STOP_INSTANCES, ResourceType.INSTANCE): "instances.termination:StopInstances",
    (FaultType.SPOT_INTERRUPTION, ResourceType.INSTANCE): "instances.spot:SpotInterruption",
    (FaultType.VOLUME_IO_LATENCY, ResourceType.VOLUME): "actions.generic:VolumeIoLatency",
    (FaultType.DRAIN_CONTAINER_INSTANCES, ResourceType.ECS_CLUSTER): "actions.hosts:ContainerInstanceDrain",
    (FaultType.TERMINATE_NODES, ResourceType.NODEGROUP): "actions.hosts:NodeTermination",
    (FaultType.REBOOT_DATABASES, ResourceType.DATABASE): "databases:DatabaseReboot",
    (FaultType.STREAM_THROUGHPUT_EXCEPTION, ResourceType.STREAM): "actions.described:StreamThroughputException",
    (FaultType.STREAM_ITERATOR_EXCEPTION, ResourceType.STREAM): "actions.described:StreamIteratorException",
    (FaultType.DSQL_CONNECTION_FAILURE, ResourceType.DSQL_CLUSTER): "actions.described:DsqlConnectionFailure",
    (FaultType.API_INTERNAL_ERROR, ResourceType.ROLE): "actions.roles:ApiInternalError",
    (FaultType.API_THROTTLE_ERROR, ResourceType.ROLE): "actions.roles:ApiThrottleError",
    (FaultType.API_UNAVAILABLE_ERROR, ResourceType.ROLE): "actions.roles:ApiUnavailableError",
    (FaultType.API_NO_CAPACITY, ResourceType.ROLE): "actions.roles:ApiNoCapacity",
    (FaultType.GLOBAL_TABLE_PAUSE, ResourceType.GLOBAL_TABLE): "actions.links:GlobalTablePause",
    (FaultType.MULTI_REGION_CLUSTER_PAUSE, ResourceType.MULTI_REGION_CLUSTER): "actions.links:MultiRegionClusterPause",
    (FaultType.VIRTUAL_INTERFACE_DISCONNECT, ResourceType.VIRTUAL_INTERFACE): "actions.links:VirtualInterfaceDisconnect",
    (FaultType.VPC_ENDPOINT_DISRUPTION, ResourceType.VPC_ENDPOINT): "actions.endpoints:VpcEndpointDisruption",
    (FaultType.TRANSIT_GATEWAY_DISRUPTION, ResourceType.TRANSIT_GATEWAY): "actions.gateways:TransitGatewayDisruption",
    (FaultType.ROUTE_TABLE_DISRUPTION, ResourceType.SUBNET): "actions.routes:RouteTableDisruption",
    (FaultType.CUSTOM_RESOURCE, ResourceType.POD): "pods.custom_resource:CustomResource",
    (FaultType.BUCKET_PAUSE, ResourceType.BUCKET): "actions.buckets:BucketPause",
    (FaultType.CACHE_ZONE_POWER, ResourceType.REPLICATION_GROUP): "actions.caches:CacheZonePower",
    (FaultType.ZONAL_AUTOSHIFT, ResourceType.SHIFTABLE): "actions.shifts:ZonalAutoshift",
}
"""The same of faults whose type is the id of a FIS action."""

_FAULTS: dict[tuple[FaultType, ResourceType], AnyFault] = {}
"""The faults that have been asked for, and those registered from elsewhere."""


class UnknownFaultError(KeyError):
    """There is no fault of this type on this resource type."""

    def __init__(self, fault_type: FaultType, resource_type: ResourceType) -> None:
        self.fault_type, self.resource_type = fault_type, resource_type
        known = dict.fromkeys(kind for kind, _ in _list_pairs())
        pairs = ", ".join(f"{kind.value} on {', '.join(resource_types(kind))}" for kind in known)
        super().__init__(f"no fault module injects {fault_type.value} into {resource_type.value}; available: {pairs}")


def register_fault(fault: AnyFault) -> None:
    """Make a fault known to all of Squall. Raises TypeError if it does not declare an attribute, ValueError if the pair
    is taken."""
    if missing := [name for name in Fault.__annotations__ if not hasattr(fault, name)]:
        raise TypeError(f"{type(fault).__name__} does not declare {', '.join(missing)}")
    pair = fault.type, fault.resource_type
    if pair in _list_pairs():
        raise ValueError(f"{type(_load_fault(pair)).__name__} already injects {fault.type.value} into {fault.resource_type.value}")
    _FAULTS[pair] = fault


def _list_pairs() -> tuple[tuple[FaultType, ResourceType], ...]:
    """What can be injected into what: the rows of the table, then what was registered from elsewhere, then actions by their
    ids. What was asked for first makes no difference."""
    return tuple(dict.fromkeys([*_PLACES, *(pair for pair in _FAULTS if pair not in _ACTIONS), *_ACTIONS]))


def _load_fault(pair: tuple[FaultType, ResourceType]) -> AnyFault:
    """The fault of this pair, imported at its first use. Raises KeyError."""
    if pair not in _FAULTS:
        module, _, name = (_PLACES | _ACTIONS)[pair].partition(":")
        fault: AnyFault = getattr(import_module(f"squall.faults.{module}"), name)()
        _FAULTS[pair] = fault
    return _FAULTS[pair]


def list_faults() -> tuple[AnyFault, ...]:
    """Every fault of Squall's own types, in the registry's order. Imports all of them."""
    return tuple(_load_fault(pair) for pair in _list_pairs() if not pair[0].is_fis_action)


def list_action_faults() -> tuple[AnyFault, ...]:
    """Every fault whose type is the id of a FIS action."""
    return tuple(_load_fault(pair) for pair in _list_pairs() if pair[0].is_fis_action)


def list_types() -> tuple[FaultType, ...]:
    """Squall's own fault types that can be injected into something, in the registry's order. Ids of FIS actions are not
    among them."""
    return tuple(dict.fromkeys(fault_type for fault_type, _ in _list_pairs() if not fault_type.is_fis_action))


def resource_types(fault_type: FaultType) -> tuple[ResourceType, ...]:
    """The resource types into which faults of this type can be injected. For custom actions that is any type that the
    policy lists; nothing can be injected into any."""
    if fault_type in {FaultType.CUSTOM, FaultType.NO_FAULT}:
        return tuple(ResourceType)
    return tuple(resource_type for kind, resource_type in _list_pairs() if kind is fault_type)


def fault_types(resource_type: ResourceType) -> tuple[FaultType, ...]:
    """The fault types that can be injected into this resource type."""
    return tuple(fault_type for fault_type, kind in _list_pairs() if kind is resource_type)


def get_fault(fault_type: FaultType, resource_type: ResourceType = ResourceType.INSTANCE) -> AnyFault:
    """The fault of this type on this resource type. A custom action is returned without its entry in the policy. Raises
    UnknownFaultError."""
    if fault_type is FaultType.CUSTOM:
        return CustomFault(resource_type)
    if fault_type is FaultType.NO_FAULT:
        return NoFault(resource_type)
    try:
        return _load_fault((fault_type, resource_type))
    except KeyError:
        raise UnknownFaultError(fault_type, resource_type) from None


def find_fault(planned: PlannedFault) -> AnyFault:
    """The module of a fault. Raises UnknownFaultError."""
    return get_fault(planned.type, planned.resource_type)


def bind_fault(planned: PlannedFault, environment: Environment) -> AnyFault:
    """The module of a fault, ready to inject: a custom action is bound to its entry in the environment's policy.

    Raises UnknownFaultError.
    """
    if planned.type is not FaultType.CUSTOM:
        return find_fault(planned)
    name = str(planned.parameters.get("action"))
    listed = environment.custom_actions.get(name)
    if listed is None or listed.resource_type is not planned.resource_type:
        raise UnknownFaultError(planned.type, planned.resource_type)
    return bind_listed(name, listed)


def bind_listed(name: str, listed: CustomAction) -> CustomFault:
    """The fault of an entry of the policy. The same action needs a fault signal, and takes as much from its targets, under every
    name."""
    twins = _list_twins(listed)
    alike = [twin for twin in twins if twin.type.is_fis_action]
    needs_signal = listed.success_is_proof is False or any(twin.requires_signal(listed.fixed) for twin in alike)
    if listed.command is not None:
        return CustomCommand(listed, name=name, needs_signal=needs_signal)
    return CustomFault(listed.resource_type, listed, name=name, needs_signal=needs_signal, twins=twins)


def _list_twins(listed: CustomAction) -> tuple[AnyFault, ...]:
    """Squall's own faults that inject with the action of an entry, those of its own types first."""
    if listed.action is None:
        return ()
    faults = [_load_fault(pair) for pair in _list_pairs() if pair[1] is listed.resource_type]
    return tuple(fault for fault in faults if listed.action in fault.actions)
