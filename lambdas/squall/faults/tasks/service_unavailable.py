"""Silences a port of pinned ECS tasks, or ends one of their processes."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.tasks import EcsTask
from squall.faults.base import Injection
from squall.faults.checks import make_check
from squall.faults.instances.service_unavailable import check_port, port_serves
from squall.faults.tasks.base import TaskFault
from squall.faults.tasks.network import BLACKHOLE, BLACKHOLE_DOCUMENT, PORT

KILL = "aws:ecs:task-kill-process"
PROCESS = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
_AGENT = ("amazon-ssm-agen", "ssm-agent-worke", "ssm-document-wo", "ssm-session-wor")
"""The agent's processes, with the names that the kernel shortens to 15 characters."""


class Parameters(Model):
    """The parameters: either `port` or `process`."""

    protocol: Literal["tcp", "udp"] = "tcp"
    """The protocol of `port`."""
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """The container's port at which the tasks serve, not the load balancer's. What arrives there is dropped."""
    signal: Literal["SIGTERM", "SIGKILL"] = "SIGTERM"
    """The signal that `process` is sent; a process may ignore SIGTERM."""
    process: Annotated[str | None, Field(pattern=PROCESS, validate_default=True)] = None
    """The name of the processes that are ended, once, in every container of the task."""

    @field_validator("port")
    @classmethod
    def _not_the_agents(cls, port: int | None, info: ValidationInfo) -> int | None:
        return None if port is None else check_port(port, info.data.get("protocol"))

    @field_validator("process")
    @classmethod
    def _one_of_both(cls, process: str | None, info: ValidationInfo) -> str | None:
        if "port" not in info.data:  # the port itself is refused
            return process
        if (process is None) == (info.data["port"] is None):
            raise ValueError("exactly one of port (what arrives there is dropped) and process (its name)")
        if process is not None and process.startswith(_AGENT):
            raise ValueError(f"not {process}: it is the Systems Manager agent, which carries the fault out")
        return process


class TaskServiceUnavailable(TaskFault[Parameters]):
    """With `port`: `aws:ecs:task-network-blackhole-port` on incoming traffic. With `process`:
    `aws:ecs:task-kill-process`."""

    type = FaultType.SERVICE_UNAVAILABLE
    verb = "made the service unavailable on"
    risk = "high"
    ssm_documents = (BLACKHOLE_DOCUMENT, "AWSFIS-Run-Kill-Process")
    actions = (BLACKHOLE, KILL)
    parameters = Parameters
    names = {BLACKHOLE: PORT, KILL: {"processName": ("process", None), "signal": ("signal", "SIGTERM")}}
    fixed = {BLACKHOLE: {"trafficType": ("ingress", "not said")}}
    action = "unavailable"
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    @property
    def instant_actions(self) -> tuple[str, ...]:
        """The action that ends a process, which stays ended. A silenced port is restored when the fault ends."""
        return (KILL,)

    def action_id(self, parameters: Parameters, /) -> str:
        return BLACKHOLE if parameters.process is None else KILL

    def task_parameters(self, parameters: Parameters, /) -> dict[str, str]:
        if parameters.process is not None:
            return {"processName": parameters.process, "signal": parameters.signal}
        return {"protocol": parameters.protocol, "port": str(parameters.port), "trafficType": "ingress"}

    def describe(self, parameters: Parameters, /) -> str:
        if parameters.process is not None:
            return f"Send {parameters.signal} to {parameters.process} in the tasks"
        return f"Drop what arrives at {parameters.protocol} {parameters.port} of the tasks"

    def in_its_network(self, parameters: Parameters, /) -> bool:
        return parameters.process is None

    def among_its_processes(self, _parameters: Parameters, /) -> bool:
        return True

    def check_tasks(self, injection: Injection[EcsTask, Parameters], /) -> Iterable[SafetyCheck]:
        parameters = injection.parameters
        if parameters.port is not None:
            yield make_check("port_serves", *port_serves(injection.workload, injection.targets, parameters.protocol, parameters.port))
