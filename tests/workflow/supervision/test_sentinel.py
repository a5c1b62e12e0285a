"""Whole runs that a sentinel watches, and whole runs after others: what is started, judged, cut and left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.discovery import Discovery
from squall.errors import Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.walk import Walk

URL = "https://shop.example.com/health"


@pytest.fixture
def probed(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    """Three minutes of fault, seen by a client; the probe is answered as soon as it is started."""
    known.environments["staging"]["sentinel"] = {"hosts": ["shop.example.com"], "maximum_load_per_second": 2}
    answered(world, failing=lambda _: 0.0)
    return {
        **experiment,
        "duration_minutes": 3,
        "sentinel": {"url": URL},
        "success_criteria": ["Sentinel availability > 99%", "Sentinel response time < 1 s"],
        "abort_conditions": ["Sentinel availability < 80%"],
    }


def answered(world: FakeWorld, failing: Callable[[int], float]) -> None:
    """Two probes a period from when the function was started; `failing` of them."""
    began: list[float] = []
    start = world.probes.start

    def started(execution_id: str) -> bool:
        began.append(world.clock.now().timestamp())
        return start(execution_id)

    world.probes.start = started  # type: ignore[method-assign]

    def since(value: Callable[[int], float]) -> Callable[[int], float | None]:
        return lambda at: value(at) if began and at >= began[0] else None

    world.metrics.set("Attempts", since(lambda _: 2.0))
    world.metrics.set("Failures", since(failing))
    world.metrics.set("ResponseTime", since(lambda _: 0.1), statistic="Sum")
    world.metrics.set("ResponseTime", since(lambda _: 2.0), statistic="SampleCount")


def test_a_short_fault_is_judged_by_the_client_in_periods_of_ten_seconds(walk: Walk, world: FakeWorld, probed: dict[str, Any]) -> None:
    walk.run({"definition": probed})
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    availability, response = result.criteria
    assert availability.window
    assert response.window
    assert (availability.window.period_seconds, response.window.period_seconds) == (10, 10)
    assert availability.expected_points == len(availability.points) >= 17
    assert response.measured == pytest.approx(0.05)
    assert world.probes.started == ["run-1"]
    by_name = {statistic.metric: statistic for statistic in result.statistics}
    fine, usual = by_name["sentinel_availability"], by_name["availability"]
    assert fine.fault
    assert usual.fault
    assert (fine.fault.window.period_seconds, usual.fault.window.period_seconds) == (10, 60)
    assert result.cost["sentinel_usd"] > 0
    nothing_is_left(world)


def test_the_baseline_waits_for_the_first_probes_and_no_longer(walk: Walk, world: FakeWorld, probed: dict[str, Any]) -> None:
    walk.run({"definition": probed})
    baseline = world.documents.get("run-1", Baseline)
    record = world.records.get("run-1")
    assert baseline
    assert record
    (fine,) = baseline.finer
    assert (fine.period_seconds, 10 <= fine.periods <= 14) == (10, True), "a hundred seconds, not ten minutes"
    events = {str(event.event): event.at for event in record.events}
    assert events["baseline_captured"] - events["sentinel_started"] < timedelta(seconds=150)


def test_what_a_client_can_not_reach_refutes(walk: Walk, world: FakeWorld, probed: dict[str, Any]) -> None:
    def failing(_: int) -> float:
        return 0.1 if world.faults.runs else 0.0

    answered(world, failing)
    walk.run({"definition": probed})
    assert result_of(world).verdict is Verdict.REFUTED


def test_a_function_that_has_lost_its_network_is_called_again_by_the_pulse(walk: Walk, world: FakeWorld, probed: dict[str, Any]) -> None:
    world.probes.not_ready = 2
    walk.run({"definition": probed})
    assert result_of(world).verdict is Verdict.VALIDATED
    assert (world.probes.not_ready, world.probes.started) == (0, ["run-1"])


def test_a_sentinel_that_never_speaks_injects_nothing(walk: Walk, world: FakeWorld, probed: dict[str, Any]) -> None:
    world.metrics.set("Attempts", None)
    walk.run({"definition": probed})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "sentinel_availability" in result.reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_sentinel_that_falls_silent_under_the_fault_aborts_it(walk: Walk, world: FakeWorld, probed: dict[str, Any]) -> None:
    def attempts(_: int) -> float | None:
        return None if world.faults.runs else 2.0

    world.metrics.set("Attempts", attempts)
    walk.run({"definition": {**probed, "duration_minutes": 10}})
    result = result_of(world)
    assert result.verdict is Verdict.ABORTED, result.reason
    assert "the pulse saw" in result.reason or "fired" in result.reason
    nothing_is_left(world)


def test_an_experiment_without_one_starts_none(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    assert world.probes.started == []
    discovery = world.documents.get("run-1", Discovery)
    assert discovery
    assert not [binding for binding in discovery.bindings if "sentinel" in binding.name]


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({"sentinel": {"url": "https://other.example.com/"}}, 'does not let "other.example.com" be probed'),
        ({"sentinel": {"url": "http://169.254.169.254/latest/meta-data"}}, 'does not let "169.254.169.254" be probed'),
        ({"sentinel": {"url": URL, "load_per_second": 3}}, "at most 2"),
        ({"sentinel": {"url": URL, "every": "PT10S"}}, "too seldom"),
        ({"sentinel": None}, "needs a sentinel"),
    ],
)
def test_what_the_policy_does_not_allow_is_refused(
    walk: Walk, world: FakeWorld, probed: dict[str, Any], changes: dict[str, Any], expected_text: str
) -> None:
    walk.run({"definition": {**probed, **changes}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert any(expected_text in str(problem) for problem in result.problems), [str(entry) for entry in result.problems]
    assert world.probes.started == []


# after another run


def test_the_next_run_waits_for_history_that_nobody_disturbed(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"}, "first")
    first = world.records.get("first")
    assert first
    watched = next(event.at for event in first.events if event.event == "recovered")
    walk.run({"experiment": "seed"}, "second")
    baseline = world.documents.get("second", Baseline)
    assert baseline
    assert [cut.execution_id for cut in baseline.cut] == ["first"]
    assert baseline.window.start >= watched.timestamp()
    assert baseline.window.periods >= 10
    result = result_of(world, "second")
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert any("(first) disturbed the workload" in observation for observation in result.observations)
    nothing_is_left(world, "second")


def test_who_can_not_be_asked_for_earlier_faults_injects_nothing(walk: Walk, world: FakeWorld) -> None:
    world.failing["records.faulted"] = Unavailable("dynamodb", "Query", "InternalServerError", "no", retryable=True)
    walk.run({"experiment": "seed"})
    assert world.faults.runs == {}
    nothing_is_left(world)
