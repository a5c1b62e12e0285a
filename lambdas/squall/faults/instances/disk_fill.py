"""Fills the root volume of pinned instances, as logs that nobody rotates, a dump or a spilled queue do."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.judging.fault_signals import Signal
from squall.domain.resources.instances import Instance
from squall.faults.base import Injection
from squall.faults.mechanisms.agent_metrics import agent_signal
from squall.faults.mechanisms.send_command import SendCommandFault

FULLEST = 97
"""Percent. On a full disk Systems Manager may not be able to end the fault early, according to AWS: the last percents
are never taken."""


class Parameters(Model):
    disk_percent: Annotated[int, Field(strict=True, ge=1, le=FULLEST)] = 95
    """How full the root volume is while the fault lasts. Writes fail once the workload has filled the rest."""


class DiskFill(SendCommandFault[Parameters]):
    """AWSFIS-Run-Disk-Fill: one file made by fallocate, which is deleted at the end or when the command is
    cancelled."""

    type = FaultType.DISK_FILL
    verb = "filled the disk of"
    risk = "high"
    ssm_documents = ("AWSFIS-Run-Disk-Fill",)
    parameters = Parameters
    action = "disk"
    names = {"Percent": ("disk_percent", "95")}

    def describe(self, parameters: Parameters, /) -> str:
        return f"Fill the root volume to {parameters.disk_percent} %"

    def expect_signals(self, injection: Injection[Instance, Parameters], /) -> Iterable[Signal]:
        """The CloudWatch agent's metric of the root volume, if the agent runs."""
        full = float(injection.parameters.disk_percent)
        yield from (agent_signal("disk_used_percent", target.id, ("path", "/"), toward=full) for target in injection.targets)

    def document_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        return {"Percent": str(parameters.disk_percent)}
