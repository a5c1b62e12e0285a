"""A scenario that is observed for longer than its faults last, with overrides, and with a signal of one of its faults."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.timeline import EventName
from tests.fakes.world import FakeWorld
from tests.workflow.endings import GUARD, ended, nothing_is_left, record_of, result_of
from tests.workflow.rig import SCENARIO, SHAPES
from tests.workflow.walk import Walk

ROUND_TRIP = {"namespace": "Shop", "metric_name": "RoundTrip", "dimensions": {"InstanceId": "$target"}, "by": 20.0}
SENTENCES = ["System availability > 99%", "Response time < 2 seconds"]
OVER_AT = 9 * 60
"""Seconds after the start at which the last fault is over: three minutes, FIS's reserve of one, a delay of one, four."""


@pytest.fixture
def observed(experiment: dict[str, Any], known: Any) -> dict[str, Any]:
    """Memory, a loss and latency within nine minutes, observed for twenty. Edited in place, because it is what is deployed."""
    SHAPES[SCENARIO](experiment, known.environments["staging"])
    experiment |= {"observation": "20m", "success_criteria": SENTENCES}
    return experiment


def test_it_is_guarded_and_judged_until_the_observation_ends(walk: Walk, world: FakeWorld, observed: dict[str, Any]) -> None:
    walk.run({"experiment": "seed"})
    record, result = ended(world, Status.COMPLETED, Verdict.VALIDATED, True), result_of(world)
    assert record.fault_started_at is not None
    assert record.fault_ended_at is not None
    assert (record.fault_seconds, record.observation_seconds) == (OVER_AT, 20 * 60)
    assert (record.fault_ended_at - record.fault_started_at).total_seconds() >= 20 * 60, "FIS's stop conditions live as long"
    (over,) = record.happened(EventName.FAULT_OVER)
    assert OVER_AT <= (over.at - record.fault_started_at).total_seconds() <= OVER_AT + 30
    assert {criterion.window.name for criterion in result.criteria if criterion.window} == {"observation"}
    (run,) = world.faults.runs.values()
    assert run.body["actions"]["observation"]["actionId"] == "aws:fis:wait"
    assert "startAfter" not in run.body["actions"]["observation"]
    assert run.body["actions"]["observation"]["parameters"]["duration"] == "PT21M"
    assert set(run.body["actions"]) == {
        "memory.memory",
        "loss.terminate",
        "loss.observe",
        "loss.wait",
        "latency.wait",
        "latency.latency",
        "observation",
    }
    nothing_is_left(world)


def test_harm_after_the_last_fault_refutes(walk: Walk, world: FakeWorld, observed: dict[str, Any]) -> None:
    observed["abort_conditions"] = ["System availability < 20%"]

    def degrade() -> None:
        since = world.clock.now().timestamp()
        world.metrics.set("TargetResponseTime", lambda at: 60.0 if since <= at < since + 300 else 0.05)

    walk.after["StartFault"] = lambda _: world.clock.after(OVER_AT + 60, degrade)
    walk.run({"experiment": "seed"})
    assert result_of(world).verdict is Verdict.REFUTED, result_of(world).reason
    nothing_is_left(world)


def test_a_guard_after_the_last_fault_aborts_and_says_that_it_was_over(walk: Walk, world: FakeWorld, observed: dict[str, Any]) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(OVER_AT + 120, lambda: world.alarms.set_state(GUARD, "ALARM"))
    walk.run({"experiment": "seed"})
    record = ended(world, Status.ABORTED, Verdict.ABORTED, False)
    assert record.abort is not None
    assert record.abort.source is AbortSource.GUARD
    assert "; the fault was already over, since " in result_of(world).reason
    nothing_is_left(world)


def test_the_end_is_not_noted_while_a_late_fault_still_runs(walk: Walk, world: FakeWorld, observed: dict[str, Any]) -> None:
    """FIS takes its time, so the last fault lasts beyond the planned end. The same document ended long ago on its target."""
    world.faults.between_seconds = 100
    latency = observed["faults"]["latency"]
    latency |= {"type": "memory_stress", "parameters": {"memory_percent": 50}}
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (over,) = record_of(world).happened(EventName.FAULT_OVER)
    (run,) = world.faults.runs.values()
    (last,) = (action for action in run.experiment.actions if action.name == "latency.memory")
    assert last.started_at is not None
    assert (over.at - last.started_at).total_seconds() >= 4 * 60
    nothing_is_left(world)


