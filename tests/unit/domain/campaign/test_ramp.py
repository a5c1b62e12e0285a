"""The search of a ramp finds the limit, repeats what says nothing, and says when the ends agree."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.domain.base.vocabulary import Verdict
from squall.domain.campaign.choice import Ending
from squall.domain.campaign.confidence import compute_confidence, describe_confidence, weigh_intervals
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.ramp import DoseRun, RampPlan, Tally, choose_dose, count_runs, describe_bracket, find_bracket
from tests.unit.domain.campaign.search import Workload, measure, search

DOSES = ("100", "200", "300", "400", "500")
HOLDS, FAILS = StepOutcome.VALIDATED, StepOutcome.REFUTED


def plan(method: str = "bisect", confirm: int = 2, most_runs: int = 40) -> RampPlan:
    return RampPlan(DOSES, method, confirm, most_runs)


def runs(*pairs: tuple[int, StepOutcome]) -> list[DoseRun]:
    return [DoseRun(dose, outcome) for dose, outcome in pairs]


@given(st.integers(1, 40), st.floats(-1, 41), st.sampled_from(["ladder", "bisect"]), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_without_noise_the_bracket_is_the_truth_and_one_dose_wide(intervals: int, limit: float, method: str, confirm: int) -> None:
    found = search(Workload(limit), intervals, random.Random(0), method=method, confirm=confirm)
    assert found.holds(limit)
    low = -1 if found.bracket.holds is None else found.bracket.holds
    high = intervals + 1 if found.bracket.fails is None else found.bracket.fails
    assert high - low == 1
    expected = math.ceil(math.log2(intervals + 2)) if method == "bisect" else intervals + 1
    assert found.runs <= expected + 2 * (confirm - 1)


def test_a_ladder_climbs_and_runs_no_dose_above_the_first_failing_one() -> None:
    chosen, done = [], list[DoseRun]()
    while not isinstance(dose := choose_dose(plan("ladder"), done), Ending):
        chosen.append(dose)
        done.append(DoseRun(dose, FAILS if dose >= 2 else HOLDS))
    assert chosen == [0, 1, 2, 2, 1]


def test_an_answer_is_a_bracket_in_the_words_of_the_doses() -> None:
    done = runs((2, FAILS), (0, HOLDS), (1, HOLDS), (2, FAILS), (1, HOLDS))
    assert choose_dose(plan(), done) == Ending(Verdict.REFUTED, "holds to 200, fails from 300")


def test_a_guard_that_fires_counts_as_failing() -> None:
    assert count_runs(plan(), runs((1, StepOutcome.GUARD)))[1] == Tally(failing=1)


@pytest.mark.parametrize("useless", [StepOutcome.INCONCLUSIVE, StepOutcome.INVALID, StepOutcome.STOPPED])
def test_a_run_that_says_nothing_counts_as_neither_and_is_repeated_up_to_a_bound(useless: StepOutcome) -> None:
    first = choose_dose(plan(), [])
    assert isinstance(first, int)
    assert choose_dose(plan(), runs((first, useless))) == first
    assert choose_dose(plan(), runs((first, useless), (first, useless))) == first
    ending = choose_dose(plan(), runs(*[(first, useless)] * 3))
    assert isinstance(ending, Ending)
    assert ending.verdict is Verdict.INCONCLUSIVE
    assert "3 runs at 300 say nothing about the hypothesis; no dose is known to hold or to fail" in ending.reason


@pytest.mark.parametrize("outcome", [StepOutcome.REJECTED, StepOutcome.FAILED, StepOutcome.UNKNOWN])
def test_after_a_run_that_was_refused_failed_or_is_unknown_nothing_starts(outcome: StepOutcome) -> None:
    ending = choose_dose(plan(), runs((2, HOLDS), (3, outcome)))
    assert isinstance(ending, Ending)
    assert (ending.verdict, ending.reason) == (
        Verdict.INCONCLUSIVE,
        f"the run at 400 was {outcome.value}; holds to 300, and no dose is known to fail",
    )


def test_two_runs_that_disagree_are_decided_by_a_third() -> None:
    done = runs((2, FAILS), (0, HOLDS), (1, HOLDS), (2, HOLDS))
    assert choose_dose(plan(), done) == 2
    assert find_bracket(count_runs(plan(), [*done, DoseRun(2, HOLDS)])).holds == 2


def test_ends_that_agree_are_said() -> None:
    nothing = choose_dose(plan(), runs((2, HOLDS), (3, HOLDS), (4, HOLDS), (4, HOLDS)))
    assert nothing == Ending(Verdict.VALIDATED, "nothing fails in the range: it holds to 500, the largest dose")
    everything = choose_dose(plan(), runs((2, FAILS), (0, FAILS), (0, FAILS)))
    assert everything == Ending(Verdict.REFUTED, "everything fails in the range: it fails from 100, the smallest dose")


def test_a_search_ends_after_the_most_runs_with_what_is_known() -> None:
    ending = choose_dose(plan(most_runs=2), runs((2, FAILS), (0, HOLDS)))
    assert ending == Ending(Verdict.INCONCLUSIVE, "not decided after 2 runs: holds to 100, fails from 300")


def test_a_bracket_without_one_side_says_so() -> None:
    only_failing = find_bracket(count_runs(plan(), runs((2, FAILS))))
    assert describe_bracket(DOSES, only_failing) == "fails from 300, and no smaller dose is known to hold"


def test_the_confidence_grows_with_agreeing_runs_and_names_its_assumption() -> None:
    once, twice = (count_runs(plan(), runs(*[(1, HOLDS), (2, FAILS)] * count)) for count in (1, 2))
    assert compute_confidence(once, find_bracket(once)) < compute_confidence(twice, find_bracket(twice)) < 1
    assert sum(weigh_intervals(twice)) == pytest.approx(1)
    assert describe_confidence(0.97961) == (
        "97.9 % confident, if larger doses never do less harm and one run in 20 tells the wrong thing by chance"
    )


def test_nothing_known_is_every_interval_alike() -> None:
    assert weigh_intervals([Tally()] * 3) == pytest.approx([1 / 4] * 4)


def test_a_small_simulation_finds_the_limit_within_the_budget_of_runs() -> None:
    measured = measure(16, 150, wrong=0.02)
    assert measured.right >= 0.95
    assert measured.runs <= math.log2(16) + 3


@pytest.mark.soak
@pytest.mark.parametrize("intervals", [8, 16, 32, 64])
@pytest.mark.parametrize("wrong", [0.0, 0.02])
def test_of_a_thousand_searches_95_percent_hold_the_truth_within_the_budget(intervals: int, wrong: float) -> None:
    measured = measure(intervals, 1000, wrong=wrong)
    assert measured.right >= 0.95
    assert measured.runs <= math.log2(intervals) + 3


@pytest.mark.soak
@pytest.mark.parametrize("intervals", [8, 16, 32])
def test_with_the_assumed_noise_the_stated_confidence_is_about_the_share_of_right_answers(intervals: int) -> None:
    measured = measure(intervals, 1000, wrong=0.05)
    assert measured.right >= 0.95
    assert measured.confidence == pytest.approx(measured.right, abs=0.015)


@pytest.mark.soak
def test_at_a_soft_limit_and_with_silent_runs_the_answer_is_at_most_one_dose_off() -> None:
    assert measure(16, 1000, wrong=0.02, soft=0.2).near >= 0.95
    assert measure(16, 1000, wrong=0.02, silent=0.05).right >= 0.95
