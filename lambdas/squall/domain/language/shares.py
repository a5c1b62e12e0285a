"""Sentences on a share of the requests: `99 % of requests complete within 300 ms`, `at most 1 in 1,000 requests fails`."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_names import find_statistic
from squall.domain.language.metric_table import Metric
from squall.domain.language.quantities import Quantities
from squall.domain.language.sentences import Comparator
from squall.domain.language.subjects import Subjects
from squall.domain.language.syntax_tree import find_node, number_and_unit, require_node, start_of, tokens_of
from squall.domain.language.units import read_number

if TYPE_CHECKING:
    from lark import Token

    from squall.domain.language.syntax_tree import Node

_FIRST: dict[str, Comparator] = {"FIRST_GT": ">", "FIRST_GE": ">=", "FIRST_LT": "<", "FIRST_LE": "<="}
_OF_COUNT = re.compile(r"(?:1|one)\s+(?:in|of|out\s+of)\s+([0-9,]+)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+")


@dataclass(frozen=True)
class Goal:
    """What a sentence on a share of the requests compares, and where its number stands."""

    metric: Metric
    statistic: str | None
    comparator: Comparator
    value: float
    position: int


def first_comparator(node: "Node") -> Comparator | None:
    """The comparison before the number; None if there is none."""
    first = find_node(node, "first_comparator")
    return _FIRST[tokens_of(first)[0].type] if first else None


def number_of(percentage: "Token") -> "Token":
    """The number of a token such as `99.9 %`, at the same position."""
    match = _NUMBER.match(percentage)
    if match is None:
        raise AssertionError("the grammar promises a number before the unit")
    return percentage.update(value=match[0])


def read_share(text: str, node: "Node", subjects: Subjects, quantities: Quantities) -> Goal:
    """The comparison that a sentence on a share of the requests makes. Raises SentenceError."""
    share, percent = _read_percent(text, node)
    if node.data == "in_time":
        return _read_in_time(text, node, subjects, quantities, share, percent)
    first = first_comparator(node)
    position = start_of(share)
    if any(token.type == "SUCCEED" for token in tokens_of(node)):
        return Goal(subjects.known("availability"), None, first or ">=", float(percent), position)
    if first is None:
        message = "is that the most or the least that may fail?"
        repairs = (f"Error rate <= {_show_percent(percent)} %", f"Error rate >= {_show_percent(percent)} %")
        raise SentenceError(text, position, message, ("at most", "at least"), repairs)
    return Goal(subjects.known("error_rate"), None, first, float(percent), position)


def _read_percent(text: str, node: "Node") -> tuple["Token", Fraction]:
    share = next(token for token in tokens_of(node) if token.type == "SHARE")
    if share.casefold().startswith("all"):
        return share, Fraction(100)
    if match := _OF_COUNT.match(share):
        whole = read_number(match[1])
        if whole < 1:
            message = "a share of zero requests is undefined"
            raise SentenceError(text, start_of(share), message, ("1 in 1,000",), ("at most 1 in 1,000 requests fails",))
        return share, 100 / whole
    return share, Fraction(str(number_of(share)))


def _read_in_time(text: str, node: "Node", subjects: Subjects, quantities: Quantities, share: "Token", percent: Fraction) -> Goal:
    """`99 % of requests complete within 300 ms` is `p99 response time < 300 ms`."""
    number, unit_token = number_and_unit(require_node(node, "quantity"))
    comparator, first = _read_limit(node), first_comparator(node)
    quantity = f"{number} {unit_token}"
    statistic = _statistic_of(percent)
    if statistic is None:
        message = f"CloudWatch has no percentile p{_show_percent(percent)}: it takes two decimals, up to 100"
        nearest = f"p{min(int(100 * percent), 9999) / 100:g}"
        raise SentenceError(text, start_of(share), message, ("p99.99",), (f"{nearest} response time < {quantity}",))
    if unit_token is None:
        message = "a time needs a unit"
        repairs: tuple[str, ...] = (f"{share} succeed",) if comparator is None else ()
        guesses = tuple(f"{statistic} response time {comparator or '<'} {number} {unit}" for unit in ("ms", "seconds"))
        raise SentenceError(text, start_of(number), message, ("ms, seconds or minutes",), repairs, guesses)
    if comparator is None:
        message = f"is {quantity} the most or the least?"
        repairs = (f"{statistic} response time <= {quantity}", f"{statistic} response time >= {quantity}")
        raise SentenceError(text, start_of(number), message, ("within", "at most", "at least"), repairs)
    if comparator not in {"<", "<="} or first not in {None, ">="}:
        repairs = _say_as_percentile(percent, first, comparator, quantity)
        message = "only `at least so many requests within that time` is a percentile by itself"
        raise SentenceError(text, start_of(share), message, ("99 % of requests complete within …",), repairs)
    metric = subjects.known("response_time")
    value = quantities.read_value(number, unit_token, metric.unit, metric.title)
    return Goal(metric, statistic, comparator, value, start_of(number))


def _read_limit(node: "Node") -> Comparator | None:
    """The comparison with the time; None if the sentence does not say which."""
    comparator = find_node(node, "comparator")
    if comparator is not None:
        words: dict[str, Comparator] = {"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EQ": "==", "NE": "!="}
        return words[tokens_of(comparator)[0].type]
    served = next(token for token in tokens_of(node) if token.type == "SERVED")
    return "<" if find_node(node, "in_limit") or served.casefold().split()[-1] == "in" else None


def _say_as_percentile(percent: Fraction, first: Comparator | None, limit: Comparator, quantity: str) -> tuple[str, ...]:
    """The percentile that says the same; nothing if none does.

    At least x % slower than t is p(100-x) above t; at most x % slower than t is p(100-x) at most t.
    """
    slower = limit in {">", ">="}
    statistic = _statistic_of(100 - percent if slower else percent)
    if statistic is None or limit in {"==", "!="}:
        return ()
    few = first in {"<", "<="}
    return (f"{statistic} response time {'>' if slower != few else '<='} {quantity}",)


def _statistic_of(percent: Fraction) -> str | None:
    if percent == 100:
        return "Maximum"
    return find_statistic(f"p{_show_percent(percent)}") if percent > 0 else None


def _show_percent(percent: Fraction) -> str:
    return f"{float(percent):.10g}"
