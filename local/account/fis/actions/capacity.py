"""Makes launches of Auto Scaling groups fail for lack of capacity. A group that launches nothing while the action lasts
is not hit."""

import uuid
from typing import ClassVar

from local.account.ec2 import capacity
from local.account.fis.actions.base import Action
from local.account.fis.targets import GROUP


class InsufficientCapacity(Action):
    action_id = "aws:ec2:asg-insufficient-instance-capacity-error"
    description = "Inject insufficient capacity errors on launch requests of the target Auto Scaling groups."
    target_key = "AutoScalingGroups"
    resource_type = GROUP
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "availabilityZoneIdentifiers": True, "percentage": False}

    def start(self) -> None:
        self.authorize("autoscaling:DescribeAutoScalingGroups", "*", {})
        context = {"ec2:FisActionId": self.action_id, "ec2:FisTargetArns": [group.arn for group in self.resources]}
        self.authorize("ec2:InjectApiError", "*", {}, context)
        self.id = str(uuid.uuid4())
        launching = [group.identifier for group in self.resources if group.attributes.get("LaunchTemplate")]
        zones = self.values["availabilityZoneIdentifiers"].split(",")
        percent = float(self.values.get("percentage") or 100)
        # A group with a launch configuration is not affected, and FIS reports nothing about it.
        capacity.injected.begin(self.id, capacity.Shortage(frozenset(launching), frozenset(zones), percent))

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        capacity.injected.end(self.id)
