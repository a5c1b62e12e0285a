"""What the forms of sentences share: absolute thresholds, durations and windows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from squall.domain.language import units
from squall.domain.language.errors import SentenceError, replace_span
from squall.domain.language.fault_windows import MARK, find_fault
from squall.domain.language.metric_names import normalize_name
from squall.domain.language.metric_table import Metric
from squall.domain.language.quantities import Quantities
from squall.domain.language.sentences import (
    Comparator,
    Threshold,
    WindowName,
)
from squall.domain.language.subjects import Subjects
from squall.domain.language.syntax_tree import end_of, find_node, require_node, start_of, tokens_of
from squall.domain.language.units import Unit

if TYPE_CHECKING:
    from lark import Token

    from squall.domain.language.syntax_tree import Node

COMPARATORS: dict[str, Comparator] = {"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EQ": "==", "NE": "!="}
MIRRORED: dict[Comparator, Comparator] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_WHOLE_SYSTEM = {
    normalize_name(name)
    for name in ("system", "service", "workload", "application", "app", "api", "website", "site", "everything", "steady state")
}
COMPARISONS = ("a comparison (> >= < <= = !=, is above, at least …)",)
EXAMPLES: dict[Unit, str] = {
    "percent": "5 %", "seconds": "2 seconds", "count": "10", "per_second": "10 requests/s", "bytes": "100 MB", "none": "10"
}  # fmt: skip


class Parts:
    """One sentence. `declared` maps the experiment's own metric names to their units. `faults`: the names of a scenario's
    faults, which are masked in the syntax tree.

    `admitted`: the sentence was accepted by an earlier version, so what has become ambiguous means what it meant then.
    All methods that read raise SentenceError.
    """

    def __init__(self, text: str, declared: Mapping[str, str], *, faults: Sequence[str] = (), admitted: bool = False) -> None:
        self.text, self.faults, self.admitted = text, faults, admitted
        self.subjects = Subjects(text, declared)
        self.quantities = Quantities(text)
        self.is_objective = False
        """Whether the sentence names a goal without comparing anything: `99.9 % availability`."""

    def make_threshold(
        self, node: "Node", metric: Metric, statistic: str | None, comparator: Comparator, number: "Token", unit_token: "Token | None"
    ) -> Threshold:
        """An absolute threshold with the quantity as written."""
        unit: Unit = "count" if statistic == "SampleCount" else metric.unit
        value = self.quantities.read_value(number, unit_token, unit, metric.title)
        return self.bound(node, metric, statistic, comparator, value, start_of(number))

    def bound(self, node: "Node", metric: Metric, statistic: str | None, comparator: Comparator, value: float, position: int) -> Threshold:
        """An absolute threshold. One that the metric's bounds make always or never true is refused, because it would
        judge or guard nothing."""
        always, never = _is_decided_by_bounds(metric, comparator, value)
        if always or never:
            bounds = f"{metric.least:g} to {metric.greatest:g}" if metric.greatest is not None else f"at least {metric.least:g}"
            message = f"this is {'always' if always else 'never'} true, whatever happens: {metric.title} is {bounds}"
            repairs = self._suggest_bounded(metric, statistic, comparator, value)
            raise SentenceError(self.text, position, message, ("a comparison that can be true and false",), repairs)
        return Threshold(
            text=self.text,
            metric=metric.name,
            statistic=statistic,
            comparator=comparator,
            value=value + 0.0,
            unit="count" if statistic == "SampleCount" else metric.unit,
            for_seconds=self.read_span(node),
            window=self.read_window(node, relative=False),
        )

    def _suggest_bounded(self, metric: Metric, statistic: str | None, comparator: Comparator, value: float) -> tuple[str, ...]:
        """Sentences near one that the bounds decide: the bound itself, compared so that it can be true and false."""
        subject = " ".join(filter(None, (statistic, metric.title)))
        if value == metric.least:
            return (f"{subject} = {value:g}{'' if metric.unit == 'count' else ' ' + units.SHORTEST[metric.unit]}",
                    f"{subject} {'>' if '>' in comparator else '<'} {EXAMPLES[metric.unit]}")  # fmt: skip
        if value == metric.greatest:
            return (f"{subject} >= {value:g} {units.SHORTEST[metric.unit]}", f"{subject} < {value:g} {units.SHORTEST[metric.unit]}")
        return (f"{subject} {comparator} {EXAMPLES[metric.unit]}",)

    def is_whole_system(self, phrase: str) -> bool:
        name = normalize_name(phrase.casefold().removeprefix("our "))
        return name in _WHOLE_SYSTEM and name not in self.subjects.declared

    def read_within(self, node: "Node") -> int | None:
        within = find_node(node, "within")
        return None if within is None else self.quantities.read_duration(require_node(within, "quantity"))

    def require_within(self, node: "Node") -> int:
        return self.quantities.read_duration(require_node(require_node(node, "within"), "quantity"))

    def read_span(self, node: "Node") -> int | None:
        span = find_node(node, "span")
        return None if span is None else self.quantities.read_duration(require_node(span, "quantity"))

    def read_window(self, node: "Node", *, relative: bool) -> WindowName:
        window = find_node(node, "window")
        if window is None:
            return "observation"
        token = tokens_of(window)[0]
        match token.casefold().split()[0]:
            case word if word.startswith(MARK):
                return find_fault(self.text, start_of(token), self.faults)
            case "baseline" if relative:
                repairs = replace_span(self.text, start_of(token), end_of(token), "fault", "recovery")
                raise SentenceError(
                    self.text, start_of(token), "the baseline can't be compared with itself", ("fault or recovery",), repairs
                )
            case "baseline" | "recovery" | "observation" as word:
                return word
            case "experiment":
                return "observation"
            case "chaos" | "fis" if "fault" not in token.casefold().split():  # the chaos, the FIS experiment: the whole of it
                return "observation"
            case _:  # the fault, the injection, the outage, the attack: the time of the fault
                return "fault"


def _is_decided_by_bounds(metric: Metric, comparator: Comparator, value: float) -> tuple[bool, bool]:
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
