"""Inspections of what came before the fault: the steady state in the baseline, and the safety checks."""

from collections.abc import Iterator

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.finding import FindingEvidence
from squall.domain.documents.safety import SafetyCheck
from squall.domain.result.finding_kinds import AUTO_SCALING
from squall.domain.result.inspection import Inspection, targets_of

_KIND_OF_CHECK = {
    CheckOutcome.FAILED: "check_failed",
    CheckOutcome.NOT_EVALUATED: "check_not_evaluated",
    CheckOutcome.WARNED: "check_warned",
}

_DECIDED_BY_PEOPLE = frozenset({"not_halted"})
"""Checks that fail because somebody decided so: a halt is no flaw of the workload or of the experiment."""


def inspect_preparation(evidence: Evidence) -> Iterator[Inspection]:
    """Whether the steady state held in the baseline, and each safety check."""
    if evidence.baseline:
        violations = "; ".join(evidence.baseline.violations)
        yield Inspection(
            kind="unsteady_before",
            about="baseline",
            wrong=not evidence.baseline.steady,
            title="The steady state did not hold before the fault",
            detail=violations,
            issue=f"The steady state did not hold before the fault: {violations}",
            evidence=FindingEvidence(target=targets_of(evidence)),
        )
    yield from _inspect_checks(evidence)


def _inspect_checks(evidence: Evidence) -> Iterator[Inspection]:
    wrong = (*evidence.failed_checks, *evidence.warned_checks)
    wrong_kinds = {(check.name, _KIND_OF_CHECK[check.outcome]) for check in wrong}
    failed = {failure.name for failure in evidence.failed_checks}
    for safety in (evidence.safety, evidence.final_check):
        for check in safety.checks if safety else ():
            if check.name not in failed:
                right = [kind for kind in _KIND_OF_CHECK.values() if (check.name, kind) not in wrong_kinds]
                yield from (Inspection(kind=kind, about=check.name, wrong=False) for kind in right)
    for check in wrong:
        yield _wrong_check(check)


def _wrong_check(check: SafetyCheck) -> Inspection:
    title = f"Safety check {check.name} {check.outcome.value.replace('_', ' ')}"
    not_evaluated = check.outcome is CheckOutcome.NOT_EVALUATED
    enable = f"Make it possible to evaluate {check.name}: a check that can't be evaluated refuses the run"
    return Inspection(
        kind=_KIND_OF_CHECK[check.outcome],
        about=check.name,
        wrong=True,
        lasts=not (check.outcome is CheckOutcome.FAILED and check.name in _DECIDED_BY_PEOPLE),
        title=title,
        detail=check.detail,
        issue=f"{title}: {check.detail}",
        more=(enable,) if not_evaluated else (AUTO_SCALING,) if check.name == "replacement_possible" else (),
        evidence=FindingEvidence(mechanism=check.name),
    )
