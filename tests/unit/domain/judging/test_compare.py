"""Every window in numbers, every pair of windows in a sentence, and when each metric was back inside its band."""

from collections.abc import Sequence
from datetime import timedelta
from math import sin
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.metrics.statistics import MetricStatistics
from squall.domain.judging.comparison import CompareInput, compute_statistics
from squall.domain.judging.ranks import compare_samples
from squall.domain.judging.window_statistics import band_of, describe_window, interpolate_quantile, seen_points
from squall.domain.metrics.series import missing_policy
from tests.unit.builders import NOW, bindings, experiment, series, window

BINDINGS = {binding.name: binding for binding in bindings()}
BASELINE = window("baseline", NOW - timedelta(hours=1), 60)
FAULT = window("fault", NOW, 10)
RECOVERY = window("recovery", NOW + timedelta(minutes=10), 10)
RUN = Window(name="run", start=BASELINE.start, end=RECOVERY.end, period_seconds=60)
OBSERVED = RUN.model_copy(update={"start": FAULT.start})
USUAL = [0.09, 0.10, 0.11] * 20


def response(*values: float | None) -> dict[str, tuple[Series, ...]]:
    return {"response_time": series(BINDINGS["response_time"], RUN, {"value": values})}


def found(values: Sequence[float | None], **changes: Any) -> MetricStatistics:
    inputs: dict[str, Any] = {
        "bindings": [BINDINGS["response_time"]],
        "windows": {"baseline": BASELINE, "fault": FAULT, "recovery": RECOVERY},
        "observed": OBSERVED,
        "series": response(*values),
        "values": {},
        "distributions": {},
        "effect_at": NOW + timedelta(seconds=20),
        "settled": 3,
        "minimum_baseline": 10,
    }
    (statistic,) = compute_statistics(CompareInput(**{**inputs, **changes}))
    return statistic


def test_a_fault_that_slows_the_workload_is_seen_with_its_size_and_said_plainly() -> None:
    item = found([*USUAL, *[0.3, 0.31, 0.32, 0.29, 0.3] * 2, *USUAL[:10]])
    fault, recovery = item.comparisons
    assert (fault.windows, fault.n, fault.conclusion) == (("baseline", "fault"), (60, 10), "higher")
    assert fault.shift == pytest.approx(0.2, abs=0.01)
    assert fault.before == 0.10
    assert fault.after == 0.3
    assert fault.p_adjusted is not None
    assert fault.p_adjusted < 0.001
    assert fault.sentence.startswith("response time was higher during the fault than in the baseline (+0.2 seconds, 95 % interval 0.2 to")
    assert recovery.conclusion == "no_difference"
    assert "no difference from the baseline could be shown" in recovery.sentence


def test_when_it_was_back_is_told_from_the_series() -> None:
    item = found([*USUAL, *[0.3] * 10, 0.3, 0.3, *USUAL[:8]])
    assert item.band is not None
    assert item.left_band_at == NOW + timedelta(seconds=20), "not before the effect"
    assert item.recovered_at == NOW + timedelta(minutes=12)
    assert item.time_to_recover_seconds == 12 * 60 - 20


def test_what_never_left_its_band_took_no_time_and_what_is_not_back_has_none() -> None:
    assert found([*USUAL, *USUAL[:20]]).time_to_recover_seconds == 0
    late = found([*USUAL, *[0.3] * 18, 0.1, 0.1])
    assert (late.recovered_at, late.time_to_recover_seconds) == (None, None), "two of three periods inside"


def test_silence_is_outside_where_it_means_that_nobody_was_answered() -> None:
    item = found([*USUAL, *[0.1] * 4, None, None, *[0.1] * 14])
    assert item.left_band_at == NOW + timedelta(minutes=4)
    assert item.recovered_at == NOW + timedelta(minutes=6)


def test_under_five_points_a_side_it_is_inconclusive() -> None:
    short = {"baseline": BASELINE, "fault": window("fault", NOW, 4)}
    (fault,) = found([*USUAL, *[0.3] * 20], windows=short).comparisons
    assert (fault.conclusion, fault.p_value, fault.n) == ("inconclusive", None, (60, 4))
    assert "at least 5 of each" in fault.sentence


