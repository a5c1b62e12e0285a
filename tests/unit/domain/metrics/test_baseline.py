"""Series arithmetic fills what CloudWatch leaves out at zero, never what it leaves out in silence."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.documents.metrics.metric_models import MetricBinding, Series, Window
from squall.domain.language.parse import parse_condition
from squall.domain.metrics.baseline import assess_baseline, find_daily_breaches, missing_seconds, trim_to_first_point
from squall.domain.metrics.series import combine_series, dead_periods, points_over, value_over
from squall.domain.metrics.windows import PacedWindow
from squall.domain.policy.environment import Timing
from tests.unit.builders import HEALTHY, NOW, bindings, definition, discovery, environment, experiment, healthy_series, series, window

BASE = window("baseline", NOW - timedelta(hours=1), 60)
COUNTS = st.lists(st.none() | st.integers(1, 1000).map(float), min_size=10, max_size=10)


def bound(name: str, **changes: object) -> MetricBinding:
    return next(b for b in bindings(experiment(**changes)) if b.name == name)


def test_errors_published_only_when_they_happen_are_zero_where_there_was_traffic() -> None:
    availability, span = bound("availability"), window(periods=3)
    result = combine_series(
        availability, series(availability, span, {"requests": [100.0, 100.0, None], "target_5xx": [None, 10.0, 5.0]}), 60
    )
    assert [(point.at - span.start, point.value) for point in result] == [(0, 100.0), (60, 90.0)]


@given(requests=COUNTS, target=COUNTS, elb=COUNTS)
def test_denominators_are_never_filled(requests: list[float | None], target: list[float | None], elb: list[float | None]) -> None:
    availability, span = bound("availability"), window()
    result = combine_series(availability, series(availability, span, {"requests": requests, "target_5xx": target, "elb_5xx": elb}), 60)
    with_traffic = [span.start + 60 * i for i, value in enumerate(requests) if value is not None]
    assert [point.at for point in result] == with_traffic
    assert all(0 <= point.value <= 100 for point in result)


@given(requests=COUNTS, target=COUNTS)
def test_availability_and_error_rate_are_two_sides_of_one_thing(requests: list[float | None], target: list[float | None]) -> None:
    good = bound("availability")
    bad = bound("error_rate", success_criteria=["Error rate < 1%"])
    totals = {"requests": sum(filter(None, requests)) or None, "target_5xx": sum(filter(None, target)) or None}
    values = [
        value_over(b, {q.key: next((v for k, v in totals.items() if q.key.endswith(k)), None) for q in b.queries}, 600) for b in (good, bad)
    ]
    if values[0] is None or values[1] is None:
        assert values == [None, None]
    else:
        assert values[0] + values[1] == pytest.approx(100)


def test_a_window_sums_before_it_divides() -> None:
    availability = bound("availability")
    keys = {q.key.rpartition("availability_")[2]: q.key for q in availability.queries}
    assert value_over(availability, {keys["target_5xx"]: 10.0, keys["elb_5xx"]: None, keys["requests"]: 1000.0}, 600) == 99.0


def test_requests_that_were_rejected_before_a_target_was_chosen_are_requests_too() -> None:
    """RequestCount holds what a target was chosen for: the load balancer's 502 and 504, but not its 503."""
    availability = bound("availability")
    keys = {q.key.rpartition("availability_")[2]: q.key for q in availability.queries}

    def told(**counts: float) -> float | None:
        return value_over(availability, {keys[part]: count for part, count in counts.items()}, 600)

    assert told(requests=500, elb_5xx=500) == 50.0
    assert told(requests=1000, elb_5xx=500, elb_502=300, elb_504=200) == 50.0
    assert told(elb_5xx=500) is None, "a dead period: what it means is told by `dead_periods`"


