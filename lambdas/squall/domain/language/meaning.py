"""Turns the syntax tree of a sentence into its meaning: names, statistics, units and bounds. Every error has its
position."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from squall.domain.language import units
from squall.domain.language.changes import Changes
from squall.domain.language.errors import SentenceError, replace_span
from squall.domain.language.goals import Goals, read_members
from squall.domain.language.metric_names import normalize_name
from squall.domain.language.metric_table import Metric
from squall.domain.language.parts import COMPARATORS, Parts
from squall.domain.language.sentences import (
    AlarmFires,
    AlarmOk,
    Comparator,
    Recovers,
    Relative,
    Replacement,
    Sentence,
    Threshold,
    WindowName,
)
from squall.domain.language.subjects import phrase_of, span_of
from squall.domain.language.syntax_tree import end_of, find_node, number_and_unit, require_node, start_of, tokens_of, unquote_token

if TYPE_CHECKING:
    from squall.domain.language.syntax_tree import Node

_RECOVERY_TIMES = {
    normalize_name(name)
    for name in ("recovery time", "time to recovery", "time to recover", "mean time to recovery", "mean time to recover", "MTTR", "RTO")
}
DEFAULT_BAND = 20.0
"""Percent of the baseline within which a metric has returned to it, unless the sentence says how many."""


class Reader:
    """Reads one sentence. `declared`, `faults` and `admitted` mean the same as in `Parts`."""

    def __init__(self, text: str, declared: Mapping[str, str], *, faults: Sequence[str] = (), admitted: bool = False) -> None:
        self.parts = Parts(text, declared, faults=faults, admitted=admitted)
        self.changes, self.goals = Changes(self.parts), Goals(self.parts)

    @property
    def is_objective(self) -> bool:
        """Whether the sentence names a goal without comparing anything. Known once it has been read."""
        return self.parts.is_objective

    def read(self, node: "Node") -> Sentence:
        """The meaning of the sentence. Raises SentenceError."""
        readers: dict[str, Callable[[Node], Sentence]] = {
            "threshold": self._read_threshold,
            "multiple": self.changes.read_multiple,
            "change": self.changes.read_change,
            "alarm": self._read_alarm,
            "alarm_ok": self._read_alarm_ok,
            "recovers": self._read_recovery,
            "returns": self._read_return,
            "replacement": self._read_replacement,
            "members": lambda tree: read_members(self.parts, tree),
        }
        return readers.get(node.data, self.goals.read)(node)

    def _read_alarm(self, node: "Node") -> AlarmFires:
        return AlarmFires(text=self.parts.text, alarm=self._read_alarm_name(node), within_seconds=self.parts.require_within(node))

    def _read_alarm_ok(self, node: "Node") -> AlarmOk:
        return AlarmOk(text=self.parts.text, alarm=self._read_alarm_name(node), window=self._read_alarm_window(node))

    def _read_recovery(self, node: "Node") -> Recovers:
        return Recovers(text=self.parts.text, metric=self._read_recovering(node), within_seconds=self.parts.require_within(node))

    def _read_replacement(self, node: "Node") -> Replacement:
        return Replacement(text=self.parts.text, within_seconds=self.parts.read_within(node))

    def _read_threshold(self, node: "Node") -> Threshold | Recovers:
        subject = require_node(node, "subject")
        comparator = COMPARATORS[tokens_of(require_node(node, "comparator"))[0].type]
        number, unit_token = number_and_unit(require_node(node, "quantity"))
        relative: Relative | None = "ratio" if find_node(node, "baseline") else None
        if normalize_name(phrase_of(subject)) in _RECOVERY_TIMES and self.parts.subjects.find(phrase_of(subject)) is None:
            return self._read_recovery_time(node, comparator)
        metric, statistic = self.parts.subjects.read(subject)
        if relative is None:
            return self.parts.make_threshold(node, metric, statistic, comparator, number, unit_token)
        if unit_token is not None and (spelled := units.find_unit(str(unit_token))) is not None and spelled.unit != "percent":
            raise self._explain_difference(metric, comparator, f"{number} {unit_token}", require_node(node, "baseline"))
        value = self.parts.quantities.read_value(number, unit_token, "percent", "A comparison with the baseline")
        return self.changes.make_relative(node, metric, statistic, comparator, value, relative, number)

    def _explain_difference(self, metric: Metric, comparator: Comparator, quantity: str, baseline: "Node") -> SentenceError:
        at = start_of(tokens_of(baseline)[0])
        message = "a share of the baseline is in %; a difference from it is an increase or a decrease"
        repairs = (f"{metric.title} increases by {comparator} {quantity} vs baseline", f"{metric.title} {comparator} {quantity}")
        return SentenceError(self.parts.text, at, message, ("% of baseline",), repairs)

    def _read_recovering(self, node: "Node") -> str | None:
        subject = find_node(node, "subject")
        if subject is None or self.parts.is_whole_system(phrase_of(subject)):
            return None
        metric, statistic = self.parts.subjects.read(subject)
        if statistic is not None:
            message = "the steady state of a metric recovers, not that of a statistic: leave out the statistic, or name the baseline"
            start, end = span_of(subject)
            back = self.parts.text[end:].replace("recovers", "returns to baseline").replace("recover ", "returns to baseline ")
            repairs = (*replace_span(self.parts.text, start, end, metric.title), f"{self.parts.text[start:end]}{back}")
            raise SentenceError(self.parts.text, start, message, (f"{metric.title} recovers",), repairs)
        return metric.name

    def _read_return(self, node: "Node") -> Recovers:
        within = self.parts.require_within(node)
        subject, band = find_node(node, "subject"), find_node(node, "band")
        if any(token.type == "NORMAL" for token in tokens_of(node)):
            return Recovers(text=self.parts.text, metric=self._read_recovering(node), within_seconds=within)
        if subject is None or self.parts.is_whole_system(phrase_of(subject)):
            message = "of which metric? The whole workload has a steady state, only a metric has a baseline"
            repairs: tuple[str, ...] = (
                f"System recovers within {within} seconds",
                f"p99 response time returns to baseline within {within} seconds",
            )
            raise SentenceError(self.parts.text, 0, message, ("a metric",), repairs)
        metric, statistic = self.parts.subjects.read(subject)
        percent = DEFAULT_BAND
        if band is not None:
            number, token = number_and_unit(require_node(band, "quantity"))
            percent = self.parts.quantities.read_value(number, token, "percent", "A comparison with the baseline")
            if percent <= 0:
                repairs = replace_span(self.parts.text, start_of(number), end_of(number), f"{DEFAULT_BAND:g}")
                raise SentenceError(
                    self.parts.text, start_of(number), "no two periods have the same value: allow for some percent", ("a %",), repairs
                )
        return Recovers(text=self.parts.text, metric=metric.name, statistic=statistic, band=percent, within_seconds=within)

    def _read_recovery_time(self, node: "Node", comparator: Comparator) -> Recovers:
        quantity = require_node(node, "quantity")
        number, token = number_and_unit(quantity)
        repairs = (f"System recovers within {number} {token or 'seconds'}",)
        if comparator not in {"<", "<="} or find_node(node, "baseline") or find_node(node, "window") or find_node(node, "span"):
            raise SentenceError(self.parts.text, 0, "a time to recover is only an upper limit", ("recovers within …",), repairs)
        return Recovers(text=self.parts.text, within_seconds=self.parts.quantities.read_duration(quantity))

    def _read_alarm_name(self, node: "Node") -> str:
        token = tokens_of(require_node(node, "alarm_name"))[0]
        name = unquote_token(token)
        if len(name) > 255 or not name.strip():
            raise SentenceError(self.parts.text, start_of(token), "an alarm's name has 1 to 255 characters")
        return name

    def _read_alarm_window(self, node: "Node") -> WindowName | None:
        if find_node(node, "window") is None:
            return None
        match self.parts.read_window(node, relative=False):
            case "baseline":
                position = self.parts.text.casefold().rindex("baseline")
                name = tokens_of(require_node(node, "alarm_name"))[0]
                message = "before the fault an alarm is looked at as steady state"
                repairs = (f"alarm {name} is OK", f"alarm {name} is OK during fault")
                raise SentenceError(self.parts.text, position, message, ("fault or recovery",), repairs)
            case window:
                return window