def test_a_difference_there_always_is_at_this_hour_is_told_by_earlier_days() -> None:
    night = window("fault", NOW - timedelta(days=1), 10)
    usual = {"response_time": series(BINDINGS["response_time"], night, {"value": [0.29, 0.3, 0.31, 0.3, 0.32] * 2})}
    item = found([*USUAL, *[0.3, 0.31, 0.32, 0.29, 0.3] * 2, *USUAL[:10]], earlier=[(night, usual)])
    answer = {comparison.windows: comparison.conclusion for comparison in item.comparisons}
    assert answer == {
        ("baseline", "fault"): "higher",
        ("baseline", "recovery"): "no_difference",
        ("earlier_days", "fault"): "no_difference",
    }
    assert item.left_band_at is None, "usual for this hour"


def test_ratios_are_of_sums_and_a_dead_period_is_zero_percent() -> None:
    binding = BINDINGS["availability"]
    value = series(binding, FAULT, {"requests": [100.0] * 8 + [None, 900.0], "target_5xx": [None] * 8 + [5.0, None]})
    points = seen_points(binding, value, (), FAULT)
    answer = describe_window(binding, value, points, FAULT, 99.7, {})
    assert (answer.points, answer.missing, answer.missing_policy, answer.of, answer.n) == (10, 0, "breaching", "periods", 10)
    assert (answer.mean, answer.minimum, answer.maximum, answer.median) == (99.7, 0.0, 100.0, 100.0)


def test_percentiles_of_samples_are_cloudwatchs_over_the_window() -> None:
    binding = BINDINGS["response_time"].model_copy(update={"scale": 0.001})
    own = {"Average": 100.0, "Minimum": 10.0, "Maximum": 900.0, "SampleCount": 6000.0, "p50": 90.0, "p95": 300.0, "p99": 700.0}
    answer = describe_window(binding, (), [Point(at=FAULT.start, value=0.1)], FAULT, 0.1, own)
    assert (answer.of, answer.n) == ("samples", 6000)
    assert [answer.mean, answer.median, answer.p95, answer.p99, answer.maximum] == pytest.approx([0.1, 0.09, 0.3, 0.7, 0.9])
    assert (answer.points, answer.expected_points, answer.missing) == (1, 10, 9)
    without = describe_window(binding, (), [], FAULT, None, {name: value for name, value in own.items() if not name.startswith("p")})
    assert (without.median, without.p99, without.mean) == (None, None, 0.1)


def test_silence_of_a_sparse_count_is_zero_and_counted() -> None:
    (binding,) = (b for b in bindings_of("Error count < 5") if b.name == "error_count")
    value = series(binding, FAULT, {"target_5xx": [None] * 9 + [4.0]})
    answer = describe_window(binding, value, seen_points(binding, value, (), FAULT), FAULT, 4.0, {})
    assert (answer.points, answer.missing, answer.missing_policy, answer.median, answer.maximum) == (10, 9, "zero", 0.0, 4.0)


def bindings_of(sentence: str) -> tuple[MetricBinding, ...]:
    return bindings(experiment(success_criteria=[sentence]))


def test_what_silence_means_follows_from_how_it_is_published() -> None:
    assert missing_policy(BINDINGS["response_time"]) == "breaching"
    cpu = next(b for b in bindings_of("CPU utilization < 80%") if b.name == "cpu_utilization")
    assert missing_policy(cpu) == "ignore"


def test_a_band_is_no_narrower_than_what_was_seen_and_needs_points() -> None:
    flat = band_of([Point(at=i, value=100.0) for i in range(20)], 10)
    assert flat is not None
    assert (flat.low, flat.high) == (99.0, 101.0)
    spike = band_of([Point(at=i, value=9.0 if i == 3 else 1.0) for i in range(20)], 10)
    assert spike is not None
    assert (spike.low, spike.high) == (0.99, 9.0)
    assert band_of([Point(at=0, value=1.0)], 10) is None


