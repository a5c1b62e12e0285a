"""The manager's side of the balancer and the load generator, and the publisher of their measurements."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.workload import metrics
from local.workload.cloud import Cloud, Resources
from local.workload.databases import metrics as database_metrics
from local.workload.databases.cluster import Cluster
from local.workload.instances import usage
from local.workload.instances.fleet import Fleet
from local.workload.processes.child import Child
from local.workload.processes.served import Roster, Served
from local.workload.settings import Settings
from local.workload.volumes import metrics as volume_metrics

READY_SECONDS = 60.0

log = logging.getLogger(__name__)


class Traffic:
    """A load balancer and its users.

    It gives the balancer the targets of the roster, and the roster the balancer's health results.
    """

    def __init__(self, roster: Roster, folder: Path, seed: int, changed: Callable[[], None], name: str = "") -> None:
        """`name`: the name of a load balancer other than the web instances'; it listens at any free port."""
        self._roster = roster
        self._changed = changed
        self._ready = threading.Event()
        self._told: list[dict[str, object]] | None = None
        self.periods: queue.Queue[tuple[float, dict[str, Any]] | None] = queue.Queue()
        """Periods that have ended; None ends their publisher."""
        self.load: dict[str, Any] = {}
        self.settings = Settings()
        log = folder / "logs" / f"{name}balancer.log"
        self.balancer = Child("local.workload.load_balancer.balancer", ["--port", "0"] if name else [], log, self._on_balancer)
        if not self._ready.wait(READY_SECONDS):
            raise RuntimeError(f"the balancer did not start; see {log}")
        arguments = ["--port", str(self.port), "--seed", str(seed)]
        self.client = Child("local.workload.load_balancer.client", arguments, folder / "logs" / f"{name}client.log", self._on_client)

    port = 0

    def _on_balancer(self, event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            self.port = event["port"]
            self._ready.set()
        elif event["event"] == "period":
            self.periods.put((event["start"], event["counts"]))
        elif event["event"] == "health":
            with self._roster.lock:
                for served in self._roster.served():
                    if served.registered_as in event["targets"] and served.target_port is not None:
                        served.target_state, served.target_reason = event["targets"][served.registered_as]
            self._changed()

    def _on_client(self, event: dict[str, Any]) -> None:
        if event["event"] == "load":
            self.load = {key: value for key, value in event.items() if key != "event"}

    def settle(self, settings: Settings) -> None:
        """Set the load that the settings ask for, and how the balancer treats its targets."""
        self.settings = settings
        self.client.order(load=settings.load, load_rps=settings.load_rps)
        self.balancer.order(eject=settings.eject)

    def route(self) -> None:
        """Tell the balancer its targets, if they changed."""
        with self._roster.lock:
            targets: list[dict[str, object]] = [
                {"id": served.registered_as, "port": served.target_port}
                for served in self._roster.served()
                if served.target_port is not None
            ]
        if targets != self._told:
            self._told = targets
            self.balancer.order(targets=targets)

    def kill(self) -> None:
        self.client.kill()
        self.balancer.kill()


class Publisher(threading.Thread):
    """Publishes every period to CloudWatch after its end. As with a real agent, a refused period is lost and logged."""

    def __init__(self, cloud: Cloud, resources: Resources, fleet: Fleet, traffic: Traffic, database: Cluster, folder: Path) -> None:
        super().__init__(name="publisher", daemon=True)
        self._cloud, self._resources, self._fleet, self._traffic, self._folder = cloud, resources, fleet, traffic, folder
        self._database = database

    def run(self) -> None:
        while (period := self._traffic.periods.get()) is not None:
            start, counts = period
            try:
                self._publish(start, counts)
            except Exception:
                log.exception("period %s was not published", start)

    def _publish(self, start: float, counts: dict[str, Any]) -> None:
        names = self._resources
        self._cloud.put_metrics("AWS/ApplicationELB", metrics.balancer_data(start, counts, names.load_balancer, self._fleet.target_group))
        cpu, used, lifecycles, desired = self._measure()
        counted = self._counted()
        self._cloud.put_metrics("SampleWeb", metrics.application_data(start, counted, {"AutoScalingGroupName": names.group}))
        self._cloud.put_metrics("AWS/EBS", volume_metrics.volume_data(start, self._volumes(counted)))
        with self._fleet.lock:
            checks = {web.id: web.take_status_check() for web in self._fleet.webs.values()}
        failed = {instance: fails for instance, fails in checks.items() if fails is not None}
        if cpu or failed:
            self._cloud.put_metrics("AWS/EC2", metrics.instance_data(start, cpu, failed, names.group))
        if used:
            self._cloud.put_metrics("CWAgent", metrics.agent_data(start, used, names.group))
        self._cloud.put_metrics("AWS/RDS", database_metrics.database_data(start, self._database.measure()))
        self._cloud.put_metrics("AWS/AutoScaling", metrics.group_data(start, Counter(lifecycles), desired, names.group))

    def _counted(self) -> dict[str, dict[str, int]]:
        """Counts by instance and kind since the last period."""
        with self._fleet.lock:
            return {web.id: web.take_counts() for web in self._fleet.webs.values()}

    def _volumes(self, counted: dict[str, dict[str, int]]) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
        """Volume id to what its instance counted since the last period, and its instance's present counts."""
        with self._fleet.lock:
            return {web.volume: (counted.get(web.id, {}), web.counts) for web in self._fleet.webs.values()}

    def _measure(self) -> tuple[dict[str, float], dict[str, tuple[float, float]], list[str], int]:
        cpu: dict[str, float] = {}
        used: dict[str, tuple[float, float]] = {}
        with self._fleet.lock:
            webs = list(self._fleet.webs.values())
            desired = self._fleet.desired
        for web in webs:
            measured = measure_usage(web)
            if measured is not None:
                cpu[web.id], memory = measured
                folder = self._folder / "instances" / web.id
                used[web.id] = (memory, usage.disk_percent(folder, self._traffic.settings.disk_mib * (1 << 20)))
        return cpu, used, [web.lifecycle for web in webs], desired


def measure_usage(served: Served) -> tuple[float, float] | None:
    """Percent of CPU since the last call, and of memory; None for a process that is gone or new."""
    child = served.child
    if child is None or not child.alive:
        served.cpu_mark = None
        return None
    now, before, busy = time.monotonic(), served.cpu_mark, usage.busy_seconds(child.pid)
    needed = served.counts.get("cpu_ms", 0)
    served.cpu_mark = (now, busy, needed)
    if before is None or now <= before[0]:
        return None
    seconds = usage.sum_growth(busy, before[1]) + (needed - before[2]) / 1000
    percent = 100 * seconds / (now - before[0])
    return min(100.0, max(0.0, percent)), usage.memory_percent(child.pid)
