"""A record that lies: whatever one write to it claims, every way to stop a fault stops it, and no other run's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.driver import alarm_action
from tests.workflow.endings import GUARD, ID, nothing_runs, record_of, told
from tests.workflow.walk import Walk

OTHER = "run-2"
LIE_AFTER, STOP_AFTER = 100, 125
ACTIONS = {"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT2H"}}}


def start_other(world: FakeWorld) -> tuple[str, str]:
    """The template of another run of the stack, and the experiment that runs from it."""
    tags = {"squall:stack": "Squall", "squall:execution": OTHER}
    template = world.faults.create_template({"tags": tags, "actions": ACTIONS}, OTHER)
    return template, world.faults.start(template, OTHER, tags).id


Lie = Callable[[FakeWorld, str, str], dict[str, Any]]
LIES: dict[str, Lie] = {
    "no template": lambda *_: {"template_id": None},
    "a template that never was": lambda *_: {"template_id": "EXT404"},
    "another run's template": lambda _, template, __: {"template_id": template},
    "no experiment": lambda *_: {"fis_experiment_id": None},
    "another run's experiment": lambda _, __, experiment: {"fis_experiment_id": experiment},
    "the fault is over": lambda world, *_: {"fault_ended_at": world.clock.now()},
    "everything is another run's": lambda _, template, experiment: {"template_id": template, "fis_experiment_id": experiment},
    "nothing was ever started": lambda *_: {"template_id": None, "fis_experiment_id": None, "fault_started_at": None, "events": ()},
}


def abort(walk: Walk, _: FakeWorld) -> None:
    walk.invoke("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "ops"})


def guard(walk: Walk, world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM")
    event = alarm_action(world.alarms.alarms[GUARD])
    del event["alarmData"]["configuration"]  # so that the abort function has to look for the fault
    walk.invoke("Abort", event)


def pulse(_: Walk, world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM")


def die(walk: Walk, _: FakeWorld) -> None:
    walk.kill()
    walk.invoke("Watchdog", walk.death())


PATHS: dict[str, Callable[[Walk, FakeWorld], None]] = {"abort": abort, "guard": guard, "pulse": pulse, "watchdog": die}


def run_with(walk: Walk, world: FakeWorld, lie: Lie, path: Callable[[Walk, FakeWorld], None]) -> tuple[str, str]:
    """A run whose record lies from some moment of its fault on, and which is to be stopped later. Returns the other
    run's template and experiment."""
    other: list[str] = []
    world.alarms.listeners.remove(world.faults._on_alarm)  # FIS's own stop condition would hide the rest
    world.workflow.executions[f"arn:aws:states:eu-west-1:123456789012:execution:squall:{OTHER}"] = "RUNNING"

    def tell_lie() -> None:
        other.extend(start_other(world))
        world.records.items[ID] = replace(record_of(world), **lie(world, other[0], other[1]))

    def arrange(_: dict[str, Any]) -> None:
        world.clock.after(LIE_AFTER, tell_lie)
        world.clock.after(STOP_AFTER, lambda: path(walk, world))

    walk.after["StartFault"] = arrange
    walk.run({"experiment": "seed"})
    walk.pulses(5)
    return other[0], other[1]


def own_experiment(world: FakeWorld) -> Any:
    (result,) = (run.experiment for run in world.faults.runs.values() if run.experiment.tags.get("squall:execution") == ID)
    return result


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("lie", LIES)
def test_every_way_to_stop_stops_the_runs_own_fault_and_no_other(walk: Walk, world: FakeWorld, lie: str, path: str) -> None:
    template, experiment = run_with(walk, world, LIES[lie], PATHS[path])
    own = own_experiment(world)
    assert own.status == "stopped"
    assert own.ended_at - own.started_at < timedelta(seconds=STOP_AFTER + 60 + 40), "it ran on after it was said to be stopped"
    assert [fis.id for fis in world.faults.active()] == [experiment], "the other run's fault"
    assert set(world.faults.templates) == {template}
    record = record_of(world)
    assert (record.status, record.verdict) == (Status.ABORTED, Verdict.ABORTED), record.reason
    assert record.happened(EventName.STOP_REQUESTED) or path == "pulse"
    told(world)


def test_an_abort_says_what_fis_says_of_the_fault(walk: Walk, world: FakeWorld) -> None:
    answers: list[dict[str, Any]] = []

    def ask(walk: Walk, _: FakeWorld) -> None:
        answers.append(walk.invoke("Abort", {"execution_id": ID}))

    run_with(walk, world, LIES["another run's template"], ask)
    own = own_experiment(world).id
    assert answers[0]["stopped"] == [own]
    assert answers[0]["experiments"] == {own: "stopping"}
    (left,) = answers[0]["left_alone"]
    assert f"its tag says {OTHER}: left alone" in left