def test_quantiles_are_linear_between_neighbours() -> None:
    assert [interpolate_quantile([0.0, 1.0, 2.0, 4.0], share) for share in (0, 0.5, 1)] == [0, 1.5, 4]


def wandering(level: float) -> list[float]:
    """An hour whose periods repeat each other so strongly that a rank test can tell nothing from ten of them."""
    return [level * (1 + 0.05 * sin(minute / 9)) for minute in range(60)]


@pytest.mark.parametrize("factor", [1.5, 2.0, 28.0])
def test_windows_that_lie_apart_have_changed_whatever_the_autocorrelation(factor: float) -> None:
    usual = wandering(0.1)
    up = found([*usual, *[factor * value for value in usual[:10]], *usual[:10]]).comparisons[0]
    down = found([*usual, *[value / factor for value in usual[:10]], *usual[:10]]).comparisons[0]
    assert (up.conclusion, down.conclusion) == ("higher", "lower")
    assert up.least is not None
    assert up.least > 0


def test_a_certain_but_small_difference_is_no_change() -> None:
    item = found([*[0.1, 0.1001] * 30, *[0.105] * 20]).comparisons[0]
    assert item.p_value is not None
    assert item.p_value < 0.001
    assert (item.conclusion, "no difference from the baseline of 10% or more" in item.sentence) == ("no_difference", True)


def test_availability_that_falls_a_little_loses_many_more_requests() -> None:
    binding = BINDINGS["availability"]
    errors = [0.0, 1.0, 0.0] * 20 + [18.0, 30.0] * 5
    inputs = {"availability": series(binding, RUN, {"requests": [600.0] * 70, "target_5xx": errors})}
    (statistic,) = compute_statistics(
        CompareInput(
            bindings=[binding], windows={"baseline": BASELINE, "fault": FAULT}, observed=OBSERVED, series=inputs,
            values={}, distributions={}, effect_at=NOW, settled=3, minimum_baseline=10,
        )
    )  # fmt: skip
    assert statistic.comparisons[0].conclusion == "lower"


def test_a_baseline_that_was_already_rising_tells_nothing_of_going_on() -> None:
    item = found([0.1 + 0.01 * minute for minute in range(80)]).comparisons[0]
    assert (item.conclusion, item.drift == pytest.approx(0.01 * 35)) == ("inconclusive", True)
    assert "already changing in that direction before" in item.sentence
    jumped = found([*[0.1 + 0.01 * minute for minute in range(60)], *[2.0] * 20]).comparisons[0]
    assert jumped.conclusion == "higher", "far beyond its trend"


def days(*values: float) -> list[tuple[Window, dict[str, tuple[Series, ...]]]]:
    """Yesterday's fault hour with the series of yesterday's whole run."""
    there = RUN.model_copy(update={"start": RUN.start - 86_400, "end": RUN.end - 86_400})
    fault = FAULT.model_copy(update={"start": FAULT.start - 86_400, "end": FAULT.end - 86_400})
    return [(fault, {"response_time": series(BINDINGS["response_time"], there, {"value": values})})]


def test_what_happens_at_this_hour_every_day_is_no_change() -> None:
    tonight = [*USUAL, *[0.3] * 10, *USUAL[:10]]
    usual = found(tonight, earlier=days(*USUAL, *[0.29] * 10, *USUAL[:10])).comparisons[0]
    assert usual.conclusion == "no_difference"
    assert usual.usual == pytest.approx((0.29,))
    assert "of most earlier days at this hour" in usual.sentence
    other = found(tonight, earlier=days(*USUAL, *[0.11] * 10, *USUAL[:10])).comparisons[0]
    assert other.conclusion == "higher"
    level = found(tonight, earlier=days(*[0.29] * 80)).comparisons[0]
    assert level.conclusion == "higher", "a day on another level did not change at this hour"


