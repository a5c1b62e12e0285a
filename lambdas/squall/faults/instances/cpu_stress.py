"""Keep the CPUs of pinned instances busy: a noisy neighbour, a runaway job, a load nobody planned for."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.mechanisms.send_command import SendCommandFault


class Parameters(Model):
    load_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 80
    """Of each CPU that is stressed."""
    cpus: Annotated[int, Field(strict=True, ge=0, le=1024)] = 0
    """How many stressors; 0: one for every CPU. More than there are CPUs share them."""


class CpuStress(SendCommandFault[Parameters]):
    """AWSFIS-Run-CPU-Stress: stress-ng, ended by its own clock or by a cancel, which a busy agent hears late."""

    type = FaultType.CPU_STRESS
    title = "CPU stress"
    risk = "low"
    ssm_documents = ("AWSFIS-Run-CPU-Stress",)
    parameters = Parameters
    action = "cpu"
    names = {"CPU": ("cpus", "0"), "LoadPercent": ("load_percent", "100")}
    moves_metrics = ("cpu_utilization",)

    def describe(self, parameters: Parameters) -> str:
        return f"Load {parameters.cpus or 'all'} CPUs with {parameters.load_percent} %"

    def moves(self, parameters: Parameters, workload: Workload, pinned: Sequence[Instance]) -> Iterable[Signal]:  # noqa: ARG002
        """Of single CPUs nothing is known about the machine's share."""
        if parameters.cpus:
            return
        for one in pinned:
            dimensions = (("InstanceId", one.id),)
            yield Signal(
                targets=(one.id,),
                namespace="AWS/EC2",
                metric_name="CPUUtilization",
                dimensions=dimensions,
                toward=float(parameters.load_percent),
            )

    def document_parameters(self, parameters: Parameters) -> dict[str, str]:
        return {"CPU": str(parameters.cpus), "LoadPercent": str(parameters.load_percent)}
