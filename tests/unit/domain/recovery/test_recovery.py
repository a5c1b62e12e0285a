"""Recovered means: everything holds again for some periods after the fault, and what was lost stands again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from squall.domain.documents.metrics.metric_models import Series
from squall.domain.documents.recovery import Recovery
from squall.domain.recovery.recovery import RecoveryInput, assess_recovery, observed_window
from squall.domain.resources.workload import Workload
from squall.domain.run.alarm_state import AlarmState
from squall.faults.plan import traits_of
from tests.unit.builders import (
    NOW,
    REL12,
    baseline,
    before,
    bindings,
    definition,
    discovery,
    experiment,
    healthy_series,
    instance,
    series,
    window,
    workload,
)

END = NOW + timedelta(minutes=10)
LATER = END + timedelta(minutes=4)
SPAN = window("recovery", NOW, 14)
LAG = timedelta(minutes=3)
"""Of a load balancer's metrics."""


def replaced() -> Workload:
    load = workload()
    gone = load.instances[0].model_copy(update={"state": "terminated"})
    return workload([gone, load.instances[1], instance("i-new")], desired=2)


def look(**changes: Any) -> tuple[Recovery, datetime | None]:
    exp = changes.pop("experiment", experiment())
    result = discovery(exp=exp)
    inputs: dict[str, Any] = {
        "definition": definition(exp),
        "discovery": result,
        "series": healthy_series(result.bindings, SPAN),
        "window": SPAN,
        "workload_now": replaced(),
        "before": before(result),
        "effect_at": NOW,
        "fault_end": END,
        "now": LATER,
        "traits": traits_of(definition(exp)),
    }
    return assess_recovery(RecoveryInput(**{**inputs, **changes}))


def slow(values: Sequence[float | None]) -> dict[str, tuple[Series, ...]]:
    result = healthy_series(bindings(), SPAN)
    binding = next(b for b in bindings() if b.name == "response_time")
    return {**result, "response_time": series(binding, SPAN, {"value": values})}


def at(minute: int) -> datetime:
    return NOW + timedelta(minutes=minute)


def test_a_workload_that_never_suffered_recovered_when_the_replacement_was_seen() -> None:
    result, again = look(previous=Recovery(recovered=False, replaced_at=at(3)))
    assert (result.recovered, again) == (True, None)
    assert (result.replacement_ids, result.replaced_at, result.recovered_at) == (("i-new",), at(3), at(3))
    assert result.seconds_to_recover == 180


def test_time_to_recover_ends_where_the_last_bad_period_did() -> None:
    result, _ = look(series=slow([0.1, 3, 3, 3, 3, 3] + [0.1] * 8), previous=Recovery(recovered=False, replaced_at=at(3)))
    assert result.seconds_to_recover == 360
    assert result.held_since == {"availability": NOW, "response_time": at(6)}
    assert result.observed_until == at(14)


def test_one_good_period_is_not_recovery() -> None:
    result, again = look(series=slow([3.0] * 13 + [0.1]))
    assert (result.recovered, again) == (False, at(15) + LAG), "when CloudWatch has the next period"
    assert "has held for 1 of 3 periods" in result.detail


def test_a_missing_period_is_not_a_good_one() -> None:
    result, _ = look(series=slow([0.1] * 12 + [None, 0.1]))
    assert not result.recovered


def test_without_a_replacement_there_is_no_recovery_from_a_termination() -> None:
    load = workload()
    lost = workload([load.instances[0].model_copy(update={"state": "terminated"}), load.instances[1]], desired=2)
    result, again = look(workload_now=lost)
    assert (result.recovered, result.replaced_at, again) == (False, None, LATER + timedelta(minutes=1)), "soon: it may come at any time"
    assert "0 of 1 replacements" in result.detail


def test_a_replacement_that_is_not_healthy_behind_the_load_balancer_does_not_count() -> None:
    load = replaced()
    sick = load.model_copy(
        update={"target_groups": (load.target_groups[0].model_copy(update={"healthy": (REL12["target_resources"][1],)}),)}
    )
    assert not look(workload_now=sick)[0].recovered