@given(st.integers(1, 10**6))
def test_milliseconds_are_exactly_a_thousandth_of_seconds(milliseconds: int) -> None:
    declared = {"checkout": {"namespace": "Shop", "metric_name": "Checkout", "unit": "milliseconds"}}
    sentence = f"checkout <= {milliseconds} ms"
    binding = bound("checkout", metrics=declared, success_criteria=[sentence])
    value = value_over(binding, {binding.queries[0].key: float(milliseconds)}, 60)
    assert value is not None
    assert parse_condition(sentence, {"checkout": "milliseconds"}).holds(value)


def test_what_is_not_a_number_is_no_point() -> None:
    errors, span = bound("response_time"), window(periods=3)
    result = points_over(errors, series(errors, span, {"value": [0.1, float("nan"), float("inf")]}), span)
    assert [point.value for point in result] == [0.1]


def counted(errors: float | list[float], **changes: object) -> tuple[str, ...]:
    """The violations of a baseline of an hour with so many errors a minute."""
    exp = experiment(**changes)
    binding = next(b for b in bindings(exp) if b.name == "error_count")
    minutes = [errors] * 60 if isinstance(errors, float) else errors
    inputs = {**healthy_series(bindings(exp), BASE), "error_count": series(binding, BASE, {"target_5xx": minutes})}
    return assess_baseline(
        definition(exp), discovery(exp=exp), PacedWindow(BASE), inputs, {**HEALTHY, "error_count": sum(minutes)}
    ).violations


def test_a_count_is_compared_for_a_window_of_its_own_length() -> None:
    """120 errors in an hour are 2 a minute, which a guard looks at, and 20 in the ten minutes of the fault."""
    assert counted(2.0, abort_conditions=["Error count > 100"]) == ()
    assert counted(2.0, success_criteria=["Error count < 50"]) == ()
    (guard,) = counted(101.0, abort_conditions=["Error count > 100"])[:1]
    assert "already true over the baseline: 101 count" in guard
    assert "does not hold over the baseline: 60 count" in counted(6.0, success_criteria=["Error count < 50"])[0]
    now = counted([0.0] * 50 + [6.0] * 10, success_criteria=["Error count < 50"])
    assert now == ('"Error count < 50" does not hold now: 60 count',)


def test_an_abort_condition_that_names_a_time_is_true_only_after_it() -> None:
    spike = [0.0] * 57 + [700.0, 0.0, 700.0]
    assert counted(spike, abort_conditions=["Error count > 100 for 2 minutes"]) == ()
    assert counted(spike, abort_conditions=["Error count > 100"]) != ()
    (text,) = counted([0.0] * 58 + [700.0] * 2, abort_conditions=["Error count > 100 for 2 minutes"])
    assert text == 'abort condition "Error count > 100 for 2 minutes" is already true now: 700 count'


def test_a_rate_is_per_second_of_the_window() -> None:
    rate = bound("request_rate")
    assert value_over(rate, {rate.queries[0].key: 6000.0}, 600) == 10.0
    assert value_over(rate, {rate.queries[0].key: None}, 600) is None


def test_silence_of_a_sparse_count_is_zero_in_a_window() -> None:
    errors, span = bound("error_count", success_criteria=["Error count < 5"]), window(periods=3)
    result = points_over(errors, series(errors, span, {"target_5xx": [None, 2.0, None], "elb_5xx": [None, 1.0, None]}), span)
    assert [point.value for point in result] == [0.0, 3.0, 0.0]


def test_history_begins_with_its_first_point() -> None:
    rate, span = bound("request_rate"), window(periods=4)
    (key,) = (query.key for query in rate.queries)
    results = {rate.name: series(rate, span, {key: [None, None, 60.0, 60.0]})}
    assert trim_to_first_point(span, results).start == span.start + 120
    assert trim_to_first_point(span, {rate.name: series(rate, span, {key: [None] * 4})}) == span


def test_errors_without_any_request_mark_a_dead_period() -> None:
    availability, span = bound("availability"), window(periods=3)
    value = series(availability, span, {"requests": [100.0, None, None], "elb_5xx": [None, 40.0, None]})
    assert dead_periods(availability, value) == (span.start + 60,)


