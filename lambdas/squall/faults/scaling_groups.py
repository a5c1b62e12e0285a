"""Let an Auto Scaling group find no capacity: EC2 answers its launches as a zone does that has no instance left."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.scaling_groups import ScalingGroup
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import ActionState
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import check
from squall.faults.mechanisms.lasting import LastingFault

_ZONE = r"[a-z]{2}(-[a-z]+)+-\d(-[a-z]+-\d)?[a-z]"


class Parameters(Model):
    zones: Annotated[str, Field(pattern=rf"^{_ZONE}(,{_ZONE}){{0,19}}$", max_length=512)] | None = None
    """Names of Availability Zones without capacity, comma-separated; None: all of the pinned groups."""
    percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Of the groups' launch requests."""


class InsufficientCapacity(LastingFault[ScalingGroup, Parameters]):
    """`aws:ec2:asg-insufficient-instance-capacity-error`. What a group doesn't launch meanwhile, the fault can't have hit."""

    type = FaultType.SERVICE_UNAVAILABLE
    resource_type = ResourceType.SCALING_GROUP
    kind = ScalingGroup
    title = "No capacity to launch"
    risk = "medium"
    action_id = "aws:ec2:asg-insufficient-instance-capacity-error"
    target_key = "AutoScalingGroups"
    action = "no-capacity"
    parameters = Parameters
    names = {"zones": "availabilityZoneIdentifiers", "percent": "percentage"}

    def describe(self, parameters: Parameters) -> str:
        return f"Refuse {parameters.percent} % of the pinned groups' launches for want of capacity"

    def of(self, parameters: Parameters, pinned: Sequence[ScalingGroup]) -> dict[str, str]:
        zones = sorted({zone for one in pinned for zone in one.zones})
        return {"availabilityZoneIdentifiers": ",".join(zones), **self.told(parameters)}

    def needs(self, workload: Workload, pinned: Sequence[ScalingGroup], parameters: Parameters) -> Iterable[SafetyCheck]:  # noqa: ARG002
        older = [one.id for one in pinned if not one.launch_template]
        still = [one.id for one in pinned if "Launch" in one.suspended]
        wanted = set(parameters.zones.split(",")) if parameters.zones else set()
        apart = [f"{one.id} is in {', '.join(one.zones)}" for one in pinned if wanted and not wanted & set(one.zones)]
        template = f"{', '.join(older)} launches without a launch template: FIS would do nothing"
        launches = f"{', '.join(still)} has suspended Launch: nothing would be refused"
        yield check("launch_template", bool(pinned) and not older, template if older else "every group launches by a launch template")
        yield check("can_launch", bool(pinned) and not still, launches if still else "every group may launch")
        where = parameters.zones or "all zones of the groups"
        yield check("zones_of_group", bool(pinned) and not apart, "; ".join(apart) or f"without capacity: {where}")

    def happened(self, before: ScalingGroup, now: ScalingGroup | None, ran: ActionState | None) -> Proof:
        """By a launch that failed for it while the action ran: Auto Scaling keeps its activities."""
        known = {one.id for one in before.failed}
        since = ran.started_at if ran else None
        failed = [one for one in (now.failed if now else ()) if one.id not in known and since is not None and one.at >= since]
        if failed:
            detail = f"{before.id} could not launch: {failed[0].said}"
        elif ran is None:
            detail = f"FIS's action did not run on {before.id}"
        else:
            detail = f"{before.id} launched nothing that was refused: without a launch meanwhile the fault has no effect"
        return Proof(target=before.id, proven=bool(failed), kind="state", detail=detail)

    def changed(self, before: ScalingGroup, now: ScalingGroup | None) -> Iterable[str]:
        yield from super().changed(before, now)
        if now is not None and (more := sorted(set(now.suspended) - set(before.suspended))):
            yield f"{now.id} has suspended {', '.join(more)}"
