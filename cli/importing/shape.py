"""The shape that a FIS template must have before it is read: FIS has checked what it answers, nobody what lies in a
file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.importing.values import has_token
from squall.domain.actions.table import ACTIONS
from squall.domain.base.problems import InvalidInput, Problem, extend_path, show_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TARGET = {"resourceArns": "list", "resourceTags": "map", "parameters": "map"}
_ACTION = {"parameters": "map", "targets": "map", "startAfter": "list"}


def check_template(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The template with every scalar as the text that FIS takes, and without keys that have no value. Raises InvalidInput
    with every place where it is no FIS template."""
    problems: list[Problem] = []
    template = {key: value for key, value in raw.items() if value is not None}
    template["actions"] = _check_named(template.get("actions", {}), "actions", _ACTION, problems)
    template["targets"] = _check_named(template.get("targets", {}), "targets", _TARGET, problems)
    template["stopConditions"] = _check_list(template.get("stopConditions", []), "stopConditions", problems)
    template["experimentOptions"] = _check_map(template.get("experimentOptions", {}), "experimentOptions", problems, texts=True)
    template["tags"] = _check_tags(template.get("tags", {}))
    _check_targets(template["targets"], problems)
    for name, action in template["actions"].items():
        if not isinstance(action.get("actionId"), str):
            problems.append(
                Problem(path=extend_path("actions", name), message="has no actionId", expected="such as aws:ec2:stop-instances")
            )
        problems += _find_target_problems(name, action, template["targets"])
    if not template["actions"] and not problems:
        problems.append(Problem(path="actions", message="there is none", expected="the actions of a FIS template"))
    if problems:
        raise InvalidInput(problems)
    return template


def _find_target_problems(name: str, action: Mapping[str, Any], targets: Mapping[str, Any]) -> Iterator[Problem]:
    path = extend_path("actions", name, "targets")
    row = ACTIONS.get(str(action.get("actionId")))
    if row is not None and row.target_key and not action.get("targets"):
        message = f"{row.id} is to hit nothing: the action names no targets"
        fitting = [target for target, block in targets.items() if block.get("resourceType") == row.resource_type]
        expected = f"{row.target_key}: {' or '.join(fitting) or f'a target of type {row.resource_type}'}"
        yield Problem(path=path, message=message, expected=expected)
    for target in action.get("targets", {}).values():
        if target not in targets and has_token(target):
            expected = "a constant, as `terraform show -json` of the state, or the template with `--id EXT…`, has it"
            yield Problem(path=path, message=f"the name of the target is no constant: {target}", expected=expected)
        elif target not in targets:
            yield Problem(path=path, message=f"there is no target {show_value(target)}", expected="a target of the template")


def _check_targets(targets: Mapping[str, dict[str, Any]], problems: list[Problem]) -> None:
    """The texts of each target, and its filters."""
    for name, target in targets.items():
        path = extend_path("targets", name, "filters")
        for key in ("resourceType", "selectionMode"):
            if not isinstance(target.get(key), str):
                message = f"{show_value(target.get(key))} is not accepted"
                problems.append(Problem(path=extend_path("targets", name, key), message=message, expected="text"))
        target["filters"] = _check_list(target.get("filters", []), path, problems)
        for number, condition in enumerate(target["filters"]):
            condition["values"] = _check_texts(condition.get("values", []), extend_path(path, number, "values"), problems)


def _check_named(value: Any, path: str, shapes: Mapping[str, str], problems: list[Problem]) -> dict[str, dict[str, Any]]:
    """Objects by name, each with fields of these shapes."""
    named: dict[str, dict[str, Any]] = {}
    for name, inner in _check_map(value, path, problems).items():
        where = extend_path(path, str(name))
        block = {key: part for key, part in _check_map(inner, where, problems).items() if part is not None}
        for key, shape in shapes.items():
            if key in block and shape == "map":
                block[key] = _check_map(block[key], extend_path(where, key), problems, texts=True)
            elif key in block:
                block[key] = _check_texts(block[key], extend_path(where, key), problems)
        named[str(name)] = block
    return named


def _check_map(value: Any, path: str, problems: list[Problem], *, texts: bool = False) -> dict[str, Any]:
    if not isinstance(value, dict):
        problems.append(Problem(path=path, message=f"{show_value(value)} is not accepted", expected="an object"))
        return {}
    if not texts:
        return dict(value)
    return {str(name): _make_text(inner, extend_path(path, str(name)), problems) for name, inner in value.items() if inner is not None}


def _check_list(value: Any, path: str, problems: list[Problem]) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        problems.append(Problem(path=path, message=f"{show_value(value)} is not accepted", expected="a list"))
        return []
    checked = [_check_map(inner, extend_path(path, number), problems) for number, inner in enumerate(value)]
    return [{key: inner for key, inner in block.items() if inner is not None} for block in checked]


def _check_texts(value: Any, path: str, problems: list[Problem]) -> list[str]:
    """A list of texts; a single text, such as an unknown value, is a list of one."""
    listed = value if isinstance(value, list) else [value]
    return [_make_text(inner, extend_path(path, number), problems) for number, inner in enumerate(listed)]


def _check_tags(value: Any) -> dict[str, str]:
    """Tags only name things: what is no tag is left out, and is named as lost by whoever carries them over."""
    return {str(name): inner for name, inner in value.items() if isinstance(inner, str)} if isinstance(value, dict) else {}


def _make_text(value: Any, path: str, problems: list[Problem]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    problems.append(Problem(path=path, message=f"{show_value(value)} is not accepted", expected="text"))
    return ""
