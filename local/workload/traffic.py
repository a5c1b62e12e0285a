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

from local.workload import database_metrics, metrics, usage, volume_metrics
from local.workload.child import Child
from local.workload.cloud import Cloud, Resources
from local.workload.cluster import Cluster
from local.workload.fleet import Fleet
from local.workload.settings import Settings

log = logging.getLogger(__name__)


class Traffic:
    """Keeps the balancer's targets equal to the fleet, and the fleet's health equal to the balancer's word."""

    def __init__(self, fleet: Fleet, folder: Path, seed: int, changed: Callable[[], None]) -> None:
        self._fleet = fleet
        self._changed = changed
        self._ready = threading.Event()
        self._told: list[dict[str, object]] | None = None
        self.periods: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self.load: dict[str, Any] = {}
        self.settings = Settings()
        self.balancer = Child("local.workload.balancer", [], folder / "logs" / "balancer.log", self._on_balancer)
        if not self._ready.wait(15):
            raise RuntimeError(f"the balancer did not start; see {folder}/logs/balancer.log")
        arguments = ["--port", str(self.port), "--seed", str(seed)]
        self.client = Child("local.workload.client", arguments, folder / "logs" / "client.log", self._on_client)

    port = 0

    def _on_balancer(self, event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            self.port = event["port"]
            self._ready.set()
        elif event["event"] == "period":
            self.periods.put((event["start"], event["counts"]))
        elif event["event"] == "health":
            with self._fleet.lock:
                for instance_id, (state, reason) in event["targets"].items():
                    web = self._fleet.webs.get(instance_id)
                    if web is not None and web.leaving_since is None:
                        web.target_state, web.target_reason = state, reason
            self._changed()

    def _on_client(self, event: dict[str, Any]) -> None:
        if event["event"] == "load":
            self.load = {key: value for key, value in event.items() if key != "event"}

    def settle(self, settings: Settings) -> None:
        """Order the load that the settings ask for, and how the balancer treats its targets."""
        self.settings = settings
        self.client.order(load=settings.load, load_rps=settings.load_rps)
        self.balancer.order(eject=settings.eject)

    def route(self) -> None:
        """Tell the balancer the targets, if they changed."""
        with self._fleet.lock:
            targets: list[dict[str, object]] = [
                {"id": web.id, "port": web.target_port} for web in self._fleet.webs.values() if web.target_port is not None
            ]
        if targets != self._told:
            self._told = targets
            self.balancer.order(targets=targets)

    def kill(self) -> None:
        self.client.kill()
        self.balancer.kill()


class Publisher(threading.Thread):
    """Puts every period into CloudWatch once it is over. A refused period is lost and logged, as a real agent's is."""

    def __init__(self, cloud: Cloud, resources: Resources, fleet: Fleet, traffic: Traffic, database: Cluster, folder: Path) -> None:
        super().__init__(name="publisher", daemon=True)
        self._cloud, self._resources, self._fleet, self._traffic, self._folder = cloud, resources, fleet, traffic, folder
        self._database = database

    def run(self) -> None:
        while True:
            start, counts = self._traffic.periods.get()
            try:
                self._publish(start, counts)
            except Exception:
                log.exception("period %s was not published", start)

    def _publish(self, start: float, counts: dict[str, Any]) -> None:
        names = self._resources
        self._cloud.put_metrics("AWS/ApplicationELB", metrics.balancer_data(start, counts, names.load_balancer, names.target_group))
        cpu, used, lifecycles, desired = self._measure()
        counted = self._counted()
        self._cloud.put_metrics("SampleWeb", metrics.application_data(start, counted, names.group))
        self._cloud.put_metrics("AWS/EBS", volume_metrics.data(start, self._volumes(counted)))
        if cpu:
            self._cloud.put_metrics("AWS/EC2", metrics.instance_data(start, cpu, names.group))
            self._cloud.put_metrics("CWAgent", metrics.agent_data(start, used, names.group))
        self._cloud.put_metrics("AWS/RDS", database_metrics.data(start, self._database.measure()))
        self._cloud.put_metrics("AWS/AutoScaling", metrics.group_data(start, Counter(lifecycles), desired, names.group))

    def _counted(self) -> dict[str, dict[str, int]]:
        """By instance and kind, since they were last published."""
        grown = {}
        with self._fleet.lock:
            for web in self._fleet.webs.values():
                grown[web.id] = {kind: max(0, count - web.counts_told.get(kind, 0)) for kind, count in web.counts.items()}
                web.counts_told = web.counts
        return grown

    def _volumes(self, counted: dict[str, dict[str, int]]) -> dict[str, tuple[int, dict[str, int]]]:
        """By volume: its writes since they were last published, and what its instance tells now."""
        with self._fleet.lock:
            return {web.volume: (counted.get(web.id, {}).get("volume_writes", 0), web.counts) for web in self._fleet.webs.values()}

    def _measure(self) -> tuple[dict[str, float], dict[str, tuple[float, float]], list[str], int]:
        cpu: dict[str, float] = {}
        used: dict[str, tuple[float, float]] = {}
        with self._fleet.lock:
            webs = list(self._fleet.webs.values())
            desired = self._fleet.desired
        for web in webs:
            child = web.child
            if child is None or not child.alive:
                web.cpu_mark = None
                continue
            now, busy = time.monotonic(), usage.busy_seconds(child.pid)
            if web.cpu_mark is not None and now > web.cpu_mark[0]:
                percent = 100 * usage.grown(busy, web.cpu_mark[1]) / (now - web.cpu_mark[0])
                cpu[web.id] = min(100.0, max(0.0, percent))
                folder = self._folder / "instances" / web.id
                used[web.id] = (usage.memory_percent(child.pid), usage.disk_percent(folder, self._traffic.settings.disk_mib * (1 << 20)))
            web.cpu_mark = (now, busy)
        return cpu, used, [web.lifecycle for web in webs], desired
