"""The web instances, with the state that an Auto Scaling group has for each; and the report about all of them."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.workload.processes.served import Served

_KEPT_ACTIVITIES = 50


@dataclass
class Activity:
    """A scaling activity, with the API's own field names."""

    description: str
    cause: str
    group: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.time)
    ended: float | None = None
    status: str = "InProgress"
    message: str = ""

    def end(self, status: str = "Successful", message: str = "") -> None:
        if self.ended is None:
            self.ended, self.status, self.message = time.time(), status, message

    def as_dict(self) -> dict[str, object]:
        fields: dict[str, object] = {
            "ActivityId": self.id,
            "AutoScalingGroupName": self.group,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": _format_time(self.started),
            "StatusCode": self.status,
            "Progress": 50 if self.ended is None else 100,
            "Details": "{}",
        }
        if self.ended is not None:
            fields["EndTime"] = _format_time(self.ended)
        if self.message:
            fields["StatusMessage"] = self.message
        return fields


@dataclass
class Web(Served):
    """One instance of the group. `lifecycle` uses Auto Scaling's words."""

    launch: Activity = field(kw_only=True)
    launched: float = field(kw_only=True)
    """When it was launched, in epoch seconds. `launch` begins anew when its process is started again."""
    address: str = ""
    volume: str = ""
    """Id of its EBS volume."""
    lifecycle: str = "Pending"
    healthy: bool = True
    dead_since: float | None = None
    rebooting_since: float | None = None
    """Since when its operating system restarts."""
    check_failed: bool = False
    """Whether it failed EC2's status checks since they were last taken, and no longer does."""
    terminate: Activity | None = None
    spot: bool = False
    by_address: bool = False
    """Whether the target group knows it by its address, and not by its id."""

    @property
    def registered_as(self) -> str:
        return self.address if self.by_address else self.id

    def lose(self) -> None:
        super().lose()
        self.healthy, self.dead_since = False, time.time()

    def go_down(self) -> None:
        """Record that its process ended with its operating system, which restarts. The group does not mind."""
        super().lose()

    def take_status_check(self) -> bool | None:
        """Whether it failed EC2's status checks at any time since the last call, as an instance does that restarts. None: it
        is not checked."""
        failed, self.check_failed = self.check_failed or self.rebooting_since is not None, False
        return failed if self.dead_since is None and self.leaving_since is None else None

    def as_dict(self) -> dict[str, object]:
        health = "Healthy" if self.healthy else "Unhealthy"
        return {**super().as_dict(), "volume": self.volume, "spot": self.spot, "lifecycle_state": self.lifecycle, "health_status": health}


@dataclass
class Fleet:
    """All instances of the group and its activities. Callers hold `lock`."""

    group: str
    target_group_arn: str
    """The target group that holds the instances."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    webs: dict[str, Web] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    desired: int = 0
    by_controller: bool = False
    """Whether a controller registers the instances by their addresses, and not their group by their ids."""

    @property
    def target_group(self) -> str:
        """The TargetGroup dimension: `targetgroup/<name>/<id>`."""
        return self.target_group_arn.rpartition(":")[2]

    def served(self) -> list[Served]:
        return list(self.webs.values())

    def record(self, activity: Activity) -> Activity:
        self.activities.append(activity)
        del self.activities[:-_KEPT_ACTIVITIES]
        return activity

    def report(self) -> dict[str, object]:
        """The report that `ministack_truth` repeats to callers of the APIs."""
        instances = [
            {
                "InstanceId": web.id,
                "AvailabilityZone": web.zone,
                "LifecycleState": web.lifecycle,
                "HealthStatus": "Healthy" if web.healthy else "Unhealthy",
                "ProtectedFromScaleIn": False,
            }
            for web in self.webs.values()
        ]
        activities = [activity.as_dict() for activity in self.activities]
        launched = {web.id: web.launched for web in self.webs.values()}
        health = {web.registered_as: [web.target_state, web.target_reason] for web in self.webs.values()}
        return {
            "groups": {self.group: {"instances": instances, "activities": activities, "launched": launched}},
            "target_health": {self.target_group_arn: health},
        }


def _format_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
