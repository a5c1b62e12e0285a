"""Locks, slots, task tokens and endings: scenes in which the functions that share them act at once.

The handlers themselves are explored, so there is no model that could differ from them. In each scene one of the
functions may die at any call, unless the scene says otherwise. `python -m tests.chaos.together.protocol` explores all of them
and prints how many states there are.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from squall.domain.run.queue import FIS_ACTIVE_EXPERIMENTS
from tests.chaos.together.interleaving import Actor, Explored, Scene, explore
from tests.fakes.storage import Lease
from tests.fakes.world import FakeWorld
from tests.workflow.driver import TICK, alarm_action, execution_event
from tests.workflow.endings import GUARD, ID, is_settled, nothing_runs, once, record_of
from tests.workflow.rig import OBSERVED, SCENARIO
from tests.workflow.walk import MACHINE, Walk

EXPIRY_SECONDS = 310
"""Seconds until a lease expires that no pulse renews."""
OTHER = "run-2"
Made = Callable[[Walk, FakeWorld], Scene]
Wakers = Callable[[Walk], list[Actor]]


def arn(execution_id: str) -> str:
    return MACHINE.replace(":stateMachine:", ":execution:") + f":{execution_id}"


def at(walk: Walk, state: str, execution_id: str = ID) -> dict[str, Any]:
    """Makes a live execution that is about to enter the state; returns the payload of its function."""
    walk.enter[state] = once(walk.kill)
    walk.run({"experiment": "seed" if execution_id == ID else "other"}, execution_id)
    walk.enter.clear()
    walk.world.workflow.executions[arn(execution_id)] = "RUNNING"
    record = record_of(walk.world, execution_id)
    run = {"v": 1, "id": record.id, "execution_arn": record.execution_arn, "started_at": record.started_at.isoformat()}
    return {"run": run, "redrive_count": 0}


def of(walk: Walk, function: str, payload: dict[str, Any], ended: Callable[[Any], None] = lambda _: None) -> Actor:
    return Actor(lambda: walk.invoke(function, payload), ended)


def pulses(walk: Walk, count: int) -> None:
    """Lets pulses run from now on. Those that were missed are not made up for."""
    walk._last_pulse = walk._time()
    walk.pulses(count)


def all_is_released(walk: Walk) -> None:
    """Actors that still live die without an event. The pulse alone finds everything."""
    for execution in walk.world.workflow.executions:
        walk.world.workflow.executions[execution] = "ABORTED"
    pulses(walk, 7)
    for execution_id in walk.world.records.items:
        assert record_of(walk.world, execution_id).final, f"{execution_id} is open for ever"
    nothing_runs(walk.world)
    is_settled(walk.world)


def watching(walk: Walk, world: FakeWorld, *, wakers: Wakers, happened: Callable[[Walk], None] = lambda _: None, deaths: int = 1) -> Scene:
    """The watcher stores its token and looks while others end the fault. It never goes on sleeping when the fault is
    over."""
    payload = {**at(walk, "WatchFault"), "task_token": "token"}
    world.workflow.tokens.add("token")
    happened(walk)

    def check(actors: list[Actor]) -> None:
        watcher, *others = actors
        if watcher.dies:  # Step Functions tries it again, with another token
            world.workflow.tokens.add("again")
            walk.invoke("WatchFault", {**payload, "task_token": "again"})
            world.workflow.tokens.discard("token")
        if any(actor.dies or actor.failed for actor in others):
            pulses(walk, 2)  # the first may see the fault still stopping
        unasked = world.faults.active() and all(fis.status == "running" for fis in world.faults.active()) and not record_of(world).abort
        assert (unasked and any(actor.dies for actor in others)) or not world.workflow.tokens, "a lost wake-up: it sleeps on"
        all_is_released(walk)

    return Scene(walk, lambda: [of(walk, "WatchFault", payload), *wakers(walk)], check, deaths)


def aborting_twice(walk: Walk, world: FakeWorld) -> Scene:
    """The watcher sleeps; an operator and a guard abort at once. The fault is stopped, and the watcher is woken.

    Two aborts beside a watcher that still looks would be more than 200,000 schedules, so each abort beside it is a
    scene of its own.
    """
    world.workflow.tokens.add("token")
    walk.invoke("WatchFault", {**at(walk, "WatchFault"), "task_token": "token"})

    def check(actors: list[Actor]) -> None:
        if any(actor.dies or actor.failed for actor in actors):
            pulses(walk, 2)
        assert all(fis.status != "running" for fis in world.faults.active()), "the fault runs on"
        assert record_of(world).abort or all(actor.dies for actor in actors), "nobody says that it was aborted"
        assert not world.workflow.tokens, "a lost wake-up: it sleeps on"
        all_is_released(walk)

    return Scene(walk, lambda: [*an_abort(walk), *an_alarm(walk)], check)


def an_abort(walk: Walk) -> list[Actor]:
    return [of(walk, "Abort", {"execution_id": ID, "reason": "enough"})]


def an_alarm(walk: Walk) -> list[Actor]:
    alarm = walk.world.alarms.alarms[GUARD]
    return [of(walk, "Abort", alarm_action(alarm, "ALARM"))]


def the_pulse(walk: Walk) -> list[Actor]:
    return [of(walk, "Pulse", TICK)]


def the_watchdog(walk: Walk) -> list[Actor]:
    started = int(record_of(walk.world).started_at.timestamp() * 1000)
    return [of(walk, "Watchdog", execution_event(arn(ID), "ABORTED", started))]


def fis_has_ended(walk: Walk) -> None:
    for run in list(walk.world.faults.runs):
        walk.world.faults.fail(run)


def execution_has_ended(walk: Walk) -> None:
    walk.world.workflow.executions[arn(ID)] = "ABORTED"


def ending(walk: Walk, world: FakeWorld, *, state: str, enders: Wakers, dead: bool = False, deaths: int = 1) -> Scene:
    """The workflow's function goes on while another one ends the run. Whichever is quicker and whichever dies, the run
    ends closed."""
    payload = at(walk, state)
    if dead:
        execution_has_ended(walk)
    return Scene(walk, lambda: [of(walk, state, payload), *enders(walk)], lambda _: all_is_released(walk), deaths)


def starting(walk: Walk, world: FakeWorld, *, enders: Wakers) -> Scene:
    """StartFault while the run is being ended: a fault that starts after the abort was recorded stops at once, or
    WatchFault sees the abort."""
    payload = at(walk, "StartFault")

    def check(actors: list[Actor]) -> None:
        world.clock.advance(1)
        record = record_of(world)
        died = any(actor.dies or actor.failed for actor in actors)
        if record.abort and world.faults.active() and not died:  # it was started before: the next state sees it
            world.workflow.tokens.add("next")
            walk.invoke("WatchFault", {**payload, "task_token": "next"})
            assert not world.workflow.tokens, "it runs on after its abort was recorded"
        all_is_released(walk)

    return Scene(walk, lambda: [of(walk, "StartFault", payload), *enders(walk)], check)


def faults_of(world: FakeWorld, execution_id: str) -> list[str]:
    return [fis.id for fis in world.faults.active() if fis.tags["squall:execution"] == execution_id]


def taking_over(walk: Walk, world: FakeWorld) -> Scene:
    """An execution is about to start its fault, but its lease has expired unnoticed, and another one wants its failure
    domain."""
    second, first = at(walk, "AcquireLock", OTHER), at(walk, "StartFault")
    world.clock.advance(EXPIRY_SECONDS)
    taken: list[str] = []

    def cast() -> list[Actor]:
        taken.clear()
        acquired = of(walk, "AcquireLock", second, lambda outcome: taken.append(OTHER) if outcome["outcome"] == "next" else None)
        return [of(walk, "StartFault", first), acquired]

    def fenced() -> None:
        if taken:
            assert not world.faults.templates, "taken over while its template could be started"
            assert faults_of(world, ID) == [], "taken over while its fault ran"

    def check(actors: list[Actor]) -> None:
        fenced()
        all_is_released(walk)

    return Scene(walk, cast, check, deaths=0, always=fenced)


def both(walk: Walk, world: FakeWorld, *, state: str, arrange: Callable[[FakeWorld], None]) -> Scene:
    """Two live executions are in the same state at once; one of them may pass."""
    payloads = [at(walk, state, OTHER)]
    world.locks.leases.clear()  # each has its own failure domain, if it has one already
    payloads.append(at(walk, state))
    arrange(world)
    passed: list[str] = []

    def passes(name: str) -> Callable[[Any], None]:
        return lambda outcome: passed.append(name) if outcome["outcome"] == "next" else None

    def cast() -> list[Actor]:
        passed.clear()
        return [of(walk, state, payload, passes(payload["run"]["id"])) for payload in payloads]

    def bounded() -> None:
        assert len(passed) <= 1, "both passed"
        assert len(world.locks.slot_leases) <= FIS_ACTIVE_EXPERIMENTS, "more slots than FIS has"

    def check(_: list[Actor]) -> None:
        bounded()
        all_but_others_is_released(walk)

    return Scene(walk, cast, check, always=bounded)


def all_but_others_is_released(walk: Walk) -> None:
    kept = {slot: lease for slot, lease in walk.world.locks.slot_leases.items() if lease.holder.startswith("outside")}
    for slot in kept:
        del walk.world.locks.slot_leases[slot]
    all_is_released(walk)


def as_it_is(world: FakeWorld) -> None:
    """Nothing to arrange."""


def one_slot_left(world: FakeWorld) -> None:
    """Other executions hold all slots but one."""
    world.locks.slot_leases.clear()
    until = world.clock.now().replace(year=2031)
    world.locks.slot_leases.update({slot: Lease(f"outside-{slot}", until) for slot in range(FIS_ACTIVE_EXPERIMENTS - 1)})


QUICK: dict[str, Made] = {
    "watcher and guard": partial(watching, wakers=an_alarm),
    "two want a failure domain": partial(both, state="AcquireLock", arrange=as_it_is),
}
"""The scenes that `make test` explores, in a few seconds."""
WHOLE: dict[str, Made] = {
    **QUICK,
    "watcher and operator": partial(watching, wakers=an_abort),
    "two want the last slot": partial(both, state="AcquireSlot", arrange=one_slot_left),
    "watcher and pulse, FIS has ended": partial(watching, wakers=the_pulse, happened=fis_has_ended),
    "watcher and watchdog": partial(watching, wakers=the_watchdog, happened=execution_has_ended, deaths=0),
    "start and operator": partial(starting, enders=an_abort),
    "start and watchdog": partial(ending, state="StartFault", enders=the_watchdog, dead=True, deaths=0),
    "start and pulse": partial(ending, state="StartFault", enders=the_pulse, dead=True, deaths=0),
    "stop and operator": partial(ending, state="StopFault", enders=an_abort),
    "stop and guard": partial(ending, state="StopFault", enders=an_alarm),
    "stop and pulse": partial(ending, state="StopFault", enders=the_pulse),
    "release and pulse": partial(ending, state="Release", enders=the_pulse),
    "a domain taken over": taking_over,
    "operator and guard, the watcher sleeps": aborting_twice,
}
OF_OTHER_SHAPES = ("watcher and guard", "watcher and pulse, FIS has ended", "start and operator", "stop and guard", "release and pulse")
"""The scenes that are explored with a scenario and with an observation, too."""


def summary(results: dict[str, Explored]) -> str:
    """The number of states, and the states of each scene, in words."""
    states, endings = sum(scene.states for scene in results.values()), sum(scene.endings for scene in results.values())
    lines = [f"{len(results)} scenes, {states} states, {endings} endings"]
    for name, scene in results.items():
        lines.append(f"  {scene.states:7d} states, {scene.schedules:6d} schedules, {scene.endings:5d} endings  {name}")
    return "\n".join(lines)


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    others = {f"{name}, {shape}": explore(WHOLE[name], shape) for shape in (SCENARIO, OBSERVED) for name in OF_OTHER_SHAPES}
    print(summary({name: explore(made) for name, made in WHOLE.items()} | others))
    print(f"{time.process_time() - began:.0f} s of one core")
    return 0


if __name__ == "__main__":
    sys.exit(main())
