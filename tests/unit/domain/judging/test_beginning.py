"""The period in which a fault begins lies in no window; harm that it shows is seen all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.judgement import CriterionResult
from squall.domain.judging.criteria import judge_criteria
from squall.domain.judging.judge_input import JudgeInput
from squall.faults.plan import traits_of
from tests.unit.builders import HEALTHY, NOW, baseline, definition, discovery, experiment, healthy_series, series, window

MET, NOT_MET, UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
START = NOW.replace(second=0, microsecond=0)
BEFORE = 20
"""Whole periods of a minute before the one in which the fault begins."""
RUN = window("run", START - timedelta(minutes=BEFORE), BEFORE + 11)
EFFECT = START + timedelta(seconds=20)
AVAILABLE, QUICK = "System availability > 99%", "Response time < 2 seconds"


def judge(criterion: str, metric: str, points: Mapping[str, Sequence[float | None]], **changes: Any) -> CriterionResult:
    """`points`: of the periods of the baseline, of the one in which the fault began, and of ten periods of the fault."""
    exp = experiment(success_criteria=[criterion])
    found = discovery(exp=exp)
    fault = window("fault", START + timedelta(minutes=1), 10)
    binding = next(binding for binding in found.bindings if binding.name == metric)
    inputs: dict[str, Any] = {
        "definition": definition(exp),
        "discovery": found,
        "traits": traits_of(definition(exp)),
        "baseline": baseline(measurements=HEALTHY),
        "effect_at": EFFECT,
        "fault_end": EFFECT + timedelta(minutes=10),
        "windows": {"baseline": window("baseline", START - timedelta(minutes=BEFORE), BEFORE), "fault": fault},
        "series": {"fault": healthy_series(found.bindings, fault)},
        "values": {"fault": HEALTHY},
        "run_series": {metric: series(binding, RUN, points)},
        "alarms_fired": {},
        "recovery": None,
    }
    (result,) = judge_criteria(JudgeInput(**{**inputs, **changes}))
    return result


def requests(began: float, *, usual: Sequence[float] = (0.0,), **changes: Any) -> CriterionResult:
    """600 requests in each minute; `began` of them fail in the one in which the fault begins, `usual` in those before it."""
    failed = [usual[number % len(usual)] for number in range(BEFORE)]
    return judge(AVAILABLE, "availability", {"requests": [600.0] * (BEFORE + 11), "target_5xx": [*failed, began, *[0.0] * 10]}, **changes)


def test_an_outage_that_is_over_within_the_period_in_which_the_fault_began_is_seen() -> None:
    """Half a minute of outage in 11 minutes are 4.5 %; in the ten whole periods after it nothing failed."""
    result = requests(began=300.0)
    assert result.outcome is NOT_MET
    assert result.measured == pytest.approx(100 * (1 - 300 / 6600))
    assert "measured 95.45 percent with the 60 s in which the fault began (50)" in result.reason
    assert "measured 100 percent over 10 periods" in result.reason, "what the whole periods say stands beside it"


def test_harm_that_changes_nothing_about_the_answer_is_no_matter() -> None:
    result = requests(began=40.0)
    assert (result.outcome, result.measured) == (MET, 100.0)


def test_what_the_baseline_had_at_times_as_well_can_not_be_told() -> None:
    result = requests(began=300.0, usual=[0.0, 0.0, 0.0, 0.0, 320.0])
    assert result.outcome is UNKNOWN
    assert "the baseline was as bad at times" in result.reason


def test_without_a_baseline_nobody_can_tell_either() -> None:
    fault = window("fault", START + timedelta(minutes=1), 10)
    assert requests(began=300.0, windows={"fault": fault}).outcome is UNKNOWN


def test_a_window_that_begins_with_the_effect_has_no_such_period() -> None:
    assert requests(began=300.0, effect_at=START + timedelta(minutes=1)).outcome is MET


def test_a_period_without_data_changes_nothing() -> None:
    points = {"requests": [*[600.0] * BEFORE, None, *[600.0] * 10]}
    assert judge(AVAILABLE, "availability", points).outcome is MET


def test_response_time_counts_by_its_periods() -> None:
    assert judge(QUICK, "response_time", {"value": [*[0.1] * BEFORE, 30.0, *[0.1] * 10]}).outcome is NOT_MET
    assert judge(QUICK, "response_time", {"value": [*[0.1] * BEFORE, 20.0, *[0.1] * 10]}).outcome is MET


def test_a_count_is_one_of_the_windows_length() -> None:
    """Four errors in each period are 40 in the ten of the window; the period before it adds none to them."""
    name = next(b.name for b in discovery(exp=experiment(success_criteria=["Error count < 42"])).bindings if b.name.startswith("error"))

    def count(began: float) -> CriterionResult:
        points = {"target_5xx": [*[4.0] * BEFORE, began, *[4.0] * 10], "requests": [600.0] * (BEFORE + 11)}
        return judge("Error count < 42", name, points, values={"fault": {**HEALTHY, name: 40.0}})

    assert count(began=4.0).outcome is MET
    assert count(began=60.0).outcome is NOT_MET


def test_a_percentile_of_the_window_does_not_follow_from_that_of_a_period() -> None:
    name = next(b.name for b in discovery(exp=experiment(success_criteria=["p99 response time < 2 seconds"])).bindings if "p99" in b.name)
    points = {"value": [*[0.1] * BEFORE, 30.0, *[0.1] * 10]}
    result = judge("p99 response time < 2 seconds", name, points, values={"fault": {**HEALTHY, name: 0.1}})
    assert result.outcome is MET


def test_it_never_makes_an_answer_better() -> None:
    worse = {"fault": {**HEALTHY, "availability": 98.0}}
    assert requests(began=0.0, values=worse).outcome is NOT_MET


def ended(failed: float, fault_end_after: float = 40.0) -> CriterionResult:
    """600 requests in each minute; `failed` of them fail in the one that begins when the last whole period of the fault is over."""
    points = {"requests": [600.0] * (BEFORE + 12), "target_5xx": [0.0] * (BEFORE + 11) + [failed]}
    binding = next(each for each in discovery(exp=experiment(success_criteria=[AVAILABLE])).bindings if each.name == "availability")
    run = window("run", START - timedelta(minutes=BEFORE), BEFORE + 12)
    end = START + timedelta(minutes=11, seconds=fault_end_after)
    return judge(AVAILABLE, "availability", {}, run_series={"availability": series(binding, run, points)}, fault_end=end)


def test_an_outage_within_the_period_in_which_the_fault_ended_can_not_be_told() -> None:
    result = ended(failed=300.0)
    assert result.outcome is UNKNOWN
    assert "measured 95.45 percent with the 60 s in which the fault ended (50)" in result.reason
    assert "a part of them lies after the fault" in result.reason


def test_what_happens_in_the_period_of_its_end_and_changes_nothing_is_no_matter() -> None:
    assert ended(failed=40.0).outcome is MET


def test_a_fault_that_ends_with_a_period_has_no_such_period() -> None:
    assert ended(failed=300.0, fault_end_after=0.0).outcome is MET
