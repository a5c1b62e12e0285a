"""Keeps the CPUs of pinned instances busy, as a noisy neighbour, a runaway job or an unplanned load does."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.judging.fault_signals import Signal
from squall.domain.resources.instances import Instance
from squall.faults.base import Injection
from squall.faults.mechanisms.send_command import SendCommandFault


class Parameters(Model):
    load_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 80
    """The load of each CPU that is stressed."""
    cpus: Annotated[int, Field(strict=True, ge=0, le=1024)] = 0
    """How many stressors run; 0: one for every CPU. More stressors than CPUs share the CPUs."""


class CpuStress(SendCommandFault[Parameters]):
    """AWSFIS-Run-CPU-Stress: stress-ng, which ends by its own clock or by a cancel; a cancel reaches a busy agent
    late."""

    type = FaultType.CPU_STRESS
    verb = "loaded the CPU of"
    risk = "low"
    told_by = frozenset({"cpu"})
    ssm_documents = ("AWSFIS-Run-CPU-Stress",)
    parameters = Parameters
    action = "cpu"
    names = {"CPU": ("cpus", "0"), "LoadPercent": ("load_percent", "100")}
    moves_metrics = ("cpu_utilization",)

    def describe(self, parameters: Parameters, /) -> str:
        return f"Load {parameters.cpus or 'all'} CPUs with {parameters.load_percent} %"

    def expect_signals(self, injection: Injection[Instance, Parameters], /) -> Iterable[Signal]:
        """The CPU metric of each instance.

        If only some of the CPUs are loaded, nothing is known about the average of the whole machine, so there is no
        signal.
        """
        for target in () if injection.parameters.cpus else injection.targets:
            yield Signal(
                targets=(target.id,),
                namespace="AWS/EC2",
                metric_name="CPUUtilization",
                dimensions=(("InstanceId", target.id),),
                toward=float(injection.parameters.load_percent),
            )

    def document_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        return {"CPU": str(parameters.cpus), "LoadPercent": str(parameters.load_percent)}
