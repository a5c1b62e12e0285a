"""The shape `blue-green`: beside the web instances, the colour in use, a second group stands ready behind the same
listener, with a weight of zero. Its instances are real and healthy, and serve nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.workload.cloud import Resources
from local.workload.instances.fleet import Fleet
from local.workload.instances.supervisor import Supervisor
from local.workload.load_balancer.front import Front
from local.workload.parts import Surroundings
from local.workload.processes.served import Served
from local.workload.settings import BLUE_GREEN, Settings
from local.workload.shapes.registrations import Registrations

GREEN = "sample-green"
SIZE = 2


class IdleColour:
    """The second group, while `Settings.shape` asks for it."""

    def __init__(self, around: Surroundings, resources: Resources) -> None:
        self._around, self._blue = around, resources
        self._fleet = Fleet(GREEN, "", around.lock)
        self._supervisor: Supervisor | None = None
        self._front: Front | None = None

    def tick(self, settings: Settings) -> None:
        wanted = settings.shape == BLUE_GREEN
        if wanted != (self._supervisor is not None):
            self._begin() if wanted else self._end()
        if self._supervisor is not None:
            self._supervisor.tick(replace(settings, refresh_seconds=0.0))

    def _begin(self) -> None:
        around, cloud = self._around, self._around.cloud
        arn = cloud.ensure_target_group(GREEN, None, "instance")
        Registrations(cloud, arn)
        cloud.forward(self._blue.load_balancer_arn, {self._blue.target_group_arn: 100, arn: 0})
        cloud.ensure_group(GREEN, SIZE, around.subnets, arn)
        self._fleet = Fleet(GREEN, arn, around.lock)
        self._supervisor = Supervisor(cloud, around.subnets, self._fleet, around.folder, around.seed, around.changed, around.brief)
        self._front = Front(GREEN, self._blue.load_balancer_arn, arn, self._fleet, around)
        # Its balancer only checks the health of the instances.
        self._front.settle(Settings(load=False))

    def _end(self) -> None:
        """The target group stays, without targets and without a listener."""
        if self._supervisor is not None:
            self._supervisor.close()
        self._supervisor = None
        self._close_front()
        self._around.cloud.delete_group(GREEN)
        self._around.cloud.forward(self._blue.load_balancer_arn, {self._blue.target_group_arn: 1})

    def _close_front(self) -> None:
        if self._front is not None:
            self._front.close()
        self._front = None

    def settle(self, settings: Settings) -> None:
        with self._around.lock:
            children = [web.child for web in self._fleet.webs.values() if web.child is not None]
        for child in children:
            child.order(op="settings", settings=settings.as_dict())

    def whole(self, settings: Settings) -> bool:
        if settings.shape != BLUE_GREEN:
            return self._supervisor is None
        with self._around.lock:
            states = [(web.lifecycle, web.target_state) for web in self._fleet.webs.values()]
        return self._supervisor is not None and states == [("InService", "healthy")] * SIZE

    def served(self) -> list[Served]:
        return self._fleet.served()

    def find(self, name: str) -> Served | None:
        return self._fleet.webs.get(name)

    def route(self) -> None:
        if self._front is not None:
            self._front.route()

    def report(self) -> Mapping[str, Any]:
        if not self._fleet.target_group_arn:
            return {}
        with self._around.lock:
            return self._fleet.report()

    def overview(self) -> Mapping[str, object]:
        if self._front is None:
            return {}
        with self._around.lock:
            instances = [web.as_dict() for web in self._fleet.webs.values()]
        names = {"group": GREEN, "target_group_arn": self._fleet.target_group_arn, "instances": instances}
        return {"idle_colour": {**names, **self._front.overview()}}

    def kill(self) -> None:
        for web in self._fleet.webs.values():
            if web.child is not None:
                web.child.kill()
        self._close_front()
