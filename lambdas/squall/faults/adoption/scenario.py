"""A FIS template with several faults as a scenario: the same faults on the same targets, in the same order."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.definition import Definition
from squall.domain.run.fis_state import WAIT
from squall.faults import registry
from squall.faults.adoption.actions import Actions, find_wait_problems, read_action, with_target_parameters
from squall.faults.adoption.entries import choose_entry, is_known, list_modules
from squall.faults.adoption.lengths import DURATION
from squall.faults.adoption.place import find_other_place
from squall.faults.adoption.selections import choose_targets
from squall.faults.adoption.unfit import explain_unfit
from squall.faults.base import AnyFault
from squall.faults.custom.fault import CustomFault
from squall.faults.parameters import parse_length

LONGEST_NAME = 30
_AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class _Start:
    """When an action begins: so long after these faults have ended."""

    after: tuple[str, ...]
    delay: timedelta


@dataclass
class Span:
    """A fault of a template: how long it lasts, or is observed if it is over at once."""

    length: timedelta
    lasts: bool


@dataclass(frozen=True)
class Turn:
    """When a fault of a scenario begins, and how long it is then to last or to be observed."""

    after: tuple[str, ...]
    """Names of actions."""
    delay: timedelta
    length: timedelta


def read_scenario(
    definition: Definition, actions: Actions, targets: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, dict[str, Any]], timedelta | None]:
    """The faults of the template by name, as a scenario writes them; and how long after the beginning of the first one a wait
    ends that outlasts all of them. Raises InvalidInput with paths below the template."""
    injecting = {name: action for name, action in actions.items() if action.get("actionId") != WAIT}
    problems = prefix_paths(
        "actions", [p for name, a in actions.items() if name not in injecting for p in prefix_paths(name, find_wait_problems(a))]
    )
    names = name_faults(injecting)
    observed: timedelta | None = None
    faults: dict[str, dict[str, Any]] = {}
    for name, action in injecting.items():
        try:
            faults[name] = _read_fault(definition, name, action, targets)
        except InvalidInput as invalid:
            problems += invalid.problems
    if not problems:
        try:
            spans = {name: Span(fault["duration"], _lasts(definition, fault)) for name, fault in faults.items()}
            turns, observed = order_faults(actions, spans)
        except InvalidInput as invalid:
            problems += prefix_paths("actions", invalid.problems)
            turns = {}
        bound = {name: _bind(definition, fault) for name, fault in faults.items()}
        problems += prefix_paths("actions", [p for name in turns for p in find_open_ends(name, turns[name].after, bound)])
        for name, turn in turns.items():
            after = [names[earlier] for earlier in turn.after]
            faults[name].update(after=after, delay=turn.delay or None, duration=turn.length)
    found = {fault["type"] for fault in faults.values()}
    if not problems and DURATION in definition.experiment.override_ranges and all(map(_length_of, injecting.values())):
        message = "every fault of the template has a length of its own"
        path = extend_path("override_ranges", DURATION)
        problems.append(Problem(path=path, message=message, expected="no such key, or an experiment with faults of its own"))
    if not problems and definition.experiment.type not in found and found != {FaultType.CUSTOM}:
        kinds = ", ".join(dict.fromkeys(str(fault["type"]) for fault in faults.values()))
        problems.append(
            Problem(path="actions", message=f"none of its faults is {definition.experiment.kind}", expected=f"type: one of {kinds}")
        )
    if problems:
        raise InvalidInput(problems)
    return {names[name]: fault for name, fault in faults.items()}, observed


def name_faults(injecting: Actions) -> dict[str, str]:
    """A name for each action's fault: the action's own, as far as faults may be called so."""
    names: dict[str, str] = {}
    for action in injecting:
        plain = re.sub(r"[^A-Za-z0-9_-]", "-", action)
        base = (plain if plain[:1].isalpha() else f"f{plain}")[: LONGEST_NAME - 3]
        number = 1
        name = base
        while name.casefold() in {known.casefold() for known in names.values()}:
            number += 1
            name = f"{base}-{number}"
        names[action] = name
    return names


def _read_fault(definition: Definition, name: str, action: Mapping[str, Any], targets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    used = {target: targets.get(target, {}) for target in action.get("targets", {}).values()}
    path = extend_path("actions", name)
    if elsewhere := [*find_other_place(definition, action)]:
        raise InvalidInput(prefix_paths(path, elsewhere))
    found: dict[str, Any] | None = None
    refusal = InvalidInput([])
    try:
        able = _list_able(definition, action, used)
    except InvalidInput as invalid:
        raise InvalidInput(prefix_paths(path, invalid.problems)) from None
    for fault in able:
        length = _length_as(fault, action) or definition.experiment.length
        try:
            parameters = read_action(with_target_parameters(action, used, fault), fault, length)
        except InvalidInput as invalid:
            refusal = refusal if refusal.problems else invalid
            continue
        found = {"type": fault.type, "parameters": parameters, "duration": length}
        break
    if found is None:
        raise InvalidInput(prefix_paths(path, refusal.problems or [_explain_none(action, used)]))
    try:
        return {**found, "target": choose_targets(definition, used, fault)}
    except InvalidInput as invalid:
        raise InvalidInput(prefix_paths("targets", invalid.problems)) from None


def _list_able(definition: Definition, action: Mapping[str, Any], used: Mapping[str, Mapping[str, Any]]) -> list[AnyFault]:
    """The faults that inject with this action into these targets, the experiment's own type first; or the policy's entry, for
    an action that no module knows. Raises InvalidInput with a path below the action."""
    if not is_known(action, None) and (entry := choose_entry(definition, action, used)) is not None:
        return [entry]
    types = {target.get("resourceType") for target in used.values()}
    able = [fault for fault in list_modules(action) if fault.fis_resource_type in types]
    return sorted(able, key=lambda fault: fault.type is not definition.experiment.type)


def _explain_none(action: Mapping[str, Any], used: Mapping[str, Mapping[str, Any]]) -> Problem:
    if not list_modules(action):
        return explain_unfit("actionId", str(action.get("actionId")), action.get("parameters", {}))
    types = ", ".join(sorted({str(target.get("resourceType")) for target in used.values()})) or "nothing"
    message = f"no fault injects with {action.get('actionId')} into {types}"
    return Problem(path="actionId", message=message, expected="an action of docs/faults.md")


def _length_as(fault: AnyFault, action: Mapping[str, Any]) -> timedelta | None:
    """The fault's length as the policy's entry reads it, or in the action's own words."""
    if isinstance(fault, CustomFault):
        return fault.read_length(str(action.get("actionId")), action.get("parameters", {}))
    return _length_of(action)


