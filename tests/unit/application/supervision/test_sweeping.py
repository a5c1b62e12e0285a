"""The sweep finds every kind of thing that outlived its execution, seen twice and old; what may live it leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from squall.application.supervision.orphans import Sweep
from squall.application.supervision.pulse import supervise_runs
from squall.domain.base.vocabulary import Status
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.guard_alarms import guard_specs
from squall.domain.policy.environment import Timing
from squall.domain.run.orphans import EVERY, OLD, Kind
from tests.fakes.storage import Lease
from tests.fakes.world import STACK, FakeWorld
from tests.unit.builders import bindings, record
from tests.unit.builders import experiment as experiment_definition
from tests.workflow.endings import unavailable

GONE = "gone-1"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:squall"
TAGS = {"squall:stack": STACK, "squall:execution": GONE}
WAIT = {"tags": TAGS, "actions": {"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT12H"}}}}


@dataclass(frozen=True)
class Thing:
    make: Callable[[FakeWorld], None]
    there: Callable[[FakeWorld], bool]
    strange: Callable[[FakeWorld], None] | None = None
    """The same of somebody else."""


def template(world: FakeWorld, **tags: str) -> None:
    world.faults.create_template({**WAIT, "tags": {**TAGS, **tags}}, f"token {tags}")


def experiment(world: FakeWorld, **tags: str) -> None:
    template(world, **tags)
    (template_id,) = world.faults.templates
    world.faults.start(template_id, f"start {tags}", {**TAGS, **tags})
    world.faults.delete_template(template_id)


def guard(world: FakeWorld, **tags: str) -> None:
    seed = experiment_definition()
    spec = guard_specs(GONE, STACK, [threshold for _, threshold in parse_sentences(seed).conditions], bindings(seed), Timing())[0]
    world.alarms.put(spec, description="", action_arn="", tags={**TAGS, **tags})


def lease(world: FakeWorld) -> Lease:
    return Lease(GONE, world.clock.now())


def ticket(world: FakeWorld) -> None:
    world.locks.join(GONE, world.clock.now(), world.clock.now())


THINGS: dict[Kind, Thing] = {
    Kind.TEMPLATE: Thing(template, lambda w: bool(w.faults.templates), lambda w: template(w, **{"squall:stack": "Other"})),
    Kind.EXPERIMENT: Thing(
        experiment,
        lambda w: any(fis.status != "stopping" for fis in w.faults.active()),
        lambda w: experiment(w, **{"squall:stack": "Other"}),
    ),
    Kind.GUARD: Thing(guard, lambda w: bool(w.alarms.alarms), lambda w: guard(w, **{"squall:stack": f"{STACK}-{GONE[:4]}"})),
    Kind.LOCK: Thing(lambda w: w.locks.leases.update({"group/web": lease(w)}), lambda w: bool(w.locks.leases)),
    Kind.SLOT: Thing(lambda w: w.locks.slot_leases.update({3: lease(w)}), lambda w: bool(w.locks.slot_leases)),
    Kind.TICKET: Thing(ticket, lambda w: bool(w.locks.tickets)),
}
every_kind = pytest.mark.parametrize("thing", THINGS.values(), ids=[kind.name for kind in THINGS])


def closed(world: FakeWorld, execution_id: str = GONE, status: str | None = "ABORTED", **changes: Any) -> None:
    arn = f"{ARN}:{execution_id}"
    final = {"status": Status.ABORTED, "ended_at": world.clock.now(), **changes}
    world.records.create(record(**{"id": execution_id, "execution_arn": arn, "started_at": world.clock.now(), **final}))
    world.records.in_open_index.clear()  # nothing leads to it any more
    if status:
        world.workflow.executions[arn] = status


def sweeps(world: FakeWorld, count: int = 2, first_after: timedelta = OLD) -> None:
    """As the pulse: every minute, once the things are old."""
    world.clock.advance(first_after.total_seconds())
    for _ in range(count):
        world.clock.advance(EVERY.total_seconds())
        Sweep(world.wiring()).run()


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def test_every_kind_has_its_tests() -> None:
    assert set(THINGS) == set(Kind)


@every_kind
@pytest.mark.parametrize("recorded", [True, False], ids=["record final", "record missing"])
def test_an_orphan_is_taken_away_at_the_second_sight_and_told(world: FakeWorld, thing: Thing, recorded: bool) -> None:
    if recorded:
        closed(world)
    thing.make(world)
    sweeps(world, 1)
    assert thing.there(world), "seen once"
    assert world.notifier.sent == []
    sweeps(world, 1, timedelta())
    assert not thing.there(world)
    (message,) = world.notifier.sent
    assert message.subject == f"Squall: swept: 1 leftovers of {STACK}"
    assert GONE in message.body
    sweeps(world, 3)
    assert len(world.notifier.sent) == 1, "said once"


@every_kind
def test_what_is_young_is_left_alone(world: FakeWorld, thing: Thing) -> None:
    closed(world)
    thing.make(world)
    sweeps(world, 1, timedelta())
    sweeps(world, 1, timedelta())
    assert thing.there(world), "ten minutes are the least, and the first sight counts only from there"


@every_kind
@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "ABORTED", None])
def test_what_an_open_record_leads_to_is_the_pulses(world: FakeWorld, thing: Thing, status: str | None) -> None:
    closed(world, status=status, ended_at=None)
    world.records.items[GONE] = record(id=GONE, execution_arn=f"{ARN}:{GONE}")
    thing.make(world)
    sweeps(world, 4)
    assert thing.there(world)
    assert world.notifier.sent == []


@every_kind
@pytest.mark.parametrize("recorded", [True, False])
def test_what_belongs_to_a_running_execution_is_left_alone(world: FakeWorld, thing: Thing, recorded: bool) -> None:
    """Its record is final while it still releases, or not written yet."""
    world.workflow.executions[f"{ARN}:{GONE}"] = "RUNNING"
    if recorded:
        closed(world, status="RUNNING")
    thing.make(world)
    sweeps(world, 4)
    assert thing.there(world)


@every_kind
def test_one_that_came_to_life_between_the_sights_is_left_alone(world: FakeWorld, thing: Thing) -> None:
    """A read that was behind: at the second look the execution runs."""
    thing.make(world)
    sweeps(world, 1)
    world.workflow.executions[f"{ARN}:{GONE}"] = "RUNNING"
    sweeps(world, 1, timedelta())
    assert thing.there(world)
    world.workflow.executions[f"{ARN}:{GONE}"] = "SUCCEEDED"
    sweeps(world, 1, timedelta())
    assert thing.there(world), "the sights must follow each other"
    sweeps(world, 1, timedelta())
    assert not thing.there(world)


@every_kind
@pytest.mark.parametrize("broken", ["records.get", "workflow.status"])
def test_what_cannot_be_asked_about_counts_as_alive(world: FakeWorld, thing: Thing, broken: str) -> None:
    closed(world)
    thing.make(world)
    sweeps(world, 1)
    world.failing[broken] = unavailable(broken)
    world.clock.advance(EVERY.total_seconds())
    sweep = Sweep(world.wiring())
    sweep.run()
    assert sweep.failures
    assert thing.there(world)


@pytest.mark.parametrize("kind", [kind for kind, thing in THINGS.items() if thing.strange])
def test_what_is_not_tagged_as_ours_is_left_alone(world: FakeWorld, kind: Kind) -> None:
    """Another stack's, though its name may begin as ours do."""
    strange = THINGS[kind].strange
    assert strange
    strange(world)
    sweeps(world, 4)
    assert THINGS[kind].there(world)
    assert world.notifier.sent == []


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (Kind.TEMPLATE, "faults.delete_template"),
        (Kind.EXPERIMENT, "faults.stop"),
        (Kind.GUARD, "alarms.delete"),
        (Kind.LOCK, "locks.release"),
        (Kind.SLOT, "locks.release_slot"),
        (Kind.TICKET, "locks.leave"),
    ],
)
def test_what_cannot_be_taken_away_is_told_once_with_its_command_and_tried_again(world: FakeWorld, kind: Kind, broken: str) -> None:
    THINGS[kind].make(world)
    world.failing[broken] = unavailable(broken)
    sweeps(world, 4)
    (message,) = world.notifier.sent
    assert message.subject.startswith("Squall: NOT CLEANED UP: ")
    assert re.search(r"by hand:\n  .+: aws (fis|cloudwatch|dynamodb) [a-z-]+ --", message.body)
    world.failing.clear()
    sweeps(world, 1)
    assert not THINGS[kind].there(world)


