"""The shape `controller`: the web instances' group is attached to no target group. A controller registers them by their
addresses, as the one of EKS does with its nodes and pods, and notices a loss by itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from local.workload.cloud import Resources
from local.workload.instances.fleet import Fleet
from local.workload.parts import Surroundings
from local.workload.processes.served import Served
from local.workload.settings import CONTROLLER, Settings
from local.workload.shapes.registrations import Registrations

NODES = "sample-nodes"
NOTICE_SECONDS = 1.0
"""Seconds from an instance's termination by its group until the controller takes it out of the target group."""


class Controller:
    """Registers the web instances, while `Settings.shape` asks for it."""

    def __init__(self, around: Surroundings, fleet: Fleet, resources: Resources) -> None:
        self._around, self._fleet, self._resources = around, fleet, resources
        self._registrations: Registrations | None = None

    def tick(self, settings: Settings) -> None:
        wanted = settings.shape == CONTROLLER
        if wanted != self._fleet.by_controller:
            self._begin() if wanted else self._end()
        if self._registrations is not None:
            with self._fleet.lock:
                for web in self._fleet.webs.values():
                    if web.leaving_since is not None and time.time() - web.leaving_since >= NOTICE_SECONDS:
                        web.drain()
                addresses = frozenset(web.address for web in self._fleet.webs.values())
            self._registrations.follow(addresses)

    def _begin(self) -> None:
        cloud, own = self._around.cloud, self._resources.target_group_arn
        arn = cloud.ensure_target_group(NODES, None, "ip")
        self._registrations = Registrations(cloud, arn)
        cloud.forward(self._resources.load_balancer_arn, {arn: 1})
        cloud.detach(self._fleet.group, own)
        for web in self._hand_over(arn, to_controller=True):
            cloud.deregister(own, web)

    def _end(self) -> None:
        cloud, own = self._around.cloud, self._resources.target_group_arn
        cloud.forward(self._resources.load_balancer_arn, {own: 1})
        cloud.attach(self._fleet.group, own)
        for web in self._hand_over(own, to_controller=False):
            cloud.register(own, web)
        if self._registrations is not None:
            self._registrations.follow(frozenset())
        self._registrations = None

    def _hand_over(self, target_group_arn: str, *, to_controller: bool) -> list[str]:
        """Make this target group the one of all instances; returns their ids."""
        with self._fleet.lock:
            self._fleet.target_group_arn, self._fleet.by_controller = target_group_arn, to_controller
            for web in self._fleet.webs.values():
                web.by_address = to_controller
                if web.leaving_since is None:
                    web.target_state, web.target_reason = "initial", "Elb.RegistrationInProgress"
            ids = list(self._fleet.webs)
        self._around.changed()
        return ids

    def settle(self, settings: Settings) -> None:
        """Does nothing: this shape has no process of its own."""

    def whole(self, settings: Settings) -> bool:
        if settings.shape != CONTROLLER:
            return not self._fleet.by_controller
        with self._fleet.lock:
            states = [web.target_state for web in self._fleet.webs.values()]
        return self._fleet.by_controller and states == ["healthy"] * self._fleet.desired

    def served(self) -> list[Served]:
        """Always empty: this shape has no processes of its own, and a fault hits the web instances."""
        return []

    def find(self, name: str) -> Served | None:  # noqa: ARG002 - of Part
        return None

    def route(self) -> None:
        """Does nothing: the web instances' own load balancer sends the requests."""

    def report(self) -> Mapping[str, Any]:
        return {}

    def overview(self) -> Mapping[str, object]:
        return {"controller": {"target_group_arn": self._fleet.target_group_arn}} if self._fleet.by_controller else {}

    def kill(self) -> None:
        """Does nothing: this shape has no process of its own."""
