"""ECS tasks as what a fault can hit."""

from typing import Literal

from squall.domain.resources.base import Member
from squall.domain.vocabulary import ResourceType


class EcsTask(Member):
    """A task, with what its task definition and its agent's side container say about injecting faults."""

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
    """Of its own network interface; None: it has none (network modes bridge and host)."""
    network_mode: str = ""
    pid_mode: str = ""
    fault_injection: bool = False
    """Whether its definition enables ECS's fault injection endpoints."""
    exec_enabled: bool = False
    """Whether ECS Exec is on: its agent is in the way of the one that injects faults."""
    registers: bool = False
    """Whether a container is given MANAGED_INSTANCE_ROLE_NAME, as the one must be that registers the task with Systems Manager."""
    managed_id: str | None = None
    """The task in Systems Manager (`mi-…`), by the managed instance's tag ECS_TASK_ARN."""
    managed: bool = False
    """Whether that is online."""
    managed_tags: dict[str, str] = {}
    """Of the managed instance: the tags by which IAM judges a command sent to the task."""
    stop_code: str = ""
    """Why it was stopped, in ECS's word: UserInitiated by anybody's StopTask, FIS's among them; ServiceSchedulerInitiated by a rollout …"""

    @property
    def family(self) -> str:
        """Of its task definition: the name without the revision."""
        return self.definition.rpartition("/")[2].partition(":")[0]

    @property
    def agent(self) -> str | None:
        return self.managed_id

    @property
    def registered_as(self) -> str | None:
        """Target groups know tasks with a network interface of their own by its address."""
        return self.private_ip

    @property
    def own_domain(self) -> str:
        return f"ecs/{self.cluster}/{self.id}"

    @property
    def hit(self) -> frozenset[str]:
        """By both names: its service knows it by id, target groups by address."""
        return frozenset({self.id, *([self.private_ip] if self.private_ip else [])})
