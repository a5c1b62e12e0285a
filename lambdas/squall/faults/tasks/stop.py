"""Stops pinned tasks of an ECS service. Nothing undoes it; the service starts others."""

from collections.abc import Iterable

from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.tasks import EcsTask
from squall.domain.result.finding_kinds import REDUNDANCY, SHUTDOWN
from squall.faults.base import Aftermath, Injection
from squall.faults.checks import check_targets
from squall.faults.grants import format_arn, grant_tagged, grant_untagged
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.parameters import NoParameters
from squall.faults.tasks.base import check_rollout

STOPPED_ON_REQUEST = "UserInitiated"
"""ECS's stop code after StopTask, whoever called it: a rollout, a failed health check or a lost host have other
codes."""


class TaskStop(MomentaryFault[EcsTask, NoParameters]):
    """`aws:ecs:stop-task`: SIGTERM, and SIGKILL after the container's stop timeout."""

    type = FaultType.INSTANCE_TERMINATION
    resource_type = ResourceType.ECS_TASK
    kind = EcsTask
    verb = "stopped"
    actions = ("aws:ecs:stop-task",)
    parameters = NoParameters
    target_key = "Tasks"
    action = "stop"
    description = "Stop the pinned tasks"
    forgets = True
    loss_has_any_cause = False
    """ECS says whether somebody asked for the stop."""
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    targets_are_replaced = True
    improvements_on_loss = (REDUNDANCY, SHUTDOWN)

    def grants(self) -> tuple[Grant, ...]:
        return (
            grant_tagged("ecs:StopTask", "ecs", "task/*/*"),
            grant_untagged("ecs:DescribeTasks", resources=(format_arn("ecs", "task/*/*"),)),
            grant_untagged("ecs:ListTasks", "tag:GetResources"),
        )

    def check_targets(self, injection: Injection[EcsTask, NoParameters], /) -> Iterable[SafetyCheck]:
        tasks, workload = injection.targets, injection.workload
        known = {group.name for group in workload.groups}
        alone = [task.id for task in tasks if task.group not in known]
        names = sorted({task.group for task in tasks if task.group in known and task.group})
        yield check_rollout(workload, tasks)
        refusal = f"{', '.join(alone)} belongs to no ECS service, so nothing would replace it"
        yield check_targets("in_ecs_service", tasks, alone, refusal, f"replaced by {', '.join(names) or 'nothing'}")

    def observe_effect(self, before: EcsTask, now: EcsTask | None, /) -> tuple[bool, str]:
        if now is None:
            return False, f"{before.id} is not there any more, and ECS does not say who stopped it"
        if now.state not in now.LOST:
            return False, f"{now.id} is {now.state}"
        if now.stop_code != STOPPED_ON_REQUEST:
            return False, f"{now.id} is {now.state}, but by {now.stop_code or 'no stop code'}: it was not stopped on request"
        return True, f"{now.id} is {now.state}, on request"

    def find_lacks(self, _before: EcsTask, _now: EcsTask | None, /) -> Iterable[str]:
        """Always empty: the service replaces a stopped task by another one."""
        return ()

    def find_lacks_around(self, aftermath: Aftermath, /) -> Iterable[str]:
        return missing_capacity(aftermath.before, aftermath.workload_before, aftermath.workload)
