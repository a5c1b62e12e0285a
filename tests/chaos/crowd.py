"""Hundreds of executions at once, each walked in a thread of its own on one clock.

An execution that waits lets others go on, and before any call of a port another may go first. The seed decides which.
`python -m tests.chaos.crowd` runs 300 on 20 groups and prints their endings.
"""

from __future__ import annotations

import logging
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from squall.application.admission import admit, deployed
from squall.domain.language import grammar
from squall.domain.run.queue import FIS_ACTIVE_EXPERIMENTS
from squall.domain.run.record import ExecutionRecord
from squall.wiring import set_wiring
from tests.fakes.workload import ACCOUNT, REGION, FakeGroup
from tests.fakes.world import SETTINGS, FakeWiring, FakeWorld
from tests.workflow.driver import FIS_EVENT, PULSE_SECONDS, TICK, execution_event
from tests.workflow.endings import Intercept, is_settled, nothing_runs
from tests.workflow.rig import environment, rel12_experiment, tree_read_once
from tests.workflow.walk import Walk

INSTANCES = 4
OVERTAKEN = 0.15
"""The probability that another execution goes first before a call."""
DYING = 12
"""One execution in so many is stopped at some moment of its life."""
LIFE_SECONDS = 1800
INSTANT = 0.001
TOKEN_SECONDS = 5
"""Seconds between two looks of an execution whether its task token was completed."""


class Member:
    """A thread that runs only when it is resumed."""

    def __init__(self, act: Callable[[], None], wakes_at: float) -> None:
        self.wakes_at, self.over = wakes_at, False
        self._act = act
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def resume(self) -> None:
        if self.thread.ident is None:
            self.thread.start()
        else:
            self._go.release()
        self._back.acquire()

    def rest(self) -> None:
        """In its own thread."""
        self._back.release()
        self._go.acquire()

    def _run(self) -> None:
        try:
            self._act()
        finally:
            self.over = True
            self._back.release()


@dataclass
class Crowd:
    world: FakeWorld
    dice: random.Random
    members: dict[int, Member] = field(default_factory=dict)
    """The members that are not over, by number. `_by_thread` finds them by thread."""
    switches: int = 0
    _by_thread: dict[threading.Thread, Member] = field(default_factory=dict)

    def spawn(self, act: Callable[[], None], after: float = 0.0) -> None:
        member = Member(act, self._now() + after)
        self.members[id(member)] = self._by_thread[member.thread] = member

    def now(self) -> Any:
        return self.world.clock.now()

    def sleep(self, seconds: float) -> None:
        me = self._by_thread[threading.current_thread()]
        me.wakes_at = self._now() + seconds
        me.rest()

    def call(self, called: str) -> None:
        """Called before each call of a port: another member may go first."""
        me = self._by_thread.get(threading.current_thread())
        if me is not None and self.dice.random() < OVERTAKEN:
            me.rest()

    def run(self, seconds: float) -> None:
        """Let this much time pass for all members."""
        until = self._now() + seconds
        while True:
            ready = [member for member in self.members.values() if member.wakes_at <= self._now() + INSTANT]
            if ready:
                member = self.dice.choice(ready)
                member.resume()
                self.switches += 1
                if member.over:
                    del self.members[id(member)], self._by_thread[member.thread]
                continue
            due = [(self.world.clock._due[0][0]).timestamp()] if self.world.clock._due else []
            following = min([*due, *(member.wakes_at for member in self.members.values())], default=until)
            if following > until:
                self.world.clock.advance(until - self._now())
                return
            self.world.clock.advance(max(0.0, following - self._now()))

    def _now(self) -> float:
        return self.world.clock.now().timestamp()


@dataclass
class CrowdWalk(Walk):
    """An execution whose waits let the others go on."""

    crowd: Crowd = field(kw_only=True)

    def pass_time(self, seconds: float) -> None:
        self.crowd.sleep(seconds)

    def pass_some(self, seconds: float) -> None:
        self.crowd.sleep(min(seconds, TOKEN_SECONDS))


def group_of(world: FakeWorld, body: Any) -> str:
    """The Auto Scaling group of the targets in a FIS template."""
    (arn,) = {arn for target in body["targets"].values() for arn in target["resourceArns"]}
    return world.fleet.instances[arn.rpartition("/")[2]].tags["aws:autoscaling:groupName"]


