"""Terminate pinned instances of an Auto Scaling group: the seed's experiment. Nothing undoes it; the group recovers."""

from collections.abc import Iterable, Sequence

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import check
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault


class InstanceTermination(MomentaryFault[Instance]):
    """`aws:ec2:terminate-instances`: what replaces an instance is its group, and the group is what has to be whole afterwards."""

    type = FaultType.INSTANCE_TERMINATION
    resource_type = ResourceType.INSTANCE
    kind = Instance
    title = "Instance termination"
    action_id = "aws:ec2:terminate-instances"
    target_key = "Instances"
    action = "terminate"
    description = "Terminate the pinned instances"
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def needs(self, workload: Workload, pinned: Sequence[Instance]) -> Iterable[SafetyCheck]:
        known = {group.name for group in workload.groups}
        alone = [instance.id for instance in pinned if instance.group not in known]
        out = [f"{i.id} is {i.lifecycle or 'in no lifecycle state'}" for i in pinned if i.group in known and i.lifecycle != "InService"]
        names = sorted({instance.group for instance in pinned if instance.group in known and instance.group})
        orphans = f"{', '.join(alone)} belongs to no Auto Scaling group, so nothing would replace it"
        detail = orphans if alone else f"replaced by {', '.join(names) or 'nothing: no target is pinned'}"
        yield check("in_auto_scaling_group", bool(pinned) and not alone, detail)
        yield check("in_service", bool(pinned) and not out, "; ".join(out) or "every target is in service in its group")

    def happened(self, before: Instance, now: Instance | None) -> tuple[bool, str]:
        state = now.state if now else "gone"
        return now is None or state in before.LOST, f"{before.id} is {state}"

    def lacking(self, before: Instance, now: Instance | None) -> Iterable[str]:  # noqa: ARG002 - the base's
        """Nothing: it was to be lost."""
        return ()

    def lacking_around(self, before: Sequence[TargetBefore], before_workload: Workload, after_workload: Workload) -> Iterable[str]:
        return missing_capacity(before, before_workload, after_workload)
