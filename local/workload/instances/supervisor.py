"""The Auto Scaling group: keeps as many real processes as the API's desired capacity, and kills those of dead machines.

EC2 decides about machines: an instance that EC2 calls shutting-down, stopped or terminated loses its process
immediately, whoever ordered it. A process that dies by itself makes its instance unhealthy, and the group terminates
it.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.workload.cloud import ENVIRONMENT_TAG, WORKLOAD_TAG, Cloud, GroupOrders, NoCapacityError
from local.workload.instances.fleet import Activity, Fleet, Web
from local.workload.processes.child import Child
from local.workload.settings import Settings

NOTICE_SECONDS = 1.0
"""Seconds from a death to the group's reaction; minutes on AWS, where the group checks EC2 and ELB now and then."""
DRAIN_SECONDS = 2.0
REBOOT_SECONDS = 8.0
"""How long an operating system takes to restart; a minute or two on AWS."""
READY_SECONDS = 60.0
"""An instance whose process is not ready after so many seconds counts as dead."""
AGAIN_SECONDS = 3.0
"""Seconds between launches without capacity, each in the next zone."""
ON_DEMAND = 2
"""The instances of a group that are On-Demand; the others are Spot Instances, as a mixed instances policy says it."""
BALANCE_SECONDS = 5.0
"""Seconds that a group has been whole before it balances its zones, and between its attempts."""
_DEAD = ("shutting-down", "terminated", "stopping", "stopped")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Vacancy:
    """A missing instance: when it is due, in which zone, and why."""

    due: float
    zone: str
    cause: str
    elsewhere: bool = True
    """Whether another zone will do where this one has no capacity."""


