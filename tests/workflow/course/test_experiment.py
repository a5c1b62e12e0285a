"""The experiment workflow end to end: every way a run can go, on the real state machine."""

from __future__ import annotations

from typing import Any

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.machine import Finished, Machine


def test_a_resilient_workload_is_validated(engine: Machine, world: FakeWorld) -> None:
    done = engine.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED", done.history[-1]
    result = result_of(world)
    assert (result.status, result.verdict, result.hypothesis_validated) == (Status.COMPLETED, Verdict.VALIDATED, True), result.reason
    assert [criterion.outcome for criterion in result.criteria] == ["met"] * 3
    nothing_is_left(world)
    assert world.records.open() == []


def test_the_workload_that_is_not_replaced_is_refuted(engine: Machine, world: FakeWorld) -> None:
    world.fleet.groups["web"].replaces_after = None
    done = engine.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    result = result_of(world)
    assert (result.status, result.verdict, result.hypothesis_validated) == (Status.COMPLETED, Verdict.REFUTED, False)
    assert any("Auto Scaling launches replacement instance" in issue for issue in result.issues_discovered)
    nothing_is_left(world)


def test_a_guard_that_fires_ends_the_fault_and_the_run_is_aborted(engine: Machine, world: FakeWorld) -> None:
    def fire(_: Any) -> None:
        world.clock.after(120, lambda: world.alarms.set_state("squall-Squall-run-1-1", "ALARM"))

    engine.after["StartFault"] = fire
    done = engine.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    record = world.records.get("run-1")
    assert record is not None
    assert record.abort is not None
    assert (record.status, record.verdict, record.hypothesis_validated) == (Status.ABORTED, Verdict.ABORTED, False), record.reason
    assert record.abort.source is AbortSource.GUARD
    nothing_is_left(world)


def test_a_plan_prepares_everything_and_injects_nothing(engine: Machine, world: FakeWorld) -> None:
    done = engine.run({"experiment": "seed", "mode": "plan"})
    assert done.status == "SUCCEEDED"
    record = world.records.get("run-1")
    assert record is not None
    assert (record.status, record.verdict) == (Status.PLANNED, None)
    assert world.faults.runs == {}
    assert "StartFault" not in done.states
    nothing_is_left(world)


def test_twelve_hours_take_as_many_transitions_as_ten_minutes(engine: Machine, world: FakeWorld, experiment: dict[str, Any]) -> None:
    short = engine.run({"definition": {**experiment, "duration_minutes": 10}}, "short")
    long = engine.run({"definition": {**experiment, "environment": "staging", "duration_minutes": 240}}, "long")
    assert (short.status, long.status) == ("SUCCEEDED", "SUCCEEDED")
    assert long.transitions <= short.transitions + 3, (_counts(short), _counts(long))


def _counts(done: Finished) -> dict[str, int]:
    return {state: done.states.count(state) for state in sorted(set(done.states))}
