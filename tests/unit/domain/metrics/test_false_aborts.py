"""How often a guard would have aborted healthy runs: counted as an alarm evaluates, with an honest interval, and proposals
that hold."""

import random
from collections.abc import Sequence
from datetime import timedelta
from math import inf

import pytest
from scipy import stats

from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery, Point
from squall.domain.language.metric_table import Published
from squall.domain.language.parse import parse_condition
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.false_aborts import (
    Rule,
    Stretch,
    binomial_interval,
    count_aborts,
    list_levels,
    list_run_lengths,
    list_trials,
    split_history,
)
from squall.domain.metrics.guard_forecast import GuardHistory, forecast_false_aborts, history_span
from squall.domain.policy.environment import Timing

DAY = 86_400
TEN_MINUTES = timedelta(minutes=10)
ABOVE = Rule(below=False, inclusive=False, datapoints=2, evaluated=3, missing="ignore")
UNITS = {"queue": "none", "busy": "percent"}


def binding(metric: str = "queue", *, queries: int = 1, published: Published = "always", unit: str = "none") -> MetricBinding:
    query = MetricQuery(key="q0", namespace="Shop", metric_name=metric, statistic="Average", published=published)
    several = tuple(query.model_copy(update={"key": f"q{number}"}) for number in range(queries))
    return MetricBinding(name=metric, kind="gauge", unit=unit, queries=several, lag_seconds=60)


def history(values: Sequence[float | None]) -> GuardHistory:
    points = [Point(at=60 * number, value=value) for number, value in enumerate(values) if value is not None]
    return GuardHistory(points, (0, 60 * len(values)))


def forecast(
    text: str, values: Sequence[float | None], *, length: timedelta = TEN_MINUTES, metric: MetricBinding | None = None
) -> FalseAborts:
    measured = metric or binding(next(name for name in UNITS if name in text))
    return forecast_false_aborts(parse_condition(text, UNITS), measured, history(values), Timing(), length)


def quiet(days: float = 14) -> list[float | None]:
    return [1.0] * round(days * 1440)


def spiked(every: int, width: int = 2, days: float = 14, height: float = 9.0) -> list[float | None]:
    """A quiet metric with a spike of so many minutes, every so many minutes."""
    return [height if minute % every >= every - width else 1.0 for minute in range(round(days * 1440))]


# what an alarm sees


def test_without_gaps_a_guard_fires_when_m_of_the_last_n_periods_are_beyond_the_threshold() -> None:
    noise = random.Random(5)
    values = [noise.choice((0.0, 1.0, 2.0)) for _ in range(500)]
    for wanted, evaluated in ((1, 1), (2, 3), (3, 3), (4, 7)):
        rule = Rule(below=False, inclusive=False, datapoints=wanted, evaluated=evaluated, missing="ignore")
        levels = list_levels(values, rule)
        for end in range(evaluated, len(values) + 1):
            breaching = sum(value > 1 for value in values[end - evaluated : end]) >= wanted
            assert (levels[end - 1] > 1) is breaching


@pytest.mark.parametrize(
    ("values", "missing", "level"),
    [
        ([9, 9, None, None, 1], "ignore", 9),  # it looks two periods further back, and has three
        ([9, 9, None, None, 1], "breaching", 9),
        ([None, None, None, 9, None], "ignore", -inf),  # one value is not two
        ([None, None, None, 9, None], "breaching", inf),  # filled in: two breach whatever the threshold
        ([None, None, None, 9, None], "zero", -inf),
        ([None, None, None, 9, 8], "breaching", 9),  # one is filled in: the second worst decides
        ([None] * 5, "breaching", inf),
        ([None] * 5, "ignore", -inf),
    ],
)
def test_missing_data_counts_as_an_alarm_counts_it(values: list[float | None], missing: str, level: float) -> None:
    rule = Rule(below=False, inclusive=False, datapoints=2, evaluated=3, missing=missing)  # type: ignore[arg-type]
    assert list_levels(values, rule)[-1] == level


@pytest.mark.parametrize(("missing", "lengths"), [("ignore", [1, 1, 2, 0, 1]), ("breaching", [1, 2, 3, 0, 1]), ("zero", [1, 0, 1, 0, 1])])
def test_a_row_of_periods_goes_on_over_a_gap_as_missing_data_says(missing: str, lengths: list[int]) -> None:
    rule = Rule(below=True, inclusive=True, datapoints=1, evaluated=1, missing=missing)  # type: ignore[arg-type]
    assert list_run_lengths([1, None, 2, 3, 2], rule, rule.turn(2)) == lengths


