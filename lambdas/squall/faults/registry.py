"""The fault types this Squall can inject."""

from collections.abc import Mapping

from squall.domain.vocabulary import FaultType
from squall.faults.base import Fault
from squall.faults.cpu_stress import CpuStress
from squall.faults.dependency_timeout import DependencyTimeout
from squall.faults.disk_fill import DiskFill
from squall.faults.instance_termination import InstanceTermination
from squall.faults.memory_stress import MemoryStress
from squall.faults.network_latency import NetworkLatency
from squall.faults.service_unavailable import ServiceUnavailable

_MODULES: tuple[Fault, ...] = (
    InstanceTermination(),
    NetworkLatency(),
    CpuStress(),
    MemoryStress(),
    DiskFill(),
    ServiceUnavailable(),
    DependencyTimeout(),
)
_FAULTS: Mapping[FaultType, Fault] = {fault.type: fault for fault in _MODULES}


class UnknownFaultError(KeyError):
    """No module injects this fault type."""

    def __init__(self, fault_type: FaultType) -> None:
        self.fault_type = fault_type
        super().__init__(f"no fault module injects {fault_type.value}; available: {', '.join(available())}")


def available() -> tuple[FaultType, ...]:
    """Types that can be injected, in the registry's order."""
    return tuple(_FAULTS)


def get(fault_type: FaultType) -> Fault:
    """Raises UnknownFaultError."""
    try:
        return _FAULTS[fault_type]
    except KeyError:
        raise UnknownFaultError(fault_type) from None
