"""An ECS service: keeps as many tasks as the API's desired count, each a real process with an agent that Systems
Manager reaches.

The workload is the service's scheduler and its tasks' host; the account repeats its report (`local.account.tasks.ecs`).
A task that is stopped is first deregistered from its target group, then sent SIGTERM, and SIGKILL if it stays. A task
whose container ends by itself, or whose load balancer's health check fails, is replaced in the same way, with another
stop code.

Tasks run on Fargate, or on container instances (`local.workload.tasks.hosts`). From a container instance that drains, the
service moves its tasks: others start elsewhere, and each task stops as soon as the service keeps its minimum healthy
percent without it.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from local.workload.cloud import ENVIRONMENT_TAG, WORKLOAD_TAG
from local.workload.metrics import Datum
from local.workload.parts import Surroundings
from local.workload.processes.containers import Container, Containers, Measured
from local.workload.processes.served import Served
from local.workload.settings import Settings
from local.workload.tasks import metrics as task_metrics
from local.workload.tasks.hosts import Hosts
from local.workload.tasks.resources import Kind, Service

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

USER, SCHEDULER, EXITED = "UserInitiated", "ServiceSchedulerInitiated", "EssentialContainerExited"
HOST_GONE = "TerminationNotice"


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
    host: str = ""
    """The container instance that it runs on; empty on Fargate."""
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

    @property
    def fit(self) -> bool:
        """Whether it counts as healthy for its service: it runs, and the load balancer finds it healthy."""
        return self.last == "RUNNING" and self.stopping is None and self.container.target_state == "healthy"

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
            "host": self.host,
        }


class Tasks:
    """One service, while its setting asks for it."""

    def __init__(self, around: Surroundings, kind: Kind) -> None:
        self._around, self._kind = around, kind
        ecs = around.cloud.client("ecs")
        self._service = Service(ecs, kind)
        self._hosts = Hosts(around, kind, ecs)
        self._containers = Containers(kind.service, kind.block, "TaskId", around, self._measure)
        self._tasks: dict[str, Task] = {}
        self._desired = 0
        self._vacant: list[tuple[float, str]] = []
        """When and in which zone each missing task is to be started."""
        self._ever = False

    # --- orders, from any thread ----------------------------------------------------------------------------------

    def has(self, task_id: str) -> bool:
        return task_id in self._tasks

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
        wanted = self._kind.is_wanted(settings)
        if wanted != self._containers.is_open:
            self._begin(settings) if wanted else self._end()
        if not wanted:
            return
        self._desired = self._service.desired()
        self._hosts.tick()
        for task in list(self._tasks.values()):
            self._move(task, settings)
        self._leave_hosts(settings)
        self._scale()
        if settings.replace:
            due = [vacancy for vacancy in self._vacant if vacancy[0] <= time.time()]
            self._vacant = [vacancy for vacancy in self._vacant if vacancy not in due]
            self._vacant += [(at, zone) for at, zone in due if not self._launch(zone)]

    def _begin(self, settings: Settings) -> None:
        self._desired = self._kind.desired
        self._containers.open(settings)
        self._hosts.launch()
        self._service.ensure(
            self._containers.target_group_arn,
            list(self._around.subnets.values()),
            settings.minimum_healthy_percent,
            {ENVIRONMENT_TAG: "staging", WORKLOAD_TAG: self._kind.service},
        )
        zones = list(self._around.subnets)
        for number in range(self._desired):
            self._launch(zones[number % len(zones)])
        self._vacant, self._ever = [], True

    def _end(self) -> None:
        self._service.scale(0)
        with self._around.lock:
            for task in self._tasks.values():
                task.stop(SCHEDULER, f"Scaling activity initiated by service {self._kind.service}")
                self._bury(task)
        self._containers.close()
        self._hosts.close()
        self._vacant = []

    def _launch(self, zone: str) -> bool:
        """Start a task in this zone, or on whichever container instance there is. Whether there was a place for it."""
        host = self._hosts.place(zone, [task.host for task in self._staying()]) if self._kind.hosts else None
        if self._kind.hosts and host is None:
            return False
        task_id, where = secrets.token_hex(16), host.zone if host else zone
        container = self._containers.start(task_id, where)
        task = Task(task_id, where, container, f"mi-{secrets.token_hex(9)[:17]}", host.id if host else "")
        with self._around.lock:
            self._tasks[task_id] = task
        self._around.changed()
        return True

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
        if task.host and not self._hosts.knows(task.host):
            task.stop(HOST_GONE, "Host EC2 terminated.")
            self._containers.kill(task.container)
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
        """The tasks that go on: they don't stop, and their container instance does not drain."""
        return [task for task in self._tasks.values() if task.stopping is None and not self._hosts.is_draining(task.host)]

    def _leave_hosts(self, settings: Settings) -> None:
        """Stop tasks whose container instance drains: those that do not run yet or are unhealthy at once, the others as far as
        enough healthy ones are left."""
        with self._around.lock:
            living = [task for task in self._tasks.values() if task.stopping is None]
            spare = sum(task.fit for task in living) - ceil(self._desired * settings.minimum_healthy_percent / 100)
            for task in [task for task in living if self._hosts.is_draining(task.host)]:
                if not task.fit or spare > 0:
                    spare -= task.fit
                    task.stop(SCHEDULER, f"Scaling activity initiated by service {self._kind.service}")

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
                    staying.pop().stop(SCHEDULER, f"Scaling activity initiated by service {self._kind.service}")

    # --- how it stands --------------------------------------------------------------------------------------------

    def settle(self, settings: Settings) -> None:
        self._containers.settle(settings)

    def route(self) -> None:
        self._containers.route()

    def whole(self, settings: Settings) -> bool:
        if not self._kind.is_wanted(settings):
            return not self._containers.is_open
        with self._around.lock:
            living = [task for task in self._tasks.values() if not task.over]
            fine = [task for task in living if task.online and task.stopping is None and task.container.target_state == "healthy"]
        return self._containers.is_open and self._hosts.whole and len(fine) == len(living) == self._desired

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
            hosts = self._hosts.report()
        service = {"cluster": self._kind.cluster, "service": self._kind.service, "tasks": tasks, "hosts": hosts}
        return {**self._containers.report(), "services": {self._kind.service: service}}

    def overview(self) -> Mapping[str, object]:
        shown = self._containers.overview()
        if not shown:
            return {}
        with self._around.lock:
            tasks, hosts = [task.as_dict() for task in self._tasks.values()], self._hosts.overview()
        names = {"cluster": self._kind.cluster, "service": self._kind.service}
        return {self._kind.setting: {**names, **shown, "tasks": tasks, **hosts}}

    def kill(self) -> None:
        self._containers.end()

    def _measure(self, start: float, used: Measured) -> Mapping[str, list[Datum]]:
        with self._around.lock:
            states = Counter(task.last for task in self._tasks.values())
        return task_metrics.task_data(start, used, self._kind.cluster, self._kind.service, states, self._desired)
