"""A suite runs its steps in order, side by side up to its bound, and stops when it is told to."""

import itertools

import pytest

from squall.domain.base.vocabulary import Verdict
from squall.domain.campaign.choice import Choice
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.suite import SuitePlan, choose_suite_steps, list_skipped

OK = StepOutcome.VALIDATED


def plan(stop_on: str = "refuted", side_by_side: int = 1, **needs: tuple[str, ...]) -> SuitePlan:
    return SuitePlan(needs or {"a": (), "b": (), "c": ()}, stop_on, side_by_side)


def verdict(choice: Choice) -> Verdict:
    assert choice.ending
    return choice.ending.verdict


def test_steps_run_in_order() -> None:
    assert choose_suite_steps(plan(), {}).start == ("a",)
    assert choose_suite_steps(plan(), {"a": OK}).start == ("b",)


def test_steps_run_side_by_side_up_to_the_bound() -> None:
    assert choose_suite_steps(plan(side_by_side=2), {}).start == ("a", "b")
    assert choose_suite_steps(plan(side_by_side=2), {"a": OK, "b": OK}).start == ("c",)


def test_a_step_waits_for_what_it_needs_while_others_run() -> None:
    suite = plan(side_by_side=3, a=(), b=("a",), c=())
    assert choose_suite_steps(suite, {}).start == ("a", "c")
    assert choose_suite_steps(suite, {"a": OK, "c": OK}).start == ("b",)


@pytest.mark.parametrize("outcome", [outcome for outcome in StepOutcome if outcome is not OK])
def test_what_needs_a_step_that_is_not_validated_is_skipped_with_the_reason(outcome: StepOutcome) -> None:
    suite = plan("never", a=(), b=("a",), c=("b",))
    choice = choose_suite_steps(suite, {"a": outcome})
    assert choice.start == ()
    assert verdict(choice) is not Verdict.VALIDATED
    reasons = list_skipped(suite, {"a": outcome})
    assert reasons == {"b": "needs a, which was not validated", "c": "needs b, which was not validated"}


@pytest.mark.parametrize(
    ("stop_on", "goes_on_after"),
    [
        ("refuted", {"inconclusive", "invalid", "rejected"}),
        ("aborted", {"refuted", "inconclusive", "invalid", "rejected"}),
        ("never", {"refuted", "guard", "stopped", "inconclusive", "invalid", "rejected", "failed"}),
    ],
)
def test_stop_on_says_after_what_no_step_starts(stop_on: str, goes_on_after: set[str]) -> None:
    going = {outcome.value for outcome in StepOutcome if choose_suite_steps(plan(stop_on), {"a": outcome}).start}
    assert going == goes_on_after | {"validated"}


def test_only_a_suite_whose_every_step_is_validated_is_validated() -> None:
    """Every combination of outcomes of two steps, and of a step that did not run."""
    for first, second in itertools.product([*StepOutcome], [None, *StepOutcome]):
        outcomes = {"a": first} | ({"b": second} if second else {})
        choice = choose_suite_steps(plan("never", a=(), b=()), outcomes)
        if choice.ending is None:
            continue
        assert (choice.ending.verdict is Verdict.VALIDATED) == (set(outcomes.values()) == {OK} and len(outcomes) == 2)
        assert (choice.ending.verdict is Verdict.REFUTED) == any(outcome.fails for outcome in outcomes.values())


def test_the_reason_counts_the_steps_and_names_the_one_that_stopped_it() -> None:
    choice = choose_suite_steps(plan(), {"a": OK, "b": StepOutcome.GUARD})
    assert choice.ending
    assert choice.ending.reason == "3 steps: 1 validated, 1 aborted by a guard, 1 not run; stopped after b, which was aborted by a guard"


def test_an_unknown_outcome_stops_whatever_stop_on_says_and_is_no_pass() -> None:
    choice = choose_suite_steps(plan("never"), {"a": OK, "b": StepOutcome.UNKNOWN})
    assert (choice.start, verdict(choice)) == ((), Verdict.INCONCLUSIVE)
