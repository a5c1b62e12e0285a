"""ECS tasks as targets."""

from typing import Literal

from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.base import Member


class EcsTask(Member):
    """A task, with what its task definition and the agent in its side container say about injecting faults."""

    USABLE = frozenset({"RUNNING"})
    LOST = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED", "DELETED"})
    IDENTITY = ("arn", "state", "zone", "group", "definition", "managed_id")

    type: Literal[ResourceType.ECS_TASK] = ResourceType.ECS_TASK
    cluster: str
    """Name of its cluster."""
    launch_type: str = ""
    """EC2, FARGATE or EXTERNAL."""
    definition: str = ""
    """ARN of the task definition with its revision."""
    platform: str = "Linux"
    """Operating system of its containers."""
    private_ip: str | None = None
    """Address of its own network interface; None: it has none (network modes bridge and host)."""
    network_mode: str = ""
    pid_mode: str = ""
    fault_injection: bool = False
    """Whether its definition enables ECS's fault injection endpoints."""
    exec_enabled: bool = False
    """Whether ECS Exec is on: its agent keeps the agent that injects faults from starting."""
    health_checked: bool | None = None
    """Whether its definition has container health checks, so that ECS may call it unhealthy; None: not known."""
    registers: bool = False
    """Whether a container is given MANAGED_INSTANCE_ROLE_NAME, which it needs to register the task with Systems
    Manager."""
    managed_id: str | None = None
    """Id of the managed instance (`mi-…`) with the task's ARN in its tag ECS_TASK_ARN."""
    managed: bool = False
    """Whether the managed instance is online."""
    managed_tags: dict[str, str] = {}
    """Tags of the managed instance, by which IAM judges a command sent to the task."""
    insights: str | None = None
    """Its cluster's setting `containerInsights`: `disabled`, `enabled` or `enhanced`; None: not known."""
    stop_code: str = ""
    """The reason why it was stopped, in ECS's word: UserInitiated after any StopTask, also FIS's;
    ServiceSchedulerInitiated in a rollout …"""

    @property
    def family(self) -> str:
        """Name of its task definition, without the revision."""
        return self.definition.rpartition("/")[2].partition(":")[0]

    @property
    def agent(self) -> str | None:
        return self.managed_id

    @property
    def registered_names(self) -> frozenset[str]:
        """The address of its own network interface, by which target groups know the task."""
        return frozenset({self.private_ip} if self.private_ip else ())

    @property
    def own_domain(self) -> str:
        return f"ecs/{self.cluster}/{self.id}"

    @property
    def hit(self) -> frozenset[str]:
        """Both of its names: its service knows it by id, target groups by address."""
        return frozenset({self.id, *([self.private_ip] if self.private_ip else [])})
