"""Reads comparisons with the baseline."""

from fractions import Fraction
from typing import TYPE_CHECKING

from squall.domain.language import units
from squall.domain.language.errors import SentenceError, replace_span
from squall.domain.language.metric_table import Metric
from squall.domain.language.parts import COMPARATORS, MIRRORED, Parts
from squall.domain.language.sentences import (
    Comparator,
    Relative,
    Threshold,
)
from squall.domain.language.syntax_tree import end_of, number_and_unit, require_node, start_of, tokens_of
from squall.domain.language.units import Unit

if TYPE_CHECKING:
    from lark import Token

    from squall.domain.language.syntax_tree import Node

_MULTIPLES = {"twice": 2, "double": 2, "triple": 3}


class Changes:
    """Reads the comparisons of one sentence with the baseline."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def read_change(self, node: "Node") -> Threshold:
        metric, statistic = self.parts.subjects.read(require_node(node, "subject"))
        comparator = COMPARATORS[tokens_of(require_node(node, "comparator"))[0].type]
        number, token = number_and_unit(require_node(node, "quantity"))
        against = next((token.type for token in tokens_of(node) if token.type in {"VS_BASELINE", "OF_BASELINE"}), None)
        unit: Unit = "count" if statistic == "SampleCount" else metric.unit
        relative = self._read_kind_of_change(unit, number, token, against)
        if relative == "change":
            value = self.parts.quantities.read_value(number, token, "percent", "A comparison with the baseline")
        elif token is not None and units.is_points(str(token)):
            value = self.parts.quantities.convert(number, Fraction(1))
        else:
            value = self.parts.quantities.read_value(number, token, unit, f"A difference of {metric.title}")
        if tokens_of(require_node(node, "direction"))[0].type == "DOWN":
            comparator, value = MIRRORED[comparator], -value
        return self.make_relative(node, metric, statistic, comparator, value, relative, number)

    def _read_kind_of_change(self, unit: Unit, number: "Token", token: "Token | None", against: str | None) -> Relative:
        """Whether the quantity is a share of the baseline or a difference in the metric's own unit."""
        if token is None:
            if unit in {"count", "none"} and against != "OF_BASELINE":
                return "difference"
            own = "1 point" if unit == "percent" else f"{number} {units.SHORTEST[unit]}"
            repairs = self._replace_quantity(number, number, against, f"{number} % of baseline", own)
            message = "a comparison with the baseline needs a unit"
            raise SentenceError(self.parts.text, end_of(number), message, ("% of baseline, or the metric's own unit",), repairs)
        if units.is_points(str(token)):
            if unit == "percent" and against != "OF_BASELINE":
                return "difference"
            message = "points are the difference of two percentages: this metric is not in percent"
            repairs = self._replace_quantity(number, token, against, f"{number} % of baseline")
            raise SentenceError(self.parts.text, start_of(token), message, ("% of baseline",), repairs)
        spelled = self.parts.quantities.read_unit(token, "% of baseline, or the metric's own unit")
        if spelled is not None and spelled.unit == "percent":
            if unit == "percent" and against != "OF_BASELINE" and not self.parts.admitted:
                points = "point" if number == "1" else "points"
                choices = (f"{number} {points}", f"{number} % of the baseline")
                repairs = self._replace_quantity(number, token, against, *choices)
                message = f"{number} % of what? The metric is in percent: a difference of {number} {points}, or a share of its baseline?"
                raise SentenceError(self.parts.text, start_of(number), message, choices, repairs)
            return "change"
        if against == "OF_BASELINE":
            message = f"a share of the baseline is not measured in {token}"
            repairs = self._replace_quantity(number, token, against, f"{number} {token} vs baseline", f"{number} % of baseline")
            raise SentenceError(self.parts.text, start_of(token), message, ("%",), repairs)
        return "difference"

    def _replace_quantity(self, number: "Token", last: "Token", against: str | None, *quantities: str) -> tuple[str, ...]:
        """The sentence with these in place of the quantity and the words about the baseline after it."""
        end = end_of(last)
        if against is not None:
            end = self.parts.text.casefold().find("baseline", end) + len("baseline")
        return replace_span(self.parts.text, start_of(number), end, *quantities)

    def read_multiple(self, node: "Node") -> Threshold:
        metric, statistic = self.parts.subjects.read(require_node(node, "subject"))
        comparator = COMPARATORS[tokens_of(require_node(node, "comparator"))[0].type]
        times = tokens_of(require_node(node, "times"))[0]
        word = times.casefold()
        share = Fraction(_MULTIPLES[word]) if word in _MULTIPLES else Fraction(1, 2) if word == "half" else units.read_number(word)
        return self.make_relative(node, metric, statistic, comparator, float(100 * share), "ratio", times)

    def make_relative(
        self, node: "Node", metric: Metric, statistic: str | None, comparator: Comparator, value: float, relative: Relative, at: "Token"
    ) -> Threshold:
        if relative == "ratio" and value < 0:
            message = "a share of the baseline is not negative: write `increases by` or `decreases by`"
            repairs = (f"{metric.title} decreases by {MIRRORED[comparator]} {-value:g} % of baseline",)
            raise SentenceError(self.parts.text, start_of(at), message, ("a positive number",), repairs)
        unit: Unit = "count" if statistic == "SampleCount" else metric.unit
        return Threshold(
            text=self.parts.text,
            metric=metric.name,
            statistic=statistic,
            comparator=comparator,
            value=value + 0.0,
            unit=unit if relative == "difference" else "percent",
            relative=relative,
            for_seconds=self.parts.read_span(node),
            window=self.parts.read_window(node, relative=True),
        )
