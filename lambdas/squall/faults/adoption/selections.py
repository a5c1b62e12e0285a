"""The targets of a FIS template as the target of an experiment: the same candidates, chosen in the same way."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from squall.domain.base.problems import WHOLE, InvalidInput, Problem, extend_path, prefix_paths
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, BlastRadius, ResourceType
from squall.domain.documents.definition import Definition
from squall.faults import registry
from squall.faults.adoption.entries import read_touched
from squall.faults.adoption.keys import find_unknown_keys
from squall.faults.adoption.paths import PATHS, SEVERAL, find_value_problem, read_parameters
from squall.faults.base import AnyFault

KEYS = ("resourceType", "resourceArns", "resourceTags", "filters", "selectionMode", "parameters")
Filters = dict[str, list[str]]


def choose_targets(definition: Definition, used: Mapping[str, Mapping[str, Any]], fault: AnyFault) -> dict[str, Any]:
    """The experiment's target, with the candidates of all targets that the template's actions use, by name.

    Raises InvalidInput with paths below the template's targets.
    """
    if (touched := read_touched(fault)) is not None:
        return touched
    problems: list[Problem] = []
    targets: list[dict[str, Any]] = []
    if not used:
        problems.append(Problem(path=WHOLE, message="there is none", expected="a target"))
    for name, target in used.items():
        try:
            targets.append(_read_target(definition, target, fault))
        except InvalidInput as invalid:
            problems += prefix_paths(name, invalid.problems)
    if problems:
        raise InvalidInput(problems)
    return _merge_targets(targets)


def _merge_targets(targets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One target with everything that the targets name one by one: ARNs, or the names of pods of one namespace."""
    first, *others = targets
    if not others:
        return first
    names = {"pod": [name for target in targets for name in target["filters"].get("pod", ())]}
    together = {name: values for name, values in names.items() if values}
    rest = [{**target, "arns": 0, "filters": {**target["filters"], "pod": 0}} for target in targets]
    clusters = {tuple(target["arns"]) for target in targets}
    if any(other != rest[0] for other in rest) or (together and len(clusters) > 1):
        message = "several targets, of which not each is an ARN, or a pod of the same namespace"
        raise InvalidInput([Problem(path=WHOLE, message=message, expected="one target, or targets by ARN")])
    arns = list(dict.fromkeys(arn for target in targets for arn in target["arns"]))
    return {**first, "arns": arns, "filters": {**first["filters"], **together}}


def _read_target(definition: Definition, target: Mapping[str, Any], fault: AnyFault) -> dict[str, Any]:
    """One target as an experiment writes it. Raises InvalidInput with paths below the target."""
    kind, problems = fault.resource_type, [*find_unknown_keys(target, KEYS)]
    if target.get("resourceType") != fault.fis_resource_type:
        message = _describe_other_type(target.get("resourceType"), fault)
        problems.append(Problem(path="resourceType", message=message, expected=fault.fis_resource_type))
        raise InvalidInput(problems)
    arns, filters = [*target.get("resourceArns", ())], Filters()
    tags = {**target.get("resourceTags", {})}
    try:
        rest = {name: value for name, value in target.get("parameters", {}).items() if name not in fault.target_parameters}
        named, filters = read_parameters(definition, kind, rest)
        arns += named if not (arns or tags) or kind is ResourceType.POD else []
    except InvalidInput as invalid:
        problems += prefix_paths("parameters", invalid.problems)
    try:
        filters = _merge_filters(filters, _read_filters(kind, target.get("filters", ())))
    except InvalidInput as invalid:
        problems += invalid.problems
    if not arns and not tags and not problems:
        problems.append(Problem(path=WHOLE, message=_describe_lack(target, kind), expected=_SUFFICES.get(kind, _ANY)))
    one_by_one = 0 if tags else len(target.get("resourceArns", ()))
    select, wrong = _read_mode(definition, str(target.get("selectionMode", "")), one_by_one)
    problems += wrong
    if kind in CHOSEN_BY_TAGS and arns:
        problems.append(Problem(path="resourceArns", message=f"FIS takes no ARNs of {kind.words}s", expected="resourceTags"))
    if kind in CHOSEN_BY_TAGS and isinstance(select, dict):
        message = f"{target.get('selectionMode')} leaves the choice to FIS, which takes no {kind.words} by its ARN"
        problems.append(Problem(path="selectionMode", message=message, expected="ALL, with tags that only the targets carry"))
    if problems:
        raise InvalidInput(problems)
    return {"resource_type": kind, "arns": arns, "tags": tags, "filters": filters, "select": select}