@settings(max_examples=150, deadline=None)
@for_all(
    before=st.lists(st.integers(0, 3).map(float), min_size=5, max_size=30),
    after=st.lists(st.integers(0, 3).map(float), min_size=5, max_size=30),
)
def test_interval_and_p_tell_one_story_under_ties_too(before: list[float], after: list[float]) -> None:
    ranked = compare_samples(
        [Point(at=60 * i, value=value) for i, value in enumerate(before)],
        [Point(at=60 * (40 + i), value=value) for i, value in enumerate(after)],
        60,
    )
    assert ranked is not None
    if ranked.low is None or ranked.high is None:
        assert ranked.p_value >= 0.05
    else:
        assert ranked.low <= ranked.shift <= ranked.high
        assert (ranked.p_value < 0.05) == (not ranked.low <= 0 <= ranked.high)


def test_errors_in_a_few_periods_more_are_not_taken_for_none() -> None:
    """The typical period has no error before and during; on average there are three times as many."""
    (binding,) = (b for b in bindings_of("Error count < 5") if b.name == "error_count")
    errors = [0.0, 0.0, 0.0, 0.0, 10.0] * 12 + [0.0, 10.0, 0.0, 0.0, 10.0, 10.0, 10.0, 0.0, 10.0, 10.0]
    (statistic,) = compute_statistics(
        CompareInput(
            bindings=[binding], windows={"baseline": BASELINE, "fault": FAULT}, observed=OBSERVED, values={}, distributions={},
            series={"error_count": series(binding, RUN, {"target_5xx": errors})}, effect_at=NOW, settled=3, minimum_baseline=10,
        )
    )  # fmt: skip
    item = statistic.comparisons[0]
    assert (item.before, item.after, item.conclusion) == (2.0, 6.0, "higher")
    assert item.low is not None
    assert item.low > 0


OFF_AND_ON = [0.0, 0.0, 0.3, 0.31, 0.0, 0.33] * 10
"""Zero in half of its periods."""


@pytest.mark.parametrize(
    ("fault", "conclusion"),
    [
        ([0.0, 0.66, 0.0, 0.6, 0.62, 0.0, 0.66, 0.0, 0.62, 0.0], "higher"),
        ([0.0, 0.16, 0.0, 0.15, 0.14, 0.0, 0.16, 0.0, 0.15, 0.0], "lower"),
        ([0.0, 0.33, 0.0, 0.3, 0.31, 0.0, 0.33, 0.0, 0.31, 0.0], "no_difference"),
        ([0.0, 0.36, 0.0, 0.33, 0.34, 0.0, 0.36, 0.0, 0.34, 0.0], "no_difference"),  # apart by less than the margin
        ([0.0, 0.66, 0.0, 0.6, 0.62, 0.0, 0.66, 0.0, 0.0, 0.0], "no_difference"),  # only four periods above zero
    ],
)
def test_a_metric_that_is_often_zero_is_compared_in_the_periods_above_zero(fault: list[float], conclusion: str) -> None:
    compared = found([*OFF_AND_ON, *fault, *[0.0] * 10]).comparisons[0]
    assert compared.conclusion == conclusion
    assert ("in the periods above zero (5 of 10 and 30 of 60; typically " in compared.sentence) is (conclusion != "no_difference")


def test_higher_periods_that_became_rarer_are_no_increase() -> None:
    baseline = [0.0, 0.3, 0.31, 0.32] * 15  # zero in a quarter of its periods
    after = [0.0, 0.46, 0.44, 0.0, 0.0, 0.42, 0.44, 0.0, 0.0, 0.46]
    assert found([*baseline, *after, *[0.0] * 10]).comparisons[0].conclusion == "no_difference"


def test_periods_above_zero_that_are_as_high_at_this_hour_of_earlier_days_are_no_change() -> None:
    fault = [0.0, 0.66, 0.0, 0.6, 0.62, 0.0, 0.66, 0.0, 0.62, 0.0]
    day = 86_400
    earlier = []
    for number in (1, 2):
        moved = RUN.model_copy(update={"start": RUN.start - number * day, "end": RUN.end - number * day})
        same = {"response_time": series(BINDINGS["response_time"], moved, {"value": [*OFF_AND_ON, *fault]})}
        earlier.append((FAULT.model_copy(update={"start": FAULT.start - number * day, "end": FAULT.end - number * day}), same))
    assert found([*OFF_AND_ON, *fault, *[0.0] * 10], earlier=earlier).comparisons[0].conclusion == "no_difference"
