"""Pauses the I/O of pinned EBS volumes: every read and write waits."""

from collections.abc import Iterable
from typing import Any

from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.volumes import Volume
from squall.domain.run.fis_state import ActionState
from squall.faults.base import Injection
from squall.faults.checks import check_targets
from squall.faults.fis import targets_by_arn
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.mechanisms.lasting import LastingFault, prove_by_action
from squall.faults.parameters import NoParameters


class VolumePause(LastingFault[Volume, NoParameters]):
    """`aws:ebs:pause-volume-io`: pauses a volume for all instances that it is attached to. One action takes volumes of
    one zone only."""

    type = FaultType.DISK_FILL
    resource_type = ResourceType.VOLUME
    kind = Volume
    takes = frozenset({"agent"})
    """An instance whose disk waits may answer nothing, and neither may its agent."""
    verb = "paused the I/O of"
    risk = "high"
    actions = ("aws:ebs:pause-volume-io",)
    target_key = "Volumes"
    action = "pause"
    parameters = NoParameters

    def grants(self) -> tuple[Grant, ...]:
        return grant_tagged("ec2:PauseVolumeIO", "ec2", "volume/*"), grant_untagged("ec2:DescribeVolumes", "tag:GetResources")

    def describe(self, _parameters: NoParameters, /) -> str:
        return "Pause the I/O of the pinned volumes"

    def fis_targets(self, injection: Injection[Volume, NoParameters], /) -> dict[str, dict[str, Any]]:
        zones = sorted({volume.zone for volume in injection.targets})
        groups = [[volume for volume in injection.targets if volume.zone == zone] for zone in zones]
        return targets_by_arn(self.target_key, self.resource_type, *groups)

    def check_targets(self, injection: Injection[Volume, NoParameters], /) -> Iterable[SafetyCheck]:
        volumes = injection.targets
        attached = [(volume, attachment) for volume in volumes for attachment in volume.attachments]
        loose = [f"{volume.id} is attached to nothing" for volume in volumes if not volume.attachments]
        loose += [f"{volume.id} is {to.state} to {to.instance}" for volume, to in attached if to.state != "attached"]
        older = [f"{to.instance} has the type {to.instance_type or 'unknown'}" for _, to in attached if not to.nitro]
        far = [volume.id for volume in volumes if volume.outpost]
        known = "; ".join(f"{volume.id} of {', '.join(_list_instances(volume))}" for volume in volumes)
        yield check_targets("attached", volumes, loose, "; ".join(loose), known or "no target is pinned")
        yield check_targets("nitro", volumes, older, "; ".join(older), "every instance is built on the Nitro System")
        yield check_targets("in_region", volumes, far, f"{', '.join(far)} is on an Outpost", "no volume is on an Outpost")

    def expect_signals(self, injection: Injection[Volume, NoParameters], /) -> Iterable[Signal]:
        """The metric that is 1 if I/O was stalled for a minute. It stays 0 for a volume that nobody used, where nothing
        was tested."""
        return (
            Signal(
                targets=(volume.id,),
                namespace="AWS/EBS",
                metric_name="VolumeStalledIOCheck",
                dimensions=(("VolumeId", volume.id),),
                by=1,
                after_seconds=60,
            )
            for volume in injection.targets
        )

    def prove_target(self, before: Volume, _now: Volume | None, ran: ActionState | None, /) -> Proof:
        return prove_by_action(before.id, ran, "pause the I/O of")

    def find_changes(self, before: Volume, now: Volume | None, /) -> Iterable[str]:
        if now is None and before.attachments and all(attachment.deleted_with for attachment in before.attachments):
            return  # it went with its instance, whose group tells whether another took over
        yield from super().find_changes(before, now)
        if now is not None and now.contains != before.contains:
            yield f"{now.id} is attached to {', '.join(sorted(now.contains)) or 'nothing'}, it was to {', '.join(sorted(before.contains))}"


def _list_instances(volume: Volume) -> Iterable[str]:
    return [f"{attachment.instance}{' (its root)' if attachment.root else ''}" for attachment in volume.attachments]
