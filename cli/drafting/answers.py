"""Asks on a terminal for what the flags do not say; without a terminal, names the flag."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from cli.errors import CommandError
from cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence


def ask(answer: str | None, flag: str, question: str, choices: Sequence[str] = ()) -> str:
    """The answer of the flag, or of the person at the terminal. Raises CommandError for an answer that is no choice,
    and if there is no terminal."""
    if answer is None:
        if not _has_terminal():
            expected = f"It takes {', '.join(choices)}." if choices else f"It answers: {question}?"
            raise CommandError(f"{flag} is missing, and there is no terminal to ask.", expected, code=Exit.REFUSED)
        answer = _prompt(f"{question} ({', '.join(choices)})" if choices else question)
    if choices and answer not in choices:
        raise CommandError(f"{answer!r} is no answer for {flag}.", f"It takes {', '.join(choices)}.", code=Exit.REFUSED)
    return answer


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _prompt(question: str) -> str:
    return str(typer.prompt(question, err=True)).strip()


def split_pairs(flag: str, texts: Sequence[str]) -> dict[str, str]:
    """The `KEY=VALUE` arguments of a flag. Raises CommandError."""
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key.strip() or not value:
            raise CommandError(f"{flag} {text!r} is not KEY=VALUE.", code=Exit.REFUSED)
        pairs[key.strip()] = value
    return pairs
