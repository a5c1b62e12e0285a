"""Turns the syntax tree of a sentence into its meaning: names, statistics, units and bounds. Every error has its
position."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from squall.domain.language import units
from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_names import allows_statistic, canonical_metric, find_nearest, find_statistic, normalize_name
from squall.domain.language.metric_table import EVERY_STATISTIC, METRICS, Metric
from squall.domain.language.sentences import AlarmFires, Comparator, Recovers, Relative, Replacement, Sentence, Threshold, WindowName
from squall.domain.language.syntax_tree import end_of, find_node, number_and_unit, require_node, start_of, tokens_of, unquote
from squall.domain.language.units import Unit

if TYPE_CHECKING:
    from lark import Token

    from squall.domain.language.syntax_tree import Node

_COMPARATORS: dict[str, Comparator] = {"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EQ": "==", "NE": "!="}
_MIRRORED: dict[Comparator, Comparator] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_WHOLE_SYSTEM = {
    normalize_name(name) for name in ("system", "the system", "service", "workload", "application", "everything", "steady state")
}
_LONGEST_DURATION = 43_200
"""Seconds: the twelve hours that a fault may last at most."""


class Reader:
    """Reads one sentence. `declared` maps the experiment's own metric names to their units."""

    def __init__(self, text: str, declared: Mapping[str, str]) -> None:
        self.text = text
        self.declared = {normalize_name(name): (name, unit) for name, unit in declared.items()}

    def read(self, node: "Node") -> Sentence:
        """The meaning of the sentence. Raises SentenceError."""
        match node.data:
            case "alarm":
                return AlarmFires(
                    text=self.text,
                    alarm=self._read_alarm_name(require_node(node, "alarm_name")),
                    within_seconds=self._read_within(node) or 0,
                )
            case "recovers":
                return Recovers(text=self.text, metric=self._read_recovering(node), within_seconds=self._read_within(node) or 0)
            case "replacement":
                return Replacement(text=self.text, within_seconds=self._read_within(node))
            case _:
                return self._read_threshold(node)

    def _read_threshold(self, node: "Node") -> Threshold:
        metric, statistic = self._read_subject(require_node(node, "subject"))
        comparator_token = tokens_of(require_node(node, "comparator"))[0]
        comparator = _COMPARATORS[comparator_token.type]
        relative = _read_relation(node)
        quantity = require_node(node, "quantity")
        unit: Unit = "count" if statistic == "SampleCount" else metric.unit
        value = self._read_value(quantity, unit, metric, relative)
        if relative is None:
            self._check_possible(metric, comparator, value, quantity)
        direction = find_node(node, "direction")
        if direction is not None and tokens_of(direction)[0].type == "DOWN":
            comparator, value = _MIRRORED[comparator], -value
        return Threshold(
            text=self.text,
            metric=metric.name,
            statistic=statistic,
            comparator=comparator,
            value=value + 0.0,
            unit="percent" if relative else unit,
            relative=relative,
            for_seconds=self._read_span(node),
            window=self._read_window(node, relative),
        )

    def _read_subject(self, node: "Node") -> tuple[Metric, str | None]:
        """The metric and the statistic that the sentence names.

        If the whole phrase is the name of a metric, it is that metric; only then a leading or trailing word is read as
        a statistic.
        """
        tokens = tokens_of(node)
        words = [unquote(token) for token in tokens]
        if words[0].casefold() == "the" and len(words) > 1:
            tokens, words = tokens[1:], words[1:]
        if (metric := self._find_metric(" ".join(words))) is not None:
            return metric, None
        for statistic_word, rest in _split_statistic(words):
            statistic = find_statistic(statistic_word)
            metric = self._find_metric(" ".join(rest)) if statistic else None
            if statistic is not None and metric is not None:
                return metric, self._check_statistic(metric, statistic, tokens[0])
        raise self._unknown_metric_error(" ".join(words), start_of(tokens[0]))

    def _find_metric(self, name: str) -> Metric | None:
        """The metric of that name. A metric that the experiment declares takes precedence over one that the language
        knows."""
        if normalize_name(name) in self.declared:
            own, unit = self.declared[normalize_name(name)]
            known = units.find_declared_unit(unit)
            return Metric(name=own, title=own, unit=known.unit if known else "none", kind="gauge", statistics=EVERY_STATISTIC)
        canonical = canonical_metric(name)
        return METRICS[canonical] if canonical else None

    def _check_statistic(self, metric: Metric, statistic: str, token: "Token") -> str | None:
        if not allows_statistic(metric, statistic):
            offered = tuple("p50 … p99.9" if s == "p" else s for s in dict.fromkeys((metric.statistic, *metric.statistics)))
            raise SentenceError(self.text, start_of(token), f"{metric.title} has no statistic {statistic}", offered)
        return statistic if metric.kind == "gauge" or statistic != metric.statistic else None

    def _unknown_metric_error(self, name: str, position: int) -> SentenceError:
        declared = [own for own, _ in self.declared.values()]
        titles = {title: metric.title for metric in METRICS.values() for title in (metric.title, *metric.aliases)}
        guesses = [name, *(" ".join(rest) for word, rest in _split_statistic(name.split()) if find_statistic(word))]
        nearest = next((near for guess in guesses if (near := find_nearest(guess, [*declared, *titles]))), None)
        fix = f'did you mean "{nearest}"?' if nearest else "Squall does not know it, and the experiment does not declare it in metrics"
        return SentenceError(
            self.text, position, f'"{name}" is not a metric: {fix}', (*declared, *(metric.title for metric in METRICS.values()))
        )

    def _read_recovering(self, node: "Node") -> str | None:
        subject = find_node(node, "subject")
        if subject is None:
            return None
        name = " ".join(unquote(token) for token in tokens_of(subject))
        if normalize_name(name) in _WHOLE_SYSTEM and normalize_name(name) not in self.declared:
            return None
        metric, statistic = self._read_subject(subject)
        if statistic is not None:
            position = start_of(tokens_of(subject)[0])
            raise SentenceError(
                self.text, position, "a metric recovers, not a statistic of it: leave out the statistic", (f"{metric.title} recovers",)
            )
        return metric.name

    def _read_alarm_name(self, node: "Node") -> str:
        token = tokens_of(node)[0]
        name = unquote(token)
        if len(name) > 255 or not name.strip():
            raise SentenceError(self.text, start_of(token), "an alarm's name has 1 to 255 characters")
        return name

    def _read_value(self, quantity: "Node", unit: Unit, metric: Metric, relative: Relative | None) -> float:
        """The number in the metric's unit, or in percent of the baseline."""
        number, token = number_and_unit(quantity)
        wanted: Unit = "percent" if relative else unit
        spelled = self._read_unit(token, units.EXAMPLES[wanted])
        bare = ("count", "none")
        if spelled is None and wanted not in bare:
            what = "a comparison with the baseline is in %" if relative else f"{metric.title} needs a unit"
            raise SentenceError(self.text, end_of(number), what, (units.EXAMPLES[wanted],))
        if spelled is not None and spelled.unit != wanted:
            what = "A comparison with the baseline" if relative else metric.title
            raise SentenceError(
                self.text, start_of(token or number), f"{what} is not measured in {token}: it is in {wanted}", (units.EXAMPLES[wanted],)
            )
        value = units.convert_number(str(number), spelled.factor if spelled else Fraction(1))
        if value in (float("inf"), float("-inf")):
            raise SentenceError(self.text, start_of(number), "the number is too large")
        if relative == "ratio" and value < 0:
            raise SentenceError(
                self.text, start_of(number), "a share of the baseline is not negative: write `increases by` or `decreases by`"
            )
        return value

    def _read_unit(self, token: "Token | None", expected: str) -> units.Spelling | None:
        if token is None:
            return None
        unit = units.find_unit(str(token))
        if unit is None:
            near = find_nearest(str(token), units.SPELLINGS)
            suggestion = f': did you mean "{near}"?' if near else ""
            raise SentenceError(self.text, start_of(token), f'"{token}" is not a unit{suggestion}', (expected,))
        return unit

    def _check_possible(self, metric: Metric, comparator: Comparator, value: float, quantity: "Node") -> None:
        """Refuse a comparison that is always or never true, because it would judge or guard nothing."""
        always, never = _decided_by_bounds(metric, comparator, value)
        if always or never:
            bounds = f"{metric.least:g} to {metric.greatest:g}" if metric.greatest is not None else f"at least {metric.least:g}"
            position = start_of(number_and_unit(quantity)[0])
            message = f"this is {'always' if always else 'never'} true, whatever happens: {metric.title} is {bounds}"
            raise SentenceError(self.text, position, message, ("a comparison that can be true and false",))

    def _read_duration(self, quantity: "Node") -> int:
        number, token = number_and_unit(quantity)
        spelled = self._read_unit(token, "seconds, minutes or hours")
        if spelled is None or spelled.unit != "seconds":
            message = "a duration needs a unit" if spelled is None else f"a duration is not measured in {token}"
            raise SentenceError(self.text, end_of(number) if token is None else start_of(token), message, ("seconds, minutes or hours",))
        seconds = units.convert_number(str(number), spelled.factor)
        if not 1 <= seconds <= _LONGEST_DURATION or not seconds.is_integer():
            raise SentenceError(
                self.text, start_of(number), "a duration is whole seconds, from 1 second to 12 hours", ("1 second to 12 hours",)
            )
        return int(seconds)

    def _read_within(self, node: "Node") -> int | None:
        within = find_node(node, "within")
        return None if within is None else self._read_duration(require_node(within, "quantity"))

    def _read_span(self, node: "Node") -> int | None:
        span = find_node(node, "span")
        return None if span is None else self._read_duration(require_node(span, "quantity"))

    def _read_window(self, node: "Node", relative: Relative | None) -> WindowName:
        window = find_node(node, "window")
        if window is None:
            return "fault"
        token = tokens_of(window)[0]
        name = cast("WindowName", token.casefold().split()[0])
        if name == "baseline" and relative:
            raise SentenceError(self.text, start_of(token), "the baseline can't be compared with itself", ("fault or recovery",))
        return name


def _decided_by_bounds(metric: Metric, comparator: Comparator, value: float) -> tuple[bool, bool]:
    """Whether the bounds of the metric make the comparison always true, and whether they make it never true."""
    least = float("-inf") if metric.least is None else metric.least
    greatest = float("inf") if metric.greatest is None else metric.greatest
    outside = not least <= value <= greatest
    match comparator:
        case ">":
            return value < least, value >= greatest
        case ">=":
            return value <= least, value > greatest
        case "<":
            return value > greatest, value <= least
        case "<=":
            return value >= greatest, value < least
        case "==":
            return False, outside
        case "!=":
            return outside, False


def _read_relation(node: "Node") -> Relative | None:
    if node.data == "change":
        return "change"
    return None if find_node(node, "baseline") is None else "ratio"


def _split_statistic(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The ways to split a statistic off a metric name: it is the first word (`p99 of X`, `p99 X`) or the last (`X
    p99`)."""
    if len(words) > 2 and words[1].casefold() == "of":
        yield words[0], words[3:] if words[2].casefold() == "the" and len(words) > 3 else words[2:]
    if len(words) > 1:
        yield words[0], words[1:]
        yield words[-1], words[:-1]
