"""A command that reports success while its target does nothing: a metric of the mechanism contradicts it, and the run is invalid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from squall.domain.base.vocabulary import Verdict
from squall.errors import Refused, Unavailable
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.walk import Walk

QUIET = 3.0
DISK = ((("device", "nvme0n1p1"), ("fstype", "xfs")),)
ROUND_TRIP = {
    "namespace": "Shop", "metric_name": "RoundTrip", "dimensions": {"InstanceId": "$target", "Service": "stock"}, "by": 20.0,
}  # fmt: skip
Course = Callable[[int], float | None]


@pytest.fixture
def fault(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> Callable[..., None]:
    def run(kind: str, metric: str = "", course: Course | None = None, **changes: Any) -> None:
        if metric:
            world.metrics.set(metric, course)
        criteria = ["System availability > 99%"]
        walk.run({"definition": {**experiment, "type": kind, "success_criteria": criteria, **changes}})

    return run


def since_the_fault(world: FakeWorld, value: float | None, before: float = QUIET) -> Course:
    """A signal that is `value` from the moment FIS has been told to start."""

    def signal(at: int) -> float | None:
        fis = [world.faults.get(run) for run in world.faults.runs]
        began = [entry.started_at.timestamp() for entry in fis if entry and entry.started_at]
        return value if began and at >= min(began) else before

    return signal


CASES = {
    "cpu_stress": ("CPUUtilization", {}, QUIET, QUIET + 20),
    "memory_stress": ("mem_used_percent", {"memory_percent": 80}, 30.0, 45.0),
    "disk_fill": ("disk_used_percent", {"disk_percent": 95}, 12.0, 95.0),
    "service_unavailable": ("UnHealthyHostCount", {"port": 80}, 0.0, 1.0),
}
"""Type to the metric of its mechanism, its parameters, and a value before and during."""


@pytest.mark.parametrize("kind", CASES)
def test_a_mechanism_that_moves_nothing_is_contradicted(fault: Callable[..., None], world: FakeWorld, kind: str) -> None:
    metric, parameters, before, _ = CASES[kind]
    world.metrics.more_dimensions["disk_used_percent"] = DISK
    fault(kind, metric, lambda _: before, parameters=parameters)
    result = result_of(world)
    assert (result.verdict, result.hypothesis_validated) == (Verdict.INVALID, None)
    assert "the fault did nothing to i-" in result.reason
    assert f"but {metric} was {before:g} at most, after {before:g}, and should have risen by" in result.reason
    (finding,) = (entry for entry in result.findings if entry.kind == "fault_unproven")
    assert finding.title == "The fault is not proven on 1 of 1 target"
    assert any(
        observation.startswith("Contradicted by a metric of the mechanism: the fault did nothing") for observation in result.observations
    )
    nothing_is_left(world)


@pytest.mark.parametrize("kind", CASES)
def test_a_mechanism_that_is_seen_stands(fault: Callable[..., None], world: FakeWorld, kind: str) -> None:
    metric, parameters, before, during = CASES[kind]
    fault(kind, metric, since_the_fault(world, during, before), parameters=parameters)
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert [signal.reading for signal in result.signals] == ["moved"]
    assert not [finding for finding in result.findings if finding.kind == "fault_unproven"]


def test_a_processor_that_was_busy_before_had_no_room_to_rise(fault: Callable[..., None], world: FakeWorld) -> None:
    fault("cpu_stress", "CPUUtilization", lambda _: 95.0)
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert "had no room to rise: it was 95 before" in result.signals[0].detail


@pytest.mark.parametrize(
    ("course", "expected_text"),
    [(lambda _: None, "has no value for every period"), (lambda at: QUIET if at % 420 == 0 else None, "has no value for every period")],
    ids=["no metric", "one of seven minutes"],
)
def test_a_metric_that_is_missing_or_sparse_leaves_the_command_its_word(
    fault: Callable[..., None], world: FakeWorld, course: Course, expected_text: str
) -> None:
    fault("cpu_stress", "CPUUtilization", course)
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert any(
        observation.startswith("Confirmed by no metric of the mechanism: ") and expected_text in observation
        for observation in result.observations
    )


def test_where_no_agent_publishes_nothing_is_told_and_that_is_said(fault: Callable[..., None], world: FakeWorld) -> None:
    fault("memory_stress", parameters={"memory_percent": 80})
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert [(signal.reading, signal.metric) for signal in result.signals] == [("not_told", "CWAgent mem_used_percent")]
    assert "is not published" in result.signals[0].detail


def test_basic_monitoring_tells_once_the_fault_is_long_enough(fault: Callable[..., None], world: FakeWorld) -> None:
    fault("cpu_stress", "CPUUtilization", lambda at: QUIET if at % 300 == 0 else None, duration_minutes=30)
    assert result_of(world).verdict is Verdict.INVALID, result_of(world).reason


def test_of_single_processors_nothing_is_known(fault: Callable[..., None], world: FakeWorld) -> None:
    fault("cpu_stress", "CPUUtilization", lambda _: QUIET, parameters={"cpus": 1})
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert "none is known that this fault must move" in result.signals[0].detail


def test_checks_that_ask_another_port_tell_nothing_of_the_silent_one(
    fault: Callable[..., None], world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = world.inventory._target_group

    def asked_elsewhere(arn: str) -> Any:
        return describe(arn).model_copy(update={"health_ports": (8081,)})

    monkeypatch.setattr(world.inventory, "_target_group", asked_elsewhere)
    fault("service_unavailable", "UnHealthyHostCount", lambda _: 0.0, parameters={"port": 80})
    assert result_of(world).verdict is Verdict.VALIDATED, result_of(world).reason


@pytest.mark.parametrize("kind", ["network_latency", "dependency_timeout"])
@pytest.mark.parametrize(("reached", "verdict"), [(QUIET + 19, Verdict.INVALID), (QUIET + 20, Verdict.VALIDATED)])
def test_a_signal_the_definition_declares_is_asked_of_each_target(
    fault: Callable[..., None], world: FakeWorld, kind: str, reached: float, verdict: Verdict
) -> None:
    parameters = {"dependency": "10.9.9.9"} if kind == "dependency_timeout" else {}
    fault(kind, "RoundTrip", since_the_fault(world, reached), parameters=parameters, fault_signal=ROUND_TRIP)
    result = result_of(world)
    assert result.verdict is verdict, result.reason
    assert result.signals[0].metric == "Shop RoundTrip"


def test_a_declared_signal_may_have_to_fall(fault: Callable[..., None], world: FakeWorld) -> None:
    signal = {**ROUND_TRIP, "direction": "down", "by": 1.0}
    fault("network_latency", "RoundTrip", since_the_fault(world, QUIET + 1), fault_signal=signal)
    result = result_of(world)
    assert result.verdict is Verdict.INVALID
    assert "RoundTrip was 4 at least, after 3, and should have fallen by 1 at least" in result.reason


def test_one_that_shows_late_is_not_asked_early(fault: Callable[..., None], world: FakeWorld) -> None:
    fault("network_latency", "RoundTrip", lambda _: QUIET, fault_signal={**ROUND_TRIP, "after_seconds": 540})
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert "could not show it yet: the fault was too short" in result.signals[0].detail


def test_what_may_not_be_read_is_said_and_contradicts_nothing(fault: Callable[..., None], world: FakeWorld) -> None:
    world.failing["metrics.published"] = Refused("cloudwatch", "ListMetrics", "AccessDenied", "an organisation's policy says no")
    fault("memory_stress", "mem_used_percent", lambda _: 30.0, parameters={"memory_percent": 80})
    result = result_of(world)
    assert result.verdict is Verdict.VALIDATED, result.reason
    assert "could not be read (cloudwatch ListMetrics refused" in result.signals[0].detail


def test_what_asking_again_may_tell_is_not_given_up(fault: Callable[..., None], world: FakeWorld) -> None:
    """A run without a verdict, rather than one that nobody questioned."""
    world.failing["metrics.published"] = Unavailable("cloudwatch", "ListMetrics", "Throttling", "slower", retryable=True)
    fault("memory_stress", "mem_used_percent", lambda _: 30.0, parameters={"memory_percent": 80})
    assert result_of(world).verdict is not Verdict.VALIDATED
    nothing_is_left(world)
