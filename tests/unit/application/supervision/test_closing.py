"""How a run that died is decided, and in which order it is taken away."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.application.stopping.cleanup import Leftover
from squall.application.supervision.close import alert_people, close_run
from squall.application.supervision.run_cleanup import RunCleanup
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.part import Part
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring
from tests.fakes.clock import START
from tests.fakes.storage import Lease
from tests.fakes.world import FakeWorld
from tests.unit.builders import record

ID = "run-1"
GUARD = Abort(AbortSource.GUARD, "guard fired", START, "guard")
OPERATOR = Abort(AbortSource.OPERATOR, "enough", START, "ops")
STARTING = (Event(START, EventName.STARTING),)


def running(**changes: Any) -> ExecutionRecord:
    arn = f"arn:aws:states:eu-west-1:123456789012:execution:squall:{ID}"
    return record(**{"id": ID, "execution_arn": arn, "started_at": START, "lock_keys": ("group/web",), **changes})


@pytest.fixture
def world() -> FakeWorld:
    """A run whose fault is on, with everything a run has."""
    world = FakeWorld()
    world.faults.templates["EXT1"] = {"tags": {"squall:stack": "Squall", "squall:execution": ID}}
    fis = world.faults.start("EXT1", "token", {"squall:stack": "Squall", "squall:execution": ID})
    world.locks.leases["group/web"] = Lease(ID, START + timedelta(hours=1))
    world.locks.slot_leases[3] = Lease(ID, START + timedelta(hours=1))
    world.records.create(running(template_id="EXT1", fis_experiment_id=fis.id, guard_names=("squall-Squall-run-1-1",)))
    return world


@pytest.fixture
def w(world: FakeWorld) -> Wiring:
    return world.wiring()


def end(w: Wiring, **options: Any) -> tuple[Leftover, ...]:
    return close_run(w, ID, by="test", reason="the execution is ABORTED", **{"wait_seconds": 5, **options})


ENDINGS: dict[str, tuple[dict[str, Any], bool, tuple[Status, Verdict | None, bool | None]]] = {
    "stopped outside": ({"fis_experiment_id": "EXP"}, False, (Status.ABORTED, Verdict.ABORTED, None)),
    "stopped outside before the fault": ({}, False, (Status.ABORTED, Verdict.ABORTED, None)),
    "failed": ({"fis_experiment_id": "EXP"}, True, (Status.FAILED, None, None)),
    "guard, then died": ({"fis_experiment_id": "EXP", "abort": GUARD}, True, (Status.ABORTED, Verdict.ABORTED, False)),
    "guard while starting": ({"abort": GUARD, "events": STARTING}, True, (Status.ABORTED, Verdict.ABORTED, False)),
    "guard before the fault": ({"abort": GUARD}, False, (Status.COMPLETED, Verdict.INVALID, None)),
    "operator before the fault": ({"abort": OPERATOR}, True, (Status.ABORTED, Verdict.ABORTED, None)),
    "operator": ({"fis_experiment_id": "EXP", "abort": OPERATOR}, True, (Status.ABORTED, Verdict.ABORTED, None)),
    "rejected already": ({"decided_status": Status.REJECTED, "reason": "no"}, True, (Status.REJECTED, None, None)),
    "invalid already": (
        {"decided_status": Status.COMPLETED, "decided_verdict": Verdict.INVALID, "reason": "no"},
        True,
        (Status.COMPLETED, Verdict.INVALID, None),
    ),
}


@pytest.mark.parametrize(("changes", "failed", "expected"), ENDINGS.values(), ids=ENDINGS)
def test_what_a_dead_run_is_recorded_as(
    changes: dict[str, Any], failed: bool, expected: tuple[Status, Verdict | None, bool | None]
) -> None:
    world = FakeWorld()
    world.records.create(running(**changes))
    end(world.wiring(), failed=failed)
    result = world.records.items[ID]
    assert (result.status, result.verdict, result.hypothesis_validated) == expected
    assert result.reason
    assert result.closed_by == "test"


def test_the_fence_comes_first_and_the_lock_last(world: FakeWorld, w: Wiring) -> None:
    assert end(w) == ()
    order = [
        "records.finish",
        "faults.delete_template",
        "faults.stop",
        "alarms.delete",
        "locks.release",
        "locks.release_slot",
        "notifier.publish",
        "lifecycle.emit",
    ]
    assert [world.calls.index(entry) for entry in order] == sorted(world.calls.index(item) for item in order)


def test_home_hears_of_a_part_after_its_fault_was_stopped(world: FakeWorld, w: Wiring) -> None:
    """A Region that does not answer delays no stop, and home does not end the run while a part of it still injects."""
    part = Part("shop", "eu-west-1", "eu-central-1", ("eu-central-1", "eu-west-1"), START)
    world.records.items[ID] = replace(world.records.items[ID], part=part, events=(Event(START, EventName.PEERS_TOLD),))
    end(w)
    assert world.calls.index("faults.stop") < world.calls.index("regions.ask_to_decide")


def test_a_run_without_record_is_nobodys(world: FakeWorld, w: Wiring) -> None:
    assert close_run(w, "nobody", by="test", reason="x") == ()
    assert "faults.stop" not in world.calls


def test_closed_once_told_once(world: FakeWorld, w: Wiring) -> None:
    end(w)
    before = world.records.items[ID]
    end(w)
    assert world.records.items[ID] == before
    assert len(world.notifier.sent) == len(world.lifecycle.events) == 1


def test_a_fault_that_takes_its_time_is_waited_for(world: FakeWorld, w: Wiring) -> None:
    world.faults.stop_seconds = 30
    assert end(w, wait_seconds=40) == ()
    assert world.locks.leases == {}
    assert "STILL THERE" not in world.notifier.sent[0].body


def test_what_is_left_is_told_with_commands_a_shell_understands(world: FakeWorld, w: Wiring) -> None:
    for broken in ("faults.delete_template", "faults.stop", "alarms.delete"):
        world.failing[broken] = Refused("aws", broken, "AccessDenied", "no")
    left = end(w)
    body = world.notifier.sent[0].body
    assert "STILL THERE" in body
    assert world.locks.leases, "held while the fault may run"
    for entry in left:
        assert str(entry) in body
        assert shlex.split(entry.command)[0] == "aws"


@pytest.mark.parametrize("broken", ["locks.release", "locks.line", "workflow.wake"])
def test_people_are_told_whatever_is_broken(world: FakeWorld, w: Wiring, broken: str) -> None:
    world.records.update(ID, task_token="token")
    world.failing[broken] = Unavailable("aws", broken, "InternalError", "down", retryable=True)
    end(w)
    assert len(world.notifier.sent) == 1
    assert not world.faults.active() or world.faults.runs["EXP1"].experiment.status == "stopping"


def test_a_run_nobody_was_told_of_stays_in_the_open_index(world: FakeWorld, w: Wiring) -> None:
    world.failing["notifier.publish"] = Unavailable("sns", "Publish", "InternalError", "down", retryable=True)
    with pytest.raises(Unavailable):
        end(w)
    world.clock.advance(600)
    RunCleanup(w, world.records.items[ID]).run()
    assert world.records.in_open_index == {ID}
    assert len(world.lifecycle.events) == 1, "machines hear although people can't"


def test_a_sleeping_workflow_is_woken(world: FakeWorld, w: Wiring) -> None:
    world.records.update(ID, task_token="token")
    world.workflow.tokens.add("token")
    end(w)
    assert world.workflow.woken == ["token"]


def test_a_template_the_record_does_not_know_is_found_by_its_tag(world: FakeWorld, w: Wiring) -> None:
    world.records.update(ID, template_id=None)
    assert end(w) == ()
    assert world.faults.templates == {}
    assert not world.faults.active()


def test_nothing_of_another_run_is_touched(world: FakeWorld, w: Wiring) -> None:
    wait = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT10M"}}
    world.faults.templates["EXT9"] = {"tags": {"squall:stack": "Squall", "squall:execution": "run-2"}, "actions": {"wait": wait}}
    other = world.faults.start("EXT9", "token-2", {"squall:stack": "Squall", "squall:execution": "run-2"})
    world.locks.slot_leases[1] = Lease("run-2", START + timedelta(hours=1))
    end(w)
    assert "EXT9" in world.faults.templates
    assert [fis.id for fis in world.faults.active()] == [other.id]
    assert set(world.locks.slot_leases) == {1}


def test_leftovers_of_a_told_run_are_told_once(world: FakeWorld, w: Wiring) -> None:
    left = (Leftover("a fault", "aws fis stop-experiment --id EXP1"),)
    for _ in range(3):
        alert_people(w, world.records.items[ID], left)
    assert len(world.notifier.sent) == 1
    assert "NOT CLEANED UP" in world.notifier.sent[0].subject
