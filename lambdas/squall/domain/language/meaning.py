"""From a syntax tree to what the sentence means: names, statistics, units and bounds, each error at its position."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from squall.domain.language import units
from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_names import allows, canonical_metric, nearest, normalize, statistic_named
from squall.domain.language.metric_table import METRICS, Metric
from squall.domain.language.sentences import AlarmFires, Comparator, Recovers, Relative, Replacement, Sentence, Threshold, WindowName
from squall.domain.language.units import Unit

if TYPE_CHECKING:
    from lark import Token, Tree

    Node = Tree[Token]

_COMPARATORS: dict[str, Comparator] = {"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EQ": "==", "NE": "!="}
_MIRRORED: dict[Comparator, Comparator] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_EVERYTHING = {normalize(name) for name in ("system", "the system", "service", "workload", "application", "everything", "steady state")}
_LONGEST = 43_200


class Reader:
    """Reads one sentence; `declared` maps the experiment's own metric names to their units."""

    def __init__(self, text: str, declared: Mapping[str, str]) -> None:
        self.text = text
        self.declared = {normalize(name): (name, unit) for name, unit in declared.items()}

    def read(self, node: "Node") -> Sentence:
        match node.data:
            case "alarm":
                return AlarmFires(text=self.text, alarm=self._alarm(_child(node, "alarm_name")), within_seconds=self._within(node) or 0)
            case "recovers":
                return Recovers(text=self.text, metric=self._recovering(node), within_seconds=self._within(node) or 0)
            case "replacement":
                return Replacement(text=self.text, within_seconds=self._within(node))
            case _:
                return self._threshold(node)

    def _threshold(self, node: "Node") -> Threshold:
        metric, statistic = self._subject(_child(node, "subject"))
        comparator_token = _tokens(_child(node, "comparator"))[0]
        comparator = _COMPARATORS[comparator_token.type]
        relative = _relation(node)
        quantity = _child(node, "quantity")
        unit: Unit = "count" if statistic == "SampleCount" else metric.unit
        value = self._value(quantity, unit, metric, relative)
        if relative is None:
            self._check_possible(metric, comparator, value, quantity)
        direction = _find(node, "direction")
        if direction is not None and _tokens(direction)[0].type == "DOWN":
            comparator, value = _MIRRORED[comparator], -value
        return Threshold(
            text=self.text,
            metric=metric.name,
            statistic=statistic,
            comparator=comparator,
            value=value + 0.0,
            unit="percent" if relative else unit,
            relative=relative,
            for_seconds=self._span(node),
            window=self._window(node, relative),
        )

    # subject

    def _subject(self, node: "Node") -> tuple[Metric, str | None]:
        """The metric, and the statistic asked for; a metric's whole name wins over a statistic at its beginning."""
        tokens = _tokens(node)
        words = [_unquoted(token) for token in tokens]
        if words[0].casefold() == "the" and len(words) > 1:
            tokens, words = tokens[1:], words[1:]
        if (metric := self._metric(" ".join(words))) is not None:
            return metric, None
        for statistic_word, rest in _splits(words):
            statistic = statistic_named(statistic_word)
            metric = self._metric(" ".join(rest)) if statistic else None
            if statistic is not None and metric is not None:
                return metric, self._statistic(metric, statistic, tokens[0])
        raise self._unknown_metric(" ".join(words), _start(tokens[0]))

    def _metric(self, name: str) -> Metric | None:
        if normalize(name) in self.declared:
            declared, unit = self.declared[normalize(name)]
            known = units.declared(unit)
            anything = ("Average", "Maximum", "Minimum", "Sum", "SampleCount", "p")
            return Metric(name=declared, title=declared, unit=known.unit if known else "none", kind="gauge", statistics=anything)
        canonical = canonical_metric(name)
        return METRICS[canonical] if canonical else None

    def _statistic(self, metric: Metric, statistic: str, token: "Token") -> str | None:
        if not allows(metric, statistic):
            offered = tuple("p50 … p99.9" if s == "p" else s for s in dict.fromkeys((metric.statistic, *metric.statistics)))
            raise SentenceError(self.text, _start(token), f"{metric.title} has no statistic {statistic}", offered)
        return statistic if metric.kind == "gauge" or statistic != metric.statistic else None

    def _unknown_metric(self, name: str, position: int) -> SentenceError:
        declared = [own for own, _ in self.declared.values()]
        titles = {title: metric.title for metric in METRICS.values() for title in (metric.title, *metric.aliases)}
        guesses = [name, *(" ".join(rest) for word, rest in _splits(name.split()) if statistic_named(word))]
        found = next((near for guess in guesses if (near := nearest(guess, [*declared, *titles]))), None)
        suggestion = f': did you mean "{found}"?' if found else ""
        return SentenceError(
            self.text, position, f'"{name}" is no metric{suggestion}', (*declared, *(metric.title for metric in METRICS.values()))
        )

    def _recovering(self, node: "Node") -> str | None:
        subject = _find(node, "subject")
        if subject is None:
            return None
        name = " ".join(_unquoted(token) for token in _tokens(subject))
        if normalize(name) in _EVERYTHING and normalize(name) not in self.declared:
            return None
        metric, statistic = self._subject(subject)
        if statistic is not None:
            position = _start(_tokens(subject)[0])
            raise SentenceError(self.text, position, "a metric recovers, not a statistic of it", (f"{metric.title} recovers",))
        return metric.name

    def _alarm(self, node: "Node") -> str:
        token = _tokens(node)[0]
        name = _unquoted(token)
        if len(name) > 255 or not name.strip():
            raise SentenceError(self.text, _start(token), "an alarm's name has 1 to 255 characters")
        return name

    # quantities

    def _value(self, quantity: "Node", unit: Unit, metric: Metric, relative: Relative | None) -> float:
        """The number in the metric's unit, or in percent of the baseline."""
        number, token = _number_and_unit(quantity)
        wanted: Unit = "percent" if relative else unit
        spelled = self._unit(token, units.EXAMPLES[wanted])
        bare = ("count", "none")
        if spelled is None and wanted not in bare:
            what = "a comparison with the baseline is in %" if relative else f"{metric.title} needs a unit"
            raise SentenceError(self.text, _end(number), what, (units.EXAMPLES[wanted],))
        if spelled is not None and spelled.unit != wanted:
            what = "A comparison with the baseline" if relative else metric.title
            raise SentenceError(
                self.text, _start(token or number), f"{what} is not measured in {token}: it is in {wanted}", (units.EXAMPLES[wanted],)
            )
        value = units.convert(str(number), spelled.factor if spelled else units.ONE)
        if value in (float("inf"), float("-inf")):
            raise SentenceError(self.text, _start(number), "the number is too large")
        if relative == "ratio" and value < 0:
            raise SentenceError(self.text, _start(number), "a share of the baseline is not negative: write increases by or decreases by")
        return value

    def _unit(self, token: "Token | None", expected: str) -> units.Spelling | None:
        if token is None:
            return None
        found = units.spelling(str(token))
        if found is None:
            near = nearest(str(token), units.SPELLINGS)
            suggestion = f': did you mean "{near}"?' if near else ""
            raise SentenceError(self.text, _start(token), f'"{token}" is no unit{suggestion}', (expected,))
        return found

    def _check_possible(self, metric: Metric, comparator: Comparator, value: float, quantity: "Node") -> None:
        """Refuses what is always or never true whatever happens: it would judge or guard nothing."""
        always, never = _foregone(metric, comparator, value)
        if always or never:
            bounds = f"{metric.least:g} to {metric.greatest:g}" if metric.greatest is not None else f"at least {metric.least:g}"
            position = _start(_number_and_unit(quantity)[0])
            raise SentenceError(self.text, position, f"this is {'always' if always else 'never'} true", (f"{metric.title} is {bounds}",))

    def _duration(self, quantity: "Node") -> int:
        number, token = _number_and_unit(quantity)
        spelled = self._unit(token, "seconds, minutes or hours")
        if spelled is None or spelled.unit != "seconds":
            message = "a duration needs a unit" if spelled is None else f"a duration is not measured in {token}"
            raise SentenceError(self.text, _end(number) if token is None else _start(token), message, ("seconds, minutes or hours",))
        seconds = units.convert(str(number), spelled.factor)
        if not 1 <= seconds <= _LONGEST or not seconds.is_integer():
            raise SentenceError(self.text, _start(number), "a duration is whole seconds", ("1 second to 12 hours",))
        return int(seconds)

    def _within(self, node: "Node") -> int | None:
        within = _find(node, "within")
        return None if within is None else self._duration(_child(within, "quantity"))

    def _span(self, node: "Node") -> int | None:
        span = _find(node, "span")
        return None if span is None else self._duration(_child(span, "quantity"))

    def _window(self, node: "Node", relative: Relative | None) -> WindowName:
        window = _find(node, "window")
        if window is None:
            return "fault"
        token = _tokens(window)[0]
        name = cast("WindowName", token.casefold().split()[0])
        if name == "baseline" and relative:
            raise SentenceError(self.text, _start(token), "the baseline can't be compared with itself", ("fault or recovery",))
        return name


