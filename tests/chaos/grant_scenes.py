"""The scenes that are played while one grant is missing. Each is a run, or the end of a run, in which functions make
calls that they seldom make."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from squall.adapters.eventbridge import DETAIL_TYPE, make_detail
from squall.application.admission import admit
from squall.domain.base.vocabulary import AbortSource
from squall.domain.run.record import Abort
from tests.fakes.monitoring import FakeAlarm
from tests.fakes.publishing import publish, retire
from tests.fakes.storage import Lease
from tests.fakes.world import FakeWorld
from tests.workflow.driver import alarm_action, execution_event
from tests.workflow.endings import GUARD, ID, Intercept, fail, once, record_of, unavailable
from tests.workflow.faults.test_adopted_template import foreign
from tests.workflow.faults.test_functions import _disturbed
from tests.workflow.stopping.test_afterwards import LATENCY
from tests.workflow.supervision.test_sentinel import URL, answered
from tests.workflow.voting import ADA, BOB, ask_people, payload_of
from tests.workflow.walk import Walk

Scene = Callable[[Walk, FakeWorld], None]
STAGING = {"squall:environment": "staging"}


def good(walk: Walk, world: FakeWorld) -> None:
    """A good run with a stop alarm. Its last event brings the report, and then the report of the period."""
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now() - timedelta(days=1))
    catalogue(stop_alarms=["pager"])
    run(walk)
    report(walk, world)
    walk.quietly("Report", {"period": {"days": 7, "digest": True, "name": "weekly"}})


def asked(walk: Walk, world: FakeWorld, act: str = "approve") -> None:
    """People are asked for approval and vote; each vote wakes the run."""
    ask_people()
    walk.after["AskApproval"] = lambda _: answer()

    @once
    def answer() -> None:
        def vote() -> None:
            for caller in (ADA, BOB):
                walk.quietly("Approve", payload_of(world, caller, act))

        world.clock.after(623, vote)

    run(walk)


def asked_and_stopped_at(state: str, walk: Walk, world: FakeWorld) -> None:
    """Somebody aborts the run while a function of the approval is about to wait."""
    ask_people()
    walk.before[state] = lambda _: walk.quietly("Abort", {"execution_id": ID, "reason": "enough"})
    run(walk)


CALM: dict[str, Any] = {"change_calendars": ["Releases"], "calm": {"cool_down": "PT10M"}}


def surrounded(walk: Walk, world: FakeWorld, *, queue: bool = False) -> None:
    """The policies name calendars and a cool-down."""
    policy(**CALM)
    (queued if queue else lambda walk, _: run(walk))(walk, world)


def promoted(walk: Walk, world: FakeWorld, *, queue: bool = False) -> None:
    """The experiment ran in staging, and that proof lets it run in the other environment."""
    known = deployed()
    promotion = {"environment": "staging", "within_days": 3}
    known.environments["local"] = {**known.environments["staging"], "name": "local", "promotion": promotion}
    catalogue(target_resources=[], target={"tags": STAGING})
    known.catalogue["live"] = {**known.catalogue["seed"], "environment": "local", "target": {"tags": {"squall:environment": "local"}}}
    world.fleet.members("web")[0].tags["squall:environment"] = "local"
    run(walk)
    if queue:
        full(world, 900)
    walk.run({"experiment": "live"}, "run-2")


def probed(walk: Walk, world: FakeWorld) -> None:
    """A sentinel function lives for a hundred seconds, and the pulse starts another. One of them is really played."""
    policy(sentinel={"hosts": ["shop.example.com"], "maximum_load_per_second": 2})
    answered(world, failing=lambda _: 0.0)
    catalogue(
        sentinel={"url": URL},
        success_criteria=["Sentinel availability > 99%"],
        abort_conditions=["Sentinel availability < 80%"],
    )
    world.probes.lives = timedelta(seconds=100)
    walk.after["StartFault"] = lambda _: probe(walk)
    run(walk)


class Invocation:
    aws_request_id = "a-function"

    def get_remaining_time_in_millis(self) -> int:
        return 170_000


def probe(walk: Walk) -> None:
    """The Sentinel's function, with two and a half minutes left."""
    walk.running.append("Sentinel")
    try:
        importlib.import_module("squall.handlers.sentinel").handler({"execution_id": ID}, Invocation())
    except Exception as error:  # noqa: BLE001 - as Lambda does
        walk.world.calls.append(f"raised:Sentinel:{type(error).__name__}")
    finally:
        walk.running.pop()


