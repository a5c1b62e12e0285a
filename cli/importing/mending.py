"""Takes out of a FIS template what an experiment can't carry over, one thing after the other, until adoption reads the
rest."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.importing.parts import explain_wait
from cli.importing.values import REPLACE, Loss, Unknowns, has_token, may_be
from squall.domain.base.problems import InvalidInput, Problem, show_value
from squall.domain.recovery.rollback_document import ROLE_PARAMETER
from squall.domain.run.fis_state import WAIT
from squall.faults.adoption.actions import find_longest_wait, read_observation
from squall.faults.adoption.keys import PATH
from squall.faults.adoption.selections import choose_targets
from squall.faults.adoption.template import read_template
from squall.faults.custom.fault import CustomFault
from squall.faults.parameters import parse_length

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from squall.domain.documents.definition import Definition
    from squall.faults.base import AnyFault

MOST = 500
"""The most things that are taken out of one template."""
_LENGTHS = ("duration", "DurationSeconds", "startInstancesAfterDuration")
Steps = list[str | int]


@dataclass
class Reading:
    """What could be read of a template as one fault."""

    template: dict[str, Any]
    losses: list[Loss] = field(default_factory=list)
    undecided: dict[str, Any] = field(default_factory=dict)
    """What narrows the targets in a way that an experiment does not know, by its path below the target."""
    length_known: bool = True
    observation: timedelta | None = None
    """How long the template lets its stop conditions live from the start of the fault on, if that is longer than the fault."""
    target: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    altered: int = 0
    """How many things the fault does in another way than the template says."""


def read_as(definition: Definition, template: dict[str, Any], fault: AnyFault, unknowns: Unknowns, *, length_known: bool) -> Reading:
    """The template as this fault. Raises InvalidInput if nothing of it can be imported as this fault."""
    reading = Reading(copy.deepcopy(template), length_known=length_known)
    carried = [{"source": "aws:cloudwatch:alarm", "value": alarm} for alarm in definition.experiment.stop_alarms]
    conditions = reading.template["stopConditions"]
    reading.template["stopConditions"] = [condition for condition in conditions if condition not in carried]
    removed: set[str] = set()
    for _ in range(MOST):
        try:
            read_template(definition, reading.template)
            break
        except InvalidInput as invalid:
            problems = [problem.model_copy(update={"path": problem.path.removeprefix(f"{PATH}.")}) for problem in invalid.problems]
        if not any(_mend(reading, problem, fault, removed, unknowns) for problem in problems):
            reading.altered += sum(problem.path in removed for problem in problems)
            break
    _read_rest(definition, reading, fault)
    _read_observation(definition, reading, fault)
    return reading


def _read_observation(definition: Definition, reading: Reading, fault: AnyFault) -> None:
    """What the waits of the template say of the observation. It counts from the start of the fault, so it is lost if the fault
    has no constant length."""
    actions, experiment = reading.template["actions"], definition.experiment
    try:
        longer = read_observation(actions, fault, experiment)
    except InvalidInput:  # what is wrong with the waits has been taken out, or is left to `squall validate`
        return
    if longer is None or longer <= experiment.length:
        return
    if reading.length_known:
        reading.observation = longer
        return
    name = find_longest_wait(actions, fault, experiment.length)
    reading.losses.append(explain_wait(name, str(actions[name].get("parameters", {}).get("duration"))))


def _mend(reading: Reading, problem: Problem, fault: AnyFault, removed: set[str], unknowns: Unknowns) -> bool:
    """Takes out what the problem names. False if that is left to `squall validate`. Raises InvalidInput if without it
    nothing of the template is left."""
    steps, rest = _locate(reading.template, problem.path)
    part = steps[0] if steps else ""
    if part == "targets" and not rest:
        return _mend_target(reading, problem, steps, removed, unknowns)
    if part == "targets" or (part == "actions" and (len(steps) < 3 or steps[2] in {"actionId", "targets"})):
        raise InvalidInput([problem])
    if part == "actions" and steps[2:] == ["parameters", "documentArn"]:
        return _move_document(reading, problem, steps, unknowns)
    if rest:
        return _set_expected(reading, problem, steps, rest, removed)
    return _take_out(reading, problem, steps, fault, removed, unknowns)


def _take_out(reading: Reading, problem: Problem, steps: Steps, fault: AnyFault, removed: set[str], unknowns: Unknowns) -> bool:
    """Takes out a value of the template that no experiment has a place for."""
    part = steps[0] if steps else ""
    if part == "actions" and steps[2] == "parameters" and str(steps[-1]) in _LENGTHS and not reading.length_known:
        return _mend_length(reading, problem, steps)
    wait = reading.template["actions"].get(steps[1], {}) if part == "actions" else {}
    if wait.get("actionId") == WAIT and steps[2:] == ["parameters", "duration"]:
        length = str(wait.get("parameters", {}).get("duration"))
        reading.losses.append(explain_wait(str(steps[1]), unknowns.describe(length)))
        _remove_action(reading.template, str(steps[1]))
        return True
    removed.add(problem.path)
    given = _remove(reading.template, steps)
    value = unknowns.describe_all(given)
    told = part == "actions" and steps[2:4] == ["parameters", "documentParameters"]
    if not told or not _decide(reading, steps, fault, given, value):
        reading.losses.append(Loss(problem.path, unknowns.describe(problem.message), value))
    return True


def _mend_length(reading: Reading, problem: Problem, steps: Steps) -> bool:
    """Takes out a constant that says no length of the fault. What only AWS knows stays, because a person puts in the length."""
    value = str(_value_at(reading.template, steps))
    strange = problem.message.startswith("not known of")
    if has_token(value) or (parse_length(value) and not strange):
        return False
    reading.losses.append(Loss(problem.path, problem.message if strange else "is no length that an experiment can have", value))
    _remove(reading.template, steps)
    return True


def _decide(reading: Reading, steps: Steps, fault: AnyFault, given: Any, value: Any) -> bool:
    """What a document would be told, and is not: a person has to decide, because without it the document does something else.
    True for a blank that the policy's entry fills in."""
    shown = value if isinstance(value, str) else show_value(value)
    if not isinstance(fault, CustomFault) or not fault.actions:
        if len(steps) == 4:
            reading.undecided["parameters"] = {REPLACE: f"documentParameters: {shown}"}
        return False
    if len(steps) == 4:
        reading.undecided["values"] = {REPLACE: f"documentParameters: {shown}"}
        return False
    name, listed = str(steps[4]), fault.listed
    fixed = {**listed.fixed, **({ROLE_PARAMETER: listed.assume_role} if listed.assume_role else {})}
    if name in fixed:
        return isinstance(given, str) and may_be(given, str(fixed[name]))
    reading.undecided.setdefault("values", {})[name] = {REPLACE: shown}
    return False


