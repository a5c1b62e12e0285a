"""The faults that Squall can inject, each a fault type on a resource type. A new fault needs its module, and a line at
the end of this one."""

from squall.domain.documents.definition import Definition
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import AnyFault, Fault
from squall.faults.custom import CustomFault
from squall.faults.databases import DatabaseClusterFailure, DatabaseInstanceFailure
from squall.faults.functions.invocation import InvocationError, InvocationLatency, InvocationTimeout
from squall.faults.instances.cpu_stress import CpuStress
from squall.faults.instances.dependency_timeout import DependencyTimeout
from squall.faults.instances.disk_fill import DiskFill
from squall.faults.instances.memory_stress import MemoryStress
from squall.faults.instances.network_latency import NetworkLatency
from squall.faults.instances.service_unavailable import ServiceUnavailable
from squall.faults.instances.termination import InstanceTermination
from squall.faults.pods.delete import PodDelete
from squall.faults.pods.disturbances import PodCpuStress, PodDependencyTimeout, PodMemoryStress, PodNetworkLatency, PodServiceUnavailable
from squall.faults.scaling_groups import InsufficientCapacity
from squall.faults.subnets import SubnetDependency, SubnetUnavailable
from squall.faults.tasks.network import TaskDependencyTimeout, TaskNetworkLatency
from squall.faults.tasks.service_unavailable import TaskServiceUnavailable
from squall.faults.tasks.stop import TaskStop
from squall.faults.tasks.stress import TaskCpuStress, TaskDiskFill
from squall.faults.volumes import VolumePause

_FAULTS: dict[tuple[FaultType, ResourceType], AnyFault] = {}


class UnknownFaultError(KeyError):
    """There is no fault of this type on this resource type."""

    def __init__(self, fault_type: FaultType, resource_type: ResourceType) -> None:
        self.fault_type, self.resource_type = fault_type, resource_type
        pairs = ", ".join(f"{kind.value} on {', '.join(resource_types(kind))}" for kind in available())
        super().__init__(f"no fault module injects {fault_type.value} into {resource_type.value}; available: {pairs}")


def register(fault: AnyFault) -> None:
    """Make a fault known to all of Squall. Raises TypeError if it does not declare an attribute, ValueError if the pair
    is taken."""
    if missing := [name for name in Fault.__annotations__ if not hasattr(fault, name)]:
        raise TypeError(f"{type(fault).__name__} does not declare {', '.join(missing)}")
    pair = fault.type, fault.resource_type
    if pair in _FAULTS:
        raise ValueError(f"{type(_FAULTS[pair]).__name__} already injects {fault.type.value} into {fault.resource_type.value}")
    _FAULTS[pair] = fault


def faults() -> tuple[AnyFault, ...]:
    """Every fault, in the registry's order."""
    return tuple(_FAULTS.values())


def available() -> tuple[FaultType, ...]:
    """The fault types that can be injected into something, in the registry's order."""
    return tuple(dict.fromkeys(fault.type for fault in faults()))


def resource_types(fault_type: FaultType) -> tuple[ResourceType, ...]:
    """The resource types into which faults of this type can be injected. For custom actions that is any type that the
    policy lists."""
    if fault_type is FaultType.CUSTOM:
        return tuple(ResourceType)
    return tuple(fault.resource_type for fault in faults() if fault.type is fault_type)


def fault_types(resource_type: ResourceType) -> tuple[FaultType, ...]:
    """The fault types that can be injected into this resource type."""
    return tuple(fault.type for fault in faults() if fault.resource_type is resource_type)


def get(fault_type: FaultType, resource_type: ResourceType = ResourceType.INSTANCE) -> AnyFault:
    """The fault of this type on this resource type. A custom action is returned without its entry in the policy. Raises
    UnknownFaultError."""
    if fault_type is FaultType.CUSTOM:
        return CustomFault(resource_type)
    try:
        return _FAULTS[fault_type, resource_type]
    except KeyError:
        raise UnknownFaultError(fault_type, resource_type) from None


def of(experiment: Experiment) -> AnyFault:
    """The fault that the experiment asks for on its targets. Raises UnknownFaultError."""
    return get(experiment.type, experiment.resource_type)


def bound(definition: Definition) -> AnyFault:
    """The fault that the experiment asks for, ready to inject: a custom action is bound to its entry in the
    environment's policy.

    Raises UnknownFaultError.
    """
    experiment = definition.experiment
    if experiment.type is not FaultType.CUSTOM:
        return of(experiment)
    listed = definition.environment.custom_actions.get(str(experiment.parameters.get("action")))
    if listed is None or listed.resource_type is not experiment.resource_type:
        raise UnknownFaultError(experiment.type, experiment.resource_type)
    return CustomFault(experiment.resource_type, listed)


def traits_of(definition: Definition) -> FaultTraits:
    """What the domain needs to know about the definition's fault. Raises UnknownFaultError, and InvalidInput for its
    parameters."""
    fault = bound(definition)
    return fault.traits(fault.parse(definition.experiment.parameters))


for _fault in (
    InstanceTermination(),
    NetworkLatency(),
    CpuStress(),
    MemoryStress(),
    DiskFill(),
    ServiceUnavailable(),
    DependencyTimeout(),
    DatabaseInstanceFailure(),
    DatabaseClusterFailure(),
    SubnetUnavailable(),
    SubnetDependency(),
    TaskStop(),
    TaskNetworkLatency(),
    TaskCpuStress(),
    TaskDiskFill(),
    TaskServiceUnavailable(),
    TaskDependencyTimeout(),
    InvocationLatency(),
    InvocationTimeout(),
    InvocationError(),
    VolumePause(),
    InsufficientCapacity(),
    PodDelete(),
    PodNetworkLatency(),
    PodCpuStress(),
    PodMemoryStress(),
    PodServiceUnavailable(),
    PodDependencyTimeout(),
):
    register(_fault)
