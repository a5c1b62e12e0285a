"""Terminates pinned instances of an Auto Scaling group, as REL12-BP05's experiment does. Nothing undoes it; the group
recovers by itself."""

from collections.abc import Iterable

from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.instances import Instance
from squall.domain.result.finding_kinds import REDUNDANCY, SHUTDOWN
from squall.faults.base import Aftermath, Injection
from squall.faults.checks import check_targets
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.parameters import NoParameters


class InstanceTermination(MomentaryFault[Instance, NoParameters]):
    """`aws:ec2:terminate-instances`: the group replaces a terminated instance, so afterwards the group must be
    complete."""

    type = FaultType.INSTANCE_TERMINATION
    resource_type = ResourceType.INSTANCE
    kind = Instance
    verb = "terminated"
    actions = ("aws:ec2:terminate-instances",)
    parameters = NoParameters
    target_key = "Instances"
    action = "terminate"
    description = "Terminate the pinned instances"
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    targets_are_replaced = True
    improvements_on_loss = (REDUNDANCY, SHUTDOWN)

    def grants(self) -> tuple[Grant, ...]:
        return grant_tagged("ec2:TerminateInstances", "ec2", "instance/*"), grant_untagged("ec2:DescribeInstances")

    def check_targets(self, injection: Injection[Instance, NoParameters], /) -> Iterable[SafetyCheck]:
        targets = injection.targets
        known = {group.name for group in injection.workload.groups}
        alone = [target.id for target in targets if target.group not in known]
        members = [target for target in targets if target.group in known]
        names = sorted({target.group for target in members if target.group})
        refusal = f"{', '.join(alone)} belongs to no Auto Scaling group, so nothing would replace it"
        confirmation = f"replaced by {', '.join(names) or 'nothing: no target is pinned'}"
        yield check_targets("in_auto_scaling_group", targets, alone, refusal, confirmation)
        out = [f"{target.id} is {target.lifecycle or 'in no lifecycle state'}" for target in members if target.lifecycle != "InService"]
        yield check_targets("in_service", targets, out, "; ".join(out), "every target is in service in its group")

    def observe_effect(self, before: Instance, now: Instance | None, /) -> tuple[bool, str]:
        state = now.state if now else "gone"
        return now is None or state in before.LOST, f"{before.id} is {state}"

    def find_lacks(self, _before: Instance, _now: Instance | None, /) -> Iterable[str]:
        """Always empty: the fault is meant to take the instance away."""
        return ()

    def find_lacks_around(self, aftermath: Aftermath, /) -> Iterable[str]:
        return missing_capacity(aftermath.before, aftermath.workload_before, aftermath.workload)
