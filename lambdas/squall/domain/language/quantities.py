"""Reads numbers with their units: values of a metric, and durations."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from squall.domain.language import units
from squall.domain.language.errors import SentenceError, replace_span
from squall.domain.language.metric_names import find_nearest
from squall.domain.language.syntax_tree import end_of, number_and_unit, start_of
from squall.domain.language.units import Spelling, Unit

if TYPE_CHECKING:
    from lark import Token

    from squall.domain.language.syntax_tree import Node

LONGEST_DURATION = 43_200
"""Seconds: the twelve hours that a fault may last at most."""
_WITHOUT_UNIT = ("count", "none")
_COMMONEST: dict[Unit, tuple[str, ...]] = {
    "percent": ("%",),
    "seconds": ("seconds", "ms"),
    "per_second": ("requests/s",),
    "bytes": ("bytes", "MB"),
    "count": ("",),
    "none": ("",),
}


@dataclass(frozen=True)
class Quantities:
    """Reads the quantities of one sentence. All its methods raise SentenceError."""

    text: str

    def read_value(self, number: "Token", token: "Token | None", unit: Unit, of: str) -> float:
        """The number in `unit`. `of` says in messages what is measured in it."""
        spelled = self.read_unit(token, units.EXAMPLES[unit])
        expected = (units.EXAMPLES[unit],)
        if spelled is None and unit not in _WITHOUT_UNIT:
            message = f"{of} needs a unit"
            repairs = self._with_units(number, number, *_COMMONEST[unit])
            if unit == "percent" and 0 < (share := units.read_number(str(number))) <= 1:  # a share of one, as people write 0.99
                repairs = (
                    *replace_span(self.text, start_of(number), end_of(number), f"{float(100 * share):g} %"),
                    *repairs,
                )
            raise SentenceError(self.text, end_of(number), message, expected, repairs)
        if token is not None and spelled is not None and spelled.unit != unit:
            message = f"{of} is not measured in {token}: it is in {unit}"
            guesses = self._with_units(number, token, *_COMMONEST[unit])
            raise SentenceError(self.text, start_of(token), message, expected, guesses=guesses)
        if token is not None:
            self.refuse_others(str(token), start_of(token), of)
        return self.convert(number, spelled.factor if spelled else Fraction(1))

    def refuse_others(self, unit: str, position: int, of: str) -> None:
        """Refuse a rate of something else than requests as one of the request rate."""
        noun = units.find_counted(unit)
        if of.endswith("Request rate") and noun is not None and noun not in units.REQUESTS:
            message = f"{unit} is no request rate; Squall counts errors in each period of the metric"
            choices = ("Error count < 10", "Error rate < 1 %", "requests per second")
            counted = replace_span(self.text, position, position + len(unit), *(["errors"] if noun == "error" else []))
            raise SentenceError(self.text, position, message, choices, counted)

    def convert(self, number: "Token", factor: Fraction) -> float:
        value = units.convert_number(str(number), factor)
        if value in (float("inf"), float("-inf")):
            raise SentenceError(self.text, start_of(number), "the number is too large")
        return value

    def read_unit(self, token: "Token | None", expected: str) -> Spelling | None:
        """The unit of a value; None if none is written."""
        if token is None:
            return None
        if token.casefold() == "m":
            message = "m may be minutes or milliseconds (only in a duration it is minutes)"
            repairs = replace_span(self.text, start_of(token), end_of(token), " min", " ms")
            raise SentenceError(self.text, start_of(token), message, ("min", "ms"), repairs)
        unit = units.find_unit(str(token))
        if unit is None:
            near = find_nearest(str(token), units.SPELLINGS)
            suggestion = f': did you mean "{near}"?' if near else ""
            repairs = replace_span(self.text, start_of(token), end_of(token), *([f" {near}"] if near else []))
            raise SentenceError(self.text, start_of(token), f'"{token}" is not a unit{suggestion}', (expected,), repairs)
        return unit

    def read_duration(self, quantity: "Node") -> int:
        """The duration in seconds."""
        number, token = number_and_unit(quantity)
        is_minutes = token is not None and token.casefold() == "m"
        spelled = Spelling("seconds", Fraction(60)) if is_minutes else self.read_unit(token, "seconds, minutes or hours")
        expected = ("seconds, minutes or hours",)
        if spelled is None or spelled.unit != "seconds":
            message = "a duration needs a unit" if spelled is None else f"a duration is not measured in {token}"
            repairs = self._with_units(number, token or number, "seconds", "minutes")
            raise SentenceError(self.text, end_of(number) if token is None else start_of(token), message, expected, repairs)
        seconds = units.convert_number(str(number), spelled.factor)
        if not 1 <= seconds <= LONGEST_DURATION or not seconds.is_integer():
            message = "a duration is whole seconds, from 1 second to 12 hours"
            nearest = min(max(1, round(min(seconds, LONGEST_DURATION))), LONGEST_DURATION)
            repairs = replace_span(self.text, start_of(number), end_of(token or number), f"{nearest} seconds")
            raise SentenceError(self.text, start_of(number), message, ("1 second to 12 hours",), repairs)
        return int(seconds)

    def _with_units(self, number: "Token", last: "Token", *spelled: str) -> tuple[str, ...]:
        """The sentence with each of these units after the number."""
        return replace_span(self.text, start_of(number), end_of(last), *(f"{number} {unit}".strip() for unit in spelled))
