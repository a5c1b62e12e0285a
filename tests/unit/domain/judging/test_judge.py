"""Criteria are met, not met, or can't be told; each says by what numbers."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metrics.metric_models import Series
from squall.domain.documents.metrics.statistics import Comparison, MetricStatistics
from squall.domain.documents.recovery import Recovery, RunningMembers
from squall.domain.judging.criteria import judge_criteria
from squall.domain.judging.judge_input import JudgeInput
from squall.faults.plan import traits_of
from tests.unit.builders import (
    HEALTHY,
    NOW,
    baseline,
    bindings,
    definition,
    discovery,
    experiment,
    healthy_series,
    series,
    window,
    workload,
)

MET, NOT_MET, UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
FAULT = window("fault", NOW, 10)
END = NOW + timedelta(minutes=10)
REPLACED = Recovery(
    recovered=True,
    recovered_at=NOW + timedelta(minutes=4),
    seconds_to_recover=240,
    replacement_ids=("i-new",),
    replaced_at=NOW + timedelta(minutes=3),
)


def result(criterion: str, **changes: Any) -> CriterionResult:
    exp = experiment(success_criteria=[criterion], **changes.pop("experiment", {}))
    outcome = discovery(exp=exp)
    inputs: dict[str, Any] = {
        "definition": definition(exp),
        "discovery": outcome,
        "traits": traits_of(definition(exp)),
        "baseline": baseline(measurements=HEALTHY),
        "effect_at": NOW,
        "fault_end": END,
        "windows": {"fault": FAULT},
        "series": {"fault": healthy_series(outcome.bindings, FAULT)},
        "values": {"fault": HEALTHY},
        "alarms_fired": {},
        "recovery": REPLACED,
    }
    return judge_criteria(JudgeInput(**{**inputs, **changes}))[0]


def availability(**values: Any) -> dict[str, dict[str, tuple[Series, ...]]]:
    binding = next(b for b in bindings() if b.name == "availability")
    return {"fault": {"availability": series(binding, FAULT, values)}}


def test_a_threshold_that_holds_over_the_window_is_met_with_its_numbers() -> None:
    outcome = result("System availability > 99%")
    assert (outcome.outcome, outcome.measured, outcome.threshold, outcome.comparator, outcome.unit) == (MET, 100.0, 99.0, ">", "percent")
    assert (outcome.expected_points, len(outcome.points)) == (10, 10)
    assert "measured 100 percent" in outcome.reason


def test_a_threshold_that_does_not_hold_is_not_met() -> None:
    assert result("Response time < 2 seconds", values={"fault": {**HEALTHY, "response_time": 2.5}}).outcome is NOT_MET


@pytest.mark.parametrize(("missing", "outcome"), [(0, MET), (2, MET), (3, UNKNOWN), (10, UNKNOWN)])
def test_under_eighty_percent_of_the_periods_nothing_can_be_told(missing: int, outcome: CriterionOutcome) -> None:
    answer = result("System availability > 99%", series=availability(requests=[None] * missing + [600.0] * (10 - missing)))
    assert answer.outcome is outcome


@pytest.mark.parametrize(("bad", "outcome"), [([300.0] * 7, NOT_MET), ([8.0] * 7, UNKNOWN), ([None] * 7, UNKNOWN)])
def test_worse_is_never_less_decided_whatever_is_missing(bad: list[float | None], outcome: CriterionOutcome) -> None:
    """Seven minutes at 50 % and three silent ones are under 99 % whatever those three held."""
    answer = result(
        "System availability > 99%",
        series=availability(requests=[600.0] * 7 + [None] * 3, target_5xx=bad),
        values={"fault": {"availability": 100 - sum(filter(None, bad)) / 42}},
    )
    assert answer.outcome is outcome
    assert "7 of 10 periods have a value" in answer.reason


def test_what_is_good_enough_even_at_worst_is_met() -> None:
    missing = availability(requests=[600.0] * 7 + [None] * 3)
    assert result("System availability > 60%", series=missing).outcome is MET


def response_time(*values: float | None) -> dict[str, dict[str, tuple[Series, ...]]]:
    binding = next(b for b in bindings() if b.name == "response_time")
    return {"fault": {"response_time": series(binding, FAULT, {"value": values})}}


def test_a_slow_half_refutes_an_average_whatever_the_silent_half_held() -> None:
    assert result("Response time < 2 s", series=response_time(*[9.0] * 5), values={"fault": {"response_time": 9.0}}).outcome is NOT_MET
    assert result("Response time < 2 s", series=response_time(*[3.0] * 5), values={"fault": {"response_time": 3.0}}).outcome is UNKNOWN


def test_a_short_window_refutes_but_never_proves() -> None:
    short = window("fault", NOW, 4)
    binding = next(b for b in bindings() if b.name == "availability")
    down = {"fault": {"availability": series(binding, short, {"requests": [600.0] * 4, "target_5xx": [300.0] * 4})}}
    answer = result("System availability > 99%", windows={"fault": short}, series=down, values={"fault": {"availability": 50.0}})
    assert answer.outcome is NOT_MET
    assert result("System availability > 40%", windows={"fault": short}).outcome is UNKNOWN


def request_rate(*values: float | None) -> dict[str, dict[str, tuple[Series, ...]]]:
    binding = next(b for b in bindings() if b.name == "request_rate")
    return {"fault": {"request_rate": series(binding, FAULT, {"requests": values})}}


@pytest.mark.parametrize("order", [[600.0] * 6 + [None] * 4, [600.0] * 3 + [None] * 4 + [600.0] * 3, [None] * 4 + [600.0] * 6])
def test_no_requests_are_a_rate_of_zero(order: list[float | None]) -> None:
    outcome = result("Request rate > 9/s", series=request_rate(*order), values={"fault": {"request_rate": 6.0}})
    assert outcome.outcome is NOT_MET
    assert outcome.measured == pytest.approx(6.0)


def test_a_load_balancer_of_which_nothing_is_seen_may_be_silent_for_another_reason() -> None:
    assert result("Request rate > 9/s", series=request_rate(), values={"fault": {"request_rate": None}}).outcome is UNKNOWN
    binding = next(b for b in bindings(experiment(success_criteria=["Healthy hosts > 0"])) if b.name == "healthy_hosts")
    alive = {"fault": {**request_rate()["fault"], "healthy_hosts": series(binding, FAULT, {"value": [2.0] * 10})}}
    assert result("Request rate > 9/s", series=alive, values={"fault": {"request_rate": None}}).outcome is NOT_MET


def test_one_silent_period_at_the_end_may_not_be_published_yet() -> None:
    outcome = result("Request rate > 9.5/s", series=request_rate(*[600.0] * 9), values={"fault": {"request_rate": 9.0}})
    assert (outcome.outcome, outcome.measured) == (MET, 10.0)
    assert "1 of 10 periods have no value" in outcome.reason


def test_errors_of_a_last_minute_that_is_not_published_are_not_taken_for_none() -> None:
    def told(text: str, errors: list[float | None], requests: list[float | None]) -> CriterionResult:
        binding = next(b for b in bindings(experiment(success_criteria=[text])) if b.name == "error_count")
        observed = {**request_rate(*requests)["fault"], "error_count": series(binding, FAULT, {"target_5xx": errors})}
        total = sum(filter(None, errors))
        return result(text, series={"fault": observed}, values={"fault": {"error_count": total}})

    late = told("Error count < 50", [2.0] * 9, [600.0] * 9)
    assert (late.outcome, "the last 60 s of the fault window are not yet published" in late.reason) == (UNKNOWN, True)
    assert told("Error count < 50", [2.0] * 9, [600.0] * 10).outcome is MET
    assert told("Error count < 50", [2.0] * 10, [600.0] * 9).outcome is MET, "its own errors are published"
    assert told("Error count < 50", [20.0] * 9, [600.0] * 9).outcome is NOT_MET, "whatever the last minute held"


def test_what_is_not_a_number_cant_be_told() -> None:
    assert result("Response time < 2 s", values={"fault": {**HEALTHY, "response_time": float("nan")}}).outcome is UNKNOWN
    nothing = response_time(*[float("nan")] * 10)
    assert result("Response time < 2 s", series=nothing, values={"fault": {"response_time": float("nan")}}).outcome is UNKNOWN


def test_a_window_with_too_few_periods_cannot_tell() -> None:
    outcome = result("System availability > 99%", windows={"fault": window("fault", NOW, 4)})
    assert (outcome.outcome, "5 are needed" in outcome.reason) == (UNKNOWN, True)


def test_no_value_and_no_window_cannot_tell() -> None:
    assert result("Response time < 2 seconds", values={"fault": {}}).outcome is UNKNOWN
    assert result("System availability > 99% during recovery").outcome is UNKNOWN


def test_a_total_outage_is_not_met_although_nothing_counts_its_requests() -> None:
    outcome = result("System availability > 99%", series=availability(elb_5xx=[30.0] * 10), values={"fault": {"availability": None}})
    assert (outcome.outcome, outcome.measured) == (NOT_MET, 0.0)


def test_silence_of_a_sparse_count_is_zero() -> None:
    outcome = result("Error count < 5", series={"fault": {}}, values={"fault": {"error_count": None}})
    assert (outcome.outcome, outcome.measured) == (MET, 0.0)


def compared(low: float | None, high: float | None, before: float = 0.5) -> dict[str, MetricStatistics]:
    """Response time that shifted by something between these, in seconds."""
    shift = None if low is None or high is None else (low + high) / 2
    comparison = Comparison(
        windows=("baseline", "fault"), n=(60, 10), before=before, shift=shift, low=low, high=high, conclusion="higher", sentence="slower"
    )
    return {"response_time": MetricStatistics(metric="response_time", unit="seconds", comparisons=(comparison,))}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Response time increases by < 51% vs baseline", MET),
        ("Response time increases by < 50% vs baseline", UNKNOWN),
        ("Response time increases by < 25% vs baseline", NOT_MET),
        ("Response time increases by <= 25% vs baseline", UNKNOWN),
        ("Response time increases by < 30% vs baseline", UNKNOWN),
        ("Response time <= 150% of baseline", MET),
        ("Response time > 125% of baseline", UNKNOWN),
        ("Response time > 124% of baseline", MET),
        ("Response time >= 151% of baseline", NOT_MET),
        ("Response time == 200% of baseline", NOT_MET),
        ("Response time != 130% of baseline", UNKNOWN),
        ("Response time != 200% of baseline", MET),
    ],
)
def test_relative_criteria_are_decided_by_the_whole_interval(text: str, outcome: CriterionOutcome) -> None:
    answer = result(text, statistics=compared(0.125, 0.25))
    assert answer.outcome is outcome
    assert answer.low is not None
    assert answer.high is not None
    assert answer.measured == pytest.approx((answer.low + answer.high) / 2)
    assert "95 % interval" in answer.reason


def test_what_could_not_be_compared_cant_be_told() -> None:
    text = "Response time increases by < 20% vs baseline"
    assert result(text).outcome is UNKNOWN, "Compare failed"
    assert result(text, statistics=compared(None, None)).outcome is UNKNOWN, "under five points, or an interval without an end"
    assert result(text, statistics=compared(0.01, 0.01, before=-1.0)).outcome is UNKNOWN, "relative to a negative number"


def test_nothing_that_stays_nothing_has_not_changed_and_something_from_nothing_has() -> None:
    text = "Response time increases by < 20% vs baseline"
    assert result(text, statistics=compared(0.0, 0.0, before=0.0)).outcome is MET
    answer = result(text, statistics=compared(50.0, 50.0, before=0.0))
    assert (answer.outcome, answer.measured, answer.high) == (NOT_MET, None, None)
    assert result("Response time <= 150% of baseline", statistics=compared(0.0, 0.0, before=0.0)).outcome is MET


def test_percentages_of_decimal_numbers_are_exact() -> None:
    exact = compared(0.6 - 0.5, 0.6 - 0.5, before=0.5)
    assert result("Response time increases by < 20% vs baseline", statistics=exact).outcome is NOT_MET
    assert result("Response time increases by <= 20% vs baseline", statistics=exact).outcome is MET


def test_missing_periods_are_said_with_what_they_mean() -> None:
    outcome = result("System availability > 99%", series=availability(requests=[None] * 2 + [600.0] * 8))
    assert "2 of 10 periods have no value: no traffic was counted in them" in outcome.reason


def test_a_criterion_for_some_time_needs_an_uninterrupted_run() -> None:
    binding = next(b for b in bindings() if b.name == "response_time")
    broken = {"fault": {"response_time": series(binding, FAULT, {"value": [0.1, 0.1, 0.1, 3, 0.1, 0.1, 0.1, 0.1, 3, 0.1]})}}
    assert result("Response time < 2 seconds for 4 minutes", series=broken).outcome is MET
    assert result("Response time < 2 seconds for 5 minutes", series=broken).outcome is NOT_MET


def test_a_missing_period_may_be_the_one_that_breaks_a_run() -> None:
    gap = response_time(*[0.1] * 5, None, *[0.1] * 4)
    answer = result("Response time < 2 seconds for 8 minutes", series=gap)
    assert (answer.outcome, "held for 300 s" in answer.reason, "600 s if" in answer.reason) == (UNKNOWN, True, True)
    assert result("Response time < 2 seconds for 5 minutes", series=gap).outcome is MET
    assert result("Response time < 2 seconds for 8 minutes", series=response_time(*[0.1] * 4, 3.0, None, *[0.1] * 4)).outcome is NOT_MET


@given(value=st.floats(0, 100), minutes=st.integers(0, 10))
def test_a_complete_window_is_always_told_and_agrees_with_the_comparison(value: float, minutes: int) -> None:
    outcome = result("System availability > 99%", values={"fault": {**HEALTHY, "availability": value}})
    assert outcome.outcome is (MET if value > 99 else NOT_MET)


def test_an_alarm_counts_from_the_effect() -> None:
    text = "alarm pager fires within 3 minutes"
    assert result(text, alarms_fired={"pager": NOW + timedelta(seconds=180)}).outcome is MET
    assert result(text, alarms_fired={"pager": NOW + timedelta(seconds=181)}).outcome is NOT_MET
    assert result(text, alarms_fired={"pager": None}).outcome is NOT_MET
    assert result(text).outcome is UNKNOWN


def test_an_alarm_that_was_not_watched_long_enough_cant_be_told() -> None:
    text, silent = "alarm pager fires within 30 minutes", {"pager": None}
    answer = result(text, alarms_fired=silent, alarms_read_at=NOW + timedelta(minutes=20))
    assert (answer.outcome, "watched only 1200 s" in answer.reason) == (UNKNOWN, True)
    assert result(text, alarms_fired=silent, alarms_read_at=NOW + timedelta(minutes=30)).outcome is NOT_MET
    assert result(text, alarms_fired=silent).outcome is UNKNOWN, "known to be read after the last window alone"


def test_recovery_from_a_termination_counts_from_the_effect() -> None:
    assert result("recovers within 4 minutes").outcome is MET
    assert result("recovers within 3 minutes").outcome is NOT_MET
    assert result("recovers within 3 minutes", recovery=None).outcome is UNKNOWN


def test_recovery_from_a_lasting_fault_counts_from_its_end() -> None:
    late = REPLACED.model_copy(update={"recovered_at": END + timedelta(minutes=2)})
    assert result("recovers within 3 minutes", recovery=late, experiment={"type": "network_latency"}).outcome is MET


def test_one_metric_recovers_on_its_own() -> None:
    held = {"response_time": NOW + timedelta(minutes=2)}
    partly = Recovery(recovered=False, held_since=held, detail="0 of 1 replacements", observed_until=END)
    assert result("Response time recovers within 3 minutes", recovery=partly).outcome is MET
    assert result("recovers within 3 minutes", recovery=partly).outcome is NOT_MET


def test_no_recovery_is_not_met_if_it_was_watched_long_enough() -> None:
    never = Recovery(recovered=False, detail="still slow", observed_until=NOW + timedelta(minutes=5))
    assert result("recovers within 5 minutes", recovery=never).outcome is NOT_MET
    longer = {"experiment": {"recovery": "PT5H"}}
    answer = result("recovers within 6 minutes", recovery=never, **longer)
    assert (answer.outcome, "watched only 300 s" in answer.reason) == (UNKNOWN, True)
    assert result("recovers within 5 minutes", recovery=Recovery(recovered=False)).outcome is UNKNOWN


def test_a_replacement_is_told_by_instances_not_by_words() -> None:
    text = "Auto Scaling launches replacement instance"
    outcome = result(text)
    assert (outcome.outcome, outcome.measured, outcome.kind) == (MET, 180.0, "replacement")
    assert "i-new" in outcome.reason
    assert result(f"{text} within 2 minutes").outcome is NOT_MET
    assert result(text, recovery=Recovery(recovered=False)).outcome is NOT_MET
    assert result(text, recovery=None).outcome is UNKNOWN


def test_behind_a_shared_load_balancer_a_group_without_a_healthy_host_is_down_while_nothing_counts_its_requests() -> None:
    load = workload()
    shared = load.model_copy(update={"target_groups": (load.target_groups[0].model_copy(update={"load_balancer_groups": 2}),)})
    outcome = discovery(shared)
    series_of = {b.name: b for b in outcome.bindings}
    outage: list[float | None] = [600.0] * 6 + [None] * 4
    observed = {
        "availability": series(series_of["availability"], FAULT, {"requests": outage}),
        "healthy_hosts": series(series_of["healthy_hosts"], FAULT, {"value": [2.0] * 6 + [0.0] * 4}),
    }
    answer = result("System availability > 99%", discovery=outcome, series={"fault": observed})
    assert (answer.outcome, answer.measured, len(answer.points)) == (NOT_MET, 60.0, 10)
    quiet = {**observed, "healthy_hosts": series(series_of["healthy_hosts"], FAULT, {"value": [2.0] * 10})}
    assert result("System availability > 99%", discovery=outcome, series={"fault": quiet}).outcome is UNKNOWN, "no traffic, perhaps"


def test_an_upper_bound_alone_refutes_nothing() -> None:
    bound = REPLACED.model_copy(update={"replaced_after": NOW + timedelta(minutes=1), "recovered_after": NOW + timedelta(minutes=1)})
    text = "Auto Scaling launches replacement instance"
    assert result(f"{text} within 3 minutes", recovery=bound).outcome is MET
    answer = result(f"{text} within 2 minutes", recovery=bound)
    assert (answer.outcome, "not before 60 s" in answer.reason) == (UNKNOWN, True)
    assert result(f"{text} within 30 seconds", recovery=bound).outcome is NOT_MET
    assert result("recovers within 3 minutes", recovery=bound).outcome is UNKNOWN
    assert result("recovers within 30 seconds", recovery=bound).outcome is NOT_MET


def test_no_replacement_yet_is_not_met_only_if_it_was_watched_long_enough() -> None:
    none = Recovery(recovered=False, looked_at=NOW + timedelta(minutes=4))
    assert result("Auto Scaling launches replacement instance within 4 minutes", recovery=none).outcome is NOT_MET
    assert result("Auto Scaling launches replacement instance within 5 minutes", recovery=none).outcome is UNKNOWN


COUNTED = RunningMembers(group="ECS service shop/web", count=3, since=NOW + timedelta(minutes=3))


def count_of(running: RunningMembers, looked_at: datetime = END, recovered: bool = True) -> Recovery:
    return Recovery(recovered=recovered, looked_at=looked_at, running={"3 tasks run within 4 minutes": running})


@pytest.mark.parametrize(
    ("running", "minutes", "outcome", "reason"),
    [
        (COUNTED, 10, MET, "3 tasks of ECS service shop/web run from 180 s after the fault took effect on"),
        (COUNTED.model_copy(update={"since": NOW}), 10, MET, "3 tasks of ECS service shop/web run ever since the fault took effect"),
        (COUNTED.model_copy(update={"since": NOW + timedelta(minutes=5)}), 10, NOT_MET, "from 300 s after"),
        (COUNTED.model_copy(update={"since": NOW + timedelta(minutes=5), "after": NOW}), 10, UNKNOWN, "not before 0 s"),
        (COUNTED.model_copy(update={"since": None, "count": 2}), 4, NOT_MET, "2 of 3 tasks of ECS service shop/web run"),
        (COUNTED.model_copy(update={"since": None, "count": 2}), 3, UNKNOWN, "2 of 3 tasks of ECS service shop/web run, but they were"),
    ],
)
def test_a_number_of_tasks_counts_from_when_so_many_run(running: RunningMembers, minutes: int, outcome: Any, reason: str) -> None:
    judged = result("3 tasks run within 4 minutes", recovery=count_of(running, NOW + timedelta(minutes=minutes)))
    assert (judged.outcome, judged.kind, judged.threshold) == (outcome, "members", 240.0)
    assert reason in judged.reason


@pytest.mark.parametrize("recovery", [None, Recovery(recovered=True, looked_at=END)])
def test_a_number_of_tasks_that_nobody_counted_cannot_be_told(recovery: Recovery | None) -> None:
    assert result("3 tasks run within 4 minutes", recovery=recovery).outcome is UNKNOWN


def relative(**more: Any) -> dict[str, MetricStatistics]:
    (outcome,) = compared(-0.2, 0.9).values()
    return {"response_time": outcome.model_copy(update={"comparisons": (outcome.comparisons[0].model_copy(update=more),)})}


def test_middle_halves_that_lie_apart_decide_where_the_interval_cannot() -> None:
    text = "Response time increases by < 20% vs baseline"
    assert result(text, statistics=relative()).outcome is UNKNOWN
    assert result(text, statistics=relative(least=0.2, greatest=0.6)).outcome is NOT_MET
    assert result(text, statistics=relative(least=-0.05, greatest=0.05)).outcome is MET
    only = relative(low=None, high=None, least=0.2, greatest=0.6)
    answer = result(text, statistics=only)
    assert (answer.outcome, "middle halves of both windows" in answer.reason) == (NOT_MET, True)


def test_what_a_trend_or_the_hour_explains_cant_be_told() -> None:
    text, rise = "Response time increases by < 20% vs baseline", {"low": 0.24, "high": 0.26}
    assert result(text, statistics=relative(**rise)).outcome is NOT_MET
    assert result(text, statistics=relative(**rise, drift=0.25)).outcome is UNKNOWN
    assert result(text, statistics=relative(**rise, usual=(0.5, 0.74, 0.5))).outcome is UNKNOWN
    assert result(text, statistics=relative(**rise, usual=(0.5, 0.52, 0.5))).outcome is NOT_MET
    same = {"low": -0.01, "high": 0.01}
    assert result(text, statistics=relative(**same, usual=(0.25, 0.3, 0.25))).outcome is UNKNOWN, "it should have fallen by half"
    assert result(text, statistics=relative(**same, usual=(0.25, 0.5))).outcome is MET


CLUSTER = "arn:aws:rds:eu-west-1:111122223333:cluster:orders"


@pytest.mark.parametrize(
    ("fault", "since"),
    [
        ({"type": "instance_termination"}, "the fault took effect"),
        ({"type": "database_failure", "target_resources": [CLUSTER]}, "the fault took effect"),
        ({"type": "network_latency"}, "the fault ended"),
    ],
)
def test_recovery_counts_from_the_effect_of_whatever_ends_at_once_and_from_the_end_of_what_lasts(fault: dict[str, Any], since: str) -> None:
    held = REPLACED.model_copy(update={"held_since": {"response_time": END + timedelta(seconds=30)}})
    outcome = result("Response time recovers within 5 minutes", recovery=held, experiment=fault)
    assert outcome.reason.endswith(f"after {since}")
    assert (outcome.outcome is CriterionOutcome.MET) is (since == "the fault ended"), "ten minutes after the effect is too late"


@pytest.mark.parametrize(
    ("criterion", "outcome"),
    [
        ("Response time increases by < 120 ms vs baseline", MET),
        ("Response time increases by < 50 ms vs baseline", NOT_MET),
        ("Response time increases by <= 75 ms vs baseline", UNKNOWN),
    ],
)
def test_a_difference_is_decided_in_the_metrics_own_unit(criterion: str, outcome: CriterionOutcome) -> None:
    """The typical period is 60 to 100 ms slower than a baseline of 200 ms."""
    answer = result(criterion, statistics=compared(0.06, 0.1, before=0.2))
    assert answer.outcome is outcome
    assert (answer.unit, answer.low, answer.high) == ("seconds", 0.06, 0.1)
    assert "seconds" in answer.reason


@pytest.mark.parametrize(
    ("back_since", "outcome"), [(END + timedelta(minutes=3), MET), (END + timedelta(minutes=6), NOT_MET), (None, NOT_MET)]
)
def test_a_return_to_the_baseline_counts_from_the_end_of_the_fault(back_since: Any, outcome: CriterionOutcome) -> None:
    text = "p99 response time returns to baseline within 5 minutes"
    back = {text: back_since} if back_since else {}
    recovery = REPLACED.model_copy(update={"back_since": back, "observed_until": END + timedelta(minutes=15)})
    answer = result(text, recovery=recovery, experiment={"type": "network_latency", "parameters": {"latency_ms": 200}})
    assert (answer.kind, answer.outcome) == ("recovery", outcome)


def test_a_return_to_a_baseline_of_which_nothing_is_known_cant_be_told() -> None:
    text = "p99 response time returns to baseline within 5 minutes"
    recovery = REPLACED.model_copy(update={"without_baseline": (text,), "observed_until": END + timedelta(minutes=15)})
    assert result(text, recovery=recovery).outcome is UNKNOWN
