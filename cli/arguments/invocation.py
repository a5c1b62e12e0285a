"""Commands in messages, written as the user has to type them: with the program and the global options of this call.

A message names commands in their short form, in backticks: `squall status`. Somebody who called `.venv/bin/squall --local`
could not run that: it is not found, or it means another account. So whatever people read passes `as_typed`.
"""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "squall"
_COMMAND = re.compile(rf"`{PROGRAM} (?P<command>[a-z]+)(?P<rest>[^`]*)`")
_WITHOUT_ACCOUNT = frozenset({"local", "new", "validate"})
"""Commands for which the options of an account mean nothing."""

_options: tuple[str, ...] = ()


def remember_options(options: Sequence[str]) -> None:
    """Remembers the global options of this call, as `["--local"]`."""
    global _options  # noqa: PLW0603 - one call is one process
    _options = tuple(options)


def as_typed(message: str) -> str:
    """The message with each command in backticks as the user has to type it."""
    if f"`{PROGRAM} " not in message:
        return message
    program = find_program()

    def write(match: re.Match[str]) -> str:
        options = () if match["command"] in _WITHOUT_ACCOUNT else _options
        return f"`{' '.join((program, *map(shlex.quote, options), match['command']))}{match['rest']}`"

    return _COMMAND.sub(write, message)


def find_program() -> str:
    """The word that starts this program in the user's shell: the short name only if the shell finds this program by it."""
    import shutil

    called = Path(os.environ.get("SQUALL_PROGRAM") or sys.argv[0])  # `.venv/bin/squall` of `make setup` is a script that starts Python
    if (called.parent.name, called.name) == ("cli", "__main__.py"):
        return "python -m cli"
    if called.name != PROGRAM:
        return PROGRAM  # called from within another program, as a test
    found = shutil.which(PROGRAM)
    if found and Path(found).resolve() == called.resolve():
        return PROGRAM
    return shlex.quote(str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called))
