"""Faults on the tasks of ECS services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.proposals.dependencies import list_dependencies
from discovery.proposals.idea import SHORT_PERCENT, Idea, Obstacle, Surroundings, Users
from squall.domain.base.vocabulary import FaultType, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.analysis.services import Service

_UNDO = "The fault ends by itself; if something stays broken, stop the task and ECS starts another"


def propose_for_tasks(service: Service, _users: Users, around: Surroundings) -> Iterator[Idea | Obstacle]:
    """The loss of a task, and the faults that need a Systems Manager agent in the task."""
    count, ecs_service = len(service.members), around.lookup.ecs_services[service.id]
    if count < 2:
        few = f"{count} task serves: nothing would be left. Run a second one first"
        yield Obstacle(service.id, "Loss of a task", around.why_unknown("ecs:ListTasks", "ecs:DescribeTasks") or few)
        return
    target: dict[str, Any] = {"target_resources": [service.id]}
    yield Idea(
        service=service,
        fault=FaultType.INSTANCE_TERMINATION,
        resource=ResourceType.ECS_TASK,
        name="lost-task",
        title=f"Loss of one task of {service.name}",
        condition=f"one task of {service.name} is stopped",
        mitigation="answer from its other tasks while ECS starts another",
        why="Every deployment and every lost host stops tasks: this shows whether requests are lost with them.",
        teaches=78,
        target=target,
        criteria=("Auto Scaling launches replacement instance",),
        rollback_plan="None needed, as ECS starts another task; if it does not, look at the service's events",
    )
    unknown = around.why_unknown("ecs:DescribeTaskDefinition")
    if missing := unknown or _find_missing(ecs_service.agent, ecs_service.exec_enabled):
        yield Obstacle(service.id, "Dependencies, slow network, CPU of tasks", missing)
        return
    if ecs_service.fault_injection and ecs_service.shares_processes:
        for dependency in list_dependencies(service, around):
            yield Idea(
                service=service,
                fault=FaultType.DEPENDENCY_TIMEOUT,
                resource=ResourceType.ECS_TASK,
                name=f"without-{dependency.slug}",
                title=f"Tasks of {service.name} without {dependency.name}",
                condition=f"one task of {service.name} gets no answer from {dependency.name}",
                mitigation="give up on it in time and answer without it",
                why=f"Its task definition names {dependency.name}, and nothing shows what happens when calls to it hang.",
                teaches=74,
                target=target,
                parameters={"dependency": dependency.address},
                rollback_plan=_UNDO,
            )
        yield Idea(
            service=service,
            fault=FaultType.NETWORK_LATENCY,
            resource=ResourceType.ECS_TASK,
            name="slow-network",
            title=f"Slow network of one task of {service.name}",
            condition=f"the network of one task of {service.name} is 200 ms slower",
            mitigation="go on serving from all tasks",
            why="A slow task passes its health check, so nothing replaces it: only an experiment shows how long its users wait.",
            teaches=50,
            target=target,
            parameters={"latency_ms": 200},
            slower_seconds=0.4 / count,
            rollback_plan=_UNDO,
        )
    else:
        yield Obstacle(
            service.id, "Dependencies and slow network of tasks", "its task definition needs enableFaultInjection and pidMode task"
        )
    used = around.level_of(service).cpu_percent
    now = f"At present its tasks use {used:.0f} % of their CPU" if used is not None else "How much CPU its tasks use is not known"
    yield Idea(
        service=service,
        fault=FaultType.CPU_STRESS,
        resource=ResourceType.ECS_TASK,
        name="busy-cpu",
        title=f"Little CPU for one task of {service.name}",
        condition=f"the CPUs of one task of {service.name} are 80 percent busy",
        mitigation="answer from the rest of its capacity",
        why=f"{now}: this shows whether requests wait when something else wants it.",
        teaches=80 if used is not None and used >= SHORT_PERCENT else 58,
        target=target,
        parameters={"load_percent": 80},
        rollback_plan=_UNDO,
    )


def _find_missing(agent: bool, exec_enabled: bool) -> str:
    if not agent:
        return "its tasks have no Systems Manager agent beside them, which FIS needs to disturb tasks"
    return "ECS Exec is on, and its agent keeps the agent that FIS needs from starting" if exec_enabled else ""
