"""The parser: LALR, built once from grammar.lark. It turns lark's errors into SentenceError."""

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from squall.domain.language.errors import SentenceError

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAXIMUM_LENGTH = 500

_COMPARISON = "a comparison (> >= < <= = !=, is above, at least …)"
_BASELINE = "vs baseline"
_EXPECTED = {
    **dict.fromkeys(("GE", "GT", "LE", "LT", "EQ", "NE"), _COMPARISON),
    **dict.fromkeys(("FIRST_GE", "FIRST_GT", "FIRST_LE", "FIRST_LT"), "a comparison (at least, at most, fewer than …)"),
    "UP": "increases by",
    "DOWN": "decreases by",
    "_FOR": "for <duration>",
    "_DURING": "during <window>",
    "WINDOW": "fault, recovery or baseline",
    "_WITHIN": "within <duration>",
    "VS_BASELINE": _BASELINE,
    "OF_BASELINE": "of baseline",
    "BASELINE": "baseline",
    "NORMAL": "normal",
    "_TIMES": "times",
    "_RECOVERS": "recovers",
    "_RETURNS": "returns to baseline",
    "_ALARM": "alarm <name>",
    "_FIRES": "fires",
    "_OK": "is OK",
    "_AUTO_SCALING": "Auto Scaling",
    "_LAUNCHES": "launches",
    "_REPLACEMENT": "replacement instance",
    "_REPLACES": "replaces the failed instance",
    "_AVAILABLE": "is available",
    "PERCENTAGE": "a percentage",
    "MEMBERS": "3 tasks run",
    "SHARE": "99 % of requests",
    "SERVED": "complete within <time>",
    "SUCCEED": "succeed",
    "FAIL": "fail",
    "NUMBER": "a number",
    "UNIT": "a unit",
    "WORD": "a metric name",
    "QUOTED": "a name in quotes",
    "NAME": "an alarm name",
    "$END": "the end of the sentence",
}
"""What error messages say of a token; those not listed would be understood, too, but do not help to mend the
sentence."""


_JOINING = frozenset({"and", "or", "but", "&", "&&", "||"})


@cache
def _make_parser() -> "Lark":
    from lark import Lark  # noqa: PLC0415 - lark takes long to import, and most states parse nothing

    text = files("squall.domain.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", g_regex_flags=re.IGNORECASE)


def parse_tree(text: str, shown: str | None = None) -> "Tree[Token]":
    """The syntax tree of the sentence. Raises SentenceError, with the sentence as it is `shown` to people if some of its
    words are masked."""
    from lark.exceptions import UnexpectedInput  # noqa: PLC0415 - as above

    _check_characters(shown or text)
    try:
        return _make_parser().parse(text)
    except UnexpectedInput as error:
        raise _sentence_error(shown or text, error) from None


def _check_characters(text: str) -> None:
    if not text.strip():
        raise SentenceError(text, 0, "the sentence is empty", (_EXPECTED["WORD"],))
    if len(text) > MAXIMUM_LENGTH:
        raise SentenceError(text, MAXIMUM_LENGTH, f"the sentence is longer than {MAXIMUM_LENGTH} characters")
    for position, letter in enumerate(text):
        if (not letter.isprintable() and not letter.isspace()) or "\ud800" <= letter <= "\udfff":
            raise SentenceError(text, position, f"the character {letter!a} can't be part of a sentence")


def _sentence_error(text: str, error: Exception) -> SentenceError:
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    expected = tuple(dict.fromkeys(word for name in sorted(names) if (word := _EXPECTED.get(name))))
    token = getattr(error, "token", None)
    end = len(text.rstrip())
    position = end if token is not None and token.type == "$END" else int(getattr(error, "pos_in_stream", 0) or 0)
    if position >= end:
        return SentenceError(text, end, f"the sentence ends too early: {', '.join(expected)} could follow", expected)
    word = text[position:].split(maxsplit=1)[0]
    return SentenceError(text, position, f'"{word[:40]}" is not understood here{_explain_word(word)}', expected)


def _explain_word(word: str) -> str:
    """Why some words are never understood; empty for others."""
    if word[0] == "," and word[1:2].isdigit():
        return ": decimals begin with a point"
    return ": a sentence says one thing" if word.casefold() in _JOINING or word[0] in ",;" else ""
