"""The experiment workflow end to end: every way a run can go, on the real state machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bench.transitions import SHIPPED, Case, count_transitions
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.timeline import EventName
from tests.fakes.world import FakeWorld
from tests.workflow.endings import Intercept, ended, fail, nothing_is_left, once, result_of
from tests.workflow.machine import Finished, Machine
from tests.workflow.walk import Walk


def test_a_resilient_workload_is_validated(engine: Machine, world: FakeWorld) -> None:
    done = engine.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED", done.history[-1]
    result = result_of(world)
    assert (result.status, result.verdict, result.hypothesis_validated) == (Status.COMPLETED, Verdict.VALIDATED, True), result.reason
    assert [criterion.outcome for criterion in result.criteria] == ["met"] * 3
    nothing_is_left(world)
    assert world.records.open() == []


def test_people_hear_that_the_fault_runs_and_how_to_end_it(engine: Machine, world: FakeWorld) -> None:
    seen: list[str] = []
    engine.after["StartFault"] = lambda _: seen.extend(message.subject for message in world.notifier.sent)
    engine.run({"experiment": "seed"})
    assert seen == ["Squall: fault running: EC2 Instance Termination Test in staging"], "before the run has ended"
    started, ended = world.notifier.sent
    assert started.attributes["status"] == "running"
    assert ended.attributes["status"] == "completed"
    (target,) = result_of(world).targets
    assert target["arn"] in started.body
    assert "squall abort run-1 --stack Squall --region" in started.body
    assert "System availability < 95%" in started.body


def test_nobody_is_told_that_a_fault_runs_which_is_being_aborted(walk: Walk, world: FakeWorld) -> None:
    order = {"execution_id": "run-1", "reason": "enough", "requested_by": "ops"}

    @once
    def abort() -> None:
        walk.quietly("Abort", order)

    world.failing = Intercept(lambda call: abort() if (walk.running[-1:], call) == (["StartFault"], "lifecycle.emit") else None)
    walk.run({"experiment": "seed"})
    ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert [message.attributes["status"] for message in world.notifier.sent] == ["aborted"]


def test_a_message_that_can_not_be_sent_keeps_no_fault_from_being_watched(walk: Walk, world: FakeWorld) -> None:
    world.failing = Intercept(lambda call: fail(call) if (walk.running[-1:], call) == (["StartFault"], "notifier.publish") else None)
    walk.run({"experiment": "seed"})
    record = ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert [event.event for event in record.events].count(EventName.NOT_ANNOUNCED) == 1
    assert [message.attributes["status"] for message in world.notifier.sent] == ["completed"]


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
    assert (record.status, record.verdict, record.only_plans) == (Status.PLANNED, None, True)
    assert world.faults.runs == {}
    assert "StartFault" not in done.states
    nothing_is_left(world)


def test_twelve_hours_take_as_many_transitions_as_ten_minutes(engine: Machine, world: FakeWorld, experiment: dict[str, Any]) -> None:
    short = engine.run({"definition": {**experiment, "duration_minutes": 10}}, "short")
    long = engine.run({"definition": {**experiment, "environment": "staging", "duration_minutes": 240}}, "long")
    assert (short.status, long.status) == ("SUCCEEDED", "SUCCEEDED")
    assert long.transitions <= short.transitions + 3, (_counts(short), _counts(long))


def test_three_faults_cost_hardly_more_transitions_than_one_and_begin_as_soon() -> None:
    one, three = (count_transitions(Case(SHIPPED, timedelta(minutes=9), faults)) for faults in (1, 3))
    assert (one.verdict, three.verdict) == ("validated", "validated")
    assert three.transitions <= 1.2 * one.transitions
    assert timedelta(0) < three.to_fault <= 1.2 * one.to_fault, "what Squall waits for before the fault; its work takes no time here"


def _counts(done: Finished) -> dict[str, int]:
    return {state: done.states.count(state) for state in sorted(set(done.states))}