def again(walk: Walk, world: FakeWorld) -> None:
    """The same experiment twice: the fault of the first cuts the baseline of the second, and its findings are known."""
    world.metrics.set("TargetResponseTime", lambda at: 9.0 if world.faults.active() else 0.05)
    run(walk)
    walk.run({"experiment": "seed"}, "run-2")


def without(state: str, walk: Walk, world: FakeWorld, then: Scene | None = None) -> None:
    """That function fails, and others have to do its work."""
    walk.before[state] = lambda _: fail()
    (then or (lambda walk, _: run(walk)))(walk, world)


def halted(walk: Walk, world: FakeWorld) -> None:
    catalogue(**LATENCY)

    def act() -> None:
        walk.quietly("Halt", {"reason": "enough"})
        walk.quietly("Resume", {"reason": "over"})

    _in_the_fault(walk, world, act)


def halted_while_it_starts(walk: Walk, world: FakeWorld) -> None:
    """The flag is set when FIS has just started."""
    real = world.faults.start

    def start(*args: Any) -> Any:
        started = real(*args)
        world.halt_flag.engage("enough", "somebody", world.clock.now())
        return started

    vars(world.faults)["start"] = start
    run(walk)


def adopted(walk: Walk, world: FakeWorld) -> None:
    world.faults.foreign["EXTtheirs"] = foreign(world)
    policy(fis_templates=["EXTtheirs"])
    catalogue(fis_template_id="EXTtheirs", target_resources=None)
    run(walk)


def full(world: FakeWorld, seconds: float) -> None:
    """FIS has no free slot for that long."""
    until = world.clock.now().replace(year=2031)
    world.locks.slot_leases.update({slot: Lease("others", until) for slot in range(5)})
    world.clock.after(seconds, world.locks.slot_leases.clear)


def queued(walk: Walk, world: FakeWorld, seconds: float = 200) -> None:
    full(world, seconds)
    run(walk)
    world.locks.slot_leases.clear()


def scheduled(walk: Walk, world: FakeWorld) -> None:
    trigger = {"schedule_arn": "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/x", "scheduled_time": "2030-01-07T10:00:00Z"}
    run(walk, {"experiment": "seed", "trigger": trigger})


def guard_fires(walk: Walk, world: FakeWorld, *, tightened: bool = False, start: Callable[[Walk], object] | None = None) -> None:
    """Only the alarm's action stops the fault: FIS misses the alarm."""
    world.alarms.listeners.remove(world.faults._on_alarm)

    def fire() -> None:
        guard = world.alarms.alarms[GUARD]
        if tightened and guard.guard:
            guard.guard = guard.guard.model_copy(update={"threshold": 1000.0})
        world.alarms.set_state(GUARD, "ALARM")
        walk.quietly("Abort", alarm_action(world.alarms.alarms[GUARD]))

    _in_the_fault(walk, world, fire, start or run)


def flap(walk: Walk, world: FakeWorld) -> None:
    """Only the pulse notices that the alarm fired, in the alarm's history."""
    world.alarms.listeners.remove(world.faults._on_alarm)

    def fire() -> None:
        world.alarms.set_state(GUARD, "ALARM")
        world.alarms.set_state(GUARD, "OK")

    _in_the_fault(walk, world, fire)


def operator(walk: Walk, world: FakeWorld) -> None:
    _in_the_fault(walk, world, lambda: walk.quietly("Abort", {"execution_id": ID, "reason": "enough"}))


