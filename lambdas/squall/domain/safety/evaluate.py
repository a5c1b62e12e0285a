"""Every safety check, always evaluated, by one pure function shared by CheckSafety and FinalCheck.

Each check answers with an outcome and a sentence with the values that decided. What can't be evaluated is not evaluated, and so failed.
A check is a line in the table of its module: ALWAYS, or FINAL for what only FinalCheck can know.
"""

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.documents.safety import SafetyCheck
from squall.domain.safety import calm, guard_quality, guards, hours, measurability, policy, run_state, targets
from squall.domain.safety.inputs import Check, SafetyInput

_ALWAYS: dict[str, Check] = {
    **run_state.ALWAYS,
    **policy.ALWAYS,
    **hours.ALWAYS,
    **targets.ALWAYS,
    **calm.ALWAYS,
    **guards.ALWAYS,
    **guard_quality.ALWAYS,
    **measurability.ALWAYS,
}
_FINAL: dict[str, Check] = {**run_state.FINAL, **targets.FINAL, **guards.FINAL, **measurability.FINAL}
_OUTCOMES = {True: CheckOutcome.PASSED, False: CheckOutcome.FAILED, None: CheckOutcome.NOT_EVALUATED}


def evaluate(given: SafetyInput) -> tuple[SafetyCheck, ...]:
    """All checks, whatever the first ones say."""
    checks = {**_ALWAYS, **(_FINAL if given.final else {})}
    answered = [_answer(name, check, given) for name, check in checks.items()]
    return (*answered, *_prerequisites(given))


def _answer(name: str, check: Check, given: SafetyInput) -> SafetyCheck:
    answer, detail = check(given)
    return SafetyCheck(name=name, outcome=answer if isinstance(answer, CheckOutcome) else _OUTCOMES[answer], detail=detail)


def _prerequisites(given: SafetyInput) -> tuple[SafetyCheck, ...]:
    if given.prerequisites is None:
        detail = f"what {given.definition.experiment.type.value} needs of its targets could not be asked"
        return (SafetyCheck(name="fault_prerequisites", outcome=CheckOutcome.NOT_EVALUATED, detail=detail),)
    return tuple(check.model_copy(update={"name": f"fault_prerequisites.{check.name}"}) for check in given.prerequisites)
