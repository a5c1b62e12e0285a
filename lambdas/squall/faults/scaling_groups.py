"""Refuses the launches of an Auto Scaling group, as EC2 does in a zone without capacity."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.scaling_groups import ScalingGroup
from squall.domain.run.fis_state import ActionState
from squall.faults.base import Injection
from squall.faults.checks import check_targets
from squall.faults.grants import format_arn, grant_injection, grant_untagged
from squall.faults.mechanisms.lasting import LastingFault
from squall.faults.mechanisms.zones import Zones

ACTION = "aws:ec2:asg-insufficient-instance-capacity-error"


class Parameters(Model):
    zones: Zones | None = None
    """Availability Zones without capacity by name or id, comma-separated; None: all zones of the pinned groups."""
    percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Percent of the groups' launch requests that are refused."""


class InsufficientCapacity(LastingFault[ScalingGroup, Parameters]):
    """`aws:ec2:asg-insufficient-instance-capacity-error`. A group that launches nothing while the fault lasts is not
    hit."""

    type = FaultType.SERVICE_UNAVAILABLE
    resource_type = ResourceType.SCALING_GROUP
    kind = ScalingGroup
    verb = "refused launches of"
    risk = "medium"
    actions = (ACTION,)
    target_key = "AutoScalingGroups"
    action = "no-capacity"
    parameters = Parameters
    names = {"zones": "availabilityZoneIdentifiers", "percent": "percentage"}
    proven_by_state = True

    def grants(self) -> tuple[Grant, ...]:
        inject = grant_injection("ec2:InjectApiError", ACTION, format_arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*"))
        return inject, grant_untagged("autoscaling:DescribeAutoScalingGroups")

    def describe(self, parameters: Parameters, /) -> str:
        return f"Refuse {parameters.percent} % of the pinned groups' launches for want of capacity"

    def action_parameters(self, injection: Injection[ScalingGroup, Parameters], /) -> Mapping[str, str]:
        zones = sorted({zone for group in injection.targets for zone in group.zones})
        return {"availabilityZoneIdentifiers": ",".join(zones), **super().action_parameters(injection)}

    def check_targets(self, injection: Injection[ScalingGroup, Parameters], /) -> Iterable[SafetyCheck]:
        groups, zones = injection.targets, injection.parameters.zones
        older = [group.id for group in groups if not group.launch_template]
        refusal = f"{', '.join(older)} launches without a launch template: FIS would do nothing"
        yield check_targets("launch_template", groups, older, refusal, "every group launches by a launch template")
        still = [group.id for group in groups if "Launch" in group.suspended]
        refusal = f"{', '.join(still)} has suspended Launch: nothing would be refused"
        yield check_targets("can_launch", groups, still, refusal, "every group may launch")
        wanted = set(zones.split(",")) if zones else set()
        places = {group.id: {*group.zones, *group.zone_ids} for group in groups}
        apart = [f"{id_} is in {', '.join(sorted(known))}" for id_, known in places.items() if wanted and not wanted & known]
        yield check_targets("zones_of_group", groups, apart, "; ".join(apart), f"without capacity: {zones or 'all zones of the groups'}")

    def prove_target(self, before: ScalingGroup, now: ScalingGroup | None, ran: ActionState | None, /) -> Proof:
        """The proof by a launch that failed for lack of capacity while the action ran, from Auto Scaling's
        activities."""
        known = {launch.id for launch in before.failed}
        since = ran.started_at if ran else None
        new = [launch for launch in (now.failed if now else ()) if launch.id not in known]
        failed = [launch for launch in new if since is not None and launch.at >= since]
        if failed:
            detail = f"{before.id} could not launch: {failed[0].said}"
        elif ran is None:
            detail = f"FIS's action did not run on {before.id}"
        else:
            detail = f"{before.id} launched nothing that was refused: without a launch meanwhile the fault has no effect"
        return Proof(target=before.id, proven=bool(failed), kind="state", detail=detail)

    def find_changes(self, before: ScalingGroup, now: ScalingGroup | None, /) -> Iterable[str]:
        yield from super().find_changes(before, now)
        if now is not None and (more := sorted(set(now.suspended) - set(before.suspended))):
            yield f"{now.id} has suspended {', '.join(more)}"
