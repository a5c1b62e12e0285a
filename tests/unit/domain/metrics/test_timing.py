"""What can be guarded and judged is decided by arithmetic on metric periods before anything is touched."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.parse import parse_condition
from squall.domain.language.sentences import AlarmOk, Recovers, Threshold
from squall.domain.metrics.periods import (
    SlowMetric,
    count_datapoints,
    lag_of,
    lag_table,
    pace_timing,
    reaction_seconds,
    typical_reaction_seconds,
    whole_periods,
)
from squall.domain.metrics.timing_problems import find_event_problems, find_slow_recovery_problems, find_timing_problems, minimum_duration
from squall.domain.policy.environment import Timing
from tests.unit.builders import experiment

AWS = Timing()
LOCAL = Timing(metric_period_seconds=2, metric_lag_seconds=1, alarm_evaluation_seconds=1, minimum_duration_seconds=5)


def check(length: timedelta, timing: Timing = AWS, **changes: object) -> list[str]:
    parsed = parse_sentences(experiment(**changes))
    timing_problems = find_timing_problems(length, parsed.thresholds, timing, lag_table(timing, {}))
    return [str(problem) for problem in timing_problems]


def test_rel12_bp05_passes_with_its_ten_minutes() -> None:
    assert check(timedelta(minutes=10)) == []
    assert whole_periods(timedelta(minutes=10), AWS) == 9


def test_the_worst_and_the_typical_reaction_are_different_numbers() -> None:
    assert reaction_seconds(AWS, 180) == 120 + 180 + 60
    assert typical_reaction_seconds(AWS, 180) == 120 + 60 + 60


def test_five_minutes_are_refused_naming_every_sentence_and_the_shortest_length_that_works() -> None:
    result = check(timedelta(minutes=5))
    (problem,) = result
    first, *sentences = problem.partition(" (expected")[0].splitlines()
    assert first == "duration_minutes: 5 min of fault are too short for 4 sentences"
    assert [sentence.partition(":")[0] for sentence in sentences] == [
        "success_criteria[0]", "success_criteria[1]", "abort_conditions[0]", "abort_conditions[1]",
    ]  # fmt: skip
    assert "at least 8 min" in problem


def test_a_fault_that_is_too_short_for_anything_is_one_problem() -> None:
    (problem,) = check(timedelta(seconds=20))
    assert problem.startswith("duration_minutes: the fault lasts 20 s, the shortest here is 60 s")
    assert "at least 8 min" in problem


def test_a_sentence_that_no_longer_fault_mends_is_a_problem_of_its_own() -> None:
    parsed = parse_sentences(experiment(success_criteria=["Response time < 1 s during recovery"]))
    found = find_timing_problems(timedelta(minutes=5), parsed.thresholds, AWS, lag_table(AWS, {}), recovery=timedelta(minutes=3))
    assert [problem.path for problem in found] == ["success_criteria[0]", "duration_minutes"]


def test_a_local_account_needs_seconds() -> None:
    assert check(timedelta(seconds=20), LOCAL) == []
    assert check(timedelta(seconds=4), LOCAL)


def test_a_sentence_that_must_hold_for_long_needs_a_long_fault() -> None:
    result = check(timedelta(minutes=10), success_criteria=["System availability > 99% for 20 minutes"])
    assert len(result) == 1
    assert "hold only 540 s" in result[0]
    assert "at least 21 min" in result[0]


def test_a_guard_that_waits_for_a_long_breach_reacts_late() -> None:
    assert check(timedelta(minutes=10), abort_conditions=["System availability < 95% for 10 minutes"])


def test_a_recovery_criterion_is_measured_against_the_recovery_window() -> None:
    parsed = parse_sentences(experiment(success_criteria=["System availability > 99% during recovery"]))
    timing_problems = find_timing_problems(timedelta(minutes=10), parsed.thresholds, AWS, lag_table(AWS, {}), recovery=timedelta(minutes=3))
    assert [problem.path for problem in timing_problems] == ["success_criteria[0]"]
    assert "recovery" in timing_problems[0].expected


SLOW = {"cpu_utilization": SlowMetric(300, "i-1 has basic monitoring", "turn on detailed monitoring")}


@pytest.mark.parametrize(("minutes", "refused"), [(10, ["success", "abort"]), (26, ["success"]), (30, [])])
def test_a_slow_metric_is_refused_with_its_setting_and_the_shortest_length_that_works(minutes: int, refused: list[str]) -> None:
    parsed = parse_sentences(experiment(success_criteria=["CPU utilization < 90%"], abort_conditions=["CPU utilization > 95%"]))
    thresholds, table = (*parsed.threshold_criteria, *parsed.conditions), lag_table(AWS, {})
    result = find_timing_problems(timedelta(minutes=minutes), thresholds, AWS, table, slow=SLOW)
    assert [problem.path.partition("_")[0] for problem in result] == refused
    assert all(problem.message.endswith("; i-1 has basic monitoring") for problem in result)
    assert all(problem.expected.startswith("at least 30 min") for problem in result)
    assert all(problem.expected.endswith("; or turn on detailed monitoring") for problem in result)
    assert find_timing_problems(timedelta(minutes=minutes), thresholds, AWS, table) == [], "in periods of 60 s all of them can be judged"


@pytest.mark.parametrize(("minutes", "refused"), [(15, True), (20, False)])
def test_a_recovery_window_that_does_not_show_that_a_slow_metric_is_back_is_refused(minutes: int, refused: bool) -> None:
    parsed = parse_sentences(experiment(success_criteria=["CPU utilization < 90%", "System availability > 99%"]))
    result = find_slow_recovery_problems(parsed.threshold_criteria, AWS, SLOW, recovery=timedelta(minutes=minutes))
    assert [(problem.path, problem.expected) for problem in result] == [
        ("success_criteria[0]", "recovery of at least 20 min; or turn on detailed monitoring")
    ] * refused


def test_the_baseline_of_a_slow_metric_covers_the_same_time_or_as_many_periods_as_a_baseline_needs() -> None:
    assert pace_timing(AWS, 300).baseline_periods == 12
    assert pace_timing(Timing(baseline_periods=20), 300).baseline_periods == 10
    assert reaction_seconds(pace_timing(AWS, 300), 120) == 2 * 300 + 120 + 60


def test_an_unknown_metric_has_no_lag() -> None:
    with pytest.raises(KeyError):
        lag_of("happiness", AWS)


def test_the_policy_overrides_every_lag() -> None:
    assert lag_of("availability", LOCAL) == 1


@pytest.mark.parametrize(
    ("policy", "expected"),
    [((2, 3), (3, 5)), ((1, 1), (3, 5)), ((4, 6), (4, 6)), ((5, 5), (5, 5))],
)
def test_guards_on_short_periods_need_more_of_them(policy: tuple[int, int], expected: tuple[int, int]) -> None:
    timing = Timing(guard_datapoints_to_alarm=policy[0], guard_evaluation_periods=policy[1])
    assert count_datapoints(None, pace_timing(timing, 10)) == expected
    assert count_datapoints(None, pace_timing(timing, None)) == policy
    assert reaction_seconds(pace_timing(timing, 10), 15) == expected[0] * 10 + 15 + 10


@given(
    length=st.integers(1, 7200),
    period=st.sampled_from([1, 2, 5, 10, 60, 300]),
    lag=st.integers(0, 600),
    minimum=st.integers(1, 12),
    breaching=st.integers(1, 5),
)
def test_the_shortest_length_named_always_works(length: int, period: int, lag: int, minimum: int, breaching: int) -> None:
    timing = Timing(
        metric_period_seconds=period, metric_lag_seconds=lag, minimum_periods=minimum, guard_datapoints_to_alarm=breaching,
        guard_evaluation_periods=breaching,
    )  # fmt: skip
    parsed = parse_sentences(experiment()).thresholds
    table = lag_table(timing, {})
    shortest = minimum_duration(parsed, timing, table)
    assert find_timing_problems(shortest, parsed, timing, table) == []
    if timedelta(seconds=length) < shortest - timedelta(seconds=period):
        assert find_timing_problems(timedelta(seconds=length), parsed, timing, table)


def test_the_reaction_of_one_sentence_counts_its_own_duration() -> None:
    threshold = parse_condition("System availability < 95% for 5 minutes")
    assert reaction_seconds(AWS, 180, threshold) == 5 * 60 + 180 + 60


@pytest.mark.parametrize(
    ("sentence", "recovery", "expected"),
    [
        ("System recovers within 20 minutes", 15, "recovery of at least 20 min"),
        ("System recovers within 20 minutes", 20, ""),
        ("Auto Scaling launches replacement instance within 26 minutes", 15, "recovery of at least 16 min"),
        ("alarm pager fires within 30 minutes", 15, "recovery of at least 20 min"),
        ("alarm pager fires within 25 minutes", 15, ""),
        ("Auto Scaling launches replacement instance", 15, ""),
        ("3 tasks run within 26 minutes", 15, "recovery of at least 16 min"),
        ("3 tasks run within 25 minutes", 15, ""),
    ],
)
def test_an_event_that_may_come_after_everybody_stopped_watching_is_refused(sentence: str, recovery: int, expected: str) -> None:
    criteria = parse_sentences(experiment(type="network_latency", success_criteria=[sentence])).criteria
    events = [(path, parsed) for path, _, parsed in criteria if not isinstance(parsed, Threshold | AlarmOk)]
    event_problems = find_event_problems(events, timedelta(minutes=10), AWS, recovery=timedelta(minutes=recovery))
    assert [problem.expected for problem in event_problems] == ([expected] if expected else [])


def test_a_recovery_that_counts_from_the_effect_is_watched_through_the_fault_too() -> None:
    events = [("success_criteria[0]", Recovers(text="recovers", within_seconds=1500))]
    assert find_event_problems(events, timedelta(minutes=10), AWS, instant=True) == []
    assert find_event_problems(events, timedelta(minutes=10), AWS) != []
