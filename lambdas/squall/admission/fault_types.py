"""Words for an unknown fault type: what Squall calls the FIS action, or the nearest known name."""

from collections.abc import Iterable, Mapping
from typing import Any

from squall.domain.actions.table import ACTIONS
from squall.domain.base.problems import Problem, show_value, suggest_name
from squall.domain.base.vocabulary import FaultType
from squall.faults.actions.support import find_support


def explain_type_problems(problems: Iterable[Problem], types: Mapping[str, Any]) -> list[Problem]:
    """The problems, with better words for each fault type that is unknown. `types`: the path of each type to its raw
    value."""
    return [_explain_type(problem, types.get(problem.path)) for problem in problems]


def _explain_type(problem: Problem, fault_type: object) -> Problem:
    if not isinstance(fault_type, str) or fault_type in set(FaultType):
        return problem
    if fault_type in ACTIONS:
        return _explain_action(problem, fault_type)
    choices = [*FaultType, *ACTIONS]
    message = f"{show_value(fault_type)} is unknown{suggest_name(fault_type, choices)}"
    return problem.model_copy(update={"message": message})


def _explain_action(problem: Problem, action_id: str) -> Problem:
    """The problem of a type that is an action of FIS: how an experiment says it, or why none can."""
    support = find_support(ACTIONS[action_id])
    if support.way == "refused":
        message, expected = f"Squall does not run {action_id}: {support.reason}", problem.expected
    else:
        message, expected = f"{action_id} is {support.words}", " or ".join(dict.fromkeys(fault.type.value for fault in support.faults))
    return problem.model_copy(update={"message": message, "expected": expected})