def test_a_healthy_workload_is_steady() -> None:
    baseline = assess_baseline(definition(), discovery(), PacedWindow(BASE), healthy_series(bindings(), BASE), HEALTHY)
    assert baseline.steady
    assert baseline.requests_per_second == 10.0


def test_a_criterion_that_does_not_hold_before_the_fault_is_a_violation() -> None:
    baseline = assess_baseline(
        definition(), discovery(), PacedWindow(BASE), healthy_series(bindings(), BASE), {**HEALTHY, "availability": 98.0}
    )
    assert not baseline.steady
    assert "System availability > 99%" in baseline.violations[0]


def test_trouble_in_the_newest_periods_is_not_hidden_by_a_good_hour() -> None:
    value = healthy_series(bindings(), BASE)
    slow = next(b for b in bindings() if b.name == "response_time")
    value["response_time"] = series(slow, BASE, {"value": [0.1] * 55 + [3.0] * 5})
    baseline = assess_baseline(definition(), discovery(), PacedWindow(BASE), value, {**HEALTHY, "response_time": 0.35})
    assert any("Response time < 2 seconds" in violation and "now" in violation for violation in baseline.violations)


def test_without_traffic_nothing_can_be_judged() -> None:
    baseline = assess_baseline(definition(), discovery(), PacedWindow(BASE), {}, {"request_rate": None})
    assert "no traffic" in baseline.violations[0]
    little = assess_baseline(
        definition(), discovery(), PacedWindow(BASE), healthy_series(bindings(), BASE), {**HEALTHY, "request_rate": 0.01}
    )
    assert "too little traffic" in little.violations[0]


def test_criteria_about_recovery_or_the_baseline_itself_need_not_hold_before() -> None:
    exp = experiment(success_criteria=["Response time < 0.01 seconds during recovery", "Response time < 1% of baseline"])
    baseline = assess_baseline(definition(exp), discovery(exp=exp), PacedWindow(BASE), healthy_series(bindings(exp), BASE), HEALTHY)
    assert baseline.steady, baseline.violations


def test_the_baseline_is_waited_for_only_while_periods_are_missing() -> None:
    env = environment(timing=Timing(minimum_baseline_periods=10))
    full = healthy_series(bindings(), BASE)
    assert missing_seconds(definition(env=env), discovery(), PacedWindow(BASE), full) == 0
    slow = next(b for b in bindings() if b.name == "response_time")
    full["response_time"] = series(slow, BASE, {"value": [0.1] * 4})
    assert missing_seconds(definition(env=env), discovery(), PacedWindow(BASE), full) == 360


def hot_hours(*levels: float) -> list[tuple[Window, dict[str, tuple[Series, ...]]]]:
    """Response times in the fault's ten minutes of so many earlier days."""
    slow = next(b for b in bindings() if b.name == "response_time")
    hours = [window("fault", NOW - timedelta(days=day), 10) for day in range(1, len(levels) + 1)]
    return [
        (hour, {"response_time": series(slow, hour, {"value": [0.1] * 5 + [level] * 5})}) for hour, level in zip(hours, levels, strict=True)
    ]


def test_a_guard_that_would_fire_at_this_hour_every_day_is_a_violation() -> None:
    (breach,) = find_daily_breaches(definition(), discovery(), hot_hours(6.0, 7.0, 6.5))
    assert breach == 'abort condition "Response time > 5 seconds" came true at this hour on each of the last 3 days'
    baseline = assess_baseline(definition(), discovery(), PacedWindow(BASE), healthy_series(bindings(), BASE), HEALTHY, (), (breach,))
    assert baseline.violations == (breach,)


@pytest.mark.parametrize("levels", [(6.0,), (6.0, 0.1, 6.0), (0.1, 0.1, 0.1)])
def test_a_single_day_or_a_day_that_stayed_quiet_says_nothing_of_the_hour(levels: tuple[float, ...]) -> None:
    assert find_daily_breaches(definition(), discovery(), hot_hours(*levels)) == ()
