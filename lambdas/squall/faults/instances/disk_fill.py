"""Fill the root volume of pinned instances: logs nobody rotates, a dump, a queue that spilled."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.mechanisms.agent_metrics import agents
from squall.faults.mechanisms.send_command import SendCommandFault

FULLEST = 97
"""On a full disk Systems Manager may not be able to end the fault before its time, says AWS: the last percents are never taken."""


class Parameters(Model):
    disk_percent: Annotated[int, Field(strict=True, ge=1, le=FULLEST)] = 95
    """Of the root volume that is in use while the fault lasts. Writes fail once what the workload writes has filled the rest."""


class DiskFill(SendCommandFault[Parameters]):
    """AWSFIS-Run-Disk-Fill: one file by fallocate, taken away again at the end or when it is cancelled."""

    type = FaultType.DISK_FILL
    title = "Disk fill"
    risk = "high"
    ssm_documents = ("AWSFIS-Run-Disk-Fill",)
    parameters = Parameters
    action = "disk"
    names = {"Percent": ("disk_percent", "95")}

    def describe(self, parameters: Parameters) -> str:
        return f"Fill the root volume to {parameters.disk_percent} %"

    def moves(self, parameters: Parameters, workload: Workload, pinned: Sequence[Instance]) -> Iterable[Signal]:  # noqa: ARG002
        """The CloudWatch agent's, where it runs, of the root volume."""
        full = float(parameters.disk_percent)
        yield from (agents("disk_used_percent", one.id, ("path", "/"), toward=full) for one in pinned)

    def document_parameters(self, parameters: Parameters) -> dict[str, str]:
        return {"Percent": str(parameters.disk_percent)}