def test_another_runs_template_is_left_alone_and_people_are_told(walk: Walk, world: FakeWorld) -> None:
    template, _ = run_with(walk, world, LIES["another run's template"], abort)
    assert f"FIS template {template}" in " ".join(event.detail for event in record_of(world).happened(EventName.LEFT_ALONE))
    bodies = [message.body for message in world.notifier.sent if "NOT CLEANED UP" in message.subject]
    assert len(bodies) == 1
    assert f"its tag says {OTHER}: left alone" in bodies[0]


def test_a_fault_that_runs_its_whole_time_ends_and_is_cleaned_up(walk: Walk, world: FakeWorld) -> None:
    """Nobody stops it: StopFault finds the fault that its record hides."""
    template, experiment = run_with(walk, world, LIES["everything is another run's"], lambda *_: None)
    assert own_experiment(world).terminal
    assert [fis.id for fis in world.faults.active()] == [experiment]
    assert set(world.faults.templates) == {template}
    assert record_of(world).fis_experiment_id == own_experiment(world).id, "the judge reads the run's own fault"


def test_a_halt_stops_what_a_lying_record_hides(walk: Walk, world: FakeWorld) -> None:
    run_with(walk, world, LIES["nothing was ever started"], lambda walk, _: walk.invoke("Halt", {"reason": "fire"}))
    assert world.faults.active() == []
    assert own_experiment(world).status == "stopped"


def test_without_its_tag_nothing_is_stopped_by_the_record_alone(walk: Walk, world: FakeWorld) -> None:
    """Somebody started the run's template by hand: nobody knows whose that is, and the failure domain stays locked."""

    def start_by_hand(walk: Walk, world: FakeWorld) -> None:
        template = record_of(world).template_id
        assert template is not None
        world.faults.start(template, "by hand", {})
        die(walk, world)

    run_with(walk, world, lambda *_: {}, start_by_hand)
    (by_hand,) = (run.experiment for run in world.faults.runs.values() if not run.experiment.tags)
    assert by_hand.status == "running"
    assert world.locks.leases, "nobody else gets the failure domain"
    assert "it has no tag of an execution: not stopped" in world.notifier.sent[-1].body


def test_guards_stand_while_a_fault_without_an_owner_runs(walk: Walk, world: FakeWorld) -> None:
    """The run itself ends in order. Somebody had started its template by hand, and that fault is still running."""

    def start_by_hand() -> None:
        template = record_of(world).template_id
        assert template is not None
        world.faults.start(template, "by hand", {})

    walk.after["StartFault"] = lambda _: world.clock.after(500, start_by_hand)
    walk.after["StopFault"] = lambda _: guards.append(GUARD in world.alarms.alarms)
    guards: list[bool] = []
    walk.run({"experiment": "seed"})
    (by_hand,) = (run.experiment for run in world.faults.runs.values() if not run.experiment.tags)
    assert own_experiment(world).terminal
    assert by_hand.status == "running"
    assert guards, "StopFault did not run"
    assert all(guards), "a guard of a running fault was deleted"
    assert GUARD in world.alarms.alarms, "a guard of a running fault was deleted"
    assert world.locks.leases, "nobody else gets the failure domain"
    assert "it has no tag of an execution: not stopped" in " ".join(message.body for message in world.notifier.sent)
    world.faults.fail(by_hand.id)
    walk.pulses(5)
    nothing_runs(world)


@pytest.mark.parametrize("failing", [False, True], ids=["behind", "failing"])
def test_the_template_is_deleted_also_where_fiss_list_does_not_help(
    walk: Walk, world: FakeWorld, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    """Whoever closes a run deletes its template first, so that a StartFault that is still running starts nothing."""

    def own_templates(_: str) -> tuple[()]:
        if failing:
            raise Unavailable("fis", "ListExperimentTemplates", "ThrottlingException", "slow down", retryable=True)
        return ()

    def kill(walk: Walk, world: FakeWorld) -> None:
        monkeypatch.setattr(world.faults, "own_templates", own_templates)
        walk.kill()
        with suppress(Unavailable):
            walk.invoke("Watchdog", walk.death())
        left.append(set(world.faults.templates))

    left: list[set[str]] = []
    walk.after["CreateTemplate"] = lambda _: kill(walk, world)
    walk.run({"experiment": "seed"})
    assert left == [set()], "it could still be started"
    assert record_of(world).final
    monkeypatch.undo()
    walk.pulses(5)
    nothing_runs(world)