def operator_without_table(walk: Walk, world: FakeWorld) -> None:
    """The abort finds the fault by its tags."""

    def act() -> None:
        with_table, world.failing = world.failing, Intercept(lambda called: fail(called) if called.startswith("records.") else None)
        walk.quietly("Abort", {"execution_id": ID, "reason": "enough"})
        world.failing = with_table

    _in_the_fault(walk, world, act)


def killed(walk: Walk, world: FakeWorld) -> None:
    """The execution is stopped during its fault, and the watchdog gets the event."""
    walk.enter["WatchFault"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    walk.pulse = False
    walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))


def tightened_and_dead(walk: Walk, world: FakeWorld) -> None:
    """A guard is tightened and fires, and the execution dies before StopFault compares it with what it has to be."""
    walk.pulse = walk.events = False
    walk.enter["StopFault"] = once(walk.kill)
    guard_fires(walk, world, tightened=True)


def tightened_and_taken_over(walk: Walk, world: FakeWorld) -> None:
    """The same, unheard: another execution takes the failure domain and closes the run."""
    walk.pulse = walk.events = False
    walk.enter["StopFault"] = once(walk.kill)
    guard_fires(walk, world, tightened=True, start=lambda walk: walk.run({"experiment": "seed"}))
    world.clock.advance(310)
    walk.run({"experiment": "other"}, "run-2")


def killed_before_it_was_admitted(walk: Walk, world: FakeWorld) -> None:
    walk.enter["Admit"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))


def killed_unheard(walk: Walk, world: FakeWorld) -> None:
    walk.enter["WatchFault"] = once(walk.kill)
    walk.run({"experiment": "seed"})
    walk.pulses(4)


