"""Where a command writes: results to stdout, everything else to stderr, and one JSON document where machines read."""

# ruff: noqa: PLC0415 - what a command does not need is not imported: `squall --help` must be quick

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console

    from cli.errors import CommandError

PLAIN_WIDTH = 120
"""Columns where there is no terminal to ask."""


def console(*, stderr: bool = False) -> Console:
    """A console that writes plain lines where there is no terminal, and never guesses at markup, emoji or numbers."""
    import os

    from rich.console import Console

    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PLAIN_WIDTH
    return made


def write_json(document: Any) -> None:
    """The one document of `--json`. ASCII only: what is inside can't steer a terminal."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def note(message: str) -> None:
    """A line for a person, beside the result."""
    from cli.text import clean

    sys.stderr.write(clean(message) + "\n")


def report(error: CommandError, *, as_json: bool) -> None:
    """An error for a person on stderr; for machines also the document on stdout."""
    from cli.text import clean, clean_block

    sys.stderr.write(f"squall: {clean_block(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"  → {clean(error.hint)}\n")
    if as_json:
        write_json(error.as_json())


def waiting(message: str) -> AbstractContextManager[Any]:
    """Progress for a wait of unknown length: a spinner on a terminal, one line elsewhere."""
    from contextlib import contextmanager

    made = console(stderr=True)
    if made.is_terminal:
        from rich.text import Text

        return made.status(Text(message))

    @contextmanager
    def one_line() -> Iterator[None]:
        note(message)
        yield

    return one_line()
