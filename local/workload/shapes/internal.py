"""The shape `two-balancers`: the web instances serve in a second target group, too, behind an internal load balancer
with users of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.workload.instances.fleet import Fleet
from local.workload.load_balancer.front import Front
from local.workload.parts import Surroundings
from local.workload.processes.served import Served
from local.workload.settings import TWO_BALANCERS, Settings
from local.workload.shapes.registrations import Registrations

INTERNAL = "sample-internal"


class Seats:
    """The web instances as the second target group has them: each with a health of its own there."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet, self.lock = fleet, fleet.lock
        self._seats: dict[str, Served] = {}

    def served(self) -> list[Served]:
        """The seats of the instances that exist now. Callers hold the lock."""
        self._seats = {web.id: self._seats.get(web.id) or Served(web.id, web.zone) for web in self._fleet.webs.values()}
        for web in self._fleet.webs.values():
            seat = self._seats[web.id]
            if web.leaving_since is None:
                seat.target_port = web.target_port
            else:
                seat.drain()
        return list(self._seats.values())


class Internal:
    """The second load balancer, while `Settings.shape` asks for it. The group registers its instances in both target
    groups."""

    def __init__(self, around: Surroundings, fleet: Fleet) -> None:
        self._around, self._fleet = around, fleet
        self._seats = Seats(fleet)
        self._front: Front | None = None
        self._registrations: Registrations | None = None
        self._load_balancer_arn = self._target_group_arn = ""

    def tick(self, settings: Settings) -> None:
        wanted = settings.shape == TWO_BALANCERS
        if wanted != (self._front is not None):
            self._begin(settings) if wanted else self._end()
        if self._registrations is not None:
            with self._fleet.lock:
                names = frozenset(self._fleet.webs)
            self._registrations.follow(names)

    def _begin(self, settings: Settings) -> None:
        cloud = self._around.cloud
        self._load_balancer_arn = cloud.ensure_balancer(INTERNAL, list(self._around.subnets.values()), scheme="internal")
        self._target_group_arn = cloud.ensure_target_group(INTERNAL, self._load_balancer_arn, "instance")
        self._registrations = Registrations(cloud, self._target_group_arn)
        cloud.attach(self._fleet.group, self._target_group_arn)
        self._seats = Seats(self._fleet)
        self._front = Front(INTERNAL, self._load_balancer_arn, self._target_group_arn, self._seats, self._around)
        self.settle(settings)

    def _end(self) -> None:
        """Load balancer and target group stay, without targets."""
        self.kill()
        self._around.cloud.detach(self._fleet.group, self._target_group_arn)
        if self._registrations is not None:
            self._registrations.follow(frozenset())
        self._registrations = None

    def settle(self, settings: Settings) -> None:
        """This load balancer always takes a failing instance out: `eject` is about the public one."""
        if self._front is not None:
            self._front.settle(replace(settings, eject=True))

    def whole(self, settings: Settings) -> bool:
        if settings.shape != TWO_BALANCERS:
            return self._front is None
        with self._fleet.lock:
            states = [seat.target_state for seat in self._seats.served()]
        return self._front is not None and states == ["healthy"] * self._fleet.desired

    def served(self) -> list[Served]:
        """Always empty: this shape has no processes of its own, and a fault hits the web instances."""
        return []

    def find(self, name: str) -> Served | None:  # noqa: ARG002 - of Part
        return None

    def route(self) -> None:
        if self._front is not None:
            self._front.route()

    def report(self) -> Mapping[str, Any]:
        if not self._target_group_arn:
            return {}
        with self._fleet.lock:
            health = {seat.id: [seat.target_state, seat.target_reason] for seat in self._seats.served()}
        return {"target_health": {self._target_group_arn: health}}

    def overview(self) -> Mapping[str, object]:
        if self._front is None:
            return {}
        arns = {"load_balancer_arn": self._load_balancer_arn, "target_group_arn": self._target_group_arn}
        return {"internal": {**arns, **self._front.overview()}}

    def kill(self) -> None:
        if self._front is not None:
            self._front.close()
        self._front = None
