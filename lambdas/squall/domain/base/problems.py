"""Problems of an input, each with its path, what was found and what was expected. All are reported at once."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator

from squall.domain.base.model import Model
from squall.domain.base.printable import flatten_lines, one_line

WHOLE = "$"
"""The path of the whole input."""

_LEAST_PART = 3
"""How many characters a part of a name needs to suggest that name."""
_NOT_ACCEPTED = "Input should be "
_PATTERNS: dict[str, str] = {}


def require_pattern(regex: str, words: str) -> Any:
    """Metadata of a text field: the regular expression it must match, and that rule in words for people."""
    _PATTERNS[regex] = words
    return Field(pattern=regex)


def describe_pattern(regex: str) -> str:
    """The rule of a regular expression in words."""
    return _PATTERNS.get(regex, f"text matching {regex}")


PLAIN = require_pattern(r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$", "text on one line")
ENVIRONMENT_NAME = require_pattern(r"^[a-z][a-z0-9_-]{0,31}$", "lower case letters, digits, _ and -, a letter first")


class Problem(Model):
    path: str
    """The place in the input: `success_criteria[1]`, `duration_minutes`, or `$` for the whole input."""
    message: str
    expected: str = ""

    @field_validator("path")
    @classmethod
    def _path(cls, text: str) -> str:
        """A path consists of keys of the input, so it may contain any characters."""
        return one_line(text) or WHOLE

    @field_validator("expected")
    @classmethod
    def _line(cls, text: str) -> str:
        return one_line(text)

    @field_validator("message")
    @classmethod
    def _lines(cls, text: str) -> str:
        """A message may have several lines, such as a sentence and a caret under it. Each is made printable."""
        return flatten_lines(text)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" (expected {self.expected})" if self.expected else "")


class InvalidInput(Exception):  # noqa: N818 - an outcome of parsing, not a failure of the program
    """An input has problems. Parsers raise it with all of them, never with none."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def extend_path(path: str, *steps: str | int) -> str:
    """The path extended by keys and indexes: `success_criteria[1].text`. A leading `$` is left out."""
    parts = "" if path == WHOLE else path
    for step in steps:
        parts += f"[{step}]" if isinstance(step, int) else f".{step}" if parts else step
    return parts or WHOLE


def prefix_paths(path: str, problems: Iterable[Problem]) -> list[Problem]:
    """Problems of a part of the input, with the path of the part before theirs."""
    return [
        problem.model_copy(update={"path": path if problem.path == WHOLE else extend_path(path, problem.path)})
        if path != WHOLE
        else problem
        for problem in problems
    ]


def show_value(value: object) -> str:
    """A value as JSON, cut to 80 characters."""
    text = json.dumps(
        value, ensure_ascii=False, default=lambda other: f"{other.total_seconds():g} s" if isinstance(other, timedelta) else str(other)
    )
    return text if len(text) <= 80 else f"{text[:79]}…"


def suggest_name(name: str, choices: Iterable[str]) -> str:
    """`, did you mean "x"?` if one of the choices resembles the name, or is the only one that contains it; else an
    empty text."""
    near = find_near_name(name, choices)
    return "" if near is None else f', did you mean "{near}"?'


def find_near_name(name: str, choices: Iterable[str]) -> str | None:
    """The choice that resembles the name, or that is the only one that contains it; None if there is none."""
    by_fold, wanted = {choice.casefold(): choice for choice in choices}, name.casefold()
    near = difflib.get_close_matches(wanted, by_fold, n=1, cutoff=0.6)
    if not near and len(wanted) >= _LEAST_PART:
        containing = [choice for choice in by_fold if wanted in choice]
        near = containing if len(containing) == 1 else []
    return by_fold[near[0]] if near else None


def list_validation_problems(error: ValidationError, raw: object, path: str, model: type[BaseModel]) -> list[Problem]:
    """The validation errors of a model as problems.

    A list whose entries were all refused is not reported as empty, too.
    """
    return [
        _make_problem(details, raw, path, model)
        for details in error.errors(include_url=False)
        if not (details["type"] == "too_short" and details["input"])
    ]


def _make_problem(details: Mapping[str, Any], raw: object, path: str, model: type[BaseModel]) -> Problem:
    steps = tuple(real_steps(details["loc"], raw))
    where = extend_path(path, *steps)
    context = details.get("ctx", {})
    if details["type"] == "squall":
        field = str(context["at"])
        return Problem(path=extend_path(where, field) if field else where, message=str(details["msg"]), expected=str(context["expected"]))
    if details["type"] == "extra_forbidden":
        keys, key = list_keys(model, steps[:-1]), str(steps[-1])
        return Problem(path=where, message=f'unknown key "{one_line(key, 60)}"{suggest_name(key, keys)}', expected=", ".join(keys))
    message, expected = _describe_problem(str(details["type"]), details["input"], str(details["msg"]), context)
    return Problem(path=where, message=message, expected=expected)


def _describe_problem(kind: str, value: object, message: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """What was found and what was expected, in words chosen by the type of pydantic's error."""
    refusal = f"{show_value(value)} is not accepted"
    match kind:
        case "missing":
            words = ("is missing", "")
        case "enum" | "literal_error":
            choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            words = (f"{show_value(value)} is unknown{suggest_name(value, choices) if isinstance(value, str) else ''}", ", ".join(choices))
        case "string_pattern_mismatch":
            words = (refusal, describe_pattern(str(context["pattern"])))
        case "too_short" | "string_too_short" if not value:
            words = ("is empty", f"at least {context['min_length']}")
        case "too_long":
            words = (f"has {context['actual_length']} entries", f"at most {context['max_length']}")
        case "model_type" | "dict_type" | "model_attributes_type":
            words = (refusal, "an object")
        case "tuple_type":
            words = (refusal, "a list")
        case _ if message.startswith(_NOT_ACCEPTED):
            words = (refusal, message.removeprefix(_NOT_ACCEPTED))
        case _:
            words = (message, "")
    return words


def real_steps(location: Sequence[str | int], raw: object) -> Iterator[str | int]:
    """The location without the tags that pydantic adds for members of unions, because they do not exist in the
    input."""
    current = raw
    for number, step in enumerate(location):
        last = number == len(location) - 1
        if isinstance(current, Mapping) and (step in current or last):
            current = current.get(step)
        elif isinstance(current, list | tuple) and isinstance(step, int):
            current = current[step] if step < len(current) else None
        else:
            continue
        yield step


def list_keys(model: type[BaseModel], steps: Sequence[str | int]) -> list[str]:
    """The keys that the model knows at this place of the input."""
    models = [model]
    for step in steps:
        fields = [known.model_fields[step] for known in models if isinstance(step, str) and step in known.model_fields]
        if fields:
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return list(dict.fromkeys(field.alias or key for known in models for key, field in known.model_fields.items()))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    arguments = get_args(annotation)
    if not arguments and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in arguments:
        yield from _models_in(inner)