def killed_in_the_queue(walk: Walk, world: FakeWorld, *, heard: bool = True) -> None:
    full(world, 100_000)
    walk.enter["WaitForSlot"] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    world.locks.slot_leases.clear()
    if heard:
        walk.quietly("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))


def taken_over(walk: Walk, world: FakeWorld, *, seconds: int = 310) -> None:
    """The lease of a dead holder has expired, and another execution wants its failure domain, so long after the death."""
    walk.pulse = walk.events = False
    walk.enter["WatchFault"] = once(walk.kill)
    walk.run({"experiment": "seed"})
    world.clock.advance(seconds)
    walk.run({"experiment": "other"}, "run-2")


def taken_over_asleep(walk: Walk, world: FakeWorld) -> None:
    """The lease of a live holder has expired, without a pulse. The execution that takes over closes it and wakes it."""
    walk.pulse = walk.events = False

    def take_over() -> None:
        walk.after.clear()
        walk.run({"experiment": "other", "mode": "plan"}, "run-2")

    catalogue(**LATENCY, duration_minutes=60)
    walk.after["StartFault"] = lambda _: world.clock.after(310, take_over)
    walk.run({"experiment": "seed"})


def closed_while(state: str, called: str) -> Scene:
    """The execution is stopped, and closed, right before a call of one of its functions."""

    def scene(walk: Walk, world: FakeWorld) -> None:
        def close() -> None:
            event = walk.death()
            walk.kill()
            walk.quietly("Watchdog", event)

        act = once(close)
        before = walk.world.failing

        def ask(port_call: str) -> None:
            if port_call == called and walk.running[-1:] == [state]:
                act()

        world.failing = Intercept(ask)
        walk.run({"experiment": "seed"})
        world.failing = before
        walk.pulses(3)

    return scene


def orphans(walk: Walk, world: FakeWorld) -> None:
    """Resources that no record leads to."""
    tags = {"squall:stack": "Squall", "squall:execution": "gone"}
    world.faults.create_template({"tags": tags}, "orphan")
    world.faults.start_seconds = 10_000
    world.faults.start("EXT1", "orphan", tags)
    world.alarms.alarms["squall-Squall-gone-1"] = FakeAlarm("squall-Squall-gone-1", "OK", tags=tags, configured_at=world.clock.now())
    world.locks.leases["asg/gone"] = Lease("gone", world.clock.now())
    world.locks.slot_leases[4] = Lease("gone", world.clock.now())
    walk.pulses(25)


def leftovers(walk: Walk, world: FakeWorld) -> None:
    """StopFault can't end the fault, and Release finds everything."""
    catalogue(**LATENCY)
    walk.before["StopFault"] = lambda _: fail()
    without_fis_stop(walk, world)


def unrecorded(walk: Walk, world: FakeWorld) -> None:
    """Squall itself fails in the middle of the run."""
    walk.before["ObserveFault"] = walk.before["StopFault"] = walk.before["RunRollback"] = lambda _: fail()
    run(walk)


def run(walk: Walk, payload: Any = None) -> None:
    done = walk.run(payload or {"experiment": "seed"})
    if done.status != "SUCCEEDED":
        walk.quietly("Watchdog", execution_event(done.arn, done.status, done.started_ms))


def deployed() -> Any:
    """What the world of this scene has deployed."""
    return vars(admit)["load_deployed"]()


def void(_: object) -> None:
    """Returns nothing: for a call that is made for its effect."""


def policy(**changes: Any) -> None:
    deployed().environments["staging"].update(changes)


def catalogue(**changes: Any) -> None:
    experiment: Any = deployed().catalogue["seed"]
    for key, value in changes.items():
        experiment.pop(key, None)
        if value is not None:
            experiment[key] = value


def published(walk: Walk, world: FakeWorld) -> None:
    """A published experiment with a schedule runs, is counted in a period, and is retired."""
    policy(catalogue="published")
    publish(world, "mine", {**deployed().catalogue["seed"], "schedule": {"expression": "rate(7 days)"}})
    walk.quietly("Schedule", {})
    run(walk, {"experiment": "mine"})
    walk.quietly("Report", {"period": {"days": 7, "digest": True}})
    retire(world, "mine")
    walk.quietly("Schedule", {})


def _in_the_fault(walk: Walk, world: FakeWorld, act: Callable[[], None], start: Callable[[Walk], object] = run) -> None:
    arm = once(lambda: world.clock.after(125, act))
    walk.after["StartFault"] = lambda _: arm()
    start(walk)


def forget(world: FakeWorld, name: str) -> None:
    for key in [key for key in world.documents.files if key.endswith(f"/{name}.json")]:
        del world.documents.files[key]


def report(walk: Walk, world: FakeWorld) -> None:
    record, reason = world.lifecycle.events[-1]
    walk.quietly("Report", {"source": "squall", "detail-type": DETAIL_TYPE, "detail": make_detail(record, reason)})


def overdue(walk: Walk, world: FakeWorld) -> None:
    """FIS takes long to initiate, so the fault would last beyond its planned end. StopFault ends it."""
    world.faults.start_seconds = 400
    catalogue(**LATENCY)
    run(walk)


def alarmed(walk: Walk, world: FakeWorld) -> None:
    """A criterion says that an alarm of the users fires."""
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now() - timedelta(days=1))
    catalogue(success_criteria=["System availability > 99%", "alarm pager fires within 3 minutes"])
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: world.alarms.set_state("pager", "ALARM"))
    run(walk)


def alarm_stays_ok(walk: Walk, world: FakeWorld) -> None:
    """A criterion and the steady state say that an alarm of the workload is OK."""
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now() - timedelta(days=1))
    healthy = ["System availability > 99%", "alarm pager is OK"]
    catalogue(success_criteria=healthy, steady_state=healthy)
    run(walk)


def stop_alarm_gone(walk: Walk, world: FakeWorld) -> None:
    good_until(walk, world, "CreateTemplate")


def good_until(walk: Walk, world: FakeWorld, state: str) -> None:
    world.alarms.alarms["pager"] = FakeAlarm("pager", "OK", world.clock.now() - timedelta(days=1))
    catalogue(stop_alarms=["pager"])
    walk.before[state] = lambda _: void(world.alarms.alarms.pop("pager", None))
    run(walk)


