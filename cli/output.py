"""The output of commands: results on stdout, everything else on stderr, and one JSON document with `--json`."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

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
"""Columns where there is no terminal."""


def make_console(*, stderr: bool = False) -> Console:
    """A console that interprets no markup, emoji or numbers, and writes plain lines where there is no terminal."""
    import os

    from rich.console import Console

    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PLAIN_WIDTH
    return console


def write_json(document: Any) -> None:
    """Writes the document of `--json`, in ASCII only: nothing in it can control a terminal."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def write_note(message: str) -> None:
    """Writes a line for people to stderr; commands in it stand as the user has to type them."""
    from cli.arguments.invocation import as_typed
    from cli.text import clean_line

    sys.stderr.write(as_typed(clean_line(message)) + "\n")


def write_error(error: CommandError, *, as_json: bool) -> None:
    """Writes an error for people to stderr; with `as_json` also as a document to stdout."""
    from cli.arguments.invocation import as_typed
    from cli.text import clean_block, clean_line

    sys.stderr.write(f"squall: {as_typed(clean_line(error.message))}\n")
    if error.hint:
        sys.stderr.write(f"  → {as_typed(clean_line(error.hint))}\n")
    if error.text:
        sys.stderr.write("".join(f"    {line}\n" for line in clean_block(error.text).splitlines()))
    if as_json:
        write_json(error.as_json())


def show_waiting(message: str) -> AbstractContextManager[Any]:
    """Shows that something takes a while: a spinner on a terminal, one line elsewhere."""
    from contextlib import contextmanager

    console = make_console(stderr=True)
    if console.is_terminal:
        from cli.text import safe_text

        return console.status(safe_text(message))

    @contextmanager
    def write_line() -> Iterator[None]:
        write_note(message)
        yield

    return write_line()
