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
    match support.way:
        case "module":
            names = dict.fromkeys(fault.type.value for fault in support.faults)
            message, expected = f"{action_id} is {support.words}", " or ".join(names)
        case "custom":
            message = f"{action_id} has no fault type of its own"
            expected = "custom, with the name of an entry in the environment's custom_actions"
        case _:
            message, expected = f"Squall does not run {action_id}: {support.reason}", problem.expected
    return problem.model_copy(update={"message": message, "expected": expected})
