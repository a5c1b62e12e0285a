"""Takes memory away from pinned instances, as a leak, an oversized cache or a neighbour on the same machine does."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.judging.fault_signals import SHARE, Signal
from squall.domain.resources.instances import Instance
from squall.faults.base import Injection
from squall.faults.mechanisms.agent_metrics import agent_signal
from squall.faults.mechanisms.send_command import SendCommandFault


class Parameters(Model):
    memory_percent: Annotated[int, Field(strict=True, ge=1, le=100)]
    """Percent of the instance's memory that all workers together take."""
    workers: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    """How many processes hold it. When the kernel runs out of memory and kills one, the others keep their share."""


class MemoryStress(SendCommandFault[Parameters]):
    """AWSFIS-Run-Memory-Stress: stress-ng. It frees the memory at the end, but processes that the kernel killed stay
    dead."""

    type = FaultType.MEMORY_STRESS
    verb = "used up the memory of"
    risk = "high"
    stirs = frozenset({"cpu"})
    """stress-ng uses CPU for it."""
    ssm_documents = ("AWSFIS-Run-Memory-Stress",)
    parameters = Parameters
    action = "memory"
    names = {"Percent": ("memory_percent", None), "Workers": ("workers", "1")}
    unless_allowed = {"memory_percent": (1, 95)}
    """Above 95 %, the kernel may kill the agent that ends the fault, or anything else."""

    def describe(self, parameters: Parameters, /) -> str:
        return f"Take {parameters.memory_percent} % of the memory"

    def expect_signals(self, injection: Injection[Instance, Parameters], /) -> Iterable[Signal]:
        """The CloudWatch agent's memory metric, if the agent runs. The fault takes its percentage of the memory that
        was free."""
        share = SHARE * injection.parameters.memory_percent / 100
        yield from (agent_signal("mem_used_percent", target.id, toward=100.0, share=share) for target in injection.targets)

    def document_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        return {"Workers": str(parameters.workers), "Percent": str(parameters.memory_percent)}
