"""The rank comparison agrees with scipy where periods are independent, and does not cry wolf where they are not."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from squall.domain.documents.metrics.metric_models import Point
from squall.domain.judging import ranks

VALUES = st.lists(st.integers(-3, 3).map(float), min_size=5, max_size=9)


def points(values: list[float] | ranks.Floats, start: int = 0) -> list[Point]:
    return [Point(at=start + 60 * index, value=float(value)) for index, value in enumerate(values)]


def naive(before: list[float], after: list[float]) -> float:
    return ranks.mann_whitney(np.array(before), np.array(after))[0]


@pytest.mark.parametrize(("n", "m"), [(5, 5), (9, 7), (60, 10), (12, 60)])
def test_small_samples_without_ties_are_exact_as_scipy_is(n: int, m: int) -> None:
    rng = np.random.default_rng(n * m)
    before, after = rng.normal(size=n), rng.normal(0.4, size=m)
    p_value, effect = ranks.mann_whitney(before, after)
    expected = stats.mannwhitneyu(after, before, method="exact")
    assert p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert effect == pytest.approx(expected.statistic / (n * m))


@settings(max_examples=25, deadline=None)
@given(VALUES, VALUES)
def test_ties_are_exact_too_by_every_choice(before: list[float], after: list[float]) -> None:
    all_ranks = stats.rankdata([*before, *after])
    observed = all_ranks[len(before) :].sum()
    sums = np.array([all_ranks[list(chosen)].sum() for chosen in combinations(range(len(all_ranks)), len(after))])
    expected = min(1.0, 2 * min(np.mean(sums <= observed + 1e-9), np.mean(sums >= observed - 1e-9)))
    assert naive(before, after) == pytest.approx(1.0 if len({*before, *after}) == 1 else expected)


def test_large_samples_are_scipys_own() -> None:
    rng = np.random.default_rng(3)
    before, after = rng.integers(0, 50, 300).astype(float), rng.integers(5, 55, 200).astype(float)
    assert naive(list(before), list(after)) == stats.mannwhitneyu(after, before, method="asymptotic").pvalue


def test_the_shift_is_the_median_difference_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.normal(10, 1, 60), rng.normal(13, 1, 20)
    result = ranks.compare_samples(points(before), points(after), 60)
    assert result is not None
    assert result.shift == pytest.approx(np.median(np.subtract.outer(after, before)))
    assert result.low is not None
    assert result.high is not None
    assert result.low < 3 < result.high
    assert result.low <= result.shift <= result.high
    assert result.p_value < 1e-6
    assert result.effect_size > 0.9


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES)
def test_turning_the_comparison_round_turns_the_answer_round(before: list[float], after: list[float]) -> None:
    there, back = ranks.compare_samples(points(before), points(after), 60), ranks.compare_samples(points(after), points(before), 60)
    assert there is not None
    assert back is not None
    assert there.p_value == pytest.approx(back.p_value)
    assert there.effect_size == pytest.approx(1 - back.effect_size)
    assert there.shift == pytest.approx(-back.shift)
    assert there.can_tell == back.can_tell


def test_under_five_points_a_side_nothing_is_said() -> None:
    assert ranks.compare_samples(points([1.0] * 4), points([2.0] * 60), 60) is None
    assert ranks.compare_samples(points([1.0] * 60), points([2.0] * 4), 60) is None


def test_what_never_moved_and_did_not_move_is_no_difference() -> None:
    result = ranks.compare_samples(points([1.0] * 60), points([1.0] * 10), 60)
    assert result == ranks.Ranked(1.0, 0.0, 0.0, 0.0, 0.5, (60.0, 10.0), 0.0)


def test_what_never_moved_and_then_stood_elsewhere_is_certain() -> None:
    result = ranks.compare_samples(points([1.0] * 60), points([3.0] * 10), 60)
    assert result is not None
    assert (result.shift, result.low, result.high, result.effect_size) == (2.0, 2.0, 2.0, 1.0)
    assert result.p_value < 1e-9


def test_neighbours_across_a_gap_are_no_neighbours() -> None:
    steady = [float(n % 2) for n in range(20)]
    apart = [Point(at=120 * index, value=value) for index, value in enumerate(sorted(steady))]
    assert ranks.estimate_autocorrelation([points(sorted(steady))], 60) > 0.8
    assert ranks.estimate_autocorrelation([apart], 60) < 0.1


def test_holm_is_the_step_down_correction() -> None:
    assert ranks.apply_holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert ranks.apply_holm([0.9, 0.6]) == [1.0, 1.0]
    assert ranks.apply_holm([]) == []


def test_on_autocorrelated_series_false_alarms_stay_rare_where_the_naive_test_cries_wolf() -> None:
    """A bounded look at what docs/judge.md shows at length."""
    rng, alarms, naive_alarms, runs = np.random.default_rng(11), 0, 0, 150
    for _ in range(runs):
        noise = rng.normal(size=75)
        series = np.empty(75)
        series[0] = noise[0]
        for index in range(1, 75):
            series[index] = 0.7 * series[index - 1] + np.sqrt(1 - 0.49) * noise[index]
        before, after = points(series[:60]), points(series[65:], 65 * 60)
        result = ranks.compare_samples(before, after, 60)
        assert result is not None
        alarms += result.p_value < 0.05
        naive_alarms += ranks.mann_whitney(series[:60], series[65:])[0] < 0.05
    assert alarms / runs < 0.10
    assert naive_alarms / runs > 0.25


def test_long_samples_are_represented_by_their_quantiles() -> None:
    rng = np.random.default_rng(7)
    result = ranks.compare_samples(points(rng.normal(0, 1, 9000)), points(rng.normal(1, 1, 5000)), 60)
    assert result is not None
    assert result.shift == pytest.approx(1, abs=0.05)


def test_what_repeats_its_neighbours_entirely_has_no_interval_and_no_verdict() -> None:
    rising = np.arange(120, dtype=float)
    result = ranks.compare_samples(points(rising[:60]), points(rising[60:]), 60)
    assert result is not None
    assert (result.low, result.high, result.can_tell) == (None, None, False)
    assert result.p_value > 0.05
