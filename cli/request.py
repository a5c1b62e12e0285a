"""From the words of a command line to the input of an execution."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import definitions, durations, names
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

MAXIMUM_LABEL = 256


@dataclass(frozen=True)
class Request:
    """An experiment by name or as a definition, the mode, and what is overridden."""

    mode: str
    name: str
    """Execution name, which becomes the execution id."""
    experiment: str | None = None
    definition: dict[str, Any] | None = None
    overrides: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, source: str, mode: str, settings: Sequence[str], duration: str | None, name: str | None) -> Request:
        """Raises CommandError for what can be refused without asking AWS."""
        overrides: dict[str, Any] = {}
        if duration is not None:
            overrides["duration"] = durations.iso(duration)
        if settings:
            overrides["parameters"] = dict(_setting(setting) for setting in settings)
        definition = _definition(source) if definitions.looks_like_file(source) else None
        title = str(definition.get("name", "experiment")) if definition is not None else source
        chosen = names.execution_id(name) if name is not None else names.new_name(title, datetime.now(UTC))
        return cls(mode, chosen, None if definition is not None else source, definition, overrides)

    @property
    def title(self) -> str:
        return clean(self.experiment if self.definition is None else self.definition.get("name", "experiment"), 128)

    def payload(self, requested_by: str) -> dict[str, Any]:
        """The execution input of the outside contract."""
        payload: dict[str, Any] = {"mode": self.mode, "requested_by": clean(requested_by, MAXIMUM_LABEL)}
        payload |= {"experiment": self.experiment} if self.definition is None else {"definition": self.definition}
        if self.overrides:
            payload["overrides"] = self.overrides
        return payload


def _definition(path: str) -> dict[str, Any]:
    try:
        raw = definitions.load(path).raw
    except definitions.UnreadableError as error:
        where = f"{path}:{error.line}" if error.line else path
        raise CommandError(f"{where}: {error.message}.", f"`squall validate {path}` checks a definition.", code=Exit.REFUSED) from error
    if not isinstance(raw, dict):
        raise CommandError(f"{path}: a definition is a mapping of fields, this is {_kind(raw)}.", code=Exit.REFUSED)
    return raw


def _setting(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise CommandError(f"--set {clean(text, 80)!r} has no value.", "Write it as latency_ms=300.", code=Exit.REFUSED)
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    return key.strip(), parsed if isinstance(parsed, bool | int | float) else value


def _kind(value: object) -> str:
    return {list: "a list", str: "text", type(None): "empty"}.get(type(value), f"a {type(value).__name__}")
