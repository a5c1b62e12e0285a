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
from squall.domain.metrics.periods import format_length
from squall.domain.run.fis_state import WAIT
from squall.faults import registry
from squall.faults.adoption.actions import Actions, find_wait_problems, read_action
from squall.faults.adoption.selections import choose_targets
from squall.faults.base import AnyFault
from squall.faults.parameters import parse_length

LONGEST_NAME = 30
_AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class _Start:
    """When an action begins: so long after these faults have ended."""

    after: tuple[str, ...]
    delay: timedelta


def read_scenario(definition: Definition, actions: Actions, targets: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The faults of the template by name, as a scenario writes them. Raises InvalidInput with paths below the
    template."""
    injecting = {name: action for name, action in actions.items() if action.get("actionId") != WAIT}
    problems = prefix_paths(
        "actions", [p for name, a in actions.items() if name not in injecting for p in prefix_paths(name, find_wait_problems(a))]
    )
    names = _name_faults(injecting)
    faults: dict[str, dict[str, Any]] = {}
    for name, action in injecting.items():
        try:
            faults[name] = _read_fault(definition, name, action, targets)
        except InvalidInput as invalid:
            problems += invalid.problems
    if not problems:
        problems += prefix_paths("actions", _order_faults(actions, faults, names))
    if not problems and definition.experiment.type not in {fault["type"] for fault in faults.values()}:
        kinds = ", ".join(dict.fromkeys(str(fault["type"]) for fault in faults.values()))
        problems.append(
            Problem(path="actions", message=f"none of its faults is {definition.experiment.kind}", expected=f"type: one of {kinds}")
        )
    if problems:
        raise InvalidInput(problems)
    return {names[name]: fault for name, fault in faults.items()}


def _name_faults(injecting: Actions) -> dict[str, str]:
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
    path, length = extend_path("actions", name), _length_of(action) or definition.experiment.length
    found: dict[str, Any] | None = None
    refusal = InvalidInput([])
    for fault in _list_able(definition, action, used):
        try:
            parameters = read_action(action, fault, length)
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
    """The faults that inject with this action into these targets, the experiment's own type first."""
    types = {target.get("resourceType") for target in used.values()}
    able = [fault for fault in registry.list_faults() if action.get("actionId") in fault.fis_actions and fault.resource_type in types]
    return sorted(able, key=lambda fault: fault.type is not definition.experiment.type)


def _explain_none(action: Mapping[str, Any], used: Mapping[str, Mapping[str, Any]]) -> Problem:
    types = ", ".join(sorted({str(target.get("resourceType")) for target in used.values()})) or "nothing"
    message = f"no fault injects with {action.get('actionId')} into {types}"
    return Problem(path="actionId", message=message, expected="an action of docs/faults.md")


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
    return parse_length(parameters.get("startInstancesAfterDuration")) or parse_length(parameters.get("duration"))


def _order_faults(actions: Actions, faults: Mapping[str, dict[str, Any]], names: Mapping[str, str]) -> Iterator[Problem]:
    """Write into the faults after which others they begin. Yields what would be lost."""
    starts: dict[str, _Start] = {}
    for name in faults:
        try:
            starts[name] = _find_start(name, actions, ())
        except InvalidInput as invalid:
            yield from prefix_paths(name, invalid.problems)
    if len(starts) < len(faults):
        return
    lead = min((start.delay for start in starts.values() if not start.after), default=_AT_ONCE)
    for name, start in starts.items():
        delay = start.delay - lead if not start.after else start.delay  # a wait before every fault is the baseline
        for earlier in start.after:
            yield from prefix_paths(name, _move_wait(earlier, starts, faults))
        if len(start.after) == 1 and not _lasts(faults[start.after[0]]):
            delay -= faults[start.after[0]]["duration"]
        faults[name].update(after=[names[earlier] for earlier in start.after], delay=delay or None)
    yield from _find_lost_waits(actions, faults, starts)


def _lasts(fault: Mapping[str, Any]) -> bool:
    module = registry.get_fault(FaultType(fault["type"]), fault["target"]["resource_type"])
    return module.lasts(module.parse(fault["parameters"]))


def _move_wait(earlier: str, starts: Mapping[str, _Start], faults: Mapping[str, dict[str, Any]]) -> Iterator[Problem]:
    """A wait after a fault that is over at once is the time for which Squall observes it, which has to be the same for
    everything that follows it."""
    if _lasts(faults[earlier]):
        return
    followers = [other for other, start in starts.items() if earlier in start.after]
    delays = {starts[other].delay for other in followers}
    (delay, *others) = sorted(delays)
    if not delay or others or any(len(starts[other].after) > 1 for other in followers):
        message = f"begins as soon as {earlier} is over, which Squall observes first, because it is over at once"
        yield Problem(path="startAfter", message=message, expected=f"one wait between {earlier} and what follows it")
        return
    faults[earlier]["duration"] = delay


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


def _find_lost_waits(actions: Actions, faults: Mapping[str, dict[str, Any]], starts: Mapping[str, _Start]) -> Iterator[Problem]:
    """Waits that end later than the scenario: nothing would be watched then."""
    ends: dict[str, timedelta] = {}

    def end_of(name: str) -> timedelta:
        if name not in ends:
            begins = max((end_of(earlier) for earlier in actions[name].get("startAfter") or ()), default=_AT_ONCE)
            own = actions[name].get("parameters", {}).get("duration") if actions[name].get("actionId") == WAIT else None
            lasts = parse_length(own) or _AT_ONCE if name not in faults else faults[name]["duration"] if _lasts(faults[name]) else _AT_ONCE
            ends[name] = begins + lasts
        return ends[name]

    lead = min((start.delay for start in starts.values() if not start.after), default=_AT_ONCE)
    whole = max(end_of(name) - lead + (_AT_ONCE if _lasts(faults[name]) else faults[name]["duration"]) for name in faults)
    for name, action in actions.items():
        if action.get("actionId") == WAIT and end_of(name) - lead > whole:
            message = f"waits {format_length(end_of(name) - lead - whole)} after the faults, which Squall watches only while they last"
            yield Problem(path=extend_path(name, "parameters", "duration"), message=message, expected="no wait after the faults")
