"""Whether a FIS template, or an experiment started from it, is what this run compiled."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_COMPARED = (
    "targets",
    "actions",
    "stopConditions",
    "roleArn",
    "experimentOptions",
    "logConfiguration",
    "experimentReportConfiguration",
    "targetAccountConfigurationsCount",
)
_OF_ACTION = frozenset({"actionId", "parameters", "targets", "startAfter"})
"""An experiment's actions also have a state and times; a description does nothing."""
_DEFAULT_MODE = "run-all"
_OWN_TAGS = "squall:"
_MOST = 5
_LONGEST = 160


def find_differences(compiled: Mapping[str, Any], found: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Where what FIS answers differs from what was compiled, a sentence each, five at most; empty: nowhere.

    `compiled` are the arguments of CreateExperimentTemplate, `found` is the answer of GetExperimentTemplate or StartExperiment; None:
    FIS knows no such template. Tags that are not Squall's may be added: accounts tag automatically.
    """
    if found is None:
        return ("FIS has no such template",)
    expected, actual = _normalize(compiled), _normalize(found)
    differences = [
        *_compare("", {name: expected.get(name) for name in _COMPARED}, {name: actual.get(name) for name in _COMPARED}),
        *_compare_tags(compiled.get("tags", {}), found.get("tags", {})),
    ]
    return tuple(differences[:_MOST])


def _normalize(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without what FIS adds and without what is empty, so that an absent list equals an empty one."""
    actions = {name: {key: value for key, value in action.items() if key in _OF_ACTION} for name, action in body.get("actions", {}).items()}
    options = {key: value for key, value in body.get("experimentOptions", {}).items() if (key, value) != ("actionsMode", _DEFAULT_MODE)}
    cleaned = _drop_empty({**body, "actions": actions, "experimentOptions": options})
    return cleaned if isinstance(cleaned, dict) else {}


def _drop_empty(value: Any) -> Any:
    """Lists of a template are sets: sorted. A zero is a count of nothing."""
    if isinstance(value, Mapping):
        cleaned = {key: _drop_empty(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item not in (None, {}, [], 0)}
    if isinstance(value, list | tuple):
        return sorted((_drop_empty(item) for item in value), key=_as_text)
    return value


def _compare(path: str, expected: Any, actual: Any) -> Iterator[str]:
    if expected == actual:
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted({*expected, *actual}):
            yield from _compare(f"{path}.{name}" if path else name, expected.get(name), actual.get(name))
        return
    yield f"{path} is {_show(actual)}, compiled was {_show(expected)}"


def _compare_tags(expected: Mapping[str, str], actual: Mapping[str, str]) -> Iterator[str]:
    own = {name for name in actual if name.startswith(_OWN_TAGS)}
    for name in sorted({*expected, *own}):
        yield from _compare(f"tag {name}", expected.get(name), actual.get(name))


def _show(value: Any) -> str:
    return "nothing" if value is None else _as_text(value)[:_LONGEST]


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
