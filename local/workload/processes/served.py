"""A process behind a load balancer, as the manager sees it: its identity, its place in the target group, its faults.

Both web instances (`fleet`) and containers (`containers`) are of this kind.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from local.workload.processes.child import Child


@dataclass
class Fault:
    """A fault command on a process; `status` is started, expired, cancelled, refused or lost (with the process)."""

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
class Served:
    """One process and its place behind the load balancer. Callers hold its roster's lock."""

    id: str
    zone: str
    child: Child | None = None
    port: int | None = None
    target_port: int | None = None
    """The port that the balancer sends requests to; it outlives the process, until the target is deregistered."""
    target_state: str = "initial"
    target_reason: str = "Elb.RegistrationInProgress"
    leaving_since: float | None = None
    cpu_mark: tuple[float, dict[int, float], int] | None = None
    """When its CPU was last read, the busy seconds of its processes, and the milliseconds that its requests needed."""
    counts: dict[str, int] = field(default_factory=dict)
    """Failures in its process so far (`write_errors`, `dependency_errors`, `database_errors`), the milliseconds of CPU
    that its requests needed (`cpu_ms`), and the writes that wait for its volume now."""
    counts_told: dict[str, int] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def registered_as(self) -> str:
        """The name under which the process is registered in the target group."""
        return self.id

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.alive and self.port is not None

    def handle(self, event: dict[str, Any]) -> None:
        """Handle an event of its process."""
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

    def drain(self) -> None:
        """Send it no more requests: it is being deregistered from its target group."""
        self.target_port = None
        self.target_state, self.target_reason = "draining", "Target.DeregistrationInProgress"

    def lose(self) -> None:
        """Record that the process is gone, and its faults with it."""
        self.child, self.port = None, None
        self.counts, self.counts_told = {}, {}
        for fault in self.faults.values():
            if fault.ended is None and fault.status in ("sent", "started"):
                fault.status, fault.ended = "lost", time.time()
                fault.known.set()

    def take_counts(self) -> dict[str, int]:
        """The growth of each of `counts` since the last call."""
        grown = {kind: max(0, count - self.counts_told.get(kind, 0)) for kind, count in self.counts.items()}
        self.counts_told = self.counts
        return grown

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "zone": self.zone,
            "pid": self.child.pid if self.child and self.child.alive else None,
            "url": f"http://127.0.0.1:{self.port}" if self.port else None,
            "target_state": self.target_state,
            "target_reason": self.target_reason,
            "write_errors": self.counts.get("write_errors", 0),
            "counts": self.counts,
            "agent": "Online" if self.running else "ConnectionLost",
            "faults": [fault.as_dict() for fault in self.faults.values()],
        }


class Roster(Protocol):
    """All processes behind one target group."""

    lock: threading.RLock

    def served(self) -> list[Served]:
        """The processes now. Callers hold the lock."""
        ...
