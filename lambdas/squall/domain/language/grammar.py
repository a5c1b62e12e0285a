"""The parser: grammar.lark, LALR, built once. Turns lark's errors into SentenceError."""

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from squall.domain.language.errors import SentenceError

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAXIMUM_LENGTH = 500

_EXPECTED = {
    "GE": "a comparison (> >= < <= = !=, is above, at least …)",
    "GT": "a comparison (> >= < <= = !=, is above, at least …)",
    "LE": "a comparison (> >= < <= = !=, is above, at least …)",
    "LT": "a comparison (> >= < <= = !=, is above, at least …)",
    "EQ": "a comparison (> >= < <= = !=, is above, at least …)",
    "NE": "a comparison (> >= < <= = !=, is above, at least …)",
    "UP": "increases by",
    "DOWN": "decreases by",
    "_FOR": "for <duration>",
    "_DURING": "during <window>",
    "WINDOW": "fault, recovery or baseline",
    "_WITHIN": "within <duration>",
    "VS_BASELINE": "vs baseline",
    "OF_BASELINE": "of baseline",
    "_RECOVERS": "recovers",
    "_ALARM": "alarm <name>",
    "_FIRES": "fires",
    "_AUTO_SCALING": "Auto Scaling",
    "_LAUNCHES": "launches",
    "_REPLACEMENT": "replacement instance",
    "NUMBER": "a number",
    "UNIT": "a unit",
    "WORD": "a metric name",
    "QUOTED": "a name in quotes",
    "NAME": "an alarm name",
    "$END": "the end of the sentence",
}
_UNSAID = {"_LINK", "_DOT"}
"""Allowed, but no help to name."""


@cache
def _parser() -> "Lark":
    from lark import Lark  # noqa: PLC0415 - only states that parse pay for it

    text = files("squall.domain.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", g_regex_flags=re.IGNORECASE)


def tree(text: str) -> "Tree[Token]":
    """The sentence's syntax tree."""
    from lark.exceptions import UnexpectedInput  # noqa: PLC0415 - as above

    _check_text(text)
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        raise _not_understood(text, error) from None


def _check_text(text: str) -> None:
    if not text.strip():
        raise SentenceError(text, 0, "the sentence is empty", (_EXPECTED["WORD"],))
    if len(text) > MAXIMUM_LENGTH:
        raise SentenceError(text, MAXIMUM_LENGTH, f"the sentence is longer than {MAXIMUM_LENGTH} characters")
    for position, letter in enumerate(text):
        if (not letter.isprintable() and not letter.isspace()) or "\ud800" <= letter <= "\udfff":
            raise SentenceError(text, position, f"the character {letter!a} can't be part of a sentence")


def _not_understood(text: str, error: Exception) -> SentenceError:
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    expected = tuple(dict.fromkeys(word for name in sorted(names) if name not in _UNSAID and (word := _EXPECTED.get(name))))
    token = getattr(error, "token", None)
    end = len(text.rstrip())
    position = end if token is not None and token.type == "$END" else int(getattr(error, "pos_in_stream", 0) or 0)
    if position >= end:
        return SentenceError(text, end, "the sentence ends too early", expected)
    word = text[position:].split(maxsplit=1)[0]
    return SentenceError(text, position, f'"{word[:40]}" is not understood here', expected)