def _foregone(metric: Metric, comparator: Comparator, value: float) -> tuple[bool, bool]:
    """Whether the comparison is always true, never true, by the bounds of the metric."""
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


def _relation(node: "Node") -> Relative | None:
    if node.data == "change":
        return "change"
    return None if _find(node, "baseline") is None else "ratio"


def _splits(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The ways to take a statistic off: first word (`p99 of X`, `p99 X`), or last (`X p99`)."""
    if len(words) > 2 and words[1].casefold() == "of":
        yield words[0], words[3:] if words[2].casefold() == "the" and len(words) > 3 else words[2:]
    if len(words) > 1:
        yield words[0], words[1:]
        yield words[-1], words[:-1]


def _find(node: "Node", name: str) -> "Node | None":
    return next((cast("Node", child) for child in node.children if getattr(child, "data", None) == name), None)


def _child(node: "Node", name: str) -> "Node":
    found = _find(node, name)
    if found is None:
        raise AssertionError(f"the grammar promises {name} in {node.data}")
    return found


def _tokens(node: "Node") -> "list[Token]":
    return [child for child in node.children if not hasattr(child, "data")]


def _number_and_unit(quantity: "Node") -> "tuple[Token, Token | None]":
    tokens = _tokens(quantity)
    return tokens[0], tokens[1] if len(tokens) > 1 else None


def _unquoted(token: "Token") -> str:
    return token[1:-1] if token.type == "QUOTED" else str(token)


def _start(token: "Token") -> int:
    return token.start_pos or 0


def _end(token: "Token") -> int:
    return token.end_pos or 0
