"""Makes the input of an execution from the arguments of a command line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.arguments import definitions, durations, names
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line
from squall.domain.run.commands import shell_command

if TYPE_CHECKING:
    from collections.abc import Sequence

MAXIMUM_LABEL = 256


@dataclass(frozen=True)
class Request:
    """An experiment by name or as a definition, the mode, and the overrides."""

    mode: str
    name: str
    """The name of the execution, which becomes its id."""
    experiment: str | None = None
    definition: dict[str, Any] | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    file: str | None = None

    @classmethod
    def of(cls, source: str, mode: str, settings: Sequence[str], duration: str | None, name: str | None) -> Request:
        """The request that these arguments make. Raises CommandError for everything that can be refused without calling
        AWS."""
        overrides = make_overrides(settings, duration)
        definition = _read_definition(source) if definitions.looks_like_file(source) else None
        file = source if definition is not None else None
        title = str(definition.get("name", "experiment")) if definition is not None else source
        execution_name = names.parse_execution_id(name) if name is not None else names.make_name(title, datetime.now(UTC))
        return cls(mode, execution_name, None if definition is not None else source, definition, overrides, file)

    @property
    def source(self) -> str:
        """The file of the definition, or the name in the catalogue."""
        return self.file or self.experiment or self.title

    @property
    def title(self) -> str:
        return clean_line(self.experiment if self.definition is None else self.definition.get("name", "experiment"), 128)

    def payload(self, requested_by: str) -> dict[str, Any]:
        """The execution input, as the public contract defines it."""
        payload: dict[str, Any] = {"mode": self.mode, "requested_by": clean_line(requested_by, MAXIMUM_LABEL)}
        payload |= {"experiment": self.experiment} if self.definition is None else {"definition": self.definition}
        if self.overrides:
            payload["overrides"] = self.overrides
        return payload


def make_overrides(settings: Sequence[str], duration: str | None) -> dict[str, Any]:
    """The overrides of an input: each `KEY=VALUE` is a parameter of the fault. Raises CommandError."""
    overrides: dict[str, Any] = {}
    if duration is not None:
        overrides["duration"] = durations.to_iso(duration)
    if settings:
        overrides["parameters"] = dict(parse_setting(setting) for setting in settings)
    return overrides


def _read_definition(path: str) -> dict[str, Any]:
    try:
        raw = definitions.read_source(path).raw
    except definitions.UnreadableError as error:
        where = f"{path}:{error.line}" if error.line else path
        hint = f"`{shell_command('squall', 'validate', path)}` checks a definition."
        raise CommandError(f"{where}: {error.message}.", hint, code=Exit.REFUSED) from error
    if not isinstance(raw, dict):
        raise CommandError(f"{path}: a definition is a mapping of fields, this is {_describe_kind(raw)}.", code=Exit.REFUSED)
    return raw


def parse_setting(text: str) -> tuple[str, Any]:
    """The name and value of a `KEY=VALUE`; a number or `true` is one, everything else is text. Raises CommandError."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise CommandError(f"--set {clean_line(text, 80)!r} has no value.", "Write it as latency_ms=300.", code=Exit.REFUSED)
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    return key.strip(), parsed if isinstance(parsed, bool | int | float) else value


def _describe_kind(value: object) -> str:
    return {list: "a list", str: "text", type(None): "empty"}.get(type(value), f"a {type(value).__name__}")
