"""Reads what a sentence is about: the metric, and the statistic of it if the sentence names one."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from squall.domain.language import units
from squall.domain.language.errors import SentenceError, replace_span
from squall.domain.language.metric_names import (
    allows_statistic,
    canonical_metric,
    find_statistic,
    list_nearest,
    normalize_name,
    split_statistic,
    strip_known_words,
)
from squall.domain.language.metric_table import EVERY_STATISTIC, METRICS, Metric
from squall.domain.language.syntax_tree import end_of, start_of, tokens_of, unquote_token

if TYPE_CHECKING:
    from squall.domain.language.syntax_tree import Node


class Subjects:
    """Finds metrics for one sentence. `declared` maps the experiment's own metric names to their units."""

    def __init__(self, text: str, declared: Mapping[str, str]) -> None:
        self.text = text
        self.declared = {normalize_name(name): (name, unit) for name, unit in declared.items()}

    def read(self, node: "Node") -> tuple[Metric, str | None]:
        """The metric and the statistic that the sentence names. Raises SentenceError."""
        return self.read_phrase(phrase_of(node), *span_of(node))

    def read_phrase(self, phrase: str, start: int, end: int) -> tuple[Metric, str | None]:
        """The metric and the statistic that the phrase names; `start` and `end` are its place in the sentence.

        If the whole phrase is the name of a metric, it is that metric; only then a leading or trailing part is read as
        a statistic. Words known to change nothing are left out last.
        """
        for name, sided in _list_readings(phrase):
            if (metric := self.find(name)) is not None:
                return self._check_side(metric, start, end) if sided else metric, None
            for word, rest in split_statistic(name):
                statistic = find_statistic(word)
                if statistic is None:
                    continue
                for inner, inner_sided in _list_readings(rest):
                    if (metric := self.find(inner)) is not None:
                        metric = self._check_side(metric, start, end) if sided or inner_sided else metric
                        return metric, self._check_statistic(metric, statistic, (start, end))
        raise self._unknown_error(phrase, start, end)

    def find(self, name: str) -> Metric | None:
        """The metric of that name. A metric that the experiment declares takes precedence over one that the language
        knows."""
        if normalize_name(name) in self.declared:
            own, unit = self.declared[normalize_name(name)]
            known = units.find_declared_unit(unit)
            return Metric(name=own, title=own, unit=known.unit if known else "none", kind="gauge", statistics=EVERY_STATISTIC)
        canonical = canonical_metric(name)
        return METRICS[canonical] if canonical else None

    def known(self, name: str) -> Metric:
        """The metric behind a sentence that does not name it, such as `99 % of requests succeed`."""
        title = METRICS[name].title
        return self.find(title) or METRICS[name]

    def _check_side(self, metric: Metric, start: int, end: int) -> Metric:
        """Refuse a side of the load balancer for a metric that each side has for itself."""
        if metric.name not in {"availability", "error_rate", "error_count"}:
            return metric
        message = "errors of which side: of all, of the targets, or those that the load balancer answers itself?"
        choices = (metric.title, "Target error count", "Load balancer error count")
        raise SentenceError(self.text, start, message, choices, replace_span(self.text, start, end, *choices))

    def _check_statistic(self, metric: Metric, statistic: str, span: tuple[int, int]) -> str | None:
        if not allows_statistic(metric, statistic):
            offered = tuple("p50 … p99.9" if s == "p" else s for s in dict.fromkeys((metric.statistic, *metric.statistics)))
            repairs = replace_span(self.text, *span, metric.title)
            raise SentenceError(self.text, span[0], f"{metric.title} has no statistic {statistic}", offered, repairs)
        return statistic if metric.kind == "gauge" or statistic != metric.statistic else None

    def _unknown_error(self, phrase: str, start: int, end: int) -> SentenceError:
        statistic = find_statistic(phrase)
        if statistic is not None:
            message = f"of which metric is this the {phrase}?"
            choices = tuple(f"{phrase} {_within_sentence(row.title)}" for row in METRICS.values() if allows_statistic(row, statistic))
            return SentenceError(self.text, start, message, choices, replace_span(self.text, start, end, *choices))
        names = [*(own for own, _ in self.declared.values()), *(name for row in METRICS.values() for name in (row.title, *row.aliases))]
        guesses = [("", phrase), *((f"{word} ", rest) for word, rest in split_statistic(phrase) if find_statistic(word))]
        near = [(before, name) for before, guess in guesses for name in _list_similar(guess, names)]
        fix = f'did you mean "{near[0][1]}"?' if near else "Squall does not know it, and the experiment does not declare it in metrics"
        sentences = replace_span(self.text, start, end, *(f"{before}{_quote_odd(name)}" for before, name in near))
        expected = (*(own for own, _ in self.declared.values()), *(row.title for row in METRICS.values()))
        return SentenceError(self.text, start, f'"{phrase}" is not a metric: {fix}', expected, guesses=sentences)


def _list_similar(phrase: str, names: list[str]) -> list[str]:
    """The names like the phrase: first those that it ends with, then those that are spelled nearly the same.

    Digits are never a slip of the pen: `4xx errors` are not `5xx errors`.
    """
    words = phrase.casefold().split()
    ends = [name for name in names if 0 < len(name.split()) < len(words) and words[-len(name.split()) :] == name.casefold().split()]
    longest = sorted(ends, key=lambda name: -len(name))[:1]
    digits = re.findall(r"\d", phrase)
    return [name for name in dict.fromkeys((*longest, *list_nearest(phrase, names))) if re.findall(r"\d", name) == digits]


def phrase_of(node: "Node") -> str:
    """The words of a subject, without quotes and a leading `the`."""
    words = [unquote_token(token) for token in tokens_of(node)]
    return " ".join(words[1:] if words[0].casefold() == "the" and len(words) > 1 else words)


def span_of(node: "Node") -> tuple[int, int]:
    """The start and the end (exclusive) of the subject's phrase, 0-based."""
    tokens = tokens_of(node)
    first = tokens[1] if tokens[0].casefold() == "the" and len(tokens) > 1 else tokens[0]
    return start_of(first), end_of(tokens[-1])


def _within_sentence(title: str) -> str:
    """The title as it is written behind another word."""
    return title if title[1].isupper() else f"{title[0].lower()}{title[1:]}"


def _list_readings(phrase: str) -> Iterator[tuple[str, bool]]:
    yield phrase, False
    yield from strip_known_words(phrase)


def _quote_odd(name: str) -> str:
    """The name as a sentence can hold it."""
    return name if all(letter.isalnum() or letter in " _-" for letter in name) else f'"{name}"'
