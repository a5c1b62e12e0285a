"""Objects of a Chaos Toolkit experiment, of which every key is either taken or lost."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.importing.values import Loss, Unknowns
from squall.domain.base.problems import extend_path

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_VARIABLE = ("type", "key", "default", "env_var_type")
_VARIABLE = re.compile(r"\$\{([^{}$]+)\}")


@dataclass
class Block:
    """One object: what is taken from it is carried over, what is left is lost."""

    value: dict[str, Any]
    path: str
    losses: list[Loss]

    def take(self, key: str, default: Any = None) -> Any:
        """The value of the key, which is carried over."""
        return self.value.pop(key, default)

    def take_block(self, key: str) -> Block:
        """The object at the key; an empty one if there is none."""
        inner = self.value.pop(key, None)
        where = extend_path(self.path, key)
        if inner is not None and not isinstance(inner, dict):
            self.losses.append(Loss(where, "is no object", inner))
        return Block(dict(inner) if isinstance(inner, dict) else {}, where, self.losses)

    def take_blocks(self, key: str) -> list[Block]:
        """The objects of the list at the key."""
        inner = self.value.pop(key, None)
        where = extend_path(self.path, key)
        listed = inner if isinstance(inner, list) else []
        if inner is not None and not isinstance(inner, list):
            self.losses.append(Loss(where, "is no list", inner))
        blocks = []
        for number, entry in enumerate(listed):
            if isinstance(entry, dict):
                blocks.append(Block(dict(entry), extend_path(where, number), self.losses))
            else:
                self.losses.append(Loss(extend_path(where, number), "is no object", entry))
        return blocks

    def lose(self, why: str) -> None:
        """The whole object is lost."""
        name = self.value.get("name")
        self.losses.append(Loss(self.path, f"{f'{name!s:.80}: ' if name else ''}{why}", dict(self.value)))
        self.value.clear()

    def lose_rest(self, why: str = "has no meaning in an experiment of Squall") -> None:
        """Each key that nobody has taken is lost, unless it says nothing."""
        for key, inner in sorted(self.value.items(), key=lambda pair: str(pair[0])):
            if inner not in (None, "", [], {}):
                self.losses.append(Loss(extend_path(self.path, str(key)), why, inner))
        self.value.clear()


@dataclass
class Variables:
    """The `configuration` of an experiment, and what was used of it."""

    given: Mapping[str, Any]
    unknowns: Unknowns
    losses: list[Loss]
    used: set[str] = field(default_factory=set)

    def replace(self, value: Any) -> Any:
        """The value with the variables `${name}` replaced: by their constants, or by a token."""
        if isinstance(value, dict):
            return {str(key): self.replace(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.replace(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if match := _VARIABLE.fullmatch(value):
            return self._value_of(match[1])
        return _VARIABLE.sub(lambda match: str(self._value_of(match[1])), value)

    def _value_of(self, name: str) -> Any:
        if name not in self.given:
            return self.unknowns.add(f"${{{name}}}")
        value = self.given[name]
        first = name not in self.used
        self.used.add(name)
        if not isinstance(value, dict):
            return value
        for key in sorted(str(key) for key in value if first and key not in _OF_VARIABLE):
            self.losses.append(Loss(extend_path("configuration", name, key), "says nothing to Squall", value.get(key)))
        if "default" in value:
            if first:
                why = "is read where it runs: its default was taken"
                self.losses.append(Loss(extend_path("configuration", name), why, value))
            return value["default"]
        source = f"{value.get('type', 'elsewhere')} {value.get('key', value.get('env', ''))}".rstrip()
        self.unknowns.notes[f"${{{name}}}"] = f"{name} is read from {source} when Chaos Toolkit runs"
        return self.unknowns.add(f"${{{name}}}")
