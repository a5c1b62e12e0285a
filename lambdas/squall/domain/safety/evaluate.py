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
NEED_TARGETS = frozenset(
    {
        "failure_domain_free",
        "opt_in_tag",
        "minimum_healthy_share",
        "fault_configuration",
        "replacement_possible",
        "targets_unchanged",
        "no_deployment",
        "guards_measure_targets",
        "guards_watch_workload",
        "guards_spare_healthy_runs",
        "measurable",
    }
)
"""Checks that say something only about pinned targets. If nothing is pinned, `targets_exist` fails and they are left out:
people read one cause instead of what follows from it."""
_CAUSE = "targets_exist"
_OUTCOMES = {True: CheckOutcome.PASSED, False: CheckOutcome.FAILED, None: CheckOutcome.NOT_EVALUATED}


def evaluate_checks(inputs: SafetyInput) -> tuple[SafetyCheck, ...]:
    """The outcome of every check, also after one has failed. Without a target, of those that need none, the missing
    target first."""
    checks = {**_ALWAYS, **(_FINAL if inputs.final else {})}
    if inputs.discovery.pinned:
        return (*(_run_check(name, check, inputs) for name, check in checks.items()), *_list_prerequisites(inputs))
    asked = [_CAUSE, *(name for name in checks if name != _CAUSE and name not in NEED_TARGETS)]
    return tuple(_run_check(name, checks[name], inputs) for name in asked)


def _run_check(name: str, check: Check, inputs: SafetyInput) -> SafetyCheck:
    answer, detail = check(inputs)
    return SafetyCheck(name=name, outcome=answer if isinstance(answer, CheckOutcome) else _OUTCOMES[answer], detail=detail)


def _list_prerequisites(inputs: SafetyInput) -> tuple[SafetyCheck, ...]:
    if inputs.prerequisites is None:
        detail = f"the prerequisites of {inputs.definition.experiment.words} could not be checked on its targets"
        return (SafetyCheck(name="fault_prerequisites", outcome=CheckOutcome.NOT_EVALUATED, detail=detail),)
    return tuple(check.model_copy(update={"name": f"fault_prerequisites.{check.name}"}) for check in inputs.prerequisites)
