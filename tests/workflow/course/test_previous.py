"""Executions of the release before this one, walked with the handlers of this one: that is what a deployment makes of them.

`tests/data/previous.asl.json` is the state machine as it was last released; `make release` replaces it by the present one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.documents.run import PAYLOAD_VERSION, Run
from tests.fakes.world import FakeWorld
from tests.workflow.driver import snake
from tests.workflow.endings import GUARD, ID, ended, is_settled, nothing_is_left, once, record_of, result_of
from tests.workflow.walk import Walk, every_state

PREVIOUS = Path(__file__).parents[2] / "data" / "previous.asl.json"
HANDLERS = Path(__file__).parents[3] / "lambdas" / "squall" / "handlers"


@pytest.fixture
def old(walk: Walk) -> Walk:
    walk.machine = json.loads(PREVIOUS.read_text())
    return walk


def functions_of(machine: dict[str, Any]) -> dict[str, str]:
    """Name of a task state to its function's."""
    tasks = {name: state for name, state in every_state(machine["States"]).items() if state["Type"] == "Task"}
    return {name: state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("FunctionArn}") for name, state in tasks.items()}


def test_every_function_it_calls_is_still_there() -> None:
    called = set(functions_of(json.loads(PREVIOUS.read_text())).values())
    assert called
    assert [name for name in sorted(called) if not (HANDLERS / f"{snake(name)}.py").exists()] == []


def test_it_runs_to_its_verdict(old: Walk, world: FakeWorld) -> None:
    done = old.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert len(world.faults.runs) == 1
    nothing_is_left(world)
    is_settled(world)


def by_guard(walk: Walk, world: FakeWorld) -> None:
    world.alarms.set_state(GUARD, "ALARM")


def by_operator(walk: Walk, world: FakeWorld) -> None:
    walk.invoke("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "ops"})


def by_halt(walk: Walk, world: FakeWorld) -> None:
    walk.invoke("Halt", {})


@pytest.mark.parametrize(
    ("act", "source"), [(by_guard, AbortSource.GUARD), (by_operator, AbortSource.OPERATOR), (by_halt, AbortSource.HALT)]
)
def test_its_fault_is_aborted(old: Walk, world: FakeWorld, act: Callable[[Walk, FakeWorld], None], source: AbortSource) -> None:
    old.after["StartFault"] = lambda _: world.clock.after(125, lambda: act(old, world))
    assert old.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = record_of(world)
    assert record.abort is not None
    assert (record.status, record.abort.source) == (Status.ABORTED, source)
    nothing_is_left(world)


def test_what_is_refused_is_refused(old: Walk, world: FakeWorld) -> None:
    world.fleet.members("web")[0].tags.clear()
    world.fleet.members("web")[1].tags.clear()
    assert old.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.REJECTED, None, None)
    assert result_of(world).safety_checks
    nothing_is_left(world)


def test_it_queues(old: Walk, world: FakeWorld) -> None:
    until = world.clock.now().replace(year=2031)
    for number in range(5):
        world.locks.acquire_slot(f"other-{number}", until, world.clock.now(), 5)
    world.clock.after(100, world.locks.slot_leases.clear)
    old.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert "queued" in [event.event for event in record_of(world).events]


@pytest.mark.parametrize("state", sorted(functions_of(json.loads(PREVIOUS.read_text()))))
def test_stopped_at_any_state_nothing_is_left(old: Walk, world: FakeWorld, state: str) -> None:
    killed = once(old.kill)
    death: list[dict[str, Any]] = []

    def kill() -> None:
        killed()
        if not death:
            death.append(old.death())
            world.clock.after(2, lambda: old.quietly("Watchdog", death[0]))

    old.enter[state] = kill
    old.run({"experiment": "seed"})
    if state == "ReleaseUnrecorded":
        assert not death, "a run that goes well does not come here"
    world.clock.advance(5)
    old.pulses(4)
    assert record_of(world).final
    nothing_is_left(world)


@pytest.mark.parametrize("version", [PAYLOAD_VERSION - 1, PAYLOAD_VERSION])
def test_a_payload_of_this_version_and_the_one_before_is_understood(walk: Walk, world: FakeWorld, version: int) -> None:
    def older(payload: dict[str, Any]) -> None:
        payload["run"]["v"] = version

    for name in functions_of(json.loads(PREVIOUS.read_text())):
        if name not in {"Admit", "ReleaseUnrecorded"}:
            walk.before[name] = older
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_payload_of_another_version_is_an_error_not_a_guess() -> None:
    for version in (PAYLOAD_VERSION - 2, PAYLOAD_VERSION + 1):
        with pytest.raises(ValidationError):
            Run.model_validate({"v": version, "id": "a", "execution_arn": "b", "started_at": "2030-01-07T10:00:00Z"})