@contextmanager
def crowded(groups: int, number: int) -> Iterator[tuple[Crowd, FakeWorld]]:
    """A world with that many groups of several instances behind load balancers, and an experiment on each pair of
    neighbouring groups."""
    world = FakeWorld()
    catalogue: dict[str, dict[str, Any]] = {}
    for index in range(groups):
        name = f"web-{index}"
        target_group = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/0123456789abcdef"
        balancer = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/{name}/fedcba9876543210"
        group = FakeGroup(name, desired=INSTANCES, minimum=1, target_groups=(target_group,), tags={"squall:environment": "staging"})
        members = [instance.id for instance in world.fleet.add_group(group, balancer)]
        world.fleet.groups["web"] = group  # the name of the group in REL12-BP05's experiment
        for first in range(INSTANCES):
            targets = [members[first], members[(first + 1) % INSTANCES]]
            catalogue[f"{name}-{first}"] = {**rel12_experiment(world), "name": f"{name}-{first}", "target_resources": targets}
    del world.fleet.groups["web"]
    world.metrics.set("RequestCount", 3000.0)
    world.metrics.set("TargetResponseTime", 0.05)
    world.alarms.arming_seconds, world.faults.stop_seconds = 10, 20
    world.faults.limit = 1000  # FIS would refuse the sixth: here nobody but Squall counts
    staging = environment("staging", maximum_queued=50)
    known = deployed.DeployedDefinitions(catalogue=catalogue, environments={"staging": staging})
    crowd = Crowd(world, random.Random(number))
    wiring = FakeWiring(world, SETTINGS)
    vars(wiring)["clock"] = crowd
    with patch.object(admit, "load_deployed", lambda: known), patch.object(grammar, "parse_tree", tree_read_once):
        set_wiring(wiring)
        world.failing = Intercept(crowd.call)
        try:
            yield crowd, world
        finally:
            world.failing = {}
            set_wiring(None)


@dataclass
class Became:
    """What became of the executions."""

    endings: Counter[str]
    faults: int
    most_at_once: int
    switches: int
    seconds: float
    """Seconds from the first start to the last final record."""
    wrong: list[str]

    def __str__(self) -> str:
        endings = ", ".join(f"{count} {name}" for name, count in sorted(self.endings.items()))
        return (
            f"{sum(self.endings.values())} executions: {endings}; {self.faults} faults, {self.most_at_once} at once at most; "
            f"{self.switches} switches; all final after {self.seconds:.0f} s"
        )


def start_at_once(executions: int, groups: int, number: int) -> Became:
    wrong: list[str] = []
    most = [0]
    with crowded(groups, number) as (crowd, world):

        def changed(fis: Any) -> None:
            active = [run for run in world.faults.runs.values() if not run.experiment.terminal]
            most[0] = max(most[0], len(active))
            crowded_groups = [group for group, count in Counter(group_of(world, run.body) for run in active).items() if count > 1]
            if crowded_groups:
                wrong.append(f"two faults at once in {crowded_groups}")
            if len(active) > FIS_ACTIVE_EXPERIMENTS:
                wrong.append(f"{len(active)} faults at once")
            if fis.terminal:
                crowd.spawn(lambda: Walk(world).quietly("Pulse", FIS_EVENT), 1)

        world.faults.listeners.append(changed)
        crowd.spawn(lambda: _pulse(crowd))
        names = [f"run-{index}" for index in range(executions)]
        began = world.clock.now()
        for index, name in enumerate(names):
            _start(crowd, name, f"web-{index % groups}-{index // groups % INSTANCES}", dies=index % DYING == 0)
        last = began
        while any(_open(world.records.items.get(name)) for name in names) and world.clock.now() - began < timedelta(days=1):
            crowd.run(PULSE_SECONDS)
            last = world.clock.now()
        crowd.run(1800)  # the sweep
        records = [world.records.items.get(name) for name in names]
        endings = Counter("never recorded" if record is None else str(record.verdict or record.status) for record in records)
        wrong += [
            f"{name} is {'unknown' if record is None else record.status}"
            for name, record in zip(names, records, strict=True)
            if _open(record)
        ]
        wrong += _left(world) + _told(world, names)
        return Became(endings, len(world.faults.runs), most[0], crowd.switches, (last - began).total_seconds(), wrong)


def _open(record: ExecutionRecord | None) -> bool:
    return record is None or not record.final


def _start(crowd: Crowd, name: str, experiment: str, *, dies: bool) -> None:
    walk = CrowdWalk(crowd.world, crowd=crowd)

    def live() -> None:
        done = walk.run({"experiment": experiment}, name)
        if done.status != "SUCCEEDED":
            crowd.spawn(lambda: Walk(crowd.world).quietly("Watchdog", execution_event(done.arn, done.status, done.started_ms)), 2)

    def kill() -> None:
        if walk._walking:
            walk.kill()

    crowd.spawn(live)
    if dies:
        crowd.spawn(kill, crowd.dice.uniform(0, LIFE_SECONDS))


def _pulse(crowd: Crowd) -> None:
    while True:
        crowd.sleep(PULSE_SECONDS)
        Walk(crowd.world).quietly("Pulse", TICK)


def _left(world: FakeWorld) -> list[str]:
    try:
        nothing_runs(world)
        is_settled(world)
    except AssertionError as error:
        return [f"{error}".partition("\n")[0]]
    return []


def _told(world: FakeWorld, names: list[str]) -> list[str]:
    lines = {line for message in world.notifier.sent for line in message.body.splitlines()}
    heard = {line.rpartition("execution ")[2] for line in lines if "execution " in line}
    return [f"of {name} people heard nothing" for name in names if name not in heard]


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    became = start_at_once(300, 20, 1)
    print(became)
    print("\n".join(became.wrong))
    print(f"{time.process_time() - began:.0f} s of one core")
    return 1 if became.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
