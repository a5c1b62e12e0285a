"""Makes text from outside (names, tags, reasons, sentences) safe to show on a terminal.

The text is wrapped in `rich.text.Text`, never parsed as markup, and loses every character that controls a terminal or
changes the order in which people read it.
"""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from squall.domain.base.printable import flatten_lines, flatten_text

if TYPE_CHECKING:
    from rich.text import Text


def clean_line(value: object, limit: int = 2000) -> str:
    """The value as one printable line of at most `limit` characters (`squall.domain.base.printable`)."""
    return flatten_text(str(value), limit)


def clean_block(value: object, limit: int = 8000) -> str:
    """Like `clean_line`, but keeps line breaks: for messages with a caret, and for indented JSON."""
    return flatten_lines(str(value), limit)


def clean_document(document: str) -> str:
    """A whole document without control characters other than line breaks."""
    return "".join(letter for letter in document if letter == "\n" or unicodedata.category(letter) != "Cc")


def safe_text(value: object, style: str = "") -> Text:
    """The cleaned value as text that rich shows without interpreting it."""
    from rich.text import Text

    return Text(clean_line(value), style=style)


def format_seconds(value: float) -> str:
    """A length of time in seconds as people write it: 45 s, 10 min, 1 h 5 min."""
    whole = round(value)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")


def format_number(value: float | None) -> str:
    """The value with four significant digits, without an exponent where it is not very small; a dash for None."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
