"""Experiment files: YAML or JSON into plain data, with the line of every field."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Hashable

MAXIMUM_BYTES = 65_536
"""What Admit takes of a whole execution input."""
SUFFIXES = (".yaml", ".yml", ".json")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class UnreadableError(Exception):
    """A file that is no definition at all: absent, too large, not YAML or JSON."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message, self.line = message, line
        super().__init__(message)


@dataclass(frozen=True)
class Source:
    """A file's content as plain data."""

    path: str
    raw: Any
    lines: dict[str, int] = field(default_factory=dict)
    """Path of a field (`success_criteria[1]`) to the line it stands on."""

    def line(self, path: str) -> int | None:
        """The line of a field, or of the nearest one around it."""
        while path and path != "$":
            if path in self.lines:
                return self.lines[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return None

    def found(self, path: str) -> Any:
        """The value at a path; None if there is none."""
        value = self.raw
        for name, index in _STEP.findall(path.removeprefix("$")):
            try:
                value = value[int(index)] if index else value[int(name) if isinstance(value, list) else name]
            except (KeyError, IndexError, TypeError, ValueError):
                return None
        return value


class _Loader(yaml.SafeLoader):
    """YAML without surprises: dates stay text, and a key given twice is an error."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # An alias can make a small file a huge definition, or an endless one.
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not accepted, write it out", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {clean(key.value, 80)!r} is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def looks_like_file(argument: str) -> bool:
    """Whether NAME|FILE is a file: by its ending, a slash, or because it exists."""
    return argument.endswith(SUFFIXES) or "/" in argument or Path(argument).is_file()


def load(path: str) -> Source:
    """Read a definition; raises UnreadableError."""
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
    return Source(path, _json(text) if path.endswith(".json") else _yaml(text), _lines(text))


def _json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UnreadableError(f"the key {clean(twice[0], 80)!r} is given twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"is not JSON: {error.msg} at column {error.colno}", error.lineno) from error
    except RecursionError as error:
        raise UnreadableError("is nested too deeply") from error


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at column {mark.column + 1}" if mark else ""
        raise UnreadableError(f"is not YAML: {error.problem or error.context}{where}", mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableError(f"is not YAML: {clean(error, 200)}") from error


def _lines(text: str) -> dict[str, int]:
    """Lines of all fields, as far as the text is YAML (nearly all JSON is)."""
    found: dict[str, int] = {}
    try:
        root = yaml.compose(text, _Loader)
    except (yaml.YAMLError, RecursionError):
        return found
    waiting: list[tuple[str, yaml.Node]] = [("", root)] if root is not None else []
    while waiting and len(found) < 10_000:
        path, node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = f"{path}.{key.value}" if path else str(key.value)
                found[inner] = key.start_mark.line + 1
                waiting.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                found[f"{path}[{index}]"] = value.start_mark.line + 1
                waiting.append((f"{path}[{index}]", value))
    return found
