"""Real processes behind a load balancer and a target group of their own, registered by address: tasks and pods consist
of them.

The part that uses this (`tasks`, `local.kubernetes`) decides when they come and go, and what the APIs report. `start`
starts one, `drain` takes it out of the target group, `terminate` asks it to end, `kill` ends it, and `forget` removes
what is left. Each has an address in its zone's subnet, serves at tcp 80 there, asks the inventory and the database as
web instances do, and suffers the same faults.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from local.workload import metrics
from local.workload.load_balancer.front import Front
from local.workload.load_balancer.traffic import measure_usage
from local.workload.metrics import Datum
from local.workload.network.peers import zone_network
from local.workload.parts import Surroundings
from local.workload.processes.child import Child
from local.workload.processes.served import Served
from local.workload.settings import Settings

READY_SECONDS = 60.0
_ADDRESSES = 200
"""Addresses of each zone, before the first is used again."""

Measured = Mapping[str, tuple[float, float]]
"""Percent of CPU and of memory, by container."""
More = Callable[[float, Measured], Mapping[str, list[Datum]]]
"""Makes the metrics of a period, by namespace, that a part publishes besides the load balancer's and the application's
own."""


@dataclass
class Container(Served):
    """One container, registered by its address."""

    address: IPv4Address = field(kw_only=True)
    started: float = field(default_factory=time.time)

    @property
    def registered_as(self) -> str:
        return str(self.address)

    @property
    def late(self) -> bool:
        """Whether the container should be ready by now."""
        return self.port is None and time.time() - self.started > READY_SECONDS

    @property
    def ended(self) -> bool:
        return self.child is None or not self.child.alive

    def as_dict(self) -> dict[str, object]:
        return {**super().as_dict(), "address": str(self.address)}


class Containers:
    """All containers of one part. `open`, `start`, `kill`, `forget` and `close` are called on the manager's main
    thread."""

    def __init__(self, name: str, block: int, dimension: str, around: Surroundings, more: More) -> None:
        """`name`: the name of load balancer and target group. `block`: third octet (0 to 15) of the addresses in zone
        a; in zone b it is 16 more. `dimension`: the dimension of the application's metrics that tells one container
        from another (`TaskId`)."""
        self.name, self._block, self._dimension, self._around, self._more = name, block, dimension, around, more
        self.lock = around.lock
        self.all: dict[str, Container] = {}
        self.load_balancer_arn = self.target_group_arn = ""
        self._front: Front | None = None
        self._settings = Settings()
        self._used = False
        """Whether a container was ever healthy, so that there may be load."""
        self._given = dict.fromkeys(around.subnets, 0)

    def served(self) -> list[Served]:
        return list(self.all.values())

    @property
    def is_open(self) -> bool:
        return self._front is not None

    def open(self, settings: Settings) -> None:
        """Create load balancer and target group if missing, and start the processes of the load balancer and its
        users."""
        around = self._around
        self.load_balancer_arn = around.cloud.ensure_balancer(self.name, list(around.subnets.values()))
        self.target_group_arn = around.cloud.ensure_target_group(self.name, self.load_balancer_arn, "ip")
        for address in around.cloud.registered(self.target_group_arn):
            around.cloud.deregister(self.target_group_arn, address)
        self._front = Front(self.name, self.load_balancer_arn, self.target_group_arn, self, around, self._publish)
        self._settings, self._used = settings, False

    def start(self, name: str, zone: str) -> Container:
        """Start a process in this zone and register it as a target; it is ready when `target_state` is `healthy`."""
        around = self._around
        container = Container(name, zone, address=self._address(zone))

        def on_event(event: dict[str, object]) -> None:
            with self.lock:
                container.handle(event)
            around.changed()

        folder = around.folder / self.name / name
        arguments = ["--id", name, "--address", str(container.address), "--seed", str(around.seed), "--folder", str(folder), "--graceful"]
        with self.lock:
            self.all[name] = container
            container.child = Child(
                "local.workload.instances.instance", arguments, around.folder / "logs" / f"{self.name}-{name}.log", on_event
            )
        around.brief(container.child)
        around.cloud.register(self.target_group_arn, container.registered_as)
        around.changed()
        return container

    def drain(self, container: Container) -> None:
        """Send the container no more requests; those that it is working on may end."""
        with self.lock:
            container.leaving_since = time.time()
            container.drain()
        self._around.changed()

    def terminate(self, container: Container) -> None:
        """Send SIGTERM: the container answers the requests that it is working on, and ends."""
        if container.child is not None:
            container.child.terminate()

    def kill(self, container: Container) -> None:
        """Send SIGKILL. The balancer is not told: unless the container was drained, it finds out by a request or a
        health check that fails."""
        if container.child is not None:
            container.child.kill()
        with self.lock:
            container.lose()
        self._around.changed()

    def forget(self, container: Container) -> None:
        """Remove the container from the target group, and delete its volume."""
        self.kill(container)
        self._around.cloud.deregister(self.target_group_arn, container.registered_as)
        shutil.rmtree(self._around.folder / self.name / container.id, ignore_errors=True)
        with self.lock:
            self.all.pop(container.id, None)
        self._around.changed()

    def settle(self, settings: Settings) -> None:
        with self.lock:
            children = [container.child for container in self.all.values() if container.child is not None]
        for child in children:
            child.order(op="settings", settings=settings.as_dict())
        self._settings = settings
        if self._front is not None and self._used:
            self._front.settle(settings)

    def route(self) -> None:
        """Tell the load balancer its targets. The load starts with the first healthy target."""
        if self._front is None:
            return
        self._front.route()
        if not self._used and any(container.target_state == "healthy" for container in self.all.values()):
            self._used = True
            self._front.settle(self._settings)

    def close(self) -> None:
        """End all processes. Load balancer and target group stay, without targets."""
        for container in list(self.all.values()):
            self.forget(container)
        self.end()

    def end(self) -> None:
        """Kill every process, without telling the account."""
        for container in list(self.all.values()):
            if container.child is not None:
                container.child.kill()
        if self._front is not None:
            self._front.close()
        self._front = None

    def report(self) -> dict[str, Any]:
        """The health of the targets, for the account to repeat."""
        if not self.target_group_arn:
            return {}
        with self.lock:
            health = {container.registered_as: [container.target_state, container.target_reason] for container in self.all.values()}
        return {"target_health": {self.target_group_arn: health}}

    def overview(self) -> dict[str, object]:
        """State for people and tests; empty while it is not open."""
        if self._front is None:
            return {}
        with self.lock:
            containers = [container.as_dict() for container in self.all.values()]
        arns = {"load_balancer_arn": self.load_balancer_arn, "target_group_arn": self.target_group_arn}
        return {**arns, "containers": containers, **self._front.overview()}

    def _address(self, zone: str) -> IPv4Address:
        self._given[zone] = self._given[zone] % _ADDRESSES + 1
        return zone_network(zone)[self._block * 256 + self._given[zone]]

    def _publish(self, start: float) -> None:
        """Publish the containers' own metrics of a period."""
        put = self._around.cloud.put_metrics
        with self.lock:
            counted = {container.id: container.take_counts() for container in self.all.values()}
            used = {container.id: measured for container in self.all.values() if (measured := measure_usage(container)) is not None}
        put("SampleWeb", metrics.application_data(start, counted, {"Service": self.name}, self._dimension))
        for namespace, data in self._more(start, used).items():
            put(namespace, data)