def test_guards_and_locks_stand_as_long_as_the_fault_may_run(world: FakeWorld) -> None:
    world.faults.stop_seconds = 30
    for kind in (Kind.EXPERIMENT, Kind.GUARD, Kind.LOCK, Kind.SLOT):
        THINGS[kind].make(world)
    sweeps(world, 2)
    assert not THINGS[Kind.EXPERIMENT].there(world)
    assert all(THINGS[kind].there(world) for kind in (Kind.GUARD, Kind.LOCK, Kind.SLOT))
    sweeps(world, 1)
    assert not any(THINGS[kind].there(world) for kind in (Kind.GUARD, Kind.LOCK, Kind.SLOT))


@pytest.mark.parametrize("broken", ["faults.own_templates", "faults.active", "alarms.with_prefix", "locks.all", "locks.line"])
def test_what_cannot_be_listed_does_not_keep_the_rest(world: FakeWorld, broken: str) -> None:
    world.failing[broken] = unavailable(broken)
    THINGS[Kind.TEMPLATE].make(world)
    THINGS[Kind.TICKET].make(world)
    sweeps(world, 2)
    assert THINGS[Kind.TEMPLATE].there(world) is (broken == "faults.own_templates")
    assert THINGS[Kind.TICKET].there(world) is (broken in {"locks.line", "faults.active"}), "without FIS's list a fault may run"


def test_it_looks_every_five_minutes_however_often_the_pulse_beats(world: FakeWorld) -> None:
    for _ in range(11):
        supervise_runs(world.wiring())
        world.clock.advance(60)
    assert world.calls.count("faults.own_templates") == 3


def test_the_pulse_says_what_was_swept_and_raises_what_was_not(world: FakeWorld) -> None:
    THINGS[Kind.LOCK].make(world)
    sweeps(world, 1)
    world.clock.advance(EVERY.total_seconds())
    assert supervise_runs(world.wiring()) == {"lock group/web": "swept"}
    THINGS[Kind.SLOT].make(world)
    sweeps(world, 1)
    world.failing["locks.release_slot"] = unavailable()
    world.clock.advance(EVERY.total_seconds())
    with pytest.raises(ExceptionGroup):
        supervise_runs(world.wiring())


def test_a_token_nobody_woke_is_woken(world: FakeWorld) -> None:
    """Closed by somebody who could not reach Step Functions: the execution would sleep for the fault's whole time."""
    world.records.create(
        record(id=GONE, execution_arn=f"{ARN}:{GONE}", task_token="t-1", status=Status.ABORTED, ended_at=world.clock.now())
    )
    world.workflow.executions[f"{ARN}:{GONE}"] = "RUNNING"
    world.workflow.tokens.add("t-1")
    supervise_runs(world.wiring())
    assert world.workflow.woken == ["t-1"]
    assert world.records.items[GONE].task_token is None