def _length_of(action: Mapping[str, Any]) -> timedelta | None:
    """The fault's length in the action's own words; None for a fault that is over at once."""
    parameters = action.get("parameters", {})
    try:
        seconds = json.loads(parameters.get("documentParameters", "{}")).get("DurationSeconds")
    except (ValueError, RecursionError, AttributeError):
        seconds = None
    if isinstance(seconds, list) and len(seconds) == 1:
        seconds = seconds[0]
    if isinstance(seconds, str) and seconds.isdecimal():
        return timedelta(seconds=int(seconds))
    lengths = (parse_length(parameters.get(name)) for name in ("startInstancesAfterDuration", "duration", "maxDuration"))
    return next((length for length in lengths if length), None)


def order_faults(actions: Actions, faults: Mapping[str, Span]) -> tuple[dict[str, Turn], timedelta | None]:
    """When each fault begins, by the name of its action; and how long after the beginning of the first one a wait ends that
    outlasts all of them. Raises InvalidInput, with paths below the actions, with what a scenario can't say."""
    starts: dict[str, _Start] = {}
    problems: list[Problem] = []
    for name in faults:
        try:
            starts[name] = _find_start(name, actions, ())
        except InvalidInput as invalid:
            problems += prefix_paths(name, invalid.problems)
    if problems:
        raise InvalidInput(problems)
    faults = {name: Span(fault.length, fault.lasts) for name, fault in faults.items()}
    lead = min((start.delay for start in starts.values() if not start.after), default=_AT_ONCE)
    turns: dict[str, Turn] = {}
    for name, start in starts.items():
        delay = start.delay - lead if not start.after else start.delay  # a wait before every fault is the baseline
        for earlier in start.after:
            problems += prefix_paths(name, _move_wait(earlier, starts, faults))
        if len(start.after) == 1 and not faults[start.after[0]].lasts:
            delay -= faults[start.after[0]].length
        turns[name] = Turn(start.after, delay, faults[name].length)
    if problems:
        raise InvalidInput(problems)
    return {name: Turn(turn.after, turn.delay, faults[name].length) for name, turn in turns.items()}, _find_late_wait(actions, faults, lead)


