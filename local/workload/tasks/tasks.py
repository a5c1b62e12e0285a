"""An ECS service: keeps as many tasks as the API's desired count, each a real process with an agent that Systems
Manager reaches.

The workload is the service's scheduler and its tasks' host; the account repeats its report (`local.account.tasks.ecs`).
A task that is stopped is first deregistered from its target group, then sent SIGTERM, and SIGKILL if it stays. A task
whose container ends by itself, or whose load balancer's health check fails, is replaced in the same way, with another
stop code.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.workload.cloud import ENVIRONMENT_TAG, WORKLOAD_TAG
from local.workload.metrics import Datum
from local.workload.parts import Surroundings
from local.workload.processes.containers import Container, Containers, Measured
from local.workload.processes.served import Served
from local.workload.settings import Settings
from local.workload.tasks import metrics as task_metrics
from local.workload.tasks.resources import CLUSTER, SERVICE, Service

DESIRED = 3
AGENT_SECONDS = 2.0
"""Seconds from the start of a container to its agent's registration with Systems Manager."""
DEREGISTRATION_SECONDS = 2.0
STOP_TIMEOUT_SECONDS = 3.0
"""Between SIGTERM and SIGKILL: a container's stopTimeout."""
GRACE_SECONDS = 10.0
"""Seconds in which a failing health check of the load balancer does not stop a new task."""
UNHEALTHY_SECONDS = 4.0
REMEMBERED_SECONDS = 3600.0
"""Seconds that a stopped task stays visible, as on AWS."""
_BLOCK = 1

USER, SCHEDULER, EXITED = "UserInitiated", "ServiceSchedulerInitiated", "EssentialContainerExited"


class NoSuchTaskError(LookupError):
    """There is no such task."""


@dataclass
class Task:
    """One task; times in epoch seconds."""

    id: str
    zone: str
    container: Container
    node: str
    """The name under which its agent registers with Systems Manager."""
    last: str = "PENDING"
    created: float = field(default_factory=time.time)
    started: float | None = None
    stopping: float | None = None
    """When its stop was ordered."""
    termed: float | None = None
    stopped: float | None = None
    unhealthy: float | None = None
    stop_code: str = ""
    reason: str = ""

    @property
    def over(self) -> bool:
        return self.stopped is not None

    @property
    def online(self) -> bool:
        """Whether Systems Manager reaches the task's agent, which deregisters at SIGTERM."""
        since = self.started is not None and time.time() - self.started >= AGENT_SECONDS
        return since and self.termed is None and not self.over and self.container.running

    def stop(self, code: str, reason: str) -> None:
        """Request the stop. Only the first request sets code and reason."""
        if self.stopping is None:
            self.stopping, self.stop_code, self.reason = time.time(), code, reason

    def as_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "zone": self.zone,
            "address": str(self.container.address),
            "last": self.last,
            "desired": "RUNNING" if self.stopping is None else "STOPPED",
            "created": self.created,
            "started": self.started,
            "stopping": self.stopping,
            "stopped": self.stopped,
            "stop_code": self.stop_code,
            "reason": self.reason,
            "node": self.node if self.online else None,
        }


