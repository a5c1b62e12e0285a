"""Reads how many members of a group must run: `3 tasks run within 5 minutes`."""

import re
from typing import TYPE_CHECKING, NoReturn

from squall.domain.language import units
from squall.domain.language.errors import SentenceError
from squall.domain.language.parts import Parts
from squall.domain.language.sentences import MembersRun, MemberWord
from squall.domain.language.shares import first_comparator
from squall.domain.language.syntax_tree import end_of, start_of, tokens_of

if TYPE_CHECKING:
    from lark import Token

    from squall.domain.language.syntax_tree import Node

_NOUN = re.compile(r"\b(instance|task|pod)s?\b", re.IGNORECASE)
_WORDS: dict[str, MemberWord] = {"instance": "instances", "task": "tasks", "pod": "pods"}
_EXAMPLE = "within 5 minutes"


def read_members(parts: Parts, node: "Node") -> MembersRun:
    """The number of members and the time limit. Raises SentenceError."""
    token = next(token for token in tokens_of(node) if token.type == "MEMBERS")
    noun = _NOUN.search(token)
    if noun is None:
        raise AssertionError("the grammar promises a noun")
    members = _WORDS[noun[1].casefold()]
    comparator = first_comparator(node) or ">="
    number = units.read_number(token.split()[0].casefold())
    if number.denominator != 1 or number < 1:
        message = f"{token.split()[0]} is not a number of {members} that can run: it is a whole number from 1 on"
        raise SentenceError(parts.text, start_of(token), message, ("a whole number",), (f"1 {members[:-1]} runs {_EXAMPLE}",))
    if comparator in {"<", "<="}:
        message = f"what is awaited is at least so many {members}"
        repairs = (f"Healthy hosts {comparator} {number}",)
        raise SentenceError(parts.text, start_of(token), message, ("at least", "more than"), repairs)
    count = int(number) + (comparator == ">")
    within = parts.read_within(node)
    if within is None:
        _refuse_state(parts, token, count, members)
    return MembersRun(text=parts.text, members=members, count=count, within_seconds=within)


def _refuse_state(parts: Parts, token: "Token", count: int, members: MemberWord) -> NoReturn:
    """Refuse a sentence without a time limit: it may mean all the time, or some time."""
    message = f"all the time, or from when on? How many {members} run is known from the end of the fault on"
    state = f"Healthy hosts >= {count}{parts.text[end_of(token) :]}"
    event = f"{count} {members if count > 1 else members[:-1]} {'run' if count > 1 else 'runs'} {_EXAMPLE}"
    raise SentenceError(parts.text, end_of(token), message, ("within <duration>",), (event, state))
