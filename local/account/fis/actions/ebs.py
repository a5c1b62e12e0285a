"""Pauses or delays the I/O of volumes: the instances to which a volume is attached wait until FIS ends it."""

import contextlib
import uuid
from typing import ClassVar

from local.account.fis.actions.base import Action
from local.account.fis.targets import VOLUME
from local.account.ssm import commands

BACKSTOP_SECONDS = 5.0
"""If this account has died, the volume is as before by itself so many seconds after the action's end."""


class _VolumeAction(Action):
    target_key = "Volumes"
    resource_type = VOLUME
    permission: ClassVar[str]
    document: ClassVar[str]
    """The workload's name for this effect. It is no document of Systems Manager, and no agent carries it out."""

    def start(self) -> None:
        self.id = str(uuid.uuid4())
        self.hit: list[str] = []
        self.authorize("ec2:DescribeVolumes", "*", {})
        for volume in self.resources:
            self.authorize(self.permission, volume.arn, volume.tags)
        if len({volume.attributes["AvailabilityZone"] for volume in self.resources}) > 1:
            raise self.fail("InvalidTarget", "All target volumes must be in the same Availability Zone.")
        for volume in self.resources:
            for attached in volume.attributes.get("Attachments") or []:
                self._disturb(attached["InstanceId"])

    def _disturb(self, instance: str) -> None:
        """Disturb the volume of an instance. An instance without a process has nothing to disturb, which is not a failure
        of EC2."""
        self.hit.append(instance)  # also if no answer comes: the order may have arrived
        values = {name: value for name, value in self.values.items() if name != self.duration_parameter}
        seconds = self.duration_seconds + BACKSTOP_SECONDS
        body = {"command_id": self.id, "document": self.document, "parameters": values, "duration_seconds": seconds}
        with contextlib.suppress(OSError):
            commands.tell_workload("POST", f"/instances/{instance}/faults", body)

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        while self.hit:
            try:
                commands.tell_workload("DELETE", f"/instances/{self.hit[-1]}/faults/{self.id}", None)
            except OSError as error:
                raise self.fail("DependentServiceFailure", f"the I/O of {self.hit[-1]} does not go on: {error}") from error
            self.hit.pop()


class PauseVolumeIo(_VolumeAction):
    action_id = "aws:ebs:pause-volume-io"
    description = "Pause the I/O of the target EBS volumes."
    parameters: ClassVar[dict[str, bool]] = {"duration": True}
    permission = "ec2:PauseVolumeIO"
    document = "EBS-PauseVolumeIO"


class VolumeIoLatency(_VolumeAction):
    action_id = "aws:ebs:volume-io-latency"
    description = "Inject latency into the I/O of the target EBS volumes."
    parameters: ClassVar[dict[str, bool]] = {
        "readIOPercentage": False,
        "readIOLatencyMilliseconds": False,
        "writeIOPercentage": False,
        "writeIOLatencyMilliseconds": False,
        "duration": True,
    }
    permission = "ec2:InjectVolumeIOLatency"
    document = "EBS-InjectVolumeIOLatency"
