"""What a metric of the mechanism says: moved, contradicted, or nothing, and then nothing is held against the fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.admission.experiment import parse_experiment
from squall.domain.base.model import hash_document
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.metrics.signal_reading import SignalReading
from squall.domain.experiment.hashes import definition_hash, promotion_hash
from squall.domain.judging.fault_signals import FEWEST_PERIODS, Signal, fit_periods, list_spans, not_told, of_several, read_signal
from squall.domain.resources.workload import Workload
from squall.faults import registry
from tests.unit.builders import LB_ARN, REL12, TG_ARN, experiment, workload
from tests.unit.faults.asking import expected_signals

VALUES = st.floats(min_value=0, max_value=100)
PERIOD_STARTS = st.integers(min_value=1_700_000_000, max_value=1_700_100_000)


def signal(**changes: Any) -> Signal:
    inputs = {"targets": ("i-1",), "namespace": "N", "metric_name": "M", "dimensions": (("InstanceId", "i-1"),), "toward": 80.0}
    return Signal.model_validate({**inputs, **changes})


def fault_window(start: int, seconds: int, period: int = 60) -> Window:
    return fit_periods(Window(name="fault", start=start, end=start + seconds, period_seconds=period), period)


@given(usual=VALUES, reached=VALUES, goal=VALUES, rest=st.lists(VALUES, max_size=10))
def test_a_signal_contradicts_exactly_what_went_less_than_a_quarter_of_its_way(
    usual: float, reached: float, goal: float, rest: list[float]
) -> None:
    result = read_signal(signal(toward=goal), [usual] * 3, [*rest, reached]).reading
    rise = max([*rest, reached]) - usual
    room = 0.25 * (goal - usual)
    assert result == ("not_told" if room <= 0 else "moved" if rise >= room else "contradicted")


@given(usual=VALUES, values=st.lists(VALUES, min_size=2), by=st.floats(min_value=0.1, max_value=50))
def test_up_and_down_are_mirror_images(usual: float, values: list[float], by: float) -> None:
    up = read_signal(signal(toward=None, by=by), [usual] * 3, values)
    down = read_signal(signal(toward=None, by=by, direction="down"), [-usual] * 3, [-value for value in values])
    assert up.reading == down.reading


@given(
    start=PERIOD_STARTS,
    seconds=st.integers(min_value=0, max_value=7200),
    period=st.sampled_from([5, 10, 60, 300]),
    after=st.integers(0, 900),
)
def test_spans_are_whole_periods_inside_the_fault_and_enough_of_them(start: int, seconds: int, period: int, after: int) -> None:
    window = fault_window(start, seconds, period)
    for span in list_spans(signal(after_seconds=after), window):
        assert span.start % span.period_seconds == span.end % span.period_seconds == 0
        assert window.start <= span.start <= span.end <= window.end
        assert span.period_seconds >= period
        assert span.end - max(span.start, window.start + after) >= FEWEST_PERIODS * span.period_seconds


@pytest.mark.parametrize(("seconds", "periods"), [(60, []), (119, []), (180, [60]), (900, [60, 300])])
def test_a_fault_too_short_for_a_period_is_not_asked_in_it(seconds: int, periods: list[int]) -> None:
    assert [span.period_seconds for span in list_spans(signal(), fault_window(1_700_000_100, seconds))] == periods


def test_a_metric_of_a_minute_is_read_by_the_minute_where_periods_are_shorter() -> None:
    assert [span.period_seconds for span in list_spans(signal(), fault_window(1_700_000_040, 240, period=10))] == [10, 60]


def test_of_several_series_one_that_moved_is_enough_and_silent_ones_say_nothing() -> None:
    moved, still = read_signal(signal(), [10.0], [80.0]), read_signal(signal(), [10.0], [10.0])
    silent = not_told(signal(), "is late")
    assert of_several(signal(), [silent, still, moved]) is moved
    assert of_several(signal(), [silent, still]) is still
    assert of_several(signal(), [silent]) is silent
    assert of_several(signal(), []).detail == "N M of i-1 is not published"


def signals_of(kind: FaultType, parameters: dict[str, Any], load: Workload) -> tuple[Signal, ...]:
    fault = registry.get_fault(kind, ResourceType.INSTANCE)
    return expected_signals(fault, fault.parse(parameters), load, load.instances)


def with_checks(load: Workload, **changes: Any) -> Workload:
    (group,) = load.target_groups
    asked = {"health_ports": (80,), "unhealthy_after_seconds": 65, **changes}
    return load.model_copy(update={"target_groups": (group.model_copy(update=asked),)})


def test_memory_and_disk_are_the_agents_of_each_target() -> None:
    load = workload()
    memory = signals_of(FaultType.MEMORY_STRESS, {"memory_percent": 80}, load)
    assert [entry.targets for entry in memory] == [(instance.id,) for instance in load.instances]
    assert (memory[0].namespace, memory[0].metric_name, memory[0].partly) == ("CWAgent", "mem_used_percent", True)
    assert memory[0].least(25.0) == pytest.approx(0.25 * 0.8 * 75)
    disk = signals_of(FaultType.DISK_FILL, {"disk_percent": 90}, load)
    assert ("path", "/") in disk[0].dimensions
    assert disk[0].least(10.0) == pytest.approx(20.0)
    assert disk[0].least(93.0) == 0


def test_a_silent_port_is_told_by_the_load_balancers_own_checks_of_it() -> None:
    load = with_checks(workload())
    (statement,) = signals_of(FaultType.SERVICE_UNAVAILABLE, {"port": 80}, load)
    assert statement.targets == tuple(instance.id for instance in load.instances)
    assert (statement.namespace, statement.metric_name, statement.by, statement.after_seconds) == (
        "AWS/ApplicationELB",
        "UnHealthyHostCount",
        1,
        65,
    )
    assert dict(statement.dimensions) == {
        "LoadBalancer": LB_ARN.partition("loadbalancer/")[2],
        "TargetGroup": f"targetgroup/{TG_ARN.partition('targetgroup/')[2]}",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"health_ports": (8081,)},
        {"unhealthy_after_seconds": None},
        {"load_balancer": None},
        {"healthy": ()},
        {"healthy": (), "unhealthy": tuple(instance.id for instance in workload().instances)},
    ],
    ids=["another port", "no checks", "no load balancer", "not registered", "not healthy before"],
)
def test_where_nobody_checks_the_port_nothing_is_told_by_checks(changes: dict[str, Any]) -> None:
    assert signals_of(FaultType.SERVICE_UNAVAILABLE, {"port": 80}, with_checks(workload(), **changes)) == ()


def test_a_udp_port_is_not_what_checks_ask_at() -> None:
    assert signals_of(FaultType.SERVICE_UNAVAILABLE, {"port": 80, "protocol": "udp"}, with_checks(workload())) == ()


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (FaultType.INSTANCE_TERMINATION, {}),
        (FaultType.NETWORK_LATENCY, {}),
        (FaultType.DEPENDENCY_TIMEOUT, {"dependency": "10.9.9.9"}),
        (FaultType.CPU_STRESS, {"cpus": 2}),
    ],
)
def test_of_these_no_metric_of_awss_tells(kind: FaultType, parameters: dict[str, Any]) -> None:
    assert signals_of(kind, parameters, workload()) == ()


# fault_signal of a definition

DECLARED: dict[str, Any] = {"namespace": "Shop", "metric_name": "RoundTrip", "dimensions": {"InstanceId": "$target"}, "by": 20.0}


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        parse_experiment({**REL12, **changes})
    return {problem.path: f"{problem.message}; {problem.expected}" for problem in refused.value.problems}


def test_a_declared_signal_is_each_targets_own() -> None:
    result = parse_experiment({**REL12, "fault_signal": {**DECLARED, "dimensions": {"Zone": "a", "Id": "$target"}}}).fault_signal
    assert result is not None
    assert result.dimensions_of("i-7") == (("Id", "i-7"), ("Zone", "a"))
    assert (result.statistic, result.direction, result.after_seconds) == ("Average", "up", 0)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"dimensions": {"Group": "web"}}, "fault_signal.dimensions"),
        ({"dimensions": {}}, "fault_signal.dimensions"),
        ({"by": 0.0}, "fault_signal.by"),
        ({"by": -1.0}, "fault_signal.by"),
        ({"by": "20"}, "fault_signal.by"),
        ({"direction": "sideways"}, "fault_signal.direction"),
        ({"statistic": "Mode"}, "fault_signal.statistic"),
        ({"after_seconds": -1}, "fault_signal.after_seconds"),
        ({"namespace": ""}, "fault_signal.namespace"),
        ({"target": "i-1"}, "fault_signal.target"),
    ],
)
def test_a_signal_that_says_nothing_of_a_target_is_refused_by_its_field(change: dict[str, Any], path: str) -> None:
    assert path in problems(fault_signal={**DECLARED, **change})


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ({"namespace": "AWS/ApplicationELB", "metric_name": "TargetResponseTime"}, "criteria or guards are about it (response_time)"),
        ({"namespace": "AWS/ApplicationELB", "metric_name": "HTTPCode_Target_5XX_Count"}, "criteria or guards are about it (availability)"),
        ({"namespace": "Shop", "metric_name": "Orders"}, "criteria or guards are about it (orders)"),
    ],
)
def test_what_a_criterion_or_guard_is_about_is_no_evidence_of_the_fault(metric: dict[str, str], why: str) -> None:
    declared = {"orders": {"namespace": "Shop", "metric_name": "Orders", "unit": "count"}}
    criteria = [*REL12["success_criteria"], "orders > 1"]
    result = problems(metrics=declared, success_criteria=criteria, fault_signal={**DECLARED, **metric})
    assert why in result["fault_signal.metric_name"]


def test_what_users_feel_is_no_evidence_of_the_fault_whatever_the_criteria() -> None:
    felt = {**DECLARED, "namespace": "AWS/ApplicationELB", "metric_name": "TargetResponseTime"}
    quiet = {"success_criteria": ["healthy hosts >= 1"], "abort_conditions": ["healthy hosts < 1"]}
    assert "users feel it (response_time)" in problems(**quiet, fault_signal=felt)["fault_signal.metric_name"]


def test_without_a_signal_an_experiment_is_what_it_was_before_there_were_signals() -> None:
    plain, declared = experiment(), parse_experiment({**REL12, "fault_signal": DECLARED})
    dumped = plain.model_dump(mode="json")
    assert dumped.pop("fault_signal") is None
    assert dumped.pop("sentinel") is None
    assert dumped.pop("observation") is None
    assert (dumped.pop("override_ranges"), dumped.pop("override_values")) == ({}, {})
    assert definition_hash(plain) == hash_document(dumped) != definition_hash(declared)
    elsewhere = parse_experiment({**REL12, "fault_signal": {**DECLARED, "dimensions": {"Id": "$target", "Stage": "prod"}}})
    assert promotion_hash(declared) == promotion_hash(elsewhere) != promotion_hash(plain)


def test_a_reading_travels_as_json() -> None:
    result = read_signal(signal(), [10.0], [10.0])
    assert SignalReading.model_validate_json(result.model_dump_json()) == result
