"""Text from outside (names, tags, reasons, sentences) made harmless before it reaches a terminal.

It is wrapped in `rich.text.Text`, never parsed as markup, and stripped of everything that steers a terminal
or reorders what a person reads.
"""

# ruff: noqa: PLC0415 - what a command does not need is not imported: `squall --help` must be quick

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = frozenset({"Zl", "Zp"})


def clean(value: object, limit: int = 2000) -> str:
    """One line without control, format (bidirectional, zero-width) or private characters."""
    kept = []
    for character in str(value)[: limit + 1]:
        category = unicodedata.category(character)
        if character in "\n\r\t" or category in _SPACES:
            kept.append(" ")
        elif category not in _DROPPED:
            kept.append(character)
    text = "".join(kept)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_block(value: object, limit: int = 8000) -> str:
    """Like `clean`, keeping line breaks: for messages that point with a caret, and pretty-printed JSON."""
    return "\n".join(clean(line) for line in str(value)[:limit].splitlines())


def harmless(document: str) -> str:
    """A whole document, its lines and invisible separators kept, without what steers a terminal."""
    return "".join(letter for letter in document if letter == "\n" or unicodedata.category(letter) != "Cc")


def safe(value: object, style: str = "") -> Text:
    """`value` as text that rich shows letter by letter."""
    from rich.text import Text

    return Text(clean(value), style=style)


def seconds(value: float) -> str:
    """A length of time as a person says it: 45 s, 10 min, 1 h 5 min."""
    whole = round(value)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")


def number(value: float | None) -> str:
    """Four significant digits, without an exponent for everyday values."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
