"""A file of what a scan has read so far, so that an interrupted scan can go on where it stopped."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from discovery.things.base import Gap, Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

K = TypeVar("K", bound=Thing)
FRESH_SECONDS = 3600
"""An older journal is not used, because the account may have changed: the scan starts again."""
_VERSION = 1


class Journal:
    """A journal with one line for each thing that was read, and for each reader that is done.

    `scope` names the account and Region. A journal of another scope is not used.
    """

    def __init__(self, path: Path, scope: str, *, now: Callable[[], float] = time.time) -> None:
        self._path, self._scope, self._now = path, scope, now
        self._lock = threading.Lock()
        self._things: dict[str, dict[str, dict[str, Any]]] = {}
        self._done: dict[str, list[Gap]] = {}
        self.resumed = self._load()
        """Whether an interrupted scan goes on."""

    def find(self, kind: type[K], id: str) -> K | None:  # noqa: A002 - the field's name
        """The thing of this id, if it was read before the interruption."""
        raw = self._things.get(kind.__name__, {}).get(id)
        return None if raw is None else kind.model_validate(raw)

    def is_done(self, reader: str) -> bool:
        """Whether the reader had finished before the interruption."""
        return reader in self._done

    def list_things(self, kinds: Iterable[type[K]]) -> list[K]:
        """The things of these kinds that were read before the interruption."""
        return [kind.model_validate(raw) for kind in kinds for raw in self._things.get(kind.__name__, {}).values()]

    def gaps(self, reader: str) -> list[Gap]:
        """The gaps that a reader had recorded before the interruption."""
        return self._done.get(reader, [])

    def add(self, thing: Thing) -> None:
        """Writes a thing that was read."""
        self._write({"kind": type(thing).__name__, "thing": thing.model_dump(mode="json")})

    def finish(self, reader: str, gaps: Iterable[Gap]) -> None:
        """Writes that a reader has finished, with its gaps."""
        self._write({"done": reader, "gaps": [gap.model_dump(mode="json") for gap in gaps]})

    def close(self) -> None:
        """Removes the file: the scan is complete."""
        self._path.unlink(missing_ok=True)

    def _load(self) -> bool:
        lines = self._read_lines()
        header = lines[0] if lines else {}
        age = self._now() - float(header.get("at", 0))
        if header.get("scope") != self._scope or header.get("v") != _VERSION or age > FRESH_SECONDS:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text("", encoding="utf-8")
            self._path.chmod(0o600)
            self._write({"v": _VERSION, "scope": self._scope, "at": self._now()})
            return False
        for line in lines[1:]:
            if "done" in line:
                self._done[line["done"]] = [Gap.model_validate(gap) for gap in line["gaps"]]
            else:
                self._things.setdefault(line["kind"], {})[line["thing"]["id"]] = line["thing"]
        return True

    def _read_lines(self) -> list[dict[str, Any]]:
        """The lines of the file. A last line that was only partly written is left out."""
        lines: list[dict[str, Any]] = []
        if self._path.exists():
            for text in self._path.read_text(encoding="utf-8").splitlines():
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    break
        return lines

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
