"""Terminates, stops and reboots instances: the emulator's EC2 changes their state, and the workload's supervisor acts on
it."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

from collections.abc import Callable
from typing import Any, ClassVar

from ministack.services import ec2

from local.account.ec2 import spot
from local.account.fis import durations
from local.account.fis.actions.base import Action
from local.account.fis.targets import INSTANCE, SPOT


class _Instances(Action):
    target_key = "Instances"
    resource_type = INSTANCE

    def change(self, permission: str, call: Callable[[dict[str, Any]], Any]) -> None:
        """Call EC2 for all targets, once each of them is authorized."""
        for resource in self.resources:
            self.authorize(permission, resource.arn, resource.tags)
        status, _, body = call({f"InstanceId.{n}": [r.identifier] for n, r in enumerate(self.resources, 1)})
        if status >= 300:
            raise self.fail("DependentServiceFailure", body.decode(errors="replace"))


class TerminateInstances(_Instances):
    action_id = "aws:ec2:terminate-instances"
    description = "Terminate the specified EC2 instances."

    def start(self) -> None:
        self.change("ec2:TerminateInstances", ec2._terminate_instances)


class RebootInstances(_Instances):
    """Reboots instances. Their state is `running` all the time, as on AWS."""

    action_id = "aws:ec2:reboot-instances"
    description = "Reboot the specified EC2 instances."

    def start(self) -> None:
        self.change("ec2:RebootInstances", ec2._ACTION_MAP["RebootInstances"])


class InterruptSpotInstances(Action):
    """Announces an interruption, which EC2 carries out later, whatever becomes of the experiment."""

    action_id = "aws:ec2:send-spot-instance-interruptions"
    description = "Send Spot interruption notices to the specified EC2 Spot Instances."
    target_key = "SpotInstances"
    resource_type = SPOT
    parameters: ClassVar[dict[str, bool]] = {"durationBeforeInterruption": True}

    def start(self) -> None:
        for resource in self.resources:
            self.authorize("ec2:SendSpotInstanceInterruptions", resource.arn, resource.tags)
        seconds = float(durations.parse_seconds(self.values["durationBeforeInterruption"]))
        for resource in self.resources:
            spot.interrupt(resource.identifier, seconds)


class StopInstances(_Instances):
    """Stops instances. With ``startInstancesAfterDuration`` the action lasts that long, and a stop starts the instances
    again."""

    action_id = "aws:ec2:stop-instances"
    description = "Stop the specified EC2 instances."
    parameters: ClassVar[dict[str, bool]] = {
        "startInstancesAfterDuration": False,
        "completeIfInstancesTerminated": False,
    }
    duration_parameter = "startInstancesAfterDuration"

    def start(self) -> None:
        if self.duration_seconds:
            for resource in self.resources:
                self.authorize("ec2:StartInstances", resource.arn, resource.tags)
        self.change("ec2:StopInstances", ec2._stop_instances)

    def finish(self) -> None:
        if not self.duration_seconds:
            return
        gone = [r for r in self.resources if self._state(r.identifier) in ("terminated", "shutting-down", None)]
        self.resources = [r for r in self.resources if r not in gone]
        if self.resources:
            self.change("ec2:StartInstances", ec2._start_instances)
        if gone and self.values.get("completeIfInstancesTerminated") != "true":
            raise self.fail("DependentServiceFailure", f"Instances were terminated: {[r.identifier for r in gone]}")

    def stop(self) -> None:
        self.finish()

    @staticmethod
    def _state(identifier: str) -> str | None:
        return ((ec2._instances.get(identifier) or {}).get("State") or {}).get("Name")
