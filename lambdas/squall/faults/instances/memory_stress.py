"""Take memory away from pinned instances: a leak, an oversized cache, a neighbour on the same machine."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from squall.domain.judging.fault_signals import SHARE, Signal
from squall.domain.model import Model
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.mechanisms.agent_metrics import agents
from squall.faults.mechanisms.send_command import SendCommandFault


class Parameters(Model):
    memory_percent: Annotated[int, Field(strict=True, ge=1, le=100)]
    """Of the instance's memory, taken by all workers together."""
    workers: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    """Processes that hold it. When the kernel kills one for want of memory, the others keep theirs."""


class MemoryStress(SendCommandFault[Parameters]):
    """AWSFIS-Run-Memory-Stress: stress-ng. It gives the memory back; what the kernel killed meanwhile stays dead, as health checks show."""

    type = FaultType.MEMORY_STRESS
    title = "Memory stress"
    risk = "high"
    ssm_documents = ("AWSFIS-Run-Memory-Stress",)
    parameters = Parameters
    action = "memory"
    names = {"Percent": ("memory_percent", None), "Workers": ("workers", "1")}
    unless_allowed = {"memory_percent": (1, 95)}
    """Above, the kernel may kill the agent that ends the fault, or anything else."""

    def describe(self, parameters: Parameters) -> str:
        return f"Take {parameters.memory_percent} % of the memory"

    def moves(self, parameters: Parameters, workload: Workload, pinned: Sequence[Instance]) -> Iterable[Signal]:  # noqa: ARG002
        """The CloudWatch agent's, where it runs: of what was free, so much is taken."""
        share = SHARE * parameters.memory_percent / 100
        yield from (agents("mem_used_percent", one.id, toward=100.0, share=share) for one in pinned)

    def document_parameters(self, parameters: Parameters) -> dict[str, str]:
        return {"Workers": str(parameters.workers), "Percent": str(parameters.memory_percent)}