def test_a_fault_that_fis_does_not_end_is_stopped_before_the_observation_ends(
    walk: Walk, world: FakeWorld, observed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    observed["observation"] = "45m"
    act, end = world.faults._end_action, world.commands.end
    monkeypatch.setattr(world.faults, "_end_action", lambda run, name: act(run, name) if not name.startswith("latency.l") else None)
    monkeypatch.setattr(world.commands, "end", lambda command, status: end(command, status) if status == "Cancelled" else None)
    walk.run({"experiment": "seed"})
    record = record_of(world)
    assert record.fault_started_at is not None
    assert record.fault_ended_at is not None
    assert record.happened(EventName.STOP_REQUESTED) != ()
    assert (record.fault_ended_at - record.fault_started_at).total_seconds() < 30 * 60


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"observation": "7m"}, "observation", "is shorter than the fault, which lasts 480 s"),
        ({"observation": "8m30s"}, "observation", "the last fault may end 9 min after the beginning"),
        ({"fault_signal": ROUND_TRIP}, "fault_signal", "does not say of which fault"),
        ({"abort_conditions": ["System availability < 95% during the fault"]}, "abort_conditions[0]", "watches the whole observation"),
    ],
)
def test_what_does_not_fit_the_faults_is_refused(
    walk: Walk, world: FakeWorld, observed: dict[str, Any], changes: dict[str, Any], path: str, said: str
) -> None:
    observed |= changes
    walk.run({"experiment": "seed"})
    reason = ended(world, Status.REJECTED, None, None).reason
    assert f"{path}: " in reason
    assert said in reason
    assert world.faults.runs == {}


@pytest.mark.parametrize(("reached", "verdict"), [(22.0, Verdict.INVALID), (24.0, Verdict.VALIDATED)])
def test_a_signal_belongs_to_one_fault_and_is_read_in_its_time(
    walk: Walk, world: FakeWorld, observed: dict[str, Any], reached: float, verdict: Verdict
) -> None:
    observed["faults"]["latency"]["fault_signal"] = ROUND_TRIP

    def signal(at: int) -> float:
        for run in world.faults.runs.values():
            for action in run.experiment.actions:
                if action.name == "latency.latency" and action.started_at and action.started_at.timestamp() <= at:
                    return reached
        return 3.0

    world.metrics.set("RoundTrip", signal)
    walk.run({"experiment": "seed"})
    result = result_of(world)
    assert result.verdict is verdict, result.reason
    (reading,) = (entry for entry in result.signals if entry.metric == "Shop RoundTrip")
    assert (reading.fault, reading.reading) == ("latency", "moved" if verdict is Verdict.VALIDATED else "contradicted")
    nothing_is_left(world)


def test_parameters_of_one_fault_are_overridden_as_far_as_the_scenario_lists_them(
    walk: Walk, world: FakeWorld, observed: dict[str, Any]
) -> None:
    observed["override_ranges"] = {"latency.latency_ms": [100, 500]}
    overrides = {"parameters": {"latency.latency_ms": 450}, "observation": "25m"}
    walk.run({"experiment": "seed", "overrides": overrides})
    assert record_of(world).status is Status.COMPLETED, record_of(world).reason
    (run,) = world.faults.runs.values()
    assert '"DelayMilliseconds":"450"' in run.body["actions"]["latency.latency"]["parameters"]["documentParameters"]
    assert run.body["actions"]["observation"]["parameters"]["duration"] == "PT26M"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"parameters": {"latency.latency_ms": 501}}, "501 is not a value that the experiment lists for overrides"),
        ({"parameters": {"latency.jitter_ms": 1}}, "the experiment does not let this parameter be overridden"),
        ({"parameters": {"latncy.latency_ms": 200}}, 'says no parameter of a fault, did you mean "latency"?'),
        ({"parameters": {"latency_ms": 200}}, "says no parameter of a fault"),
        ({"targets": 2}, "the faults of a scenario choose their targets together"),
        ({"duration": "5m"}, "every fault of the scenario has a length of its own"),
        ({"observation": "5m"}, "is shorter than the fault"),
        ({"observation": "9h"}, "at most 4 h"),
    ],
)
def test_other_overrides_are_refused_by_name(
    walk: Walk, world: FakeWorld, observed: dict[str, Any], overrides: dict[str, Any], said: str
) -> None:
    observed["override_ranges"] = {"latency.latency_ms": [100, 500]}
    walk.run({"experiment": "seed", "overrides": overrides})
    reason = ended(world, Status.REJECTED, None, None).reason
    assert "overrides." in reason
    assert said in reason
    assert world.faults.runs == {}
