"""Keep the CPUs of pinned instances busy: a noisy neighbour, a runaway job, a load nobody planned for."""

from typing import Annotated

from pydantic import Field

from squall.domain.model import Model
from squall.domain.vocabulary import FaultType
from squall.faults.base import Signal
from squall.faults.send_command import SendCommandFault


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

    def signal(self, parameters: Model) -> Signal | None:
        """A quarter of the load at least, as CPUs may be throttled or shared; of single CPUs nothing is known about the machine's share."""
        own = self._own(parameters)
        if own.cpus:
            return None
        load = own.load_percent
        return Signal(namespace="AWS/EC2", metric_name="CPUUtilization", dimension="InstanceId", rise=load / 4, level=load * 0.9)

    def document_parameters(self, parameters: Parameters) -> dict[str, str]:
        return {"CPU": str(parameters.cpus), "LoadPercent": str(parameters.load_percent)}