def _bind(definition: Definition, fault: Mapping[str, Any]) -> AnyFault:
    """The module of a fault as a scenario writes it, or the policy's entry."""
    if fault["type"] is FaultType.CUSTOM:
        name = fault["parameters"]["action"]
        return registry.bind_listed(name, definition.environment.custom_actions[name])
    return registry.get_fault(FaultType(fault["type"]), fault["target"]["resource_type"])


def _lasts(definition: Definition, fault: Mapping[str, Any]) -> bool:
    module = _bind(definition, fault)
    if isinstance(module, CustomFault):
        return module.listed.lasts or module.listed.any_document is not None
    return module.lasts(module.parse(fault["parameters"]))


def find_open_ends(name: str, after: Sequence[str], faults: Mapping[str, AnyFault]) -> Iterator[Problem]:
    """What follows a document begins, in the template, when the document has ended; Squall knows only when it has to end.

    `faults`: the fault of each action. The paths are below the actions.
    """
    for earlier in after:
        fault = faults[earlier]
        if isinstance(fault, CustomFault) and fault.listed.any_document is not None and fault.listed.length is None:
            message = f"begins when the document of {earlier} has ended, which nothing says beforehand"
            path = extend_path(name, "startAfter")
            expected = f"length in custom_actions.{fault.name}, if the document has a parameter for it; or a template for each document"
            yield Problem(path=path, message=message, expected=expected)


def _move_wait(earlier: str, starts: Mapping[str, _Start], faults: Mapping[str, Span]) -> Iterator[Problem]:
    """A wait after a fault that is over at once is the time for which Squall observes it, which has to be the same for
    everything that follows it."""
    if faults[earlier].lasts:
        return
    followers = [other for other, start in starts.items() if earlier in start.after]
    delays = {starts[other].delay for other in followers}
    (delay, *others) = sorted(delays)
    if not delay or others or any(len(starts[other].after) > 1 for other in followers):
        message = f"begins as soon as {earlier} is over, which Squall observes first, because it is over at once"
        yield Problem(path="startAfter", message=message, expected=f"one wait between {earlier} and what follows it")
        return
    faults[earlier].length = delay


def _find_start(name: str, actions: Actions, above: Sequence[str]) -> _Start:
    """After which faults an action begins, and how much later. Raises InvalidInput if a scenario can't say it."""
    if name in above or name not in actions:
        raise InvalidInput([Problem(path="startAfter", message="never starts", expected="actions of this template, in an order")])
    starts = [_find_end(earlier, actions, (*above, name)) for earlier in actions[name].get("startAfter") or ()]
    if not starts:
        return _Start((), _AT_ONCE)
    if len(starts) > 1 and any(start.delay for start in starts):
        message = "begins after several actions, one of which is a wait"
        raise InvalidInput([Problem(path="startAfter", message=message, expected="several faults, or one wait")])
    return _Start(tuple(dict.fromkeys(earlier for start in starts for earlier in start.after)), starts[0].delay)


def _find_end(name: str, actions: Actions, above: Sequence[str]) -> _Start:
    """When an action is over, as a start of what follows it."""
    start = _find_start(name, actions, above)
    if actions[name].get("actionId") != WAIT:
        return _Start((name,), _AT_ONCE)
    return _Start(start.after, start.delay + (parse_length(actions[name].get("parameters", {}).get("duration")) or _AT_ONCE))


def _find_late_wait(actions: Actions, faults: Mapping[str, Span], lead: timedelta) -> timedelta | None:
    """How long after the beginning of the first fault the last wait ends, where that is after all faults; else None. What is
    over at once is watched for its length."""
    ends: dict[str, timedelta] = {}

    def end_of(name: str) -> timedelta:
        if name not in ends:
            begins = max((end_of(earlier) for earlier in actions[name].get("startAfter") or ()), default=_AT_ONCE)
            own = actions[name].get("parameters", {}).get("duration") if actions[name].get("actionId") == WAIT else None
            fault = faults.get(name)
            lasts = parse_length(own) or _AT_ONCE if fault is None else fault.length if fault.lasts else _AT_ONCE
            ends[name] = begins + lasts
        return ends[name]

    whole = max(end_of(name) + (_AT_ONCE if fault.lasts else fault.length) for name, fault in faults.items())
    waits = [end_of(name) for name, action in actions.items() if action.get("actionId") == WAIT]
    latest = max(waits, default=_AT_ONCE)
    return latest - lead if latest > whole else None
