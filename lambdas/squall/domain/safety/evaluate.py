"""Evaluates every safety check, for CheckSafety and for FinalCheck.

Each check answers with an outcome and a sentence that contains the values that decided. A check that can't be evaluated
counts as failed. A check is a line in the table of its module: ALWAYS, or FINAL if it needs what only FinalCheck knows.
"""

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.documents.safety import SafetyCheck
from squall.domain.safety import calm, guard_quality, guards, healthy_runs, hours, measurability, policy, run_state, targets
from squall.domain.safety.inputs import Check, SafetyInput

_ALWAYS: dict[str, Check] = {
    **run_state.ALWAYS,
    **policy.ALWAYS,
    **hours.ALWAYS,
    **targets.ALWAYS,
    **calm.ALWAYS,
    **guards.ALWAYS,
    **guard_quality.ALWAYS,
    **healthy_runs.ALWAYS,
    **measurability.ALWAYS,
}
_FINAL: dict[str, Check] = {**run_state.FINAL, **targets.FINAL, **guards.FINAL, **measurability.FINAL}
_OUTCOMES = {True: CheckOutcome.PASSED, False: CheckOutcome.FAILED, None: CheckOutcome.NOT_EVALUATED}


def evaluate_checks(inputs: SafetyInput) -> tuple[SafetyCheck, ...]:
    """The outcome of every check, also after one has failed."""
    checks = {**_ALWAYS, **(_FINAL if inputs.final else {})}
    results = [_run_check(name, check, inputs) for name, check in checks.items()]
    return (*results, *_list_prerequisites(inputs))


def _run_check(name: str, check: Check, inputs: SafetyInput) -> SafetyCheck:
    answer, detail = check(inputs)
    return SafetyCheck(name=name, outcome=answer if isinstance(answer, CheckOutcome) else _OUTCOMES[answer], detail=detail)


def _list_prerequisites(inputs: SafetyInput) -> tuple[SafetyCheck, ...]:
    if inputs.prerequisites is None:
        detail = f"the prerequisites of {inputs.definition.experiment.type.value} could not be checked on its targets"
        return (SafetyCheck(name="fault_prerequisites", outcome=CheckOutcome.NOT_EVALUATED, detail=detail),)
    return tuple(check.model_copy(update={"name": f"fault_prerequisites.{check.name}"}) for check in inputs.prerequisites)
