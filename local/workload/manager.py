"""The workload's manager: registers the sample workload in the account, runs its processes, and starts faults in
them."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from local.kubernetes.part import Pods
from local.workload.cloud import ENVIRONMENT_TAG, GROUP, WORKLOAD_TAG, Cloud
from local.workload.databases.cluster import Cluster
from local.workload.databases.replicas import Replicas
from local.workload.dependency.dependency import Dependency
from local.workload.functions import Orders
from local.workload.instances.fleet import Fleet, Web
from local.workload.instances.supervisor import Supervisor
from local.workload.load_balancer.traffic import Publisher, Traffic
from local.workload.network.acls import Acls
from local.workload.network.peers import DATABASE_NODES
from local.workload.network.routes import Routes
from local.workload.parts import Part, Surroundings
from local.workload.processes.child import Child
from local.workload.processes.served import Fault, Served
from local.workload.settings import Settings
from local.workload.shapes.controller import Controller
from local.workload.shapes.idle_colour import IdleColour
from local.workload.shapes.internal import Internal
from local.workload.tasks.resources import ON_FARGATE, ON_HOSTS
from local.workload.tasks.tasks import NoSuchTaskError, Tasks

DESIRED = 3
TICK_SECONDS = 0.5
FAULT_SECONDS = 20.0
"""How long an instance may take to start or end a fault."""

log = logging.getLogger(__name__)


class NoSuchInstanceError(LookupError):
    """The workload does not run such an instance (any more)."""


class Manager:
    """The whole workload. `run` must be called on the main thread: children die with the thread that starts them."""

    def __init__(self, endpoint: str, region: str, folder: Path, seed: int, settings: Settings) -> None:
        self._cloud = Cloud(endpoint, region)
        self.orders = Orders(endpoint, region, {ENVIRONMENT_TAG: "staging", WORKLOAD_TAG: GROUP})
        self.replicas = Replicas(endpoint, region, {ENVIRONMENT_TAG: "staging", WORKLOAD_TAG: GROUP})
        self._region = region
        self._folder = folder
        self._seed = seed
        self._wake = threading.Event()
        self._changing = threading.Lock()
        self._stopping = False
        self._dirty = True
        self._routes = Routes()
        self._acls = Acls()
        self.settings: Settings = settings
        self._followed: Settings | None = None
        """The settings that the last whole tick followed."""
        self.ready = False

    def start(self) -> None:
        """Register everything, and start the load balancer, its users and the publisher."""
        self.resources = self._cloud.ensure(DESIRED)
        self.orders.settle(self.settings)
        self.replicas.settle(self.settings)
        self.fleet = Fleet(self.resources.group, self.resources.target_group_arn)
        self.dependency = Dependency(self._folder, self._changed)
        self.database = Cluster(self._folder, list(self.resources.subnets), self._region, self._changed)
        self._supervisor = Supervisor(self._cloud, self.resources.subnets, self.fleet, self._folder, self._seed, self._changed, self._brief)
        self._supervisor.clear_out()
        self.bystanders = self._launch_bystanders()
        self._traffic = Traffic(self.fleet, self._folder, self._seed, self._changed)
        around = Surroundings(
            self._cloud, self.resources.subnets, self._region, self._folder, self._seed, self.fleet.lock, self._brief, self._changed
        )
        self._services = [Tasks(around, kind) for kind in (ON_FARGATE, ON_HOSTS)]
        shapes: list[Part] = [
            Internal(around, self.fleet),
            IdleColour(around, self.resources),
            Controller(around, self.fleet, self.resources),
        ]
        self._parts: list[Part] = [*self._services, Pods(around), *shapes]
        """The parts that run only while a setting asks for them."""
        Publisher(self._cloud, self.resources, self.fleet, self._traffic, self.database, self._folder).start()

    def _launch_bystanders(self) -> dict[str, str]:
        """Launch instances that no experiment may touch: one of another environment, and one that never opted in."""
        subnet = next(iter(self.resources.subnets.values()))
        return {
            "production": self._cloud.run_instance(
                subnet, {"Name": "sample-prod", ENVIRONMENT_TAG: "production", WORKLOAD_TAG: "bystander"}
            ).id,
            "untagged": self._cloud.run_instance(subnet, {"Name": "sample-untagged", WORKLOAD_TAG: "bystander"}).id,
        }

    def run(self) -> None:
        """Supervise until asked to stop; leaves no process behind."""
        try:
            while not self._stopping:
                try:
                    self._tick()
                    self._wait()
                except Exception:  # one call that the account did not answer in time, for example
                    log.exception("this tick failed; the next one tries again")
                    self._wake.clear()
                    self._wake.wait(TICK_SECONDS)
        finally:
            self.kill()

    def _tick(self) -> None:
        self.dependency.tick()
        settings = self.settings
        self.database.tick(settings)
        self._supervisor.tick(settings)
        for part in self._parts:
            part.tick(settings)
        self._followed = settings
        self._tell_acls()
        self._tell_routes()
        self._report_state()

    def _wait(self) -> None:
        """Wait for the next tick, and pass on changes of routes and health immediately."""
        due = time.monotonic() + TICK_SECONDS
        while not self._stopping and (left := due - time.monotonic()) > 0:
            if self._wake.wait(left):
                self._wake.clear()
                self._tell_routes()
                self._report_state()

    def _tell_routes(self) -> None:
        """Tell the balancer and the instances all addresses and ports, if they have changed."""
        self._traffic.route()
        for part in self._parts:
            part.route()
        names = {name: DATABASE_NODES[node] for name, node in self.database.names().items()}
        orders = (self.orders.port, self.orders.path) if self.orders.path else None
        routes = Routes(self.dependency.port, self.database.endpoints(), names, orders)
        if routes != self._routes:
            self._routes = routes
            self._order_all(op="routes", routes=routes.as_dict())

    def _order_all(self, **order: object) -> None:
        """Send an order to every process that serves requests."""
        for child in [served.child for served in self._served() if served.child is not None]:
            child.order(**order)

    def _tell_acls(self) -> None:
        """Tell every process that serves requests what the network ACLs let through, if that has changed."""
        acls = self._cloud.acls(self.resources.subnets.values())
        if acls != self._acls:
            self._acls = acls
            self._order_all(op="acls", acls=acls.as_list())

    def _brief(self, child: Child) -> None:
        """Send a new process the settings, the routes and the network ACLs."""
        child.order(op="settings", settings=self.settings.as_dict())
        child.order(op="routes", routes=self._routes.as_dict())
        child.order(op="acls", acls=self._acls.as_list())

    def _report_state(self) -> None:
        if self._dirty:
            self._dirty = False
            try:
                self._cloud.report(self._collect_report())
            except Exception:
                self._dirty = True
                raise
        with self.fleet.lock:
            in_service = sum(web.lifecycle == "InService" for web in self.fleet.webs.values())
        if not self.ready and in_service == DESIRED and self.database.whole and self.dependency.port and self._parts_whole():
            self._traffic.settle(self.settings)
            self.ready = True

    def _parts_whole(self) -> bool:
        """Whether every part is as the settings ask for. A part that still follows earlier settings can look right for a
        moment and change afterwards."""
        settings = self.settings
        return self._followed is settings and all(part.whole(settings) for part in self._parts)

    def _collect_report(self) -> dict[str, Any]:
        with self.fleet.lock:
            report: dict[str, Any] = self.fleet.report()
        for part in self._parts:
            added = part.report()
            merged = {name: {**report.get(name, {}), **added.get(name, {})} for name in ("groups", "target_health", "services")}
            report = {**report, **added, **merged}
        return {**report, "database": self.database.report()}

    def _changed(self) -> None:
        self._dirty = True
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def kill(self) -> None:
        for web in list(self.fleet.webs.values()):
            if web.child is not None:
                web.child.kill()
        for part in self._parts:
            part.kill()
        self._traffic.kill()
        self.dependency.kill()
        self.database.kill()

    def change(self, values: dict[str, object]) -> Settings:
        """Apply settings; returns once what they ask for is there. Raises InvalidSettingError."""
        with self._changing:
            wanted = self.settings.changed(values)
            self.orders.settle(wanted)
            self.replicas.settle(wanted)
            self.settings = wanted
        for web in self.webs():
            if web.child is not None:
                web.child.order(op="settings", settings=self.settings.as_dict())
        self._traffic.settle(self.settings)
        for part in self._parts:
            part.settle(self.settings)
        self._changed()
        return self.settings

    def start_fault(self, instance_id: str, fault: Fault) -> Fault:
        """Start a fault in an instance or container. Returns once its process has started or refused it, or is gone.

        A repeated call with the same command starts nothing new.
        """
        web = self._find_served(instance_id)
        with self.fleet.lock:
            if fault.command_id not in web.faults and self._is_to_fail(fault.command_id):
                fault.status, fault.error = "refused", "the command failed on this instance: its agent can't carry it out"
            known = web.faults.setdefault(fault.command_id, fault)
            child = web.child
        if known.status == "refused":
            return known
        if known is fault:
            sent = child is not None and child.order(
                op="fault",
                command_id=fault.command_id,
                document=fault.document,
                parameters=fault.parameters,
                duration_seconds=fault.duration_seconds,
            )
            if not sent:
                fault.status = "lost"
                return fault
        known.known.wait(FAULT_SECONDS)
        return known

    def _is_to_fail(self, command_id: str) -> bool:
        """Whether this target must fail the command: the first `failing_agents` targets that a command reaches do."""
        reached = sum(command_id in served.faults for served in self._served())
        return reached < self.settings.failing_agents

    def end_fault(self, instance_id: str, command_id: str) -> Fault:
        """End a fault early. A repeated call does nothing."""
        web = self._find_served(instance_id)
        with self.fleet.lock:
            fault = web.faults.get(command_id)
            if fault is None:
                raise NoSuchInstanceError(f"instance {instance_id} had no command {command_id}")
            running = fault.status in ("sent", "started")
            fault.known.clear()
        if running and web.child is not None and web.child.order(op="clear", command_id=command_id):
            fault.known.wait(FAULT_SECONDS)
        fault.known.set()
        return fault

    def stop_task(self, task_id: str, reason: str) -> dict[str, object]:
        """Stop a task of any service by an order from outside. Raises NoSuchTaskError."""
        for service in self._services:
            if service.has(task_id):
                return service.stop(task_id, reason)
        raise NoSuchTaskError(f"no task {task_id} runs here")

    def reboot(self, instance_id: str) -> Web:
        """Restart the operating system of an instance; returns at once. One that restarts already goes on with that."""
        with self.fleet.lock:
            web = self.fleet.webs.get(instance_id)
            if web is None or web.dead_since is not None:
                raise NoSuchInstanceError(f"instance {instance_id} is not running here")
            web.rebooting_since = web.rebooting_since or time.time()
        self._changed()
        return web

    def overview(self) -> dict[str, object]:
        """The whole state of the workload, for people and tests."""
        return {
            "ready": self.ready,
            "instances": [web.as_dict() for web in self.webs()],
            "bystanders": self.bystanders,
            "group": self.resources.group,
            "desired": self.fleet.desired,
            "load_balancer_arn": self.resources.load_balancer_arn,
            "target_group_arn": self.fleet.target_group_arn,
            "dimensions": {"LoadBalancer": self.resources.load_balancer, "TargetGroup": self.fleet.target_group},
            "balancer_url": f"http://127.0.0.1:{self._traffic.port}",
            "inventory": self.dependency.as_dict(),
            "database": self.database.as_dict(),
            "function": self.orders.as_dict(),
            "replicas": self.replicas.as_dict(),
            "settings": self.settings.as_dict(),
            **{name: shown for part in self._parts for name, shown in part.overview().items()},
            "parts_whole": self._parts_whole(),
            "load": self._traffic.load,
            "pids": [child.pid for child in self._children() if child is not None],
        }

    def _children(self) -> list[Child | None]:
        """Every process that is not an instance."""
        return [self._traffic.balancer, self._traffic.client, self.dependency.child, *self.database.children()]

    def webs(self) -> list[Web]:
        """The instances of the group at the moment."""
        with self.fleet.lock:
            return list(self.fleet.webs.values())

    def _served(self) -> list[Served]:
        with self.fleet.lock:
            return [*self.fleet.served(), *(served for part in self._parts for served in part.served())]

    def _find_served(self, name: str) -> Served:
        """The process that Systems Manager knows by this name. Raises NoSuchInstanceError."""
        with self.fleet.lock:
            served = self.fleet.webs.get(name) or next((member for part in self._parts if (member := part.find(name))), None)
        if served is None:
            raise NoSuchInstanceError(f"instance {name} is not running here")
        return served
