"""Pauses the I/O of volumes: the instances to which a volume is attached wait until FIS resumes it."""

import contextlib
import uuid
from typing import ClassVar

from local.account.fis.actions.base import Action
from local.account.fis.targets import VOLUME
from local.account.ssm import commands

DOCUMENT = "EBS-PauseVolumeIO"
"""The workload's name for this effect. It is no document of Systems Manager, and no agent carries it out."""
BACKSTOP_SECONDS = 5.0
"""If this account has died, the volume resumes by itself so many seconds after the action's end."""


class PauseVolumeIo(Action):
    action_id = "aws:ebs:pause-volume-io"
    description = "Pause the I/O of the target EBS volumes."
    target_key = "Volumes"
    resource_type = VOLUME
    parameters: ClassVar[dict[str, bool]] = {"duration": True}

    def start(self) -> None:
        self.id = str(uuid.uuid4())
        self.paused: list[str] = []
        self.authorize("ec2:DescribeVolumes", "*", {})
        for volume in self.resources:
            self.authorize("ec2:PauseVolumeIO", volume.arn, volume.tags)
        if len({volume.attributes["AvailabilityZone"] for volume in self.resources}) > 1:
            raise self.fail("InvalidTarget", "All target volumes must be in the same Availability Zone.")
        for volume in self.resources:
            for attached in volume.attributes.get("Attachments") or []:
                self._pause(attached["InstanceId"])

    def _pause(self, instance: str) -> None:
        """Pause the volume of an instance. An instance without a process has nothing to pause, which is not a failure
        of EC2."""
        self.paused.append(instance)  # also if no answer comes: the order may have arrived
        body = {"command_id": self.id, "document": DOCUMENT, "parameters": {}, "duration_seconds": self.duration_seconds + BACKSTOP_SECONDS}
        with contextlib.suppress(OSError):
            commands.tell_workload("POST", f"/instances/{instance}/faults", body)

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        while self.paused:
            try:
                commands.tell_workload("DELETE", f"/instances/{self.paused[-1]}/faults/{self.id}", None)
            except OSError as error:
                raise self.fail("DependentServiceFailure", f"the I/O of {self.paused[-1]} does not go on: {error}") from error
            self.paused.pop()
