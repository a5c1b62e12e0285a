"""Parameters of faults: parsed from a definition, and read from a FIS template that somebody else made."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem, describe_pattern, suggest_name
from squall.domain.metrics.periods import format_length

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

P = TypeVar("P", bound=Model)
Names = Mapping[str, tuple[str, str | None]]
"""FIS's parameter to the fault's own, and FIS's default if the parameter is left out; None if FIS requires it."""
Fixed = Mapping[str, tuple[str, str]]
"""FIS's parameter to the only value that the fault sets, and FIS's default if the parameter is left out."""
_LENGTH = TypeAdapter(timedelta)


class NoParameters(Model):
    """The parameters of a fault that has none, because the blast radius already says what is hit."""


def parse_parameters(model: type[P], raw: Mapping[str, Any]) -> P:
    """The parameters, typed. Raises InvalidInput that names each wrong one as `parameters.<name>`, with its value."""
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        problems = [_make_problem(model, detail) for detail in error.errors()]
        raise InvalidInput(problems) from None


def read_parameters(raw: Mapping[str, str], names: Names, fixed: Fixed, model: type[BaseModel], fault: str) -> dict[str, Any]:
    """The fault's parameters, read from the parameters of an FIS action (`raw`) and not parsed yet. A parameter that
    the action leaves out has FIS's default. `fault`: the fault's type, for the error.

    Raises InvalidInput, with the path of each parameter that is unknown, that FIS requires and is absent, or that the
    fault always sets to another value.
    """
    problems = [*find_unknown(raw, {*names, *fixed}, "this action"), *find_other_values(raw, fixed, fault)]
    problems += [
        Problem(path=name, message="must be given", expected="a value: FIS has no default")
        for name, (_, default) in sorted(names.items())
        if default is None and name not in raw
    ]
    if problems:
        raise InvalidInput(problems)
    values = {own: raw.get(name, default or "") for name, (own, default) in names.items()}
    return {own: convert_value(value, model, own) for own, value in values.items()}


def find_other_values(raw: Mapping[str, str], fixed: Fixed, fault: str) -> list[Problem]:
    """The parameters that the action sets to another value than the fault always does. What is expected is that
    value."""
    values = {name: (raw.get(name, default), wanted) for name, (wanted, default) in fixed.items()}
    return [
        Problem(path=name, message=f"is {value or 'not given'}, in {fault} it is {wanted}", expected=wanted)
        for name, (value, wanted) in values.items()
        if value.lower() != wanted.lower()
    ]


def find_unknown(parameters: Mapping[str, str], known: Collection[str], action: str) -> list[Problem]:
    """The parameters that the action does not have, or that the fault never sets."""
    expected = ", ".join(sorted(known)) or "no parameters"
    return [Problem(path=name, message=f"not known of {action}", expected=expected) for name in sorted(set(parameters) - set(known))]


def convert_value(value: str, model: type[BaseModel], name: str) -> object:
    """The value as a definition would write it. A value that can't be converted stays a string, which the model then
    refuses."""
    annotation = model.model_fields[name].annotation
    if _has_type(annotation, int) and value.isdecimal():
        return int(value)
    if _has_type(annotation, float) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
        return float(value)
    if _has_type(annotation, bool) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return value


def length_problems(path: str, text: str | None, length: timedelta) -> list[Problem]:
    """What is wrong with a duration that must equal the experiment's. `text` is None if the action has no duration."""
    parsed = parse_length(text)
    if parsed == length:
        return []
    message = f"lasts {format_length(parsed) if parsed is not None else text or 'no time'}, the experiment {format_length(length)}"
    expected = f"{format_length(length)}, or override_ranges with duration_minutes, to replace it"
    return [Problem(path=path, message=message, expected=expected)]


def parse_length(text: str | None) -> timedelta | None:
    """The length of an ISO 8601 duration; None if there is none, or if it is no duration."""
    try:
        return None if text is None else _LENGTH.validate_python(text)
    except ValidationError:
        return None


def _has_type(annotation: object, kind: type) -> bool:
    return annotation is kind or any(_has_type(part, kind) for part in get_args(annotation))


def _make_problem(model: type[Model], detail: "ErrorDetails") -> Problem:
    where, kind, message, value = detail["loc"], detail["type"], detail["msg"], detail["input"]
    path = ".".join(["parameters", *(str(part) for part in where)])
    if kind == "extra_forbidden":
        message = f"there is no such parameter{suggest_name(str(where[-1]), model.model_fields)}"
        return Problem(path=path, message=message, expected=" or ".join(sorted(model.model_fields)))
    if kind == "missing":
        return Problem(path=path, message="is missing", expected="a value: it has no default")
    if kind == "string_pattern_mismatch":
        message = describe_pattern(str(detail["ctx"]["pattern"]))
    refusal = "is missing" if value is None else f"{str(value)[:100]!r} is refused"
    return Problem(path=path, message=refusal, expected=message.removeprefix("Value error, "))
