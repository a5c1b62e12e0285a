"""The truth table of outcomes, and that no float and no order of criteria decides a verdict."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import verdicts
from squall.domain.base.vocabulary import AbortSource, CriterionOutcome, Status, Verdict
from squall.domain.documents.judgement import CriterionResult
from squall.domain.judging.verdict import decide_ending, exit_code, hypothesis_validated, make_decision
from squall.domain.run.record import Abort
from tests.unit.builders import NOW

MET, NOT_MET, UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
OUTSIDE = [AbortSource.OPERATOR, AbortSource.HALT, AbortSource.OUTSIDE, AbortSource.PEER, AbortSource.UNKNOWN]


def criterion(outcome: CriterionOutcome, *, critical: bool = False) -> CriterionResult:
    return CriterionResult(text="System availability > 99%", kind="threshold", critical=critical, outcome=outcome, reason="because")


CRITERIA = st.lists(st.builds(criterion, st.sampled_from(CriterionOutcome), critical=st.booleans()), min_size=1, max_size=12)


def abort(source: AbortSource) -> Abort:
    return Abort(source, "it fired", NOW, "squall-x-1")


def judged(criteria: list[CriterionResult]) -> Verdict | None:
    return decide_ending(criteria=criteria, abort=None, injected=True, proven=True).verdict


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([MET, MET, MET], Verdict.VALIDATED),
        ([MET, MET, NOT_MET], Verdict.REFUTED),  # 67 %: of three all must be met
        ([MET] * 4 + [NOT_MET], Verdict.VALIDATED),  # exactly 80 %
        ([MET] * 3 + [NOT_MET, UNKNOWN], Verdict.INCONCLUSIVE),
        ([MET] * 4 + [UNKNOWN], Verdict.VALIDATED),  # whatever the unknown one is
        ([MET, MET, UNKNOWN], Verdict.INCONCLUSIVE),
        ([NOT_MET, UNKNOWN, UNKNOWN], Verdict.REFUTED),
        ([], Verdict.INCONCLUSIVE),
    ],
)
def test_eighty_percent(outcomes: list[CriterionOutcome], verdict: Verdict) -> None:
    assert judged([criterion(outcome) for outcome in outcomes]) is verdict


def test_a_critical_criterion_decides_alone() -> None:
    rest = [criterion(MET)] * 9
    assert judged([*rest, criterion(NOT_MET, critical=True)]) is Verdict.REFUTED
    assert judged([*rest, criterion(UNKNOWN, critical=True)]) is Verdict.INCONCLUSIVE


@given(CRITERIA)
def test_inconclusive_exactly_when_the_unknown_ones_could_decide_either_way(criteria: list[CriterionResult]) -> None:
    unknown = [i for i, entry in enumerate(criteria) if entry.outcome is UNKNOWN]
    possible = set()
    for choice in product([MET, NOT_MET], repeat=len(unknown)):
        world = [item.model_copy(update={"outcome": choice[unknown.index(i)]}) if i in unknown else item for i, item in enumerate(criteria)]
        possible.add(judged(world))
    assert possible <= {Verdict.VALIDATED, Verdict.REFUTED}
    assert judged(criteria) is (Verdict.INCONCLUSIVE if len(possible) == 2 else possible.pop())


@given(CRITERIA, st.randoms())
def test_the_order_of_criteria_does_not_matter(criteria: list[CriterionResult], random: st.DataObject) -> None:
    turned = list(criteria)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert judged(turned) is judged(criteria)


@given(
    criteria=CRITERIA,
    source=st.none() | st.sampled_from(AbortSource),
    injected=st.booleans(),
    proven=st.booleans(),
    reason=st.sampled_from(["", "no data"]),
)
def test_invalid_before_aborted_before_the_criteria(
    criteria: list[CriterionResult], source: AbortSource | None, injected: bool, proven: bool, reason: str
) -> None:
    ending = decide_ending(
        criteria=criteria, abort=abort(source) if source else None, injected=injected, proven=proven, invalid_reason=reason
    )
    assert ending.reason
    if source in OUTSIDE:
        assert (ending.status, ending.verdict, ending.hypothesis_validated) == (Status.ABORTED, Verdict.ABORTED, None)
    elif reason or not injected or not proven:
        assert (ending.status, ending.verdict, ending.hypothesis_validated) == (Status.COMPLETED, Verdict.INVALID, None)
    elif source:
        assert (ending.status, ending.verdict) == (Status.ABORTED, Verdict.ABORTED)
        assert ending.hypothesis_validated is (False if source is AbortSource.GUARD else None)
    else:
        assert ending.status is Status.COMPLETED
        assert ending.verdict is judged(criteria)
        assert ending.hypothesis_validated is {Verdict.VALIDATED: True, Verdict.REFUTED: False}.get(ending.verdict or Verdict.INVALID)


@pytest.mark.parametrize(
    ("status", "verdict", "code"),
    [
        (Status.COMPLETED, Verdict.VALIDATED, 0),
        (Status.COMPLETED, Verdict.REFUTED, 1),
        (Status.ABORTED, Verdict.ABORTED, 2),
        (Status.REJECTED, None, 3),
        (Status.COMPLETED, Verdict.INVALID, 3),
        (Status.COMPLETED, Verdict.INCONCLUSIVE, 4),
        (Status.FAILED, None, 5),
        (Status.RUNNING, None, 5),
        (Status.PLANNED, None, 0),
    ],
)
def test_exit_codes(status: Status, verdict: Verdict | None, code: int) -> None:
    assert exit_code(status, verdict) == code


def test_what_ends_without_a_verdict_says_nothing_about_the_hypothesis() -> None:
    assert make_decision(Status.REJECTED, None, "closed hours").hypothesis_validated is None
    assert hypothesis_validated(None, abort(AbortSource.GUARD)) is None


@given(CRITERIA, st.sampled_from([None, *AbortSource]), st.booleans())
def test_what_was_not_restored_changes_no_verdict_and_is_said_with_each(
    criteria: list[CriterionResult], source: AbortSource | None, proven: bool
) -> None:
    given_: dict[str, Any] = {"criteria": criteria, "abort": abort(source) if source else None, "injected": True, "proven": proven}
    plain, answer = decide_ending(**given_), decide_ending(**given_, not_restored=["command c-1 is still InProgress on i-1"])
    assert (answer.status, answer.verdict, answer.hypothesis_validated) == (plain.status, plain.verdict, plain.hypothesis_validated)
    assert answer.reason == f"{plain.reason}; not restored: command c-1 is still InProgress on i-1"


def test_the_truth_table_in_the_docs_is_what_the_code_says() -> None:
    assert verdicts.main(["--check"]) == 0


@given(CRITERIA, st.integers(0, 11), st.sampled_from([UNKNOWN, NOT_MET]))
def test_a_criterion_that_goes_wrong_never_makes_a_verdict_better(
    criteria: list[CriterionResult], index: int, outcome: CriterionOutcome
) -> None:
    """refuted > inconclusive > validated: met may become unknown or not met, unknown not met."""
    order = [Verdict.VALIDATED, Verdict.INCONCLUSIVE, Verdict.REFUTED]
    at = index % len(criteria)
    worse = outcome if criteria[at].outcome is MET else NOT_MET
    changed = [*criteria[:at], criteria[at].model_copy(update={"outcome": worse}), *criteria[at + 1 :]]
    before, after = judged(criteria), judged(changed)
    assert before is not None
    assert after is not None
    assert order.index(after) >= order.index(before)