def guard_gone(walk: Walk, world: FakeWorld) -> None:
    """Somebody deletes a guard right before it is tied to the template, and it is created again."""
    walk.before["CreateTemplate"] = lambda _: void(world.alarms.alarms.pop(GUARD, None))
    run(walk)


def queue_left_behind(walk: Walk, world: FakeWorld) -> None:
    """The policy's window closes while the run waits in the queue."""
    policy(timing={"slot_wait_seconds": 120})
    queued(walk, world, 100_000)


def rolled_back_in_vain(walk: Walk, world: FakeWorld) -> None:
    """The rollback document fails after people were notified of the run's end."""
    world.automations.ends, world.automations.seconds = ("Failed", "no"), 1
    without("RunRollback", walk, world)


def nobody_tells(walk: Walk, world: FakeWorld) -> None:
    """Notify fails and the execution dies, so another function has to notify people."""
    without("Notify", walk, world)
    walk.pulses(5)


def stuck(walk: Walk, world: FakeWorld) -> None:
    """FIS does not get its fault stopped. People are alerted, and the pulse goes on."""
    world.faults.stop_seconds = 2_000
    operator(walk, world)
    walk.pulses(3)


def without_fis_stop(walk: Walk, world: FakeWorld) -> None:
    """The abort is on the record, and nobody has stopped the fault."""

    def act() -> None:
        world.records.request_abort(ID, Abort(AbortSource.OPERATOR, "enough", world.clock.now(), "somebody"))
        for token in list(world.workflow.tokens):
            world.workflow.wake(token)

    _in_the_fault(walk, world, act)


def named_again(walk: Walk, world: FakeWorld) -> None:
    """An execution has a name that was used before."""
    run(walk)
    world.clock.advance(100)
    run(walk)


def lost(state: str, walk: Walk, world: FakeWorld, visit: int = 1) -> None:
    """All documents are gone when that function reads them."""
    if state == "AskApproval":
        ask_people()
    if visit > 1:
        world.faults.start_seconds = 400
    catalogue(**LATENCY)
    clear = once(world.documents.files.clear, visit)
    walk.before[state] = lambda _: clear()
    run(walk)


def result_lost(walk: Walk, world: FakeWorld, before: str = "Notify") -> None:
    """The result is gone when Notify, or the report, reads it. An earlier run has a finding."""
    world.metrics.set("TargetResponseTime", lambda at: 3.0 if _disturbed(world, at) else 0.05)
    run(walk)
    walk.before[before] = lambda _: forget(world, "result")
    walk.run({"experiment": "seed"}, "run-2")
    report(walk, world)


def said_to_be_dead(walk: Walk, world: FakeWorld) -> None:
    """The watchdog gets the event of a death that did not happen: it closes the run, and wakes the execution."""
    walk.pulse = walk.events = False
    catalogue(**LATENCY)
    _in_the_fault(walk, world, lambda: walk.quietly("Watchdog", walk.death()))


def guard_appears(walk: Walk, world: FakeWorld) -> None:
    """Another invocation of ArmGuards has just made the guard."""

    def make() -> None:
        world.alarms.alarms[GUARD] = FakeAlarm(GUARD, "OK", world.clock.now(), tags={"squall:stack": "Squall"})

    act = once(make)
    before = world.failing

    def ask(called: str) -> None:
        if called == "records.update" and walk.running[-1:] == ["ArmGuards"] and record_of(world).phase == "ArmGuards":
            act()

    world.failing = Intercept(ask)
    run(walk)
    world.failing = before


def guard_fires_before_the_start(walk: Walk, world: FakeWorld) -> None:
    """FIS refuses to start while a stop condition is in ALARM."""
    world.faults.refuses_firing_alarms = True
    walk.before["StartFault"] = lambda _: world.alarms.set_state(GUARD, "ALARM")
    run(walk)


def halted_without_lever(walk: Walk, world: FakeWorld) -> None:
    """FIS's safety lever, which stops faults by itself, can't be moved."""
    world.failing["lever.set"] = unavailable("lever.set")
    halted(walk, world)