def test_the_wait_is_bounded() -> None:
    never = {"series": slow([3.0] * 14)}
    assert look(**never, window=window("recovery", NOW, 24))[1] == at(25) + LAG, "what CloudWatch has not shown yet was not watched"
    assert look(**never, window=window("recovery", NOW, 25))[1] is None
    longer = experiment(recovery=timedelta(hours=1))
    assert look(**never, window=window("recovery", NOW, 69), experiment=longer)[1] == at(70) + LAG
    assert look(**never, window=window("recovery", NOW, 70), experiment=longer)[1] is None


def test_a_lasting_fault_needs_no_replacement() -> None:
    exp = experiment(type="network_latency", success_criteria=["Response time < 2 seconds"])
    result, again = look(experiment=exp, workload_now=workload())
    assert (result.recovered, again, result.seconds_to_recover) == (True, None, 0)


def test_criteria_judged_in_the_recovery_window_keep_the_watch_until_there_are_enough_periods() -> None:
    exp = experiment(type="network_latency", success_criteria=["Response time < 2 seconds during recovery"])
    result, again = look(experiment=exp, workload_now=workload())
    assert (result.recovered, again) == (False, at(15) + LAG)
    assert "4 of 5 periods" in result.detail


def test_nobody_looks_before_enough_periods_can_have_held() -> None:
    exp = experiment(type="network_latency", success_criteria=["Response time < 2 seconds"])
    result, again = look(experiment=exp, workload_now=workload(), window=window("recovery", NOW, 10), now=END + LAG)
    assert (result.recovered, again) == (False, at(13) + LAG)
    assert "0 of 3 periods" in result.detail


def test_what_is_looked_at_ends_with_the_newest_complete_period() -> None:
    span = observed_window(NOW + timedelta(seconds=30), LATER, definition(), discovery())
    assert (span.start, span.end) == (int(NOW.timestamp()), int((LATER - timedelta(minutes=3)).timestamp()))


def came(instance_id: str, **times: Any) -> Workload:
    load = replaced()
    others = [entry for entry in load.instances if entry.id != "i-new"]
    return workload([*others, instance(instance_id, **times)], desired=2)


def test_a_replacement_is_timed_by_auto_scaling_however_late_it_is_first_seen() -> None:
    result, _ = look(workload_now=came("i-new", launched_at=at(1), in_service_at=at(2)))
    assert (result.replaced_at, result.replaced_after) == (at(2), None)
    assert (result.recovered_at, result.recovered_after, result.seconds_to_recover) == (at(2), None, 120)


def test_auto_scalings_word_corrects_an_earlier_look() -> None:
    earlier = Recovery(recovered=False, replaced_at=at(11), replaced_after=at(1), looked_at=at(11))
    assert look(workload_now=came("i-new", in_service_at=at(2)), previous=earlier)[0].replaced_at == at(2)


def test_without_auto_scalings_word_a_replacement_came_between_its_launch_and_the_first_look_at_it() -> None:
    result, _ = look(workload_now=came("i-new", launched_at=at(1)))
    assert (result.replaced_at, result.replaced_after) == (LATER, at(1))
    assert (result.recovered_at, result.recovered_after) == (LATER, at(1))
    unseen = Recovery(recovered=False, looked_at=at(12))
    assert look(workload_now=came("i-new", launched_at=at(1)), previous=unseen)[0].replaced_after == at(12)


def test_an_instance_from_before_the_effect_replaced_nothing() -> None:
    result, _ = look(workload_now=came("i-new", in_service_at=NOW - timedelta(seconds=1)))
    assert (result.replacement_ids, result.recovered) == ((), False)


def test_what_came_within_the_second_of_the_effect_counts_where_only_seconds_are_told() -> None:
    effect = NOW + timedelta(milliseconds=700)
    result, _ = look(workload_now=came("i-new", in_service_at=NOW), effect_at=effect)
    assert (result.replacement_ids, result.replaced_at) == (("i-new",), effect), "and not before the effect"


def test_metrics_recovered_when_they_did_however_late_that_is_first_seen() -> None:
    span = window("recovery", NOW, 60)
    binding = next(b for b in bindings() if b.name == "response_time")
    slow_for_two = {**healthy_series(bindings(), span), "response_time": series(binding, span, {"value": [3.0] * 2 + [0.1] * 58})}
    result, _ = look(series=slow_for_two, window=span, now=at(63), workload_now=came("i-new", in_service_at=at(1)))
    assert (result.recovered_at, result.recovered_after) == (at(2), None)


