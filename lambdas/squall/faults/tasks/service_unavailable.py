"""Let pinned ECS tasks fall silent at a port, or end a process of theirs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType
from squall.faults.base import WAIT, check, wait_action
from squall.faults.instances.service_unavailable import port_serves, served
from squall.faults.tasks.base import TaskFault
from squall.faults.tasks.network import BLACKHOLE, BLACKHOLE_DOCUMENT, PORT

KILL = "aws:ecs:task-kill-process"
PROCESS = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
_AGENT = ("amazon-ssm-agen", "ssm-agent-worke", "ssm-document-wo", "ssm-session-wor")
"""As the kernel shortens their names."""


class Parameters(Model):
    """`port` or `process`."""

    protocol: Literal["tcp", "udp"] = "tcp"
    """Of `port`."""
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """At which the tasks serve: of the container, not of the load balancer's listener. What arrives there is dropped."""
    signal: Literal["SIGTERM", "SIGKILL"] = "SIGTERM"
    """What `process` is sent; it may ignore the first."""
    process: Annotated[str | None, Field(pattern=PROCESS, validate_default=True)] = None
    """Name of processes that are ended, once, in every container of the task."""

    @field_validator("port")
    @classmethod
    def _not_the_agents(cls, port: int | None, info: ValidationInfo) -> int | None:
        return None if port is None else served(port, info.data.get("protocol"))

    @field_validator("process")
    @classmethod
    def _one_of_both(cls, process: str | None, info: ValidationInfo) -> str | None:
        if "port" not in info.data:  # refused itself
            return process
        if (process is None) == (info.data["port"] is None):
            raise ValueError("exactly one of port (what arrives there is dropped) and process (its name)")
        if process is not None and process.startswith(_AGENT):
            raise ValueError(f"not {process}: it is the Systems Manager agent, which carries the fault out")
        return process


class TaskServiceUnavailable(TaskFault[Parameters]):
    """`aws:ecs:task-network-blackhole-port`, or `aws:ecs:task-kill-process` with a wait beside it: a process is ended in a moment."""

    type = FaultType.SERVICE_UNAVAILABLE
    title = "Service of tasks unavailable"
    risk = "high"
    ssm_documents = (BLACKHOLE_DOCUMENT, "AWSFIS-Run-Kill-Process")
    fis_actions = (BLACKHOLE, KILL, WAIT)
    parameters = Parameters
    names = {BLACKHOLE: PORT, KILL: {"processName": ("process", None), "signal": ("signal", "SIGTERM")}}
    fixed = {BLACKHOLE: {"trafficType": ("ingress", "not said")}}
    action = "unavailable"
    reversible = False
    """A process that was ended stays so; the port is given back."""
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def action_id(self, parameters: Parameters) -> str:
        return BLACKHOLE if parameters.process is None else KILL

    def action_parameters(self, parameters: Parameters) -> dict[str, str]:
        if parameters.process is not None:
            return {"processName": parameters.process, "signal": parameters.signal}
        return {"protocol": parameters.protocol, "port": str(parameters.port), "trafficType": "ingress"}

    def describe(self, parameters: Parameters) -> str:
        if parameters.process is not None:
            return f"Send {parameters.signal} to {parameters.process} in the tasks"
        return f"Drop what arrives at {parameters.protocol} {parameters.port} of the tasks"

    def in_its_network(self, parameters: Parameters) -> bool:
        return parameters.process is None

    def among_its_processes(self, parameters: Parameters) -> bool:  # noqa: ARG002 - the base's
        return True

    def lasts(self, action_id: str) -> bool:
        return action_id != KILL

    def besides(self, parameters: Parameters, length: timedelta) -> dict[str, Any]:
        return {} if parameters.process is None else {"observe": wait_action(length)}

    def needs(self, workload: Workload, pinned: Sequence[EcsTask], parameters: Parameters) -> tuple[SafetyCheck, ...]:
        if parameters.port is None:
            return ()
        return (check("port_serves", *port_serves(workload, pinned, parameters.protocol, parameters.port)),)