def _describe_lack(target: Mapping[str, Any], kind: ResourceType) -> str:
    """What is wrong with a target that has neither ARNs nor tags."""
    narrowing = [*target.get("parameters", {}), *(str(condition.get("path")) for condition in target.get("filters", ()))]
    if not narrowing:
        return "says nothing about which resources"
    return f"means every {kind.words} of this {' and '.join(narrowing)}, whether it has opted in or not"


_ANY = "resourceArns or resourceTags"
_SUFFICES = {
    ResourceType.ECS_TASK: f"{_ANY}, or both cluster and service in parameters",
    ResourceType.SUBNET: f"{_ANY}; availabilityZoneIdentifier and vpc in parameters then narrow them",
}


def _read_filters(kind: ResourceType, given: Iterable[Mapping[str, Any]]) -> Filters:
    """The filters by Squall's names. A resource has to match all filters, and in each one of its values.

    Raises InvalidInput with paths below the target.
    """
    known, problems, filters = PATHS.get(kind, {}), [], Filters()
    for number, condition in enumerate(given):
        where, path = extend_path("filters", number), str(condition.get("path"))
        values = [str(value) for value in condition.get("values", ())]
        problems += prefix_paths(where, find_unknown_keys(condition, ("path", "values")))
        if path not in known:
            expected = ", ".join(sorted(known)) or f"no filters of {kind.words}s"
            problems.append(Problem(path=where, message=f"{path!r} is not understood", expected=expected))
            continue
        problems += [
            Problem(path=where, message=message, expected=expected)
            for value in values
            for message, expected in find_value_problem(known[path], value)
        ]
        if known[path] in filters and path in SEVERAL:
            problems.append(Problem(path=where, message=f"{path!r} has to match twice", expected="each path once"))
            continue
        try:
            filters = _merge_filters(filters, {known[path]: values})
        except InvalidInput as invalid:
            problems += prefix_paths(where, invalid.problems)
    if problems:
        raise InvalidInput(problems)
    return filters


def _merge_filters(first: Filters, second: Filters) -> Filters:
    """Filters of which a resource matches all. Raises InvalidInput if none can."""
    merged = {**first, **second}
    for name in first.keys() & second.keys():
        merged[name] = [value for value in second[name] if value in first[name]]
        if not merged[name]:
            message = f"{name} is to be {' or '.join(first[name])}, and also {' or '.join(second[name])}"
            raise InvalidInput([Problem(path=WHOLE, message=message, expected="values that a resource can have")])
    return merged


def _read_mode(definition: Definition, mode: str, named: int) -> tuple[str | dict[str, int], list[Problem]]:
    """How many of the candidates are hit. `named`: how many the target names one by one; 0 if it says them otherwise."""
    single = definition.experiment.blast_radius is BlastRadius.SINGLE_INSTANCE
    if mode == "ALL" or (mode == "COUNT(1)" and single):
        return ("all" if mode == "ALL" else "radius"), []
    if match := re.fullmatch(r"(PERCENT|COUNT)\(([1-9]\d{0,3})\)", mode):
        if match[1] == "COUNT" and 0 < named < int(match[2]):
            message = f"{mode} is more than the {named} that the target names"
            return "radius", [Problem(path="selectionMode", message=message, expected=f"ALL, or COUNT({named}) at most")]
        return {match[1].lower(): int(match[2])}, []
    return "radius", [Problem(path="selectionMode", message=f"{mode!r} is not understood", expected="ALL, COUNT(n) or PERCENT(n)")]


def _describe_other_type(type_name: object, fault: AnyFault) -> str:
    """What is wrong with targets of a type that the fault does not hit."""
    if type_name in registry.resource_types(fault.type):
        return f"{type_name} beside {fault.resource_type.value}: one experiment is one fault"
    return f"{fault.type.value} can't be injected into {type_name}"
