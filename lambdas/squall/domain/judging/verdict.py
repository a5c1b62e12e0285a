"""Decides the verdict from evidence, and says what each outcome means for the hypothesis and the exit code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from squall.domain.base.vocabulary import AbortSource, CriterionOutcome, Status, Verdict
from squall.domain.documents.judgement import CriterionResult
from squall.domain.run.record import Abort

THRESHOLD_NUMERATOR, THRESHOLD_DENOMINATOR = 4, 5
"""The 80 % of REL12-BP05, as integers, so that no verdict depends on rounding."""
OUTSIDE_SOURCES = frozenset(AbortSource) - {AbortSource.GUARD, AbortSource.BLIND_GUARD}
"""Sources of a stop that says nothing about the workload: all but the guards."""
_EXIT_OF_VERDICT = {
    Verdict.VALIDATED: 0,
    Verdict.REFUTED: 1,
    Verdict.ABORTED: 2,
    Verdict.INVALID: 3,
    Verdict.INCONCLUSIVE: 4,
}


@dataclass(frozen=True)
class Decision:
    status: Status
    verdict: Verdict | None
    hypothesis_validated: bool | None
    reason: str


def decide_ending(
    *,
    criteria: Sequence[CriterionResult],
    abort: Abort | None,
    injected: bool,
    proven: bool,
    invalid_reason: str = "",
    not_restored: Sequence[str] = (),
) -> Decision:
    """The ending of a run: the first that applies of invalid, aborted, refuted, inconclusive, validated.

    There is one exception. If a run is stopped from outside (by an operator, by a halt, or because its execution died),
    it is `aborted` even if nothing was injected or proven yet, because that is what happened. Neither verdict says
    anything about the hypothesis.

    The verdict is about the hypothesis only. If something was not restored (`not_restored`), the reason names it, and
    the verdict stays the same.
    """
    decision = _decide_verdict(criteria, abort, injected=injected, proven=proven, invalid_reason=invalid_reason)
    return replace(decision, reason=f"{decision.reason}; not restored: {'; '.join(not_restored)}") if not_restored else decision


def _decide_verdict(
    criteria: Sequence[CriterionResult], abort: Abort | None, *, injected: bool, proven: bool, invalid_reason: str
) -> Decision:
    if abort and abort.source in OUTSIDE_SOURCES:
        return make_decision(Status.ABORTED, Verdict.ABORTED, _why_aborted(abort), abort)
    invalid = invalid_reason or _why_invalid(abort, injected=injected, proven=proven)
    if invalid:
        return make_decision(Status.COMPLETED, Verdict.INVALID, invalid)
    if abort:
        return make_decision(Status.ABORTED, Verdict.ABORTED, _why_aborted(abort), abort)
    verdict, reason = _of_criteria(criteria)
    return make_decision(Status.COMPLETED, verdict, reason)


def make_decision(status: Status, verdict: Verdict | None, reason: str, abort: Abort | None = None) -> Decision:
    """The decision for an ending that a state decided (rejected, failed, planned, invalid)."""
    return Decision(status, verdict, hypothesis_validated(verdict, abort), reason)


def hypothesis_validated(verdict: Verdict | None, abort: Abort | None = None) -> bool | None:
    """True, false, or None if the run says nothing about the hypothesis. If a guard fired, the hypothesis is false."""
    if verdict is Verdict.VALIDATED:
        return True
    if verdict is Verdict.REFUTED:
        return False
    if verdict is Verdict.ABORTED and abort and abort.source is AbortSource.GUARD:
        return False
    return None


def exit_code(status: Status, verdict: Verdict | None) -> int:
    """The exit code of `squall run`; 5 for a run that is not final, or that failed."""
    if status is Status.PLANNED:
        return 0
    if status is Status.REJECTED:
        return 3
    if status is Status.ABORTED:
        return 2
    if status is Status.COMPLETED and verdict is not None:
        return _EXIT_OF_VERDICT[verdict]
    return 5


def _why_invalid(abort: Abort | None, *, injected: bool, proven: bool) -> str:
    before = f" ({abort.reason})" if abort else ""
    if not injected:
        return f"nothing was injected, so nothing was tested{before}"
    if not proven:
        return f"the fault provably never took effect on every target, so nothing was tested{before}"
    return ""


def _why_aborted(abort: Abort) -> str:
    who = f" by {abort.by}" if abort.by else ""
    return f"aborted{who} ({abort.source.value}): {abort.why}"


def _of_criteria(criteria: Sequence[CriterionResult]) -> tuple[Verdict, str]:
    total = len(criteria)
    met = sum(criterion.outcome is CriterionOutcome.MET for criterion in criteria)
    unknown = [criterion for criterion in criteria if criterion.outcome is CriterionOutcome.CANNOT_TELL]
    failed = [criterion for criterion in criteria if criterion.outcome is CriterionOutcome.NOT_MET]
    critical = next((criterion for criterion in failed if criterion.critical), None)
    if critical:
        return Verdict.REFUTED, f"the critical criterion {critical.text!r} was not met: {critical.reason}"
    if not total:
        return Verdict.INCONCLUSIVE, "no criterion was evaluated"
    if not _is_enough(met + len(unknown), total):
        return Verdict.REFUTED, f"{_describe_counts(met, unknown, total)}, under 80 %: {_list_criteria(failed)}"
    if _is_enough(met, total) and not any(criterion.critical for criterion in unknown):
        return Verdict.VALIDATED, f"{_describe_counts(met, unknown, total)}, at least 80 %"
    return Verdict.INCONCLUSIVE, f"{_describe_counts(met, unknown, total)}: the answer depends on {_list_criteria(unknown)}"


def _is_enough(met: int, total: int) -> bool:
    return met * THRESHOLD_DENOMINATOR >= total * THRESHOLD_NUMERATOR


def _describe_counts(met: int, unknown: Sequence[CriterionResult], total: int) -> str:
    doubt = f" and {len(unknown)} can't be told" if unknown else ""
    return f"{met} of {total} criteria met{doubt}"


def _list_criteria(criteria: Sequence[CriterionResult]) -> str:
    return "; ".join(f"{criterion.text!r} ({criterion.reason})" for criterion in criteria)