def lingering(walk: Walk, world: FakeWorld) -> None:
    """The agent does not learn that its command is cancelled."""
    world.faults.lingering_commands = True
    catalogue(**LATENCY)
    operator(walk, world)


LOSERS = (
    "Discover", "AskApproval", "AcquireSlot", "CaptureBaseline", "ArmGuards", "CreateTemplate", "FinalCheck", "StartFault", "WatchFault",
    "ObserveFault", "StopFault", "VerifyRollback", "Notify",
)  # fmt: skip
SCENES: dict[str, Scene] = {
    "a good run": good,
    "people are asked": asked,
    "people reject": partial(asked, act="reject"),
    "aborted before people are asked": partial(asked_and_stopped_at, "AskApproval"),
    "aborted before people answer": partial(asked_and_stopped_at, "AwaitApproval"),
    "aborted before it is seen what people say": partial(asked_and_stopped_at, "ObserveApproval"),
    "calendars and a cool-down": surrounded,
    "calendars, a cool-down and a queue": partial(surrounded, queue=True),
    "a promotion": promoted,
    "a promotion in a queue": partial(promoted, queue=True),
    "a sentinel": probed,
    "twice": again,
    "an alarm is promised": alarmed,
    "an alarm stays OK": alarm_stays_ok,
    "of a schedule": scheduled,
    "a published experiment": published,
    "a queue": queued,
    "a queue without end": queue_left_behind,
    "another's template": adopted,
    "a stop alarm vanishes": stop_alarm_gone,
    "a guard vanishes": guard_gone,
    "a guard fires": guard_fires,
    "a guard is tightened and fires": partial(guard_fires, tightened=True),
    "a guard is tightened, and the run dies": tightened_and_dead,
    "a guard is tightened, and the run is taken over": tightened_and_taken_over,
    "a guard flaps": flap,
    "a guard fires before the start": guard_fires_before_the_start,
    "an operator aborts": operator,
    "an operator aborts, no table": operator_without_table,
    "an abort that nobody carried out": without_fis_stop,
    "overdue": overdue,
    "FIS does not stop": stuck,
    "halted": halted,
    "halted while it starts": halted_while_it_starts,
    "killed": killed,
    "killed before it was admitted": killed_before_it_was_admitted,
    "killed in the queue": killed_in_the_queue,
    "killed in the queue, unheard": partial(killed_in_the_queue, heard=False),
    "killed unheard": killed_unheard,
    "taken over": taken_over,
    "taken over asleep": taken_over_asleep,
    "closed while guards are armed": closed_while("ArmGuards", "alarms.put"),
    "closed while its template is made": closed_while("CreateTemplate", "faults.create_template"),
    "closed while its guards are tied": closed_while("CreateTemplate", "alarms.put"),
    "closed while it starts": closed_while("StartFault", "halt_flag.get"),
    "closed while FIS starts": closed_while("StartFault", "faults.start"),
    "closed while it queues": closed_while("AcquireSlot", "locks.acquire_slot"),
    "closed while it locks": closed_while("AcquireLock", "locks.acquire"),
    "closed while it is watched": closed_while("WatchFault", "records.store_token"),
    "closed while people are asked": closed_while("AwaitApproval", "records.store_token"),
    "closed while it is recorded": closed_while("Record", "documents.put"),
    "Compare fails": partial(without, "Compare"),
    "Record fails": partial(without, "Record"),
    "Release fails": partial(without, "Release"),
    "nobody stops it": leftovers,
    "nobody watches it": unrecorded,
    "nobody tells": nobody_tells,
    "the rollback fails late": rolled_back_in_vain,
    "orphans": orphans,
    "a name that was used before": named_again,
    "its result is lost": result_lost,
    "its result is lost after all": partial(result_lost, before="Report"),
    "said to be dead": said_to_be_dead,
    "a guard is there already": guard_appears,
    "its documents are lost when its time is over": partial(lost, "WatchFault", visit=2),
    "halted, the lever is stuck": halted_without_lever,
    "commands linger": lingering,
    **{f"its documents are lost before {state}": partial(lost, state) for state in LOSERS},
}