def test_nothing_has_recovered_from_a_fault_that_is_not_over() -> None:
    exp = experiment(type="network_latency", success_criteria=["Response time < 2 seconds"])
    lasts = "command c-1 is still InProgress on i-1"
    result, again = look(experiment=exp, workload_now=workload(), still_active=(lasts,))
    assert (result.recovered, result.seconds_to_recover, result.held_since) == (False, None, {})
    assert again == LATER + timedelta(minutes=1)
    assert lasts in result.detail


BACK = "Response time returns to baseline within 5 minutes"


def look_for_return(text: str, values: Sequence[float | None], usual: float | None = 0.2) -> tuple[Recovery, datetime | None]:
    exp = experiment(success_criteria=[text])
    before_fault = baseline()
    binding = next(b for b in bindings() if b.name == "response_time")
    known = series(binding, before_fault.window, {"value": [usual] * before_fault.window.periods})
    before_fault = before_fault.model_copy(update={"series": {"response_time": known}})
    return look(experiment=exp, series=slow(values), baseline=before_fault)


def test_a_metric_is_back_when_it_is_within_the_band_of_the_baselines_median() -> None:
    result, waiting = look_for_return(BACK, [0.9] * 11 + [0.24] * 3)
    assert (result.back_since, waiting) == ({BACK: at(11)}, None)
    result, waiting = look_for_return(BACK, [0.9] * 11 + [0.241] * 3)
    assert (result.back_since, result.without_baseline, waiting is None) == ({}, (), False)
    wider = "Response time returns to within 30 % of baseline within 5 minutes"
    assert look_for_return(wider, [0.9] * 11 + [0.26] * 3)[0].back_since == {wider: at(11)}


JOBS = {"Jobs": {"namespace": "Shop", "metric_name": "Jobs", "statistic": "Sum", "unit": "count"}}


def look_for_jobs(criterion: str, values: Sequence[float]) -> Recovery:
    """With 60 jobs in each minute before the fault."""
    exp = experiment(success_criteria=[criterion], metrics=JOBS)
    (binding,) = (b for b in bindings(exp) if b.name == "Jobs")
    known = baseline()
    usual = series(binding, known.window, {"Jobs": [60.0] * known.window.periods, "value": [60.0] * known.window.periods})
    measured = {**healthy_series(bindings(exp), SPAN), "Jobs": series(binding, SPAN, {"Jobs": values, "value": values})}
    return look(experiment=exp, series=measured, baseline=known.model_copy(update={"series": {"Jobs": usual}}))[0]


def test_a_count_is_back_when_a_minute_counts_as_many_as_a_minute_before() -> None:
    """The limit is that of a period. A threshold of a criterion is for all ten minutes of the fault."""
    back = "Jobs returns to baseline within 5 minutes"
    assert look_for_jobs(back, [5.0] * 11 + [61.0] * 3).back_since == {back: at(11)}
    assert look_for_jobs(back, [5.0] * 11 + [10.0] * 3).back_since == {}
    assert look_for_jobs("Jobs > 500", [5.0] * 11 + [61.0] * 3).held_since == {"Jobs": at(11)}


def test_a_metric_that_is_better_than_before_is_back() -> None:
    assert look_for_return(BACK, [0.9] * 11 + [0.01] * 3)[0].back_since == {BACK: at(11)}


def test_a_baseline_without_a_value_of_the_metric_tells_nothing() -> None:
    result, _ = look_for_return(BACK, [0.2] * 14, usual=None)
    assert (result.back_since, result.without_baseline) == ({}, (BACK,))


def test_an_alarm_of_the_steady_state_must_be_ok_again() -> None:
    exp = experiment(steady_state=["alarm pager is OK"])
    again, _ = look(experiment=exp, alarms={"pager": AlarmState("pager", "OK", at(12), True)})
    assert again.recovered
    assert again.held_since["alarm pager"] == at(12)
    for alarms, text in (
        ({"pager": AlarmState("pager", "ALARM", at(3), True)}, "alarm pager is ALARM"),
        ({"pager": AlarmState("pager", "INSUFFICIENT_DATA", at(3), True)}, "alarm pager is INSUFFICIENT_DATA"),
        ({}, "alarm pager is not there"),
        (None, "the states of pager could not be read"),
    ):
        result, waiting = look(experiment=exp, alarms=alarms)
        assert (result.recovered, waiting) == (False, LATER + timedelta(seconds=60))
        assert text in result.detail
