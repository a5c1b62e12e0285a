"""A criterion that its own metric meets can't be told where something else speaks against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metrics.statistics import Band, Comparison, MetricStatistics
from tests.unit.builders import HEALTHY, NOW, discovery, experiment, healthy_series, series, window
from tests.unit.domain.judging.test_judge import END, FAULT, REPLACED, response_time, result

MET, NOT_MET, UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
BASELINE = window("baseline", NOW - timedelta(minutes=60), 60)


def judge_times(criterion: str, failed: float) -> CriterionResult:
    """`failed`: percent of the requests during the fault; the others took 0.1 s."""
    names = [each.name for each in discovery(exp=experiment(success_criteria=[criterion])).bindings if each.name.startswith("response")]
    return result(criterion, values={"fault": {**HEALTHY, **dict.fromkeys(names, 0.1), "availability": 100 - failed}})


@pytest.mark.parametrize(
    ("criterion", "failed", "outcome"),
    [
        ("Response time < 2 seconds", 100.0, UNKNOWN),
        ("Response time < 2 seconds", 6.0, UNKNOWN),
        ("Response time < 2 seconds", 5.0, MET),
        ("p99 response time < 2 seconds", 1.5, UNKNOWN),
        ("p99 response time < 2 seconds", 1.0, MET),
        ("95% of requests complete within 2 seconds", 4.0, MET),
        ("95% of requests complete within 2 seconds", 60.0, UNKNOWN),
        ("Response time > 50 ms", 100.0, MET),
    ],
)
def test_quick_errors_are_no_quick_answers(criterion: str, failed: float, outcome: CriterionOutcome) -> None:
    assert judge_times(criterion, failed).outcome is outcome


def test_the_reason_says_how_many_failed() -> None:
    assert "but 60 % of the requests failed, and response times say nothing about these" in judge_times("Response time < 2 s", 60.0).reason


def test_slow_answers_refute_however_many_failed() -> None:
    values = {**HEALTHY, "response_time": 2.5, "availability": 40.0}
    assert result("Response time < 2 seconds", values={"fault": values}).outcome is NOT_MET


@pytest.mark.parametrize("criterion", ["System availability > 99%", "Error rate < 1%", "Response time < 2 s"])
@pytest.mark.parametrize(("now", "outcome"), [(0.02, UNKNOWN), (0.9, UNKNOWN), (1.0, MET), (10.0, MET)])
def test_the_few_requests_that_still_arrive_say_nothing_about_the_others(criterion: str, now: float, outcome: CriterionOutcome) -> None:
    values = {"baseline": {**HEALTHY, "request_rate": 10.0}, "fault": {**HEALTHY, "request_rate": now}}
    assert result(criterion, values=values).outcome is outcome


@pytest.mark.parametrize("criterion", ["Request rate > 5/s"])
def test_what_is_no_matter_of_single_requests_is_judged_as_ever(criterion: str) -> None:
    values = {name: {**HEALTHY, "request_rate": rate, "healthy_hosts": 2.0} for name, rate in (("baseline", 10.0), ("fault", 0.5))}
    assert result(criterion, values=values).outcome is MET


def compared(metric: str, unit: str, before: float) -> dict[str, MetricStatistics]:
    """No difference between the typical periods, for certain."""
    same = Comparison(
        windows=("baseline", "fault"), n=(60, 10), before=before, after=before, shift=0.0, low=0.0, high=0.0,
        conclusion="no_difference", sentence="no difference",
    )  # fmt: skip
    return {metric: MetricStatistics(metric=metric, unit=unit, comparisons=(same,))}


@pytest.mark.parametrize(
    ("criterion", "metric", "before", "during", "outcome"),
    [
        ("Error rate increases by < 1 point", "error_rate", 0.0, 11.1, UNKNOWN),
        ("Error rate increases by < 1 point", "error_rate", 0.0, 0.5, MET),
        ("Error rate < 2x baseline", "error_rate", 0.0, 11.1, UNKNOWN),
        ("Response time increases by < 20 % vs baseline", "response_time", 0.1, 5.1, UNKNOWN),
        ("Response time increases by < 20 % vs baseline", "response_time", 0.1, 0.11, MET),
        ("Request rate > 80 % of baseline", "request_rate", 10.0, 6.0, UNKNOWN),
    ],
)
def test_a_few_bad_periods_beside_typical_ones_can_not_be_told(
    criterion: str, metric: str, before: float, during: float, outcome: CriterionOutcome
) -> None:
    """A minute without any answer among ten moves no typical period, and a tenth of all requests failed."""
    values = {"baseline": {**HEALTHY, metric: before}, "fault": {**HEALTHY, metric: during}}
    found = discovery(exp=experiment(success_criteria=[criterion]))
    more: dict[str, Any] = {"windows": {"fault": FAULT, "baseline": BASELINE}, "series": {"fault": healthy_series(found.bindings, FAULT)}}
    unit = next(each.unit for each in found.bindings if each.name == metric)
    answer = result(criterion, values=values, statistics=compared(metric, unit, before), **more)
    assert answer.outcome is outcome, answer.reason
    assert ("over the whole window" in answer.reason) is (outcome is UNKNOWN)


def recover(criterion: str, last: float | None, after: int = 5) -> CriterionResult:
    """`last`: requests that fail of the 600 in each of the last two of the minutes after the fault; None: nothing is counted
    in these."""
    found = discovery(exp=experiment(success_criteria=[criterion]))
    binding = next(each for each in found.bindings if each.name == "availability")
    run, recovery = window("run", NOW - timedelta(minutes=60), 70 + after), window("recovery", END, after)
    silent = 0 if last is not None else 2
    points = {
        "requests": [*[600.0] * (70 + after - silent), *[None] * silent],
        "target_5xx": [*[None] * (68 + after), *[last] * 2],
    }
    held = {"availability": NOW + timedelta(minutes=4), "response_time": NOW + timedelta(minutes=4)}
    return result(
        criterion,
        recovery=REPLACED.model_copy(update={"held_since": held}),
        windows={"baseline": BASELINE, "fault": FAULT, "recovery": recovery},
        run_series={"availability": series(binding, run, points)},
        statistics={"availability": MetricStatistics(metric="availability", unit="percent", band=Band(low=99.0, high=101.0))},
    )


@pytest.mark.parametrize("criterion", ["System recovers within 5 minutes", "Response time recovers within 5 minutes"])
@pytest.mark.parametrize("after", [5, 0])
def test_nothing_has_recovered_while_requests_fail(criterion: str, after: int) -> None:
    """Also where the recovery was over before a whole period of it."""
    assert recover(criterion, 0.0, after).outcome is MET
    failing = recover(criterion, 300.0, after)
    assert failing.outcome is UNKNOWN
    assert "but the availability is 50 % at last, and was never under 99 %" in failing.reason


def test_nothing_has_recovered_while_no_requests_arrive() -> None:
    silent = recover("System recovers within 5 minutes", None)
    assert silent.outcome is UNKNOWN
    assert "but no requests are counted any more" in silent.reason


def test_another_metric_recovers_by_itself() -> None:
    assert recover("System availability recovers within 5 minutes", 300.0).outcome is MET


def count_hosts(criterion: str, *values: float) -> CriterionResult:
    """`values`: of ten periods; their mean is the value over the window."""
    found = discovery(exp=experiment(success_criteria=[criterion]))
    binding = next(each for each in found.bindings if each.name == criterion.split()[-4].replace("Healthy", "healthy").lower() + "_hosts")
    mean = sum(values) / len(values)
    read = {**healthy_series(found.bindings, FAULT), binding.name: series(binding, FAULT, {"value": values})}
    return result(criterion, series={"fault": read}, values={"fault": {**HEALTHY, binding.name: mean}})


def test_the_average_number_of_hosts_hides_no_minutes_without_enough() -> None:
    assert count_hosts("Healthy hosts >= 2", *[2.0] * 10).outcome is MET
    short = count_hosts("Healthy hosts >= 2", *[3.0] * 8, 0.0, 1.0)
    assert short.outcome is UNKNOWN
    assert "but 2 of 10 periods had 0, which the average hides" in short.reason
    assert count_hosts("Unhealthy hosts <= 1", *[0.0] * 8, 3.0, 2.0).outcome is UNKNOWN
    assert count_hosts("Healthy hosts >= 2", *[3.0] * 3, *[0.0] * 7).outcome is NOT_MET
    assert count_hosts("average Healthy hosts >= 2", *[3.0] * 8, 0.0, 1.0).outcome is MET, "who asks for an average gets it"


@pytest.mark.parametrize(
    ("criterion", "values", "outcome"),
    [
        ("Response time < 2 seconds for 3 minutes", [0.1] * 3 + [3.0] * 7, UNKNOWN),
        ("Response time < 2 seconds for 3 minutes", [3.0] * 3 + [0.1] * 7, UNKNOWN),
        ("Response time < 2 seconds for 4 minutes", [3.0] * 3 + [0.1] * 7, MET),
        ("Response time < 2 seconds for 3 minutes", [3.0, 3.0, 0.1, 3.0, 3.0, *[0.1] * 5], MET),
        ("Response time < 2 seconds for 3 minutes", [0.1] * 10, MET),
        ("Response time < 2 seconds for 8 minutes", [0.1] * 3 + [3.0] * 7, NOT_MET),
        ("Response time > 2 seconds for 3 minutes", [3.0] * 3 + [0.1] * 7, MET),
    ],
)
def test_what_was_bad_for_as_long_as_it_had_to_be_good_can_not_be_told(
    criterion: str, values: list[float], outcome: CriterionOutcome
) -> None:
    answer = result(criterion, series=response_time(*values))
    assert answer.outcome is outcome
    assert ("it did not hold for" in answer.reason) is (outcome is UNKNOWN)