# windows


def test_windows_do_not_overlap_and_those_that_begin_while_it_fires_start_no_run() -> None:
    values = [1.0] * 15 + [9.0] * 6 + [1.0] * 29
    trials = list_trials([Stretch(0, 60, tuple(values))], lambda some: list_levels(some, ABOVE), 5, 5)
    assert [(trial.before, trial.worst) for trial in trials] == [(1, 1), (1, 1), (1, 9), (9, 9)] + [(1, 1)] * 5
    share = count_aborts(trials, lambda level: level > 5)
    assert share is not None
    assert (share.runs, share.aborted) == (8, 1)


def test_nobody_starts_where_the_guard_always_fires() -> None:
    trials = list_trials([Stretch(0, 60, (9.0,) * 100)], lambda some: list_levels(some, ABOVE), 5, 5)
    assert count_aborts(trials, lambda level: level > 5) is None


def test_what_another_experiment_disturbed_is_in_no_window() -> None:
    values = history([1.0] * 100)
    first, second = split_history(values.points, values.span, 60, [(1210.0, 1790.0)])
    assert (len(first.values), second.start, len(second.values)) == (20, 1800, 70)
    assert split_history(values.points, values.span, 60, [(0.0, 6000.0)]) == []
    (whole,) = split_history(values.points, values.span, 60, [(6000.0, 7000.0)])
    assert (whole.start, len(whole.values)) == (0, 100)


# the interval


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (0, 336), (1, 50), (7, 201), (50, 100), (30, 30)])
def test_the_interval_is_that_of_clopper_and_pearson(hits: int, n: int) -> None:
    low, high = binomial_interval(hits, n)
    assert low == pytest.approx(stats.beta.ppf(0.05, hits, n - hits + 1) if hits else 0, abs=1e-6)
    assert high == pytest.approx(stats.beta.ppf(0.95, hits + 1, n - hits) if hits < n else 1, abs=1e-6)


def test_none_of_many_is_not_never() -> None:
    result = forecast("queue > 5", quiet())
    assert (result.aborted, result.percent, result.low) == (0, 0, 0)
    assert result.high == pytest.approx(300 / result.runs, rel=0.01)


def test_aborts_that_come_on_one_day_say_less_than_aborts_on_many() -> None:
    spread = forecast("queue > 5", spiked(1440))
    clustered = forecast("queue > 5", quiet(13) + spiked(100, days=1))
    assert (spread.aborted, clustered.aborted) == (13, 14)
    assert spread.high is not None
    assert clustered.high is not None
    assert clustered.high > 2 * spread.high


def test_the_interval_holds_the_true_share_nine_times_of_ten() -> None:
    noise, inside = random.Random(11), 0
    for _ in range(40):
        values = [9.0 if noise.random() < 0.06 else 1.0 for _ in range(2 * 1440)]
        result = forecast("queue > 5", values)
        assert result.low is not None
        assert result.high is not None
        inside += result.low <= TRUE_SHARE <= result.high
    assert inside >= 34


def _simulate_share() -> float:
    """The share of healthy runs aborted where each minute breaches with a probability of 6 %, by simulation."""
    noise, aborted, runs = random.Random(3), 0, 0
    while runs < 40_000:
        values = [noise.random() < 0.06 for _ in range(13)]
        if sum(values[:3]) < 2:
            runs += 1
            aborted += any(sum(values[end - 3 : end]) >= 2 for end in range(4, 14))
    return 100 * aborted / runs


TRUE_SHARE = _simulate_share()


# what can't be told


@pytest.mark.parametrize(("days", "minutes", "is_told"), [(0.9, 10, False), (1.1, 10, True), (14, 720, True), (14, 1200, False)])
def test_less_than_a_day_or_twenty_windows_tell_nothing(days: float, minutes: int, is_told: bool) -> None:
    result = forecast("queue > 5", quiet(days), length=timedelta(minutes=minutes))
    assert (result.told == "told", result.percent is not None) == (is_told, is_told)
    assert is_told or f"windows of {'10 min' if minutes == 10 else '20 h'}" in result.said


def test_a_guard_that_nearly_always_fires_tells_nothing_either() -> None:
    result = forecast("queue > 5", [9.0] * (13 * 1440) + quiet(0.1))
    assert result.told == "too_little_history"
    assert "in which it already fired" in result.why


