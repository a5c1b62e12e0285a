"""Compares a FIS template, or an experiment started from it, with what this run compiled."""

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
_COMPARED_IN_ACTIONS = frozenset({"actionId", "parameters", "targets", "startAfter"})
"""The other keys of an action, such as its state, its times and its description, change nothing that FIS does."""
_DEFAULT_ACTIONS_MODE = "run-all"
_SQUALL_TAG_PREFIX = "squall:"
CHECKED_TAG = "squall:checked"
"""The tag that FinalCheck adds to a template that passed, and that IAM requires of a template that is started."""
_MAXIMUM_DIFFERENCES = 5
_MAXIMUM_VALUE_LENGTH = 160


def find_differences(compiled: Mapping[str, Any], actual: Mapping[str, Any] | None) -> tuple[str, ...]:
    """A sentence for each difference between what FIS answered and what was compiled, five at most; empty if there is
    none.

    `compiled` are the arguments of CreateExperimentTemplate. `actual` is the answer of GetExperimentTemplate or
    StartExperiment; None means that FIS knows no such template. Additional tags that are not Squall's are no
    difference: some accounts tag every resource automatically. Nor is FinalCheck's own tag.
    """
    if actual is None:
        return ("FIS has no such template",)
    expected, answered = _normalize_body(compiled), _normalize_body(actual)
    differences = [
        *_compare_values("", {name: expected.get(name) for name in _COMPARED}, {name: answered.get(name) for name in _COMPARED}),
        *_compare_tags(compiled.get("tags", {}), actual.get("tags", {})),
    ]
    return tuple(differences[:_MAXIMUM_DIFFERENCES])


def _normalize_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without what FIS adds and without empty values, so that an absent list equals an empty one."""
    actions = {
        name: {key: value for key, value in action.items() if key in _COMPARED_IN_ACTIONS}
        for name, action in body.get("actions", {}).items()
    }
    options = {
        key: value for key, value in body.get("experimentOptions", {}).items() if (key, value) != ("actionsMode", _DEFAULT_ACTIONS_MODE)
    }
    cleaned = _drop_empty({**body, "actions": actions, "experimentOptions": options})
    return cleaned if isinstance(cleaned, dict) else {}


def _drop_empty(value: Any) -> Any:
    """The value without empty entries and zeros, which are counts. Lists are sorted: in a template their order means
    nothing."""
    if isinstance(value, Mapping):
        cleaned = {key: _drop_empty(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item not in (None, {}, [], 0)}
    if isinstance(value, list | tuple):
        return sorted((_drop_empty(item) for item in value), key=_as_text)
    return value


def _compare_values(path: str, expected: Any, actual: Any) -> Iterator[str]:
    if expected == actual:
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted({*expected, *actual}):
            yield from _compare_values(f"{path}.{name}" if path else name, expected.get(name), actual.get(name))
        return
    yield f"{path} is {_show_value(actual)}, compiled was {_show_value(expected)}"


def _compare_tags(expected: Mapping[str, str], actual: Mapping[str, str]) -> Iterator[str]:
    own = {name for name in actual if name.startswith(_SQUALL_TAG_PREFIX) and name != CHECKED_TAG}
    for name in sorted({*expected, *own}):
        yield from _compare_values(f"tag {name}", expected.get(name), actual.get(name))


def _show_value(value: Any) -> str:
    return "nothing" if value is None else _as_text(value)[:_MAXIMUM_VALUE_LENGTH]


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
