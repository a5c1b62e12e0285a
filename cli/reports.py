"""Reports of executions, fetched from where the report function writes them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cli.errors import CommandError
from cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = "report.html"
LOOK_SECONDS = 0.5


class Reported(Protocol):
    """What keeps and makes reports: a deployed stack, or a test's."""

    def file(self, execution_id: str, name: str) -> str | None: ...

    def make_report(self, execution_id: str) -> None: ...


def fetch(source: Reported, execution_id: str, name: str, *, patience: float = 0, sleep: Callable[[float], None] = time.sleep) -> str:
    """The file, waited for `patience` seconds (it is made just after a run has ended), else made now."""
    deadline = time.monotonic() + patience
    while (found := source.file(execution_id, name)) is None and time.monotonic() < deadline:
        sleep(LOOK_SECONDS)
    if found is None:
        source.make_report(execution_id)
        found = source.file(execution_id, name)
    if found is None:
        raise CommandError(f"{execution_id} has no {name}.", f"`squall show {execution_id}` has the result.")
    return found


def save(text: str, file: str) -> Path:
    """Write a report where the person wants it."""
    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.", "Name another file.", code=Exit.REFUSED) from error
    return path
