"""A volume takes no I/O, a group finds no capacity: whole runs, and those in which nothing happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import ResourceType, RollbackOutcome, Status, Verdict
from squall.domain.resources.scaling_groups import FailedLaunch, ScalingGroup
from squall.domain.resources.volumes import Attachment, Volume
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.walk import Walk

STAGING = {"squall:environment": "staging"}


@pytest.fixture
def volume(world: FakeWorld) -> Volume:
    member = world.fleet.members("web")[0]
    to = Attachment(instance=member.id, state="attached", instance_type="m5.large", nitro=True)
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-0a1"
    result = Volume(id="vol-0a1", arn=arn, state="in-use", zone=member.zone, tags=STAGING, attachments=(to,))
    world.fleet.add_other(result)
    return result


@pytest.fixture
def group(world: FakeWorld) -> ScalingGroup:
    members = tuple(member.id for member in world.fleet.members("web"))
    arn = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0123:autoScalingGroupName/web"
    scaling_group = ScalingGroup(
        id="web", arn=arn, state="active", tags=STAGING, zones=(f"{REGION}a", f"{REGION}b"), launch_template=True, instances=members
    )
    world.fleet.add_other(scaling_group)
    return scaling_group


def of(experiment: dict[str, Any], kind: str, resource_type: ResourceType, arn: str) -> dict[str, Any]:
    criteria = ["System availability > 99%", "Response time < 2 seconds"]
    target = {"resource_type": resource_type.value, "arns": [arn]}
    definition = {**experiment, "type": kind, "target_resources": [], "target": target, "success_criteria": criteria}
    return {"definition": {key: value for key, value in definition.items() if key != "rollback"}}


def test_a_paused_volume_is_measured_where_its_instance_serves_and_restored(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], volume: Volume
) -> None:
    walk.run(of(experiment, "disk_fill", ResourceType.VOLUME, volume.arn))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["mechanism"])
    nothing_is_left(world)


def test_a_volume_that_stalled_nobody_makes_the_run_invalid(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], volume: Volume
) -> None:
    world.metrics.set("VolumeStalledIOCheck", 0.0)
    walk.run(of(experiment, "disk_fill", ResourceType.VOLUME, volume.arn))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "the fault did nothing to vol-0a1: its mechanism ran, but VolumeStalledIOCheck was 0 at most" in result.reason


def test_a_volume_of_an_older_instance_is_never_hit(walk: Walk, world: FakeWorld, experiment: dict[str, Any], volume: Volume) -> None:
    to = volume.attachments[0].model_copy(update={"nitro": False})
    world.fleet.add_other(volume.model_copy(update={"attachments": (to,)}))
    walk.run(of(experiment, "disk_fill", ResourceType.VOLUME, volume.arn))
    assert "fault_prerequisites.nitro" in {check.name for check in result_of(world).safety_checks if check.outcome == "failed"}
    assert world.faults.runs == {}


def test_a_group_that_launched_in_vain_was_hit(walk: Walk, world: FakeWorld, experiment: dict[str, Any], group: ScalingGroup) -> None:
    def launch(_: object) -> None:
        at = world.clock.now() + timedelta(seconds=30)
        failed = FailedLaunch(id="a-1", at=at, said="Insufficient capacity.")
        world.fleet.add_other(group.model_copy(update={"failed": (failed,)}))

    walk.after["StartFault"] = launch
    walk.run(of(experiment, "service_unavailable", ResourceType.SCALING_GROUP, group.arn))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    nothing_is_left(world)


def test_a_group_that_launched_nothing_was_not_hit(walk: Walk, world: FakeWorld, experiment: dict[str, Any], group: ScalingGroup) -> None:
    walk.run(of(experiment, "service_unavailable", ResourceType.SCALING_GROUP, group.arn))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "launched nothing that was refused" in result.reason
