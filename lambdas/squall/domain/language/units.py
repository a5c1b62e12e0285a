"""Units of the language: how people spell them, and how they convert. Factors are fractions, so that nothing is rounded
twice."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

Unit = Literal["percent", "seconds", "count", "per_second", "bytes", "none"]
"""The canonical units, in which measured values and thresholds are compared."""

DeclaredUnit = Literal["percent", "seconds", "milliseconds", "count", "per_second", "bytes", "none"]
"""The units an experiment may declare for its own metrics: the canonical ones, and milliseconds, which are compared in
seconds."""

UNITS: tuple[Unit, ...] = get_args(Unit)
DECLARED_UNITS: tuple[DeclaredUnit, ...] = get_args(DeclaredUnit)


@dataclass(frozen=True)
class Spelling:
    """A way to write a unit: the canonical unit, and the factor to it."""

    unit: Unit
    factor: Fraction


_PER_TIME = (("s", 1), ("sec", 1), ("second", 1), ("min", Fraction(1, 60)), ("minute", Fraction(1, 60)))
_NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
REQUESTS = frozenset({"request", "req", "count", "event"})
"""What a rate of requests may be said to count."""
_POINTS = frozenset({"point", "points", "pp", "percentagepoint", "percentagepoints"})


def _list_spellings() -> dict[str, Spelling]:
    spelled: dict[str, Spelling] = {}

    def add_spellings(unit: Unit, factor: Fraction | int, *spellings: str) -> None:
        spelled.update({spelling: Spelling(unit, Fraction(factor)) for spelling in spellings})

    add_spellings("percent", 1, "%", "percent", "pct", "/cent")  # the last is `per cent`
    add_spellings("seconds", 1, "s", "sec", "secs", "second", "seconds")
    add_spellings("seconds", Fraction(1, 1000), "ms", "msec", "msecs", "millis", "millisecond", "milliseconds")
    add_spellings("seconds", Fraction(1, 1_000_000), "us", "µs", "μs", "microsecond", "microseconds")
    add_spellings("seconds", 60, "min", "mins", "minute", "minutes")
    add_spellings("seconds", 3600, "h", "hr", "hrs", "hour", "hours")
    counted = ("request", "req", "error", "host", "instance", "message", "count", "event")
    add_spellings("count", 1, "counts", *counted, *(f"{noun}s" for noun in counted if noun != "count"))
    for second, factor in _PER_TIME:
        add_spellings("per_second", factor, f"/{second}", *(f"{noun}{end}/{second}" for noun in counted for end in ("", "s")))
    add_spellings("per_second", 1, "rps", "qps")
    add_spellings("per_second", Fraction(1, 60), "rpm")
    add_spellings("bytes", 1, "b", "byte", "bytes")
    for power, letter in enumerate("kmgt", start=1):
        add_spellings("bytes", 1000**power, f"{letter}b")
        add_spellings("bytes", 1024**power, f"{letter}ib")
    return spelled


SPELLINGS = _list_spellings()
"""The spelling, in lower case and without spaces, of every unit that a sentence may hold."""

SHORTEST: dict[Unit, str] = {
    "percent": "%",
    "seconds": "seconds",
    "count": "count",
    "per_second": "requests/s",
    "bytes": "bytes",
    "none": "",
}
"""How `render_sentence` writes each canonical unit."""

EXAMPLES: dict[Unit, str] = {
    "percent": "%",
    "seconds": "seconds, ms or minutes",
    "count": "count, or no unit",
    "per_second": "requests/s",
    "bytes": "B, KB, MB or GB",
    "none": "no unit",
}
"""What error messages suggest to write."""


def find_unit(text: str) -> Spelling | None:
    """The unit with this spelling, in any case and spacing; None if there is none."""
    words = text.casefold().replace("μ", "µ").split()
    return SPELLINGS.get("".join("/" if word in {"per", "a", "an"} else word for word in words))


def find_counted(text: str) -> str | None:
    """What a rate counts: `errors` of `errors per minute`; None if it is no rate, or names nothing."""
    match = re.fullmatch(r"([a-z]+)\s*(?:/|(?:per|an?)\b)\s*[a-z]+", text.casefold().strip())
    return match[1].removesuffix("s") if match else None


def is_points(text: str) -> bool:
    """Whether the unit is percentage points: the difference of two percentages."""
    return "".join(text.casefold().split()) in _POINTS


def read_number(text: str) -> Fraction:
    """The number as written: in digits, with commas between groups of three, or in words from `zero` to `twelve`."""
    word = text.casefold()
    if word in {"a", "an"}:
        return Fraction(1)
    if word in _NUMBER_WORDS:
        return Fraction(_NUMBER_WORDS.index(word))
    return Fraction(word.replace(",", "").replace("−", "-").replace("–", "-"))


def convert_number(number: str, factor: Fraction) -> float:
    """The number as written, times the factor, rounded once. A number too large for a float is infinity."""
    try:
        return float(read_number(number) * factor)
    except OverflowError:
        return float("inf")


def find_declared_unit(unit: str) -> Spelling | None:
    """The canonical unit of a metric declared in `unit`, and the factor to it (the `scale` of a binding); None if there
    is none."""
    if unit == "milliseconds":
        return Spelling("seconds", Fraction(1, 1000))
    return next((Spelling(known, Fraction(1)) for known in UNITS if known == unit), None)
