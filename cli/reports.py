"""Fetches the reports of executions from the results bucket, and saves them."""

from __future__ import annotations

import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cli import output
from cli.errors import CommandError
from cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = "report.html"
LOOK_SECONDS = 0.5


class Reported(Protocol):
    """The parts of a deployed stack that reports need. Tests have their own."""

    def file(self, execution_id: str, name: str) -> str | None: ...

    def make_report(self, execution_id: str) -> None: ...


def fetch_report(
    source: Reported,
    execution_id: str,
    name: str,
    *,
    patience: float = 0,
    sleep: Callable[[float], None] = time.sleep,
    make: Callable[[str], None] | None = None,
) -> str:
    """Returns a file of the report.

    It is written shortly after the end of a run. This waits `patience` seconds for it, then asks for it to be made: by
    `make`, or as the report of a run.
    """
    deadline = time.monotonic() + patience
    while (text := source.file(execution_id, name)) is None and time.monotonic() < deadline:
        sleep(LOOK_SECONDS)
    if text is None:
        (make or source.make_report)(execution_id)
        text = source.file(execution_id, name)
    if text is None:
        raise CommandError(f"{execution_id} has no {name}.", f"`squall show {execution_id}` has the result.")
    return text


def save_report(text: str, file: str) -> Path:
    """Writes a report to a file, and makes its folder. Raises CommandError."""
    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.", "Name another file.", code=Exit.REFUSED) from error
    return path


def show_page(text: str, file: str, *, browse: bool) -> None:
    """Saves a page, says where it is, and opens it in the browser if asked to. Raises CommandError."""
    path = save_report(text, file)
    output.make_console().print(str(path), soft_wrap=True)
    if browse and not webbrowser.open(path.resolve().as_uri()):
        output.write_note("No browser could be opened here; the file above is the whole report.")
