"""Faults in ECS tasks, injected by the Systems Manager agent in a container beside the workload's."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from squall.domain.base.vocabulary import ResourceType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.base import Member
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import Workload
from squall.faults.base import Injection
from squall.faults.checks import check_targets
from squall.faults.grants import aws_documents, format_arn, grant_tagged, grant_untagged
from squall.faults.mechanisms.command import CommandFault
from squall.faults.parameters import Fixed, Names, P, read_parameters

ALWAYS: Fixed = {"installDependencies": ("true", "true")}
IN_THE_NETWORK: Fixed = {"useEcsFaultInjectionEndpoints": ("true", "false")}
"""ECS's fault injection endpoints are the only way on Fargate, and also work on EC2."""


class TaskFault(CommandFault[EcsTask, P]):
    """`aws:ecs:task-…`: FIS finds the task's managed instance by its tag ECS_TASK_ARN and sends it the document.

    The action's duration is also the document's. The command is cancelled when its time is up, which is no failure, and
    no second duration could be longer than the first.
    """

    resource_type = ResourceType.ECS_TASK
    kind = EcsTask
    target_key = "Tasks"
    names: Mapping[str, Names]
    """The parameters of each action, apart from its duration and those that are always the same."""
    fixed: Mapping[str, Fixed] = {}
    """The parameters of each action that the fault always sets to the same value."""

    @abstractmethod
    def task_parameters(self, parameters: P, /) -> Mapping[str, str]:
        """The action's parameters, apart from its duration and those that are always the same."""

    def in_its_network(self, _parameters: P, /) -> bool:
        """Whether the fault disturbs the task's own network."""
        return False

    def among_its_processes(self, parameters: P, /) -> bool:
        """Whether the agent needs to see the processes of the other containers."""
        return self.in_its_network(parameters)

    def check_tasks(self, _injection: Injection[EcsTask, P], /) -> Iterable[SafetyCheck]:
        """Checks of what this fault requires besides what every task fault requires."""
        return ()

    def grants(self) -> tuple[Grant, ...]:
        # IAM judges the managed instance that a task is registered as, not the task: it has to carry the tag, too.
        return (
            grant_tagged("ssm:SendCommand", "ssm", "managed-instance/*"),
            grant_untagged("ssm:SendCommand", resources=aws_documents(self.ssm_documents)),
            grant_untagged("ecs:DescribeTasks", resources=(format_arn("ecs", "task/*/*"),)),
            grant_untagged("ecs:DescribeContainerInstances", resources=(format_arn("ecs", "container-instance/*/*"),)),
            grant_untagged("ec2:DescribeInstances", "ec2:DescribeSubnets", "ssm:ListCommands", "ssm:CancelCommand"),
        )

    def action_parameters(self, injection: Injection[EcsTask, P], /) -> Mapping[str, str]:
        always = {**ALWAYS, **(IN_THE_NETWORK if self.in_its_network(injection.parameters) else {})}
        return {**self.task_parameters(injection.parameters), **{name: wanted for name, (wanted, _) in always.items()}}

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        always = {**ALWAYS, **(IN_THE_NETWORK if "-network-" in action_id else {}), **self.fixed.get(action_id, {})}
        return read_parameters(parameters, self.names[action_id], always, self.parameters, self.type.value)

    def check_targets(self, injection: Injection[EcsTask, P], /) -> Iterable[SafetyCheck]:
        yield from _check_agents(injection.targets)
        yield from self._check_definitions(injection.targets, injection.parameters)
        yield check_rollout(injection.workload, injection.targets)
        yield from self.check_tasks(injection)

    def _check_definitions(self, tasks: Sequence[EcsTask], parameters: P) -> Iterable[SafetyCheck]:
        """Checks of the task definition, which can't be changed for a running task."""
        if self.among_its_processes(parameters):
            apart = [f"{task.id} has pidMode {task.pid_mode or 'of its containers'}" for task in tasks if task.pid_mode != "task"]
            refusal = "; ".join(apart) + ": the agent sees no process but its own, it needs task"
            yield check_targets("pid_mode", tasks, apart, refusal, "every task shares one process namespace")
        if self.in_its_network(parameters):
            closed = [task.id for task in tasks if not task.fault_injection]
            refusal = f"{', '.join(closed)} has no enableFaultInjection in its task definition: ECS refuses the fault"
            yield check_targets("fault_injection_enabled", tasks, closed, refusal, "ECS takes faults for every task")
            shared = [f"{task.id} has {task.network_mode or 'bridge'}" for task in tasks if task.network_mode != "awsvpc"]
            refusal = f"network mode awsvpc is needed: {'; '.join(shared)}, where FIS can't, or would hit everything on that host"
            yield check_targets("network_of_its_own", tasks, shared, refusal, "every task has a network of its own")


def check_rollout(workload: Workload, members: Sequence[Member]) -> SafetyCheck:
    """Whether nothing around the targets is being deployed.

    A rollout stops members by itself, so nobody could tell who stopped a lost one, or whether the service has
    recovered.
    """
    around = {member.group for member in members}
    moving = [group.name for group in workload.groups if group.name in around and group.rolling_out]
    refusal = f"{', '.join(moving)} is being deployed"
    return check_targets("no_rollout", members, moving, refusal, "nothing around the targets is being deployed")


def _check_agents(tasks: Sequence[EcsTask]) -> Iterable[SafetyCheck]:
    bare = [task.id for task in tasks if not task.registers]
    refusal = f"{', '.join(bare)} has no container with the variable MANAGED_INSTANCE_ROLE_NAME: none registers it with Systems Manager"
    yield check_targets("agent_container", tasks, bare, refusal, "a container registers every task with Systems Manager")
    away = [task.id for task in tasks if not task.managed]
    refusal = f"no managed instance with ECS_TASK_ARN of {', '.join(away)} is online in Systems Manager: the command would never arrive"
    yield check_targets("systems_manager_online", tasks, away, refusal, "every task is online in Systems Manager")
    reached = [task.id for task in tasks if task.exec_enabled]
    refusal = f"{', '.join(reached)} has ECS Exec enabled, whose agent keeps the fault's agent from starting"
    yield check_targets("ecs_exec_off", tasks, reached, refusal, "ECS Exec is off")
    others = [f"{task.id} runs {task.platform}" for task in tasks if task.platform.lower() != "linux"]
    yield check_targets("linux", tasks, others, f"the document needs Linux: {'; '.join(others)}", "every task runs Linux")