def test_what_begins_with_the_run_or_is_kept_for_hours_has_no_history() -> None:
    sentinel = binding("sentinel_availability", unit="percent")
    assert history_span(sentinel, Timing(), 0) is None
    false_aborts = forecast_false_aborts(parse_condition("Sentinel availability < 90 %", {}), sentinel, None, Timing(), TEN_MINUTES)
    assert (false_aborts.told, false_aborts.why) == ("no_history", "the sentinel's metrics begin with the run")
    fast = Timing(metric_period_seconds=5)
    assert history_span(binding(), fast, 0) is None
    brief = forecast_false_aborts(parse_condition("queue > 5", UNITS), binding(), None, fast, TEN_MINUTES)
    assert (brief.told, brief.why) == ("no_history", "CloudWatch keeps periods of 5 s for three hours only")


@pytest.mark.parametrize(("queries", "days"), [(1, 14), (4, 14), (5, 13.89), (10, 6.94)])
def test_the_history_is_bounded_in_days_and_in_data_points(queries: int, days: float) -> None:
    span = history_span(binding(queries=queries), Timing(), 100 * DAY)
    assert span is not None
    assert (span[1] - span[0]) / DAY == pytest.approx(days, abs=0.01)
    assert (span[1] - span[0]) // 60 * queries <= 100_000


# proposals


@pytest.mark.parametrize(
    ("text", "metric", "turn"),
    [("queue > 5", "queue", 1), ("queue >= 5", "queue", 1), ("queue < -5", "queue", -1), ("queue <= -5", "queue", -1)],
)
def test_a_guard_that_aborts_too_often_gets_the_nearest_threshold_that_does_not(text: str, metric: str, turn: int) -> None:
    values = [value and turn * value for value in spiked(97)]
    result = forecast(text, values)
    assert result.percent == pytest.approx(100 * 10 / 97, abs=2)
    assert result.instead
    nearer = parse_condition(result.instead[0], UNITS)
    assert abs(nearer.value) == pytest.approx(9, rel=0.1)
    better = forecast(result.instead[0], values)
    assert better.percent == 0
    assert better.high == pytest.approx(result.instead_high or 0)


def test_a_longer_for_is_proposed_while_the_guard_still_reacts_in_time() -> None:
    result = forecast("queue > 5", spiked(97))
    threshold, longer = (parse_condition(text, UNITS) for text in result.instead)
    assert (threshold.for_seconds, longer.for_seconds, longer.value) == (None, 180, 5)
    assert forecast(result.instead[1], spiked(97)).percent == 0
    slow = forecast("queue > 5", spiked(97, width=5))
    assert [parse_condition(text, UNITS).for_seconds for text in slow.instead] == [None], "six minutes are too late in a fault of ten"


def test_a_for_that_is_too_short_is_made_longer() -> None:
    result = forecast("queue > 5 for 2 minutes", spiked(97))
    threshold, longer = (parse_condition(text, UNITS) for text in result.instead)
    assert (threshold.for_seconds, longer.for_seconds) == (120, 180)


@pytest.mark.parametrize(("text", "low", "high"), [("busy > 80 %", 20.0, 100.0), ("busy < 80 %", 90.0, 0.0)])
def test_a_threshold_that_can_never_be_reached_is_not_proposed(text: str, low: float, high: float) -> None:
    values = [high if value == 9 else low for value in spiked(97)]
    result = forecast(text, values, metric=binding("busy", unit="percent"))
    assert [parse_condition(sentence, UNITS).value for sentence in result.instead] == [80.0], "only a longer for"


def test_no_threshold_helps_against_silence_that_breaches() -> None:
    values = [None if value == 9 else 1.0 for value in spiked(97, width=4)]
    result = forecast("queue > 5", values, metric=binding(published="with_traffic"))
    assert result.aborted
    assert [parse_condition(sentence, UNITS).value for sentence in result.instead] in ([], [5.0])


def test_a_guard_within_one_percent_gets_no_proposal() -> None:
    result = forecast("queue > 5", spiked(1440))
    assert result.percent
    assert result.percent < 1
    assert result.instead == ()


def test_what_is_said_has_the_numbers() -> None:
    result = forecast("queue > 5", spiked(97))
    assert result.said.startswith('"queue > 5" would have aborted 20')
    assert "healthy runs of 10 min in the last 14 days" in result.said
    assert isinstance(parse_condition(result.instead[0], UNITS), Threshold)
