"""Keeps the CPUs or the file system of pinned ECS tasks busy, as a noisy neighbour inside the task does."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.judging.fault_signals import Signal
from squall.domain.resources.tasks import EcsTask
from squall.faults.base import Injection
from squall.faults.instances.cpu_stress import Parameters as CpuParameters
from squall.faults.instances.disk_fill import FULLEST
from squall.faults.tasks.base import TaskFault


class TaskCpuStress(TaskFault[CpuParameters]):
    """`aws:ecs:task-cpu-stress`: stress-ng in the agent's container, which shares the task's CPUs.

    Only Container Insights with enhanced observability has a metric of a single task.
    """

    type = FaultType.CPU_STRESS
    verb = "loaded the CPU of"
    risk = "low"
    told_by = frozenset({"cpu"})
    ssm_documents = ("AWSFIS-Run-CPU-Stress",)
    actions = ("aws:ecs:task-cpu-stress",)
    parameters = CpuParameters
    names = {"aws:ecs:task-cpu-stress": {"percent": ("load_percent", "100"), "workers": ("cpus", "0")}}
    action = "cpu"
    moves_metrics = ("cpu_utilization",)

    def task_parameters(self, parameters: CpuParameters, /) -> dict[str, str]:
        return {"percent": str(parameters.load_percent), "workers": str(parameters.cpus)}

    def describe(self, parameters: CpuParameters, /) -> str:
        return f"Load {parameters.cpus or 'all'} CPUs of the tasks with {parameters.load_percent} %"

    def expect_signals(self, injection: Injection[EcsTask, CpuParameters], /) -> Iterable[Signal]:
        """A signal of the task's CPU, in percent of what the task reserves. The CPUs that the task sees are more than
        that, so the fault must raise it.

        If only some of the CPUs are loaded, nothing is known about the percentage.
        """
        for task in () if injection.parameters.cpus else injection.targets:
            yield Signal(
                targets=(task.id,),
                namespace="ECS/ContainerInsights",
                metric_name="TaskCpuUtilization",
                dimensions=(("ClusterName", task.cluster), ("TaskDefinitionFamily", task.family), ("TaskId", task.id)),
                toward=float(injection.parameters.load_percent),
            )


class DiskParameters(Model):
    disk_percent: Annotated[int, Field(strict=True, ge=1, le=FULLEST)] = 80
    """Percent of the space that is free on the file system at the beginning. So much is written, read and synced while
    the fault lasts."""
    workers: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    """How many processes write, read and sync."""


class TaskDiskFill(TaskFault[DiskParameters]):
    """`aws:ecs:task-io-stress`: fills the disk and keeps it busy. FIS has no action that only fills a task's disk."""

    type = FaultType.DISK_FILL
    verb = "filled the disk of"
    risk = "high"
    stirs = frozenset({"cpu"})
    """stress-ng uses CPU for it."""
    ssm_documents = ("AWSFIS-Run-IO-Stress",)
    actions = ("aws:ecs:task-io-stress",)
    parameters = DiskParameters
    names = {"aws:ecs:task-io-stress": {"percent": ("disk_percent", "80"), "workers": ("workers", "1")}}
    action = "disk"

    def task_parameters(self, parameters: DiskParameters, /) -> dict[str, str]:
        return {"percent": str(parameters.disk_percent), "workers": str(parameters.workers)}

    def describe(self, parameters: DiskParameters, /) -> str:
        return f"Write {parameters.disk_percent} % of what is free on the tasks' file system"
