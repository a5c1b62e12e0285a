"""Faults of a scenario that can't run together, as far as the definition says it."""

from collections.abc import Iterator
from itertools import combinations

from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import ResourceType
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.resources.base import Resource
from squall.domain.resources.types import group_named
from squall.domain.targets.meetings import Hit, explain_conflict
from squall.faults import registry
from squall.faults.fis import MOST_ACTIONS, MOST_AT_ONCE


def find_scenario_problems(experiment: Experiment) -> Iterator[Problem]:
    """More faults than FIS takes, and faults that hit the same single resource although they can't.

    Which of several candidates a fault hits shows when they are pinned; what can't run together is refused then, too.
    """
    if not experiment.faults:
        return
    observes = int(experiment.observes_longer)  # one wait beside all faults
    if (total := sum(map(_count_actions, experiment.plan)) + observes) > MOST_ACTIONS:
        message = f"the faults are at least {total} actions of FIS, with their waits"
        yield Problem(path="faults", message=message, expected=f"at most {MOST_ACTIONS} actions")
    for fault in experiment.plan:
        together = [other for other in experiment.plan if other.start <= fault.start < other.end]
        if len(together) + observes > MOST_AT_ONCE:
            message = f"{len(together)} faults run at once when {fault.name} begins{', beside the observation' if observes else ''}"
            yield Problem(path=fault.path, message=message, expected=f"at most {MOST_AT_ONCE} at once")
            break
    for first, second in combinations(experiment.plan, 2):
        if sentence := _explain_conflict(first, second):
            yield Problem(path=second.path, message=sentence, expected="one `after` the other where that helps, or other targets")


def _explain_conflict(first: PlannedFault, second: PlannedFault) -> str:
    """Why two faults that name the same single resource can't run together; empty if they can, or name others."""
    if len(first.named) != 1 or first.named != second.named or group_named(first.named[0]) or first.resource_type is ResourceType.POD:
        return ""
    target = Resource(type=first.resource_type, id=first.named[0], arn=first.named[0], state="")
    hits = []
    for fault in (first, second):
        try:
            module = registry.find_fault(fault)
            hits.append(Hit(fault, module.traits(module.parse(fault.parameters)), [target]))
        except (registry.UnknownFaultError, InvalidInput, LookupError):  # reported elsewhere, or in the policy alone
            return ""
    return explain_conflict(*hits)


def _count_actions(fault: PlannedFault) -> int:
    """The fewest actions of FIS that the fault is."""
    try:
        module = registry.find_fault(fault)
        waits = not module.lasts(module.parse(fault.parameters))
    except (registry.UnknownFaultError, InvalidInput, LookupError):  # reported elsewhere; a custom action is one at least
        waits = False
    return 1 + waits + bool(fault.delay)
