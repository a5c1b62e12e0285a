"""The faults this Squall can inject: each a fault type on a resource type."""

from collections.abc import Mapping

from squall.domain.documents.definition import Definition
from squall.domain.experiment.experiment import Experiment
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import Fault
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

_MODULES: tuple[Fault, ...] = (
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
)
_FAULTS: Mapping[tuple[FaultType, ResourceType], Fault] = {(fault.type, fault.resource_type): fault for fault in _MODULES}


class UnknownFaultError(KeyError):
    """No module injects this fault type into such a resource."""

    def __init__(self, fault_type: FaultType, resource_type: ResourceType) -> None:
        self.fault_type, self.resource_type = fault_type, resource_type
        pairs = ", ".join(f"{kind.value} on {', '.join(resource_types(kind))}" for kind in available())
        super().__init__(f"no fault module injects {fault_type.value} into {resource_type.value}; available: {pairs}")


def faults() -> tuple[Fault, ...]:
    """Every module, in the registry's order."""
    return _MODULES


def available() -> tuple[FaultType, ...]:
    """Types that can be injected into something, in the registry's order."""
    return tuple(dict.fromkeys(fault.type for fault in _MODULES))


def resource_types(fault_type: FaultType) -> tuple[ResourceType, ...]:
    """What faults of this type can be injected into: a custom action into what the policy says."""
    if fault_type is FaultType.CUSTOM:
        return tuple(ResourceType)
    return tuple(fault.resource_type for fault in _MODULES if fault.type is fault_type)


def fault_types(resource_type: ResourceType) -> tuple[FaultType, ...]:
    """What can be injected into such resources."""
    return tuple(fault.type for fault in _MODULES if fault.resource_type is resource_type)


def get(fault_type: FaultType, resource_type: ResourceType = ResourceType.INSTANCE) -> Fault:
    """The module of a fault type on a resource type; a custom action's as far as it is known without a policy. Raises UnknownFaultError."""
    if fault_type is FaultType.CUSTOM:
        return CustomFault(resource_type)
    try:
        return _FAULTS[fault_type, resource_type]
    except KeyError:
        raise UnknownFaultError(fault_type, resource_type) from None


def of(experiment: Experiment) -> Fault:
    """The module that injects what the experiment asks for into what it targets. Raises UnknownFaultError."""
    return get(experiment.type, experiment.resource_type)


def bound(definition: Definition) -> Fault:
    """The same, able to inject: a custom action by what the environment's policy lists. Raises UnknownFaultError."""
    experiment = definition.experiment
    if experiment.type is not FaultType.CUSTOM:
        return of(experiment)
    listed = definition.environment.custom_actions.get(str(experiment.parameters.get("action")))
    if listed is None or listed.resource_type is not experiment.resource_type:
        raise UnknownFaultError(experiment.type, experiment.resource_type)
    return CustomFault(experiment.resource_type, listed)