class Supervisor:
    """Each `tick` compares the desired state with the actual one and acts on the difference; the manager calls it in a
    loop."""

    def __init__(
        self,
        cloud: Cloud,
        subnets: Mapping[str, str],
        fleet: Fleet,
        folder: Path,
        seed: int,
        changed: Callable[[], None],
        brief: Callable[[Child], None],
    ) -> None:
        self._cloud = cloud
        self._subnets = subnets
        """Subnet by zone."""
        self._fleet = fleet
        self._folder = folder
        self._seed = seed
        self._changed = changed
        self._brief = brief
        self._vacancies: list[Vacancy] = []
        self._refused_since: Activity | None = None
        self._outgoing: Web | None = None
        """The instance that a refresh or the balancing of zones replaces, while its replacement is launched."""
        self._refreshed = time.time()
        self._uneven_since: float | None = None
        """Since when the group is whole and its zones are uneven."""

    def tick(self, settings: Settings) -> None:
        orders = self._cloud.orders(self._fleet.group)
        states = self._cloud.states()
        now = time.time()
        with self._fleet.lock:
            self._fleet.desired = orders.desired
            webs = list(self._fleet.webs.values())
        for web in webs:
            if web.leaving_since is None:
                self._examine(web, states.get(web.id, "terminated"), orders, settings)
            elif now - web.leaving_since >= DRAIN_SECONDS:
                self._forget(web)
        self._exchange(orders, settings)
        self._scale(orders, settings)
        self._fill(orders, settings)

    def _examine(self, web: Web, state: str, orders: GroupOrders, settings: Settings) -> None:
        """Act on the death of a machine (EC2 reports it) or of a process (which only this notices)."""
        if web.rebooting_since is not None and state not in _DEAD:
            self._reboot(web)
        elif web.dead_since is None:
            if self._is_dead(web, state):
                self._bury(web)
            elif web.lifecycle == "Pending" and web.target_state == "healthy":
                with self._fleet.lock:
                    web.lifecycle = "InService"
                    web.launch.end()
                self._changed()
        elif state in ("shutting-down", "terminated") or "ReplaceUnhealthy" not in orders.suspended:
            if time.time() - web.dead_since >= NOTICE_SECONDS:
                self._retire(web, f"an instance was taken out of service in response to EC2 state {state}")
                due = web.dead_since + settings.replacement_delay_seconds
                self._vacancies.append(Vacancy(due, web.zone, f"instance {web.id} was terminated"))
        elif state not in _DEAD:
            # It may not be replaced, and its machine runs (again): start its process.
            self._boot(web)

    @staticmethod
    def _is_dead(web: Web, state: str) -> bool:
        late = web.port is None and time.time() - web.launch.started > READY_SECONDS
        return state in _DEAD or late or web.child is None or not web.child.alive

    def _reboot(self, web: Web) -> None:
        """End the process with its operating system, and start it once that is back. The balancer finds out by itself."""
        if web.child is not None:
            web.child.kill()
            with self._fleet.lock:
                web.go_down()
            self._changed()
        elif web.rebooting_since is not None and time.time() - web.rebooting_since >= REBOOT_SECONDS:
            with self._fleet.lock:
                web.rebooting_since, web.check_failed = None, True
            self._boot(web)

    def _bury(self, web: Web) -> None:
        """Kill the process of a dead machine.

        The balancer is not told: as on AWS, it finds out by a request or a health check that fails.
        """
        if web.child is not None:
            web.child.kill()
        with self._fleet.lock:
            web.lose()
            web.rebooting_since = None
        self._changed()

    def _retire(self, web: Web, cause: str) -> None:
        """Terminate the instance. Unless a controller registered it, start draining: the target stays visible as
        draining for a moment, as on AWS."""
        log.info("retiring %s: %s", web.id, cause)
        self._cloud.terminate([web.id])
        with self._fleet.lock:
            web.leaving_since = time.time()
            web.lifecycle, web.healthy = "Terminating", False
            if not web.by_address:
                web.drain()
            web.launch.end("Cancelled")
            web.terminate = self._fleet.record(Activity(f"Terminating EC2 instance: {web.id}", cause, self._fleet.group))
        self._changed()

    def _forget(self, web: Web) -> None:
        if web.child is not None:
            web.child.kill()
        if not web.by_address:
            self._cloud.deregister(self._fleet.target_group_arn, web.id)
        shutil.rmtree(self._folder / "instances" / web.id, ignore_errors=True)  # its volume is deleted on termination
        with self._fleet.lock:
            self._fleet.webs.pop(web.id, None)
            if web.terminate is not None:
                web.terminate.end()
        self._changed()

    def _exchange(self, orders: GroupOrders, settings: Settings) -> None:
        """Replace an instance of a whole group: the oldest one, regularly or because of a refresh that was ordered, or one
        of a zone that has too many. For a while the group has one more than desired."""
        with self._fleet.lock:
            staying = [web for web in self._fleet.webs.values() if web.leaving_since is None]
        serving = [web for web in staying if web.lifecycle == "InService"]
        if self._outgoing is not None:
            if self._outgoing not in serving or not self._is_wanted(self._outgoing, orders, settings):
                self._outgoing = None
            elif len(serving) > orders.desired:
                self._retire(self._outgoing, "an instance was replaced by one that was launched before")
                self._outgoing, self._uneven_since, self._refreshed = None, None, time.time()
            return
        if not len(serving) == len(staying) == orders.desired or self._vacancies or not settings.replace:
            self._uneven_since = None
            return
        self._balance(serving, orders)
        ordered = orders.refresh is not None and any(web.launched < orders.refresh for web in serving)
        regular = settings.refresh_seconds > 0 and time.time() - self._refreshed >= settings.refresh_seconds
        if not self._vacancies and (ordered or regular):
            self._outgoing = min(serving, key=lambda web: web.launched)
            self._vacancies.append(Vacancy(time.time(), self._outgoing.zone, f"an instance refresh replaces {self._outgoing.id}"))

    def _is_wanted(self, outgoing: Web, orders: GroupOrders, settings: Settings) -> bool:
        """Whether the exchange that is under way is still wanted: its launch is due or was made, and nobody has cancelled
        the refresh or switched it off."""
        ordered = orders.refresh is not None and outgoing.launched < orders.refresh
        return self._uneven_since is not None or settings.refresh_seconds > 0 or ordered

    def _balance(self, serving: list[Web], orders: GroupOrders) -> None:
        """Exchange an instance of the fullest zone for one of the emptiest, as Auto Scaling's process AZRebalance does."""
        zones = Counter(dict.fromkeys(self._subnets, 0))
        zones.update(web.zone for web in serving)
        fullest, emptiest = max(zones, key=lambda name: (zones[name], name)), min(zones, key=lambda name: (zones[name], name))
        if zones[fullest] - zones[emptiest] < 2 or "AZRebalance" in orders.suspended:
            self._uneven_since = None
            return
        self._uneven_since = self._uneven_since or time.time()
        if time.time() - self._uneven_since >= BALANCE_SECONDS:
            self._outgoing = min((web for web in serving if web.zone == fullest), key=lambda web: web.launched)
            cause = f"the zones are uneven: {emptiest} has {zones[emptiest]}, {fullest} has {zones[fullest]}"
            self._vacancies.append(Vacancy(time.time(), emptiest, cause, elsewhere=False))

    def _scale(self, orders: GroupOrders, settings: Settings) -> None:
        """Follow the desired capacity, keeping the zones even."""
        with self._fleet.lock:
            staying = [web for web in self._fleet.webs.values() if web.leaving_since is None]
        zones = Counter(dict.fromkeys(self._subnets, 0))
        zones.update(web.zone for web in staying)
        zones.update(vacancy.zone for vacancy in self._vacancies)
        first = not self._fleet.activities
        wanted = orders.desired + (self._outgoing is not None)
        while zones.total() < wanted:
            zone = min(zones, key=lambda name: (zones[name], name))
            delay = 0.0 if first else settings.replacement_delay_seconds
            self._vacancies.append(Vacancy(time.time() + delay, zone, "the desired capacity was raised"))
            zones[zone] += 1
        for _ in range(zones.total() - wanted):
            if self._vacancies:
                self._vacancies.pop()
            elif staying:
                self._retire(staying.pop(), "the desired capacity was lowered")

    def _fill(self, orders: GroupOrders, settings: Settings) -> None:
        """Launch the instances that are due, or record once that they can't be launched."""
        due = [vacancy for vacancy in self._vacancies if vacancy.due <= time.time()]
        if not due or "Launch" in orders.suspended:
            return
        if not settings.replace:
            if self._refused_since is None:
                refused = Activity("Launching a new EC2 instance", due[0].cause, self._fleet.group)
                refused.end("Failed", "Could not launch On-Demand Instances. InsufficientInstanceCapacity")
                self._refused_since = self._fleet.record(refused)
                self._changed()
            return
        self._refused_since = None
        for vacancy in due:
            self._vacancies.remove(vacancy)
            self._launch(vacancy)

    def _launch(self, vacancy: Vacancy) -> None:
        tags = {
            "Name": self._fleet.group,
            ENVIRONMENT_TAG: "staging",
            WORKLOAD_TAG: self._fleet.group,
            "aws:autoscaling:groupName": self._fleet.group,
        }
        spot = self._count_on_demand() >= ON_DEMAND
        try:
            machine = self._cloud.run_instance(self._subnets[vacancy.zone], tags, spot=spot)
        except NoCapacityError as error:
            self._put_off(vacancy, str(error))
            return
        activity = Activity(f"Launching a new EC2 instance: {machine.id}", vacancy.cause, self._fleet.group)
        controlled = self._fleet.by_controller
        web = Web(machine.id, vacancy.zone, launch=activity, launched=time.time(), address=machine.address, volume=machine.volume)
        web.spot, web.by_address = spot, controlled
        with self._fleet.lock:
            self._fleet.record(activity)
            self._fleet.webs[machine.id] = web
        self._boot(web)
        if not controlled:
            self._cloud.register(self._fleet.target_group_arn, machine.id)
        self._changed()

    def _count_on_demand(self) -> int:
        with self._fleet.lock:
            return sum(not web.spot for web in self._fleet.webs.values() if web.leaving_since is None and web is not self._outgoing)

    def _put_off(self, vacancy: Vacancy, reason: str) -> None:
        """Record the failed launch, and move the next attempt to the next zone. Zones that can't be balanced now stay
        uneven, and are looked at again."""
        failed = Activity("Launching a new EC2 instance", vacancy.cause, self._fleet.group)
        failed.end("Failed", f"{reason} Launching EC2 instance failed.")
        with self._fleet.lock:
            self._fleet.record(failed)
        if not vacancy.elsewhere:
            self._outgoing, self._uneven_since = None, None
            self._changed()
            return
        zones = sorted(self._subnets)
        following = zones[(zones.index(vacancy.zone) + 1) % len(zones)]
        self._vacancies.append(Vacancy(time.time() + AGAIN_SECONDS, following, vacancy.cause))
        self._changed()

    def _boot(self, web: Web) -> None:
        """Start the instance's process. Its events arrive on the child's reader thread."""

        def on_event(event: dict[str, object]) -> None:
            with self._fleet.lock:
                web.handle(event)
            self._changed()

        folder = self._folder / "instances" / web.id
        arguments = ["--id", web.id, "--address", web.address, "--seed", str(self._seed), "--folder", str(folder)]
        with self._fleet.lock:
            web.healthy, web.dead_since = True, None
            web.launch.started = time.time()
            web.child = Child("local.workload.instances.instance", arguments, self._folder / "logs" / f"{web.id}.log", on_event)
        self._brief(web.child)

    def clear_out(self) -> None:
        """Terminate what an earlier manager left in the account. Called before the first tick."""
        self._cloud.terminate(id_ for id_, state in self._cloud.states().items() if state not in _DEAD)
        for instance_id in self._cloud.registered(self._fleet.target_group_arn):
            self._cloud.deregister(self._fleet.target_group_arn, instance_id)

    def close(self) -> None:
        """Terminate every instance of the group immediately."""
        for web in list(self._fleet.webs.values()):
            self._cloud.terminate([web.id])
            self._forget(web)
        self._vacancies.clear()
