"""What all faults share that FIS injects into ECS tasks: by the Systems Manager agent in a container beside the workload's."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.base import Member, Resource
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.types import these
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import ResourceType
from squall.faults.base import P, check, iso_duration, targets_by_arn
from squall.faults.mechanisms.command import CommandFault
from squall.faults.mechanisms.template_parameters import Fixed, Names, read

KEY = "Tasks"
ALWAYS: Fixed = {"installDependencies": ("true", "true")}
IN_THE_NETWORK: Fixed = {"useEcsFaultInjectionEndpoints": ("true", "false")}
"""The only way on Fargate, and as good on EC2."""


class TaskFault(CommandFault[P]):
    """`aws:ecs:task-…`: FIS finds the task's managed instance by its tag ECS_TASK_ARN and sends it the document.

    The action's duration is the document's, too: it is cancelled when its time is up, which is no failure, and there is no second
    duration that could outlast the first.
    """

    resource_type = ResourceType.ECS_TASK
    names: Mapping[str, Names]
    """By action: its parameters, without its duration and what is always given …"""
    fixed: Mapping[str, Fixed] = {}
    """… and those of which the fault gives one value only."""

    @abstractmethod
    def action_id(self, parameters: P) -> str:
        """The action that does it with these parameters: one of `fis_actions`."""

    @abstractmethod
    def action_parameters(self, parameters: P) -> Mapping[str, str]:
        """The action's own parameters: without its duration and dependencies."""

    def in_its_network(self, parameters: P) -> bool:  # noqa: ARG002 - for overriding
        """Whether the task's own network is disturbed."""
        return False

    def among_its_processes(self, parameters: P) -> bool:
        """Whether the agent must see the other containers' processes."""
        return self.in_its_network(parameters)

    def needs(self, workload: Workload, pinned: Sequence[EcsTask], parameters: P) -> Iterable[SafetyCheck]:  # noqa: ARG002 - for overriding
        """Checks besides those of every task."""
        return ()

    def besides(self, parameters: P, length: timedelta) -> dict[str, Any]:  # noqa: ARG002 - for overriding
        """Actions beside the fault's own."""
        return {}

    def lasts(self, action_id: str) -> bool:  # noqa: ARG002 - for overriding
        """Whether the action takes a duration."""
        return True

    def read(self, action_id: str, given: Mapping[str, str]) -> dict[str, Any]:
        """Our parameters of one of its actions', its duration excepted, unchecked. Raises ValueError for what the fault would not be."""
        always = {**ALWAYS, **(IN_THE_NETWORK if "-network-" in action_id else {}), **self.fixed.get(action_id, {})}
        return read(given, self.names[action_id], always, self.parameters, self.type.value)

    def prerequisites(self, workload: Workload, pinned: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:
        own = self._own(parameters)
        tasks = tuple(workload.now(one) or one for one in these(EcsTask, pinned))
        return (*_agents(tasks), *self._definitions(tasks, own), settled(workload, tasks), *self.needs(workload, tasks, own))

    def compile(
        self,
        parameters: Model,
        pinned: Sequence[Resource],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own = self._own(parameters)
        targets = targets_by_arn(KEY, self.resource_type, these(EcsTask, pinned))
        given = {**self.action_parameters(own), **{name: wanted for name, (wanted, _) in ALWAYS.items()}}
        if self.lasts(self.action_id(own)):
            given["duration"] = iso_duration(length)
        if self.in_its_network(own):
            given |= {name: wanted for name, (wanted, _) in IN_THE_NETWORK.items()}
        actions = {
            f"{self.action}{name.removeprefix(KEY)}": {
                "actionId": self.action_id(own),
                "description": self.describe(own),
                "parameters": given,
                "targets": {KEY: name},
            }
            for name in targets
        }
        return targets, {**actions, **self.besides(own, length)}

    def _definitions(self, tasks: Sequence[EcsTask], parameters: P) -> Iterable[SafetyCheck]:
        """What stands in the task definition and can't be changed for a task that runs."""
        if self.among_its_processes(parameters):
            apart = [f"{task.id} has pidMode {task.pid_mode or 'of its containers'}" for task in tasks if task.pid_mode != "task"]
            said = "; ".join(apart) + ": the agent sees no process but its own, it needs task"
            yield check("pid_mode", bool(tasks) and not apart, said if apart else "every task shares one process namespace")
        if self.in_its_network(parameters):
            closed = [task.id for task in tasks if not task.fault_injection]
            said = f"{', '.join(closed)} has no enableFaultInjection in its task definition: ECS refuses the fault"
            yield check("fault_injection_enabled", bool(tasks) and not closed, said if closed else "ECS takes faults for every task")
            shared = [f"{task.id} has {task.network_mode or 'bridge'}" for task in tasks if task.network_mode != "awsvpc"]
            said = f"network mode awsvpc is needed: {'; '.join(shared)}, where FIS can't, or would hit everything on that host"
            yield check("network_of_its_own", bool(tasks) and not shared, said if shared else "every task has a network of its own")


def settled(workload: Workload, tasks: Sequence[Member]) -> SafetyCheck:
    """A rollout stops tasks of its own: nobody could tell whose doing a lost one was, or whether the service is back."""
    around = {task.group for task in tasks}
    moving = [group.name for group in workload.groups if group.name in around and group.rolling_out]
    said = f"{', '.join(moving)} is being deployed" if moving else "nothing around the targets is being deployed"
    return check("no_rollout", bool(tasks) and not moving, said)


def _agents(tasks: Sequence[EcsTask]) -> Iterable[SafetyCheck]:
    bare = [task.id for task in tasks if not task.registers]
    said = f"{', '.join(bare)} has no container that is given MANAGED_INSTANCE_ROLE_NAME: none registers it with Systems Manager"
    yield check("agent_container", bool(tasks) and not bare, said if bare else "a container registers every task with Systems Manager")
    away = [task.id for task in tasks if not task.managed]
    said = f"no managed instance with ECS_TASK_ARN of {', '.join(away)} is online in Systems Manager: the command would never arrive"
    yield check("systems_manager_online", bool(tasks) and not away, said if away else "every task is online in Systems Manager")
    reached = [task.id for task in tasks if task.exec_enabled]
    said = f"{', '.join(reached)} has ECS Exec enabled, whose agent keeps the other from starting"
    yield check("ecs_exec_off", bool(tasks) and not reached, said if reached else "ECS Exec is off")
    others = [f"{task.id} runs {task.platform}" for task in tasks if task.platform.lower() != "linux"]
    yield check(
        "linux", bool(tasks) and not others, f"the document needs Linux: {'; '.join(others)}" if others else "every task runs Linux"
    )
