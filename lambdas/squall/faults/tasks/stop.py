"""Stop pinned tasks of an ECS service. Nothing undoes it; the service starts others."""

from collections.abc import Iterable, Sequence

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import check
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.tasks.base import settled

STOPPED_ON_REQUEST = "UserInitiated"
"""ECS's stop code after StopTask, whoever called it: a rollout, a failed health check or a lost host have others."""


class TaskStop(MomentaryFault[EcsTask]):
    """`aws:ecs:stop-task`: SIGTERM, and SIGKILL after the container's stop timeout."""

    type = FaultType.INSTANCE_TERMINATION
    resource_type = ResourceType.ECS_TASK
    kind = EcsTask
    title = "Task stop"
    action_id = "aws:ecs:stop-task"
    target_key = "Tasks"
    action = "stop"
    description = "Stop the pinned tasks"
    forgets = True
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def needs(self, workload: Workload, pinned: Sequence[EcsTask]) -> Iterable[SafetyCheck]:
        known = {group.name for group in workload.groups}
        alone = [task.id for task in pinned if task.group not in known]
        names = sorted({task.group for task in pinned if task.group in known and task.group})
        orphans = f"{', '.join(alone)} belongs to no ECS service, so nothing would replace it"
        yield settled(workload, pinned)
        yield check("in_ecs_service", bool(pinned) and not alone, orphans if alone else f"replaced by {', '.join(names) or 'nothing'}")

    def happened(self, before: EcsTask, now: EcsTask | None) -> tuple[bool, str]:
        if now is None:
            return False, f"{before.id} is not there any more, and ECS does not say who stopped it"
        if now.state not in now.LOST:
            return False, f"{now.id} is {now.state}"
        if now.stop_code != STOPPED_ON_REQUEST:
            return False, f"{now.id} is {now.state}, but by {now.stop_code or 'no stop code'}: not because it was asked for"
        return True, f"{now.id} is {now.state}, on request"

    def lacking(self, before: EcsTask, now: EcsTask | None) -> Iterable[str]:  # noqa: ARG002 - its service replaces it
        return ()

    def lacking_around(self, before: Sequence[TargetBefore], before_workload: Workload, after_workload: Workload) -> Iterable[str]:
        return missing_capacity(before, before_workload, after_workload)