class Tasks:
    """The service, while `Settings.tasks` asks for it."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._service = Service(around.cloud.client("ecs"))
        self._containers = Containers(SERVICE, _BLOCK, "TaskId", around, self._measure)
        self._tasks: dict[str, Task] = {}
        self._desired = 0
        self._vacant: list[tuple[float, str]] = []
        """When and in which zone each missing task is to be started."""
        self._ever = False

    # --- orders, from any thread ----------------------------------------------------------------------------------

    def stop(self, task_id: str, reason: str) -> dict[str, object]:
        """Stop a task by an order from outside. Raises NoSuchTaskError."""
        with self._around.lock:
            task = self._tasks.get(task_id)
            if task is None:
                raise NoSuchTaskError(f"no task {task_id} runs here")
            task.stop(USER, reason)
            state = task.as_dict()
        self._around.changed()
        return state

    # --- the manager's turn ---------------------------------------------------------------------------------------

    def tick(self, settings: Settings) -> None:
        if settings.tasks != self._containers.is_open:
            self._begin(settings) if settings.tasks else self._end()
        if not settings.tasks:
            return
        self._desired = self._service.desired()
        for task in list(self._tasks.values()):
            self._move(task, settings)
        self._scale()
        if settings.replace:
            due = [vacancy for vacancy in self._vacant if vacancy[0] <= time.time()]
            self._vacant = [vacancy for vacancy in self._vacant if vacancy not in due]
            for _, zone in due:
                self._launch(zone)

    def _begin(self, settings: Settings) -> None:
        self._desired = DESIRED
        self._containers.open(settings)
        self._service.ensure(
            self._containers.target_group_arn,
            list(self._around.subnets.values()),
            DESIRED,
            {ENVIRONMENT_TAG: "staging", WORKLOAD_TAG: SERVICE},
        )
        zones = list(self._around.subnets)
        self._vacant = [(0.0, zones[number % len(zones)]) for number in range(DESIRED)]
        for _, zone in self._vacant:
            self._launch(zone)
        self._vacant, self._ever = [], True

    def _end(self) -> None:
        self._service.scale(0)
        with self._around.lock:
            for task in self._tasks.values():
                task.stop(SCHEDULER, f"Scaling activity initiated by service {SERVICE}")
                self._bury(task)
        self._containers.close()
        self._vacant = []

    def _launch(self, zone: str) -> None:
        task_id = secrets.token_hex(16)
        task = Task(task_id, zone, self._containers.start(task_id, zone), f"mi-{secrets.token_hex(9)[:17]}")
        with self._around.lock:
            self._tasks[task_id] = task
        self._around.changed()

    def _move(self, task: Task, settings: Settings) -> None:
        """Advance one task to its next state."""
        before = task.as_dict()
        if task.over:
            if time.time() - (task.stopped or 0.0) > REMEMBERED_SECONDS:
                with self._around.lock:
                    del self._tasks[task.id]
            return
        with self._around.lock:
            self._examine(task)
        if task.stopping is None:
            if task.container.port is not None and task.started is None:
                task.last, task.started = "RUNNING", time.time()
        else:
            self._wind_up(task, settings)
        if task.as_dict() != before:
            self._around.changed()

    @staticmethod
    def _examine(task: Task) -> None:
        """Notice what ends a task besides an order: an ended container, or failing health checks."""
        if task.termed is None and (task.container.ended or task.container.late):
            task.stop(EXITED, "Essential container in task exited")
        sick = task.container.target_state == "unhealthy" and task.started is not None and time.time() - task.started > GRACE_SECONDS
        task.unhealthy = (task.unhealthy or time.time()) if sick else None
        if task.unhealthy is not None and time.time() - task.unhealthy > UNHEALTHY_SECONDS:
            task.stop(SCHEDULER, "Task failed ELB health checks")

    def _wind_up(self, task: Task, settings: Settings) -> None:
        now = time.time()
        if task.container.leaving_since is None:
            task.last = "DEACTIVATING"
            self._containers.drain(task.container)
            if len(self._staying()) + len(self._vacant) < self._desired:
                self._vacant.append(((task.stopping or now) + settings.replacement_delay_seconds, task.zone))
        if task.container.ended:
            self._containers.forget(task.container)
            self._bury(task)
        elif task.termed is not None and now - task.termed >= STOP_TIMEOUT_SECONDS:
            self._containers.kill(task.container)
        elif task.termed is None and now - (task.container.leaving_since or now) >= DEREGISTRATION_SECONDS:
            task.last, task.termed = "STOPPING", now
            self._containers.terminate(task.container)

    @staticmethod
    def _bury(task: Task) -> None:
        if not task.over:
            task.last, task.stopped = "STOPPED", time.time()

    def _staying(self) -> list[Task]:
        return [task for task in self._tasks.values() if task.stopping is None]

    def _scale(self) -> None:
        """Follow the desired count, keeping the zones even."""
        staying = self._staying()
        zones = Counter(dict.fromkeys(self._around.subnets, 0))
        zones.update([*(task.zone for task in staying), *(zone for _, zone in self._vacant)])
        while zones.total() < self._desired:
            zone = min(zones, key=lambda name: (zones[name], name))
            self._vacant.append((time.time(), zone))
            zones[zone] += 1
        for _ in range(zones.total() - self._desired):
            if self._vacant:
                self._vacant.pop()
            elif staying:
                with self._around.lock:
                    staying.pop().stop(SCHEDULER, f"Scaling activity initiated by service {SERVICE}")

    # --- how it stands --------------------------------------------------------------------------------------------

    def settle(self, settings: Settings) -> None:
        self._containers.settle(settings)

    def route(self) -> None:
        self._containers.route()

    def whole(self, settings: Settings) -> bool:
        if not settings.tasks:
            return not self._containers.is_open
        with self._around.lock:
            living = [task for task in self._tasks.values() if not task.over]
            fine = [task for task in living if task.online and task.stopping is None and task.container.target_state == "healthy"]
        return self._containers.is_open and len(fine) == len(living) == self._desired

    def served(self) -> list[Served]:
        return self._containers.served()

    def find(self, name: str) -> Served | None:
        """The container of the task whose agent has this name, by which commands address it."""
        return next((task.container for task in self._tasks.values() if task.node == name and task.online), None)

    def report(self) -> Mapping[str, Any]:
        if not self._ever:
            return {}
        with self._around.lock:
            tasks = [task.as_dict() for task in self._tasks.values()]
        return {**self._containers.report(), "ecs": {"cluster": CLUSTER, "service": SERVICE, "tasks": tasks}}

    def overview(self) -> Mapping[str, object]:
        shown = self._containers.overview()
        if not shown:
            return {}
        with self._around.lock:
            return {"tasks": {"cluster": CLUSTER, "service": SERVICE, **shown, "tasks": [task.as_dict() for task in self._tasks.values()]}}

    def kill(self) -> None:
        self._containers.end()

    def _measure(self, start: float, used: Measured) -> Mapping[str, list[Datum]]:
        with self._around.lock:
            states = Counter(task.last for task in self._tasks.values())
        return task_metrics.task_data(start, used, CLUSTER, SERVICE, states, self._desired)