def _move_document(reading: Reading, problem: Problem, steps: Steps, unknowns: Unknowns) -> bool:
    """Takes AWS's document of this Region for the same one of another. Raises InvalidInput for a document of somebody else, which
    is another one here."""
    if not problem.expected.startswith("arn:"):
        raise InvalidInput([problem])
    given = unknowns.describe_all(_value_at(reading.template, steps))
    _set(reading.template, steps, problem.expected)
    reading.losses.append(Loss(problem.path, f"{problem.message}: Squall runs the one of its own Region", given))
    return True


def _mend_target(reading: Reading, problem: Problem, steps: Steps, removed: set[str], unknowns: Unknowns) -> bool:
    """What an experiment does not know of a target would hit others than the template: a person has to decide."""
    if len(steps) < 2 or steps[2:] == ["resourceType"] or problem.path in removed:
        raise InvalidInput([problem])
    target = reading.template["targets"][steps[1]]
    value: Any = None
    if len(steps) == 2:
        removed.add(problem.path)
        target["resourceArns"] = [unknowns.add(f"the targets of {steps[1]}")]
    elif steps[2] == "selectionMode":
        value, target["selectionMode"] = target["selectionMode"], "ALL"
        reading.undecided["select"] = {REPLACE: f"selectionMode {unknowns.describe(value)}"}
    else:
        is_filter = steps[2] == "filters"
        value = unknowns.describe_all(target["filters"].pop(steps[3]) if is_filter else _remove(reading.template, steps))
        name = str(value.get("path", "path") if is_filter else steps[-1])
        reading.undecided.setdefault("filters", {})[name] = {REPLACE: value if isinstance(value, str) else show_value(value)}
    why = f"{unknowns.describe(problem.message)}; without it other targets are hit, so a person has to decide"
    reading.losses.append(Loss(problem.path, why, unknowns.describe_all(value)))
    return True


