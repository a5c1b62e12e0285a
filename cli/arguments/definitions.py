"""Reads experiment files: YAML or JSON as plain data, with the line of every field."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cli.text import clean_line
from infra.strict_yaml import StrictLoader

MAXIMUM_BYTES = 65_536
"""The largest execution input that Admit accepts."""
SUFFIXES = (".yaml", ".yml", ".json")
_OFTEN = (
    ("'\\t' that cannot start any token", "is not YAML: a line is indented by a tab", "spaces"),
    ("is given twice", "", "each key once"),
)
"""Words of errors that people often make; the message, if YAML's own is no help; and what to write."""
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class UnreadableError(Exception):
    """A file cannot be read as a definition: it is absent, too large, or neither YAML nor JSON."""

    def __init__(self, message: str, line: int | None = None, expected: str = "an experiment or an environment in YAML or JSON") -> None:
        self.message, self.line, self.expected = message, line, expected
        super().__init__(message)


@dataclass(frozen=True)
class Source:
    """The content of a file as plain data."""

    path: str
    raw: Any
    lines: dict[str, int] = field(default_factory=dict)
    """The path of a field (`success_criteria[1]`) to its line."""

    def line(self, path: str) -> int | None:
        """The line of a field, or of the nearest one around it."""
        while path and path != "$":
            if path in self.lines:
                return self.lines[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return None

    def value_at(self, path: str) -> Any:
        """The value at a path; None if there is none."""
        value = self.raw
        for name, index in _STEP.findall(path.removeprefix("$")):
            try:
                value = value[int(index)] if index else value[int(name) if isinstance(value, list) else name]
            except (KeyError, IndexError, TypeError, ValueError):
                return None
        return value


def looks_like_file(argument: str) -> bool:
    """Whether NAME|FILE names a file: it has the suffix of one, contains a slash, or exists."""
    return argument.endswith(SUFFIXES) or "/" in argument or Path(argument).is_file()


def read_source(path: str) -> Source:
    """Reads a definition. Raises UnreadableError."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise UnreadableError("there is no such file") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    if len(content) > MAXIMUM_BYTES:
        raise UnreadableError(f"is {len(content):,} bytes long; a definition has at most {MAXIMUM_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 text (byte {error.start})") from error
    return Source(path, parse_json(text) if path.endswith(".json") else parse_yaml(text), _find_lines(text))


def parse_json(text: str) -> Any:
    """The JSON document. Raises UnreadableError, also for a repeated key."""

    def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise UnreadableError(f"the key {clean_line(repeated[0], 80)!r} is given twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=make_object)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"is not JSON: {error.msg} at column {error.colno}", error.lineno) from error
    except RecursionError as error:
        raise UnreadableError("is nested too deeply") from error
    except ValueError as error:  # a number with thousands of digits
        raise UnreadableError(f"is not JSON: {clean_line(error, 200)}") from error


def parse_yaml(text: str, loader: type[StrictLoader] = StrictLoader) -> Any:
    """The YAML document, as plain data. Raises UnreadableError."""
    try:
        return yaml.load(text, loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at column {mark.column + 1}" if mark else ""
        problem, line = error.problem or error.context or "", mark.line + 1 if mark else None
        for words, message, expected in _OFTEN:
            if words in problem:
                raise UnreadableError(message or problem, line, expected) from error
        raise UnreadableError(f"is not YAML: {problem}{where}", line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableError(f"is not YAML: {clean_line(error, 200)}") from error


def _find_lines(text: str) -> dict[str, int]:
    """The line of each field by its path; empty if the text is not YAML (nearly all JSON is)."""
    lines: dict[str, int] = {}
    try:
        root = yaml.compose(text, StrictLoader)
    except (yaml.YAMLError, RecursionError):
        return lines
    remaining: list[tuple[str, yaml.Node]] = [("", root)] if root is not None else []
    while remaining and len(lines) < 10_000:
        path, node = remaining.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = f"{path}.{key.value}" if path else str(key.value)
                lines[inner] = key.start_mark.line + 1
                remaining.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                lines[f"{path}[{index}]"] = value.start_mark.line + 1
                remaining.append((f"{path}[{index}]", value))
    return lines
