"""Reads goals: sentences in which the number comes first, or that imply the metric, and numbers of members:
`3 tasks run within 5 minutes`."""

import re
from fractions import Fraction
from typing import TYPE_CHECKING, NoReturn

from squall.domain.language import shares, units
from squall.domain.language.errors import SentenceError, replace_span
from squall.domain.language.parts import COMPARATORS, COMPARISONS, EXAMPLES, Parts
from squall.domain.language.sentences import (
    Comparator,
    MembersRun,
    MemberWord,
    Threshold,
)
from squall.domain.language.subjects import phrase_of, span_of
from squall.domain.language.syntax_tree import end_of, find_node, number_and_unit, require_node, start_of, tokens_of

if TYPE_CHECKING:
    from lark import Token

    from squall.domain.language.syntax_tree import Node

_NOUN = re.compile(r"\b(instance|task|pod)s?\b", re.IGNORECASE)
_WORDS: dict[str, MemberWord] = {"instance": "instances", "task": "tasks", "pod": "pods"}
_EXAMPLE = "within 5 minutes"


class Goals:
    """Reads the goal of one sentence."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def read(self, node: "Node") -> Threshold:
        match node.data:
            case "objective":
                return self._read_objective(node)
            case "fronted":
                return self._read_fronted(node)
            case "available":
                return self._read_available(node)
            case "unfinished":
                return self._read_unfinished(node)
            case _:
                goal = shares.read_share(self.parts.text, node, self.parts.subjects, self.parts.quantities)
                self.parts.is_objective = shares.first_comparator(node) is None
                return self.parts.bound(node, goal.metric, goal.statistic, goal.comparator, goal.value, goal.position)

    def _read_fronted(self, node: "Node") -> Threshold:
        """`at least 2 healthy hosts`, `more than 30 requests per second`: the comparison and the number come first."""
        comparator = shares.first_comparator(node) or ">="
        number, *unit = tokens_of(node)
        subject = require_node(node, "subject")
        phrase = phrase_of(subject)
        spelled = units.find_unit(phrase)
        if not unit and spelled is not None and spelled.unit == "per_second":
            self.parts.quantities.refuse_others(phrase, span_of(subject)[0], "Request rate")
            value = self.parts.quantities.convert(number, spelled.factor)
            return self.parts.bound(node, self.parts.subjects.known("request_rate"), None, comparator, value, start_of(number))
        metric, statistic = self.parts.subjects.read(subject)
        return self.parts.make_threshold(node, metric, statistic, comparator, number, unit[0] if unit else None)

    def _read_objective(self, node: "Node") -> Threshold:
        """`99.9 % availability`: at least, because everybody wants the metric to be high."""
        percentage = tokens_of(node)[0]
        subject = require_node(node, "subject")
        metric, statistic = self.parts.subjects.read(subject)
        if metric.better != "higher" or metric.unit != "percent":
            first, last = span_of(subject)
            name = self.parts.text[first:last]
            message = f"is {percentage} the most or the least?"
            repairs = (f"{name} <= {percentage}", f"{name} >= {percentage}")
            raise SentenceError(self.parts.text, start_of(percentage), message, ("at most", "at least"), repairs)
        self.parts.is_objective = True
        value = self.parts.quantities.convert(shares.number_of(percentage), Fraction(1))
        return self.parts.bound(node, metric, statistic, ">=", value, start_of(percentage))

    def _read_available(self, node: "Node") -> Threshold:
        subject = require_node(node, "subject")
        number, unit_token = number_and_unit(require_node(node, "quantity"))
        comparator = find_node(node, "comparator")
        compare: Comparator = COMPARATORS[tokens_of(comparator)[0].type] if comparator else ">="
        phrase, (start, _) = phrase_of(subject), span_of(subject)
        if not self.parts.is_whole_system(phrase):
            message = f'the availability of "{phrase}" by itself is not measured: System availability is that of the whole workload'
            repairs = (f"System availability {compare} {number} {unit_token or '%'}",)
            raise SentenceError(self.parts.text, start, message, ("System", "Service"), repairs)
        self.parts.is_objective = comparator is None
        return self.parts.make_threshold(node, self.parts.subjects.known("availability"), None, compare, number, unit_token)

    def _read_unfinished(self, node: "Node") -> Threshold:
        """A subject alone. Only `no` or `zero` of a count is a sentence."""
        subject = require_node(node, "subject")
        phrase, (start, end) = phrase_of(subject), span_of(subject)
        count, _, counted = phrase.partition(" ")
        if count.casefold() in {"alarm", "alert"} and self.parts.subjects.find(phrase) is None:
            raise SentenceError(
                self.parts.text, start, "which alarm, and what about it?", ("alarm NAME fires within …", "alarm NAME is OK")
            )
        if count.isdecimal() and count != "0" and self.parts.subjects.find(counted) is not None:
            repairs: tuple[str, ...] = (f"{counted} >= {count}", f"{counted} <= {count}")
            raise SentenceError(self.parts.text, start, f"is {count} the most or the least?", ("at least", "at most"), repairs)
        if counted and count.casefold() in {"no", "zero", "0"} and self.parts.subjects.find(phrase) is None:
            metric, statistic = self.parts.subjects.read_phrase(counted, start + len(count) + 1, end)
            if metric.unit == "count":
                self.parts.is_objective = True
                return self.parts.bound(node, metric, statistic, "==", 0.0, start)
            message = f"no {metric.title} at all? It is measured in {metric.unit}"
            repairs = (f"{counted} <= {EXAMPLES[metric.unit]}",)
            raise SentenceError(self.parts.text, start, message, COMPARISONS, repairs)
        metric, _ = self.parts.subjects.read(subject)
        signs = (">", "<") if metric.better == "higher" else ("<", ">")
        repairs = replace_span(self.parts.text, end, end, *(f" {sign} {EXAMPLES[metric.unit]}" for sign in signs))
        raise SentenceError(self.parts.text, end, "the sentence ends too early: nothing is compared", COMPARISONS, repairs)


def read_members(parts: Parts, node: "Node") -> MembersRun:
    """The number of members and the time limit. Raises SentenceError."""
    token = next(token for token in tokens_of(node) if token.type == "MEMBERS")
    noun = _NOUN.search(token)
    if noun is None:
        raise AssertionError("the grammar promises a noun")
    members = _WORDS[noun[1].casefold()]
    comparator = shares.first_comparator(node) or ">="
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
