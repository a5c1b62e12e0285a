"""The actions of a FIS template: which fault they are, when they begin, and whether they are one fault at all."""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths
from squall.domain.base.vocabulary import FaultType
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.periods import format_length
from squall.domain.policy.custom_actions import SEND
from squall.domain.run.fis_state import WAIT
from squall.faults.adoption.entries import list_modules
from squall.faults.adoption.keys import find_unknown_keys
from squall.faults.adoption.unfit import explain_unfit
from squall.faults.base import AnyFault
from squall.faults.mechanisms.send_command import document_of
from squall.faults.parameters import parse_length

KEYS = ("actionId", "description", "parameters", "targets", "startAfter")
Actions = Mapping[str, Mapping[str, Any]]


def is_one_fault(injecting: Actions, targets: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether these actions are one fault: a single one, or several that do the same to different targets, each of which
    is named and hit whole. FIS takes five ARNs in a target, so a fault on six has two actions.
    """
    actions = list(injecting.values())
    named = [str(name) for action in actions for name in action.get("targets", {}).values()]
    aimed = all(action.get("targets") for action in actions)
    arns = [str(arn) for name in named for arn in _list_names(targets.get(name, {}))]
    alike = all({**action, "targets": 0, "description": 0} == {**actions[0], "targets": 0, "description": 0} for action in actions)
    whole = all(targets.get(name, {}).get("selectionMode") == "ALL" and _list_names(targets.get(name, {})) for name in named)
    return len(actions) == 1 or (alike and aimed and whole and len(arns) == len(set(arns)) and len(named) == len(set(named)))


def with_target_parameters(action: Mapping[str, Any], targets: Mapping[str, Mapping[str, Any]], fault: AnyFault) -> Mapping[str, Any]:
    """The action with those of the fault's parameters that FIS has in the action's targets."""
    aimed = [targets.get(str(name), {}).get("parameters", {}) for name in action.get("targets", {}).values()]
    own = {name: value for given in aimed for name, value in given.items() if name in fault.target_parameters}
    return {**action, "parameters": {**action.get("parameters", {}), **own}} if own else action


def read_action(action: Mapping[str, Any], fault: AnyFault, length: timedelta) -> dict[str, Any]:
    """The parameters of a fault of this length in this action. Raises InvalidInput with paths below the action."""
    action_id, parameters = str(action.get("actionId")), action.get("parameters", {})
    problems = [*find_unknown_keys(action, KEYS)]
    if len(targets := action.get("targets", {})) > 1:
        message = f"hits {', '.join(targets.values())} at once"
        problems.append(Problem(path="targets", message=message, expected="one target for each action"))
    listed = fault.type is FaultType.CUSTOM and bool(fault.actions)
    if not listed and (unfit := find_unfit(action_id, parameters, fault)):
        raise InvalidInput([*problems, unfit])
    try:
        raw = fault.read_template(action_id, parameters, length)
    except InvalidInput as invalid:
        raise InvalidInput([*problems, *invalid.problems]) from None
    if problems:
        raise InvalidInput(problems)
    return raw


def read_observation(actions: Actions, fault: AnyFault, experiment: Experiment) -> timedelta | None:
    """How long the template lets its stop conditions live from the start of the fault on, where that is longer than the
    fault; else the experiment's own observation.

    A wait before the fault is its baseline, which Squall reads anyway. A wait beside or after the fault is observation
    until it ends. Raises InvalidInput with paths below the actions, for waits that can't be carried over.
    """
    length = experiment.length
    waits = {name: action for name, action in actions.items() if action.get("actionId") == WAIT}
    problems = [problem for name, action in waits.items() for problem in prefix_paths(name, find_wait_problems(action))]
    try:
        spans = _list_spans(actions, fault, length)
    except _LoopError as loop:
        path = extend_path(str(loop), "startAfter")
        raise InvalidInput(
            [*problems, Problem(path=path, message="never starts", expected="actions of this template, in an order")]
        ) from None
    begin = next(spans[name][0] for name, action in actions.items() if action.get("actionId") != WAIT)  # the same for all
    after = {name: spans[name][1] - begin for name in waits if spans[name][1] > begin}
    longest = max(after, key=lambda name: after[name], default=None)
    wanted = experiment.observation or length
    if longest is not None and after[longest] != wanted and not _is_adopted(after[longest], actions, fault, experiment):
        path = extend_path(longest, "parameters", "duration")
        noun = "its observation" if experiment.observation else "the experiment"
        message = f"ends {format_length(after[longest])} after the fault began, {noun} lasts {format_length(wanted)}"
        expected = f"{format_length(wanted)}, or an observation with override_ranges of observation_minutes, to replace it"
        problems.append(Problem(path=path, message=message, expected=expected))
    if problems:
        raise InvalidInput(problems)
    return max(after[longest], length) if longest is not None and experiment.observation is None else experiment.observation


def find_longest_wait(actions: Actions, fault: AnyFault, length: timedelta) -> str:
    """The name of the wait that ends last. Raises ValueError for a template without a wait."""
    spans = _list_spans(actions, fault, length)
    return max((name for name, action in actions.items() if action.get("actionId") == WAIT), key=lambda name: spans[name][1])


def _is_adopted(after: timedelta, actions: Actions, fault: AnyFault, experiment: Experiment) -> bool:
    """Whether a wait that ends so long after the start of the fault agrees with an experiment that does not say the same.

    A longer one than the fault is the observation, if the experiment has none of its own. A shorter one says nothing beside
    a fault that lasts; beside a fault that is over at once it says that the template observes for less.
    """
    if after > experiment.length:
        return experiment.observation is None
    return not any(_is_instant(action, fault) for action in actions.values())


def find_length(actions: Actions, fault: AnyFault) -> timedelta | None:
    """How long the template disturbs its targets, or observes a fault that is over at once. None if it does not say."""
    injecting = [action for action in actions.values() if action.get("actionId") != WAIT]
    if not any(_is_instant(action, fault) for action in injecting):
        lengths = [fault.read_length(str(action.get("actionId")), action.get("parameters", {})) for action in injecting]
        return next((length for length in lengths if length), None)
    try:
        spans = _list_spans(actions, fault, timedelta(0))
    except _LoopError:
        return None
    begin = min(spans[name][0] for name, action in actions.items() if action.get("actionId") != WAIT)
    return max((end - begin for name, (_, end) in spans.items() if end > begin), default=None)


class _LoopError(Exception):
    """An action that never starts: it waits for itself, or for an action that the template does not have."""


def _list_spans(actions: Actions, fault: AnyFault, length: timedelta) -> dict[str, tuple[timedelta, timedelta]]:
    """When each action begins and ends, from the start of the FIS experiment. Raises _LoopError."""
    spans: dict[str, tuple[timedelta, timedelta]] = {}
    left = dict(actions)
    while left:
        ready = [name for name, action in left.items() if spans.keys() >= set(action.get("startAfter") or ())]
        if not ready:
            raise _LoopError(next(iter(left)))
        for name in ready:
            action = left.pop(name)
            begin = max((spans[other][1] for other in action.get("startAfter") or ()), default=timedelta(0))
            spans[name] = begin, begin + _length_of(action, fault, length)
    return spans


def _length_of(action: Mapping[str, Any], fault: AnyFault, length: timedelta) -> timedelta:
    if action.get("actionId") == WAIT:
        return parse_length(action.get("parameters", {}).get("duration")) or timedelta(0)
    if _is_instant(action, fault):
        return timedelta(0)
    return max(length, parse_length(action.get("parameters", {}).get("duration")) or length)


def _is_instant(action: Mapping[str, Any], fault: AnyFault) -> bool:
    action_id = str(action.get("actionId"))
    return action_id != WAIT and fault.is_instant(action_id, action.get("parameters", {}))


def find_wait_problems(action: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a wait by itself."""
    yield from find_unknown_keys(action, KEYS)
    parameters = action.get("parameters", {})
    yield from prefix_paths("parameters", find_unknown_keys(parameters, ("duration",)))
    if parse_length(parameters.get("duration")) is None:
        message = f"lasts {parameters.get('duration') or 'no time'}"
        yield Problem(path="parameters.duration", message=message, expected="a length such as PT10M")


def find_unfit(action_id: str, parameters: Mapping[str, str], fault: AnyFault) -> Problem | None:
    """Why the action does not inject this fault, or can't be read as its action. The path is below the action."""
    known = list_modules({"actionId": action_id, "parameters": parameters})
    if not known:
        return explain_unfit("actionId", action_id, parameters)
    name = f"{action_id} with {document_of(parameters)}" if action_id == SEND else action_id
    if fault not in known:
        types = dict.fromkeys(f"{other.type.value} on {other.resource_type.value}" for other in known)
        message = f"{name} is no {fault.type.value} on {fault.resource_type.value}"
        return Problem(path="actionId", message=message, expected=f"type: {' or '.join(types)}")
    if not fault.reads_templates:
        message = f"templates of {fault.type.value} on {fault.resource_type.value} can't be read"
        return Problem(path="actionId", message=message, expected=fault.in_place_of_templates)
    return None


def _list_names(target: Mapping[str, Any]) -> Collection[str]:
    """What the target names one by one: ARNs, or a pod by its name."""
    parameters = target.get("parameters", {})
    if parameters.get("selectorType") == "podName":
        return ["/".join(str(parameters.get(key)) for key in ("clusterIdentifier", "namespace", "selectorValue"))]
    return list(target.get("resourceArns", ()))
