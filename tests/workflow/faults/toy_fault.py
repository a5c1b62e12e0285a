"""A fault as somebody would add it: one module, and nothing else. It stops the instance that a database runs on."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType, Risk
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.instances import Instance
from squall.faults.base import Aftermath, Injection
from squall.faults.checks import check_targets
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault

ADVICE = "Move the database to a managed service"


class Parameters(Model):
    restart_minutes: Annotated[int, Field(strict=True, ge=1, le=720)] = 60
    """After how many minutes FIS starts the instance again."""


class DatabaseHostStop(MomentaryFault[Instance, Parameters]):
    """`aws:ec2:stop-instances`: the group replaces the instance that the database ran on."""

    type = FaultType.DATABASE_FAILURE
    resource_type = ResourceType.INSTANCE
    kind = Instance
    verb = "pulled the plug of"
    risk: Risk = "medium"
    parameters = Parameters
    actions = ("aws:ec2:stop-instances",)
    target_key = "Instances"
    action = "unplug"
    description = "Stop the pinned instances"
    moves_metrics = ("healthy_hosts",)
    unless_allowed = {"restart_minutes": (30, 720)}
    targets_are_replaced = True
    improvements_on_loss = (ADVICE,)

    def grants(self) -> tuple[Grant, ...]:
        return grant_tagged("ec2:StopInstances", "ec2", "instance/*"), grant_untagged("ec2:DescribeInstances")

    def check_targets(self, injection: Injection[Instance, Parameters], /) -> Iterable[SafetyCheck]:
        alone = [target.id for target in injection.targets if target.group is None]
        refusal = f"nothing would replace {', '.join(alone)}"
        yield check_targets("replaced_by_group", injection.targets, alone, refusal, "a group replaces every target")

    def action_parameters(self, injection: Injection[Instance, Parameters], /) -> Mapping[str, str]:
        return {"startInstancesAfterDuration": f"PT{injection.parameters.restart_minutes}M"}

    def expect_signals(self, injection: Injection[Instance, Parameters], /) -> Iterable[Signal]:
        """A stopped instance publishes nothing, so no metric could contradict its state."""
        return ()

    def observe_effect(self, before: Instance, now: Instance | None, /) -> tuple[bool, str]:
        state = now.state if now else "gone"
        return state in {"stopping", "stopped", "shutting-down", "terminated"}, f"{before.id} is {state}"

    def find_lacks(self, _before: Instance, _now: Instance | None, /) -> Iterable[str]:
        """Nothing: its group replaces it."""
        return ()

    def find_lacks_around(self, aftermath: Aftermath, /) -> Iterable[str]:
        return missing_capacity(aftermath.before, aftermath.workload_before, aftermath.workload)