def _set_expected(reading: Reading, problem: Problem, steps: Steps, rest: str, removed: set[str]) -> bool:
    """A key that is not there, or was taken out, and whose default is as wrong: sets what Squall does in any case."""
    set_before = f"{problem.path}, set"
    if set_before in removed or not problem.expected or re.search(r"[. ]", rest + problem.expected):
        return False
    if problem.path not in removed:
        reading.losses.append(Loss(problem.path, problem.message))
    removed.add(set_before)
    reading.altered += 1
    _set(reading.template, [*steps, rest], problem.expected)
    return True


def _read_rest(definition: Definition, reading: Reading, fault: AnyFault) -> None:
    """Reads what is left. Values that Squall refuses are kept as they are: `squall validate` says what is wrong with
    them."""
    injecting = [action for action in reading.template["actions"].values() if action.get("actionId") != WAIT]
    used = {name: reading.template["targets"].get(name, {}) for action in injecting for name in action.get("targets", {}).values()}
    reading.target = choose_targets(definition, used, fault)
    try:
        reading.parameters = fault.read_values(str(injecting[0]["actionId"]), injecting[0].get("parameters", {}))
    except InvalidInput as invalid:
        name = next(name for name, action in reading.template["actions"].items() if action is injecting[0])
        reading.losses += [Loss(f"actions.{name}.parameters.{problem.path}", problem.message) for problem in invalid.problems]
    if "values" in reading.undecided:
        reading.parameters["values"] = {**reading.parameters.get("values", {}), **reading.undecided["values"]}
    reading.parameters |= reading.undecided.get("parameters", {})


def _locate(value: Any, path: str) -> tuple[Steps, str]:
    """The steps of a path into the template, as far as they exist, and the rest of the path. Names may hold dots, and a
    text may be JSON, as the parameters of a document are."""
    steps: Steps = []
    rest = path
    while rest:
        value = _open(value)
        step = next(_match_step(value, rest), None)
        if step is None:
            break
        key, length = step
        steps.append(key)
        value = value[key]
        rest = rest[length:].removeprefix(".")
    return steps, rest


def _match_step(value: Any, rest: str) -> Iterator[tuple[str | int, int]]:
    if isinstance(value, dict):
        for key in sorted(value, key=len, reverse=True):
            if rest == key or rest.startswith((f"{key}.", f"{key}[")):
                yield key, len(key)
    elif isinstance(value, list) and rest.startswith("["):
        number, _, _ = rest[1:].partition("]")
        if number.isdecimal() and int(number) < len(value):
            yield int(number), len(number) + 2


def _open(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _value_at(template: Any, steps: Steps) -> Any:
    for step in steps:
        template = _open(template)[step]
    return template


def _set(container: Any, steps: Steps, value: Any) -> None:
    """Sets the value at these steps, also within JSON in a text."""
    first, *others = steps
    if not others:
        container[first] = value
        return
    inner = container[first]
    opened = _open(inner)
    _set(opened, others, value)
    container[first] = json.dumps(opened, ensure_ascii=False) if isinstance(inner, str) else opened


def _remove(container: Any, steps: Steps) -> Any:
    """Takes out the value at these steps, also within JSON in a text. Returns it."""
    first, *others = steps
    if not others:
        return container.pop(first)
    inner = container[first]
    opened = _open(inner)
    value = _remove(opened, others)
    container[first] = json.dumps(opened, ensure_ascii=False) if isinstance(inner, str) else opened
    return value


def _remove_action(template: dict[str, Any], name: str) -> None:
    """Takes out a wait. What was to begin after it begins after what it waited for."""
    before = template["actions"].pop(name).get("startAfter", [])
    for action in template["actions"].values():
        if name in action.get("startAfter", []):
            action["startAfter"] = [*(other for other in action["startAfter"] if other != name), *before]
