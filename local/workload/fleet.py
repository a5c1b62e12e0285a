"""The web instances as the manager sees them: identity, process, health, faults; and the report of them all."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.workload.child import Child

_KEPT_ACTIVITIES = 50


@dataclass
class Activity:
    """A scaling activity, under the API's own field names."""

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
            "StartTime": _iso(self.started),
            "StatusCode": self.status,
            "Progress": 50 if self.ended is None else 100,
            "Details": "{}",
        }
        if self.ended is not None:
            fields["EndTime"] = _iso(self.ended)
        if self.message:
            fields["StatusMessage"] = self.message
        return fields


@dataclass
class Fault:
    """A fault command on an instance; `status` is started, expired, cancelled, refused or lost (with the instance)."""

    command_id: str
    document: str
    parameters: dict[str, str]
    duration_seconds: float
    status: str = "sent"
    error: str = ""
    started: float | None = None
    ended: float | None = None
    known: threading.Event = field(default_factory=threading.Event)

    def as_dict(self) -> dict[str, object]:
        return {
            "command_id": self.command_id,
            "document": self.document,
            "parameters": self.parameters,
            "duration_seconds": self.duration_seconds,
            "status": self.status,
            "error": self.error,
            "started_at": self.started,
            "ended_at": self.ended,
        }


@dataclass
class Web:
    """One instance of the group. `lifecycle` uses Auto Scaling's words."""

    id: str
    zone: str
    launch: Activity
    address: str = ""
    volume: str = ""
    """Id of its EBS volume."""
    child: Child | None = None
    port: int | None = None
    target_port: int | None = None
    """Where the balancer sends requests: outlives the process, until the group deregisters the target."""
    lifecycle: str = "Pending"
    healthy: bool = True
    target_state: str = "initial"
    target_reason: str = "Elb.RegistrationInProgress"
    dead_since: float | None = None
    leaving_since: float | None = None
    terminate: Activity | None = None
    cpu_mark: tuple[float, dict[int, float]] | None = None
    counts: dict[str, int] = field(default_factory=dict)
    """What has failed in its process so far: `write_errors`, `dependency_errors`, `database_errors`; and what waits for its volume now."""
    counts_told: dict[str, int] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.alive and self.port is not None

    def happened(self, event: dict[str, Any]) -> None:
        """Take an event of the instance's process."""
        if event["event"] == "ready":
            self.port = self.target_port = event["port"]
            return
        if event["event"] == "counts":
            self.counts = event["totals"]
            return
        fault = self.faults.get(event["command_id"])
        if fault is None:
            return
        if event["event"] == "fault_started":
            fault.status, fault.started = "started", fault.started or time.time()
        elif event["event"] == "fault_refused":
            fault.status, fault.error = "refused", event["error"]
        elif event["event"] == "fault_ended":
            fault.status, fault.ended = event["reason"], time.time()
        fault.known.set()

    def lose(self) -> None:
        """The process is gone, and its faults with it."""
        self.child, self.port, self.healthy, self.dead_since = None, None, False, time.time()
        self.counts, self.counts_told = {}, {}
        for fault in self.faults.values():
            if fault.ended is None and fault.status in ("sent", "started"):
                fault.status, fault.ended = "lost", time.time()
                fault.known.set()

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "zone": self.zone,
            "volume": self.volume,
            "pid": self.child.pid if self.child and self.child.alive else None,
            "url": f"http://127.0.0.1:{self.port}" if self.port else None,
            "lifecycle_state": self.lifecycle,
            "health_status": "Healthy" if self.healthy else "Unhealthy",
            "target_state": self.target_state,
            "target_reason": self.target_reason,
            "write_errors": self.counts.get("write_errors", 0),
            "counts": self.counts,
            "agent": "Online" if self.running else "ConnectionLost",
            "faults": [fault.as_dict() for fault in self.faults.values()],
        }


@dataclass
class Fleet:
    """All instances of the group and its history; whoever touches it holds `lock`."""

    group: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    webs: dict[str, Web] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    desired: int = 0

    def record(self, activity: Activity) -> Activity:
        self.activities.append(activity)
        del self.activities[:-_KEPT_ACTIVITIES]
        return activity

    def report(self, target_group_arn: str) -> dict[str, object]:
        """The document `ministack_truth` repeats to whoever asks the APIs."""
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
        health = {web.id: [web.target_state, web.target_reason] for web in self.webs.values()}
        return {
            "groups": {self.group: {"instances": instances, "activities": activities}},
            "target_health": {target_group_arn: health},
        }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
