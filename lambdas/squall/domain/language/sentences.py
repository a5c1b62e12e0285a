"""What sentences mean, as values; `render` writes them back so that parsing gives the same value."""

import math
from fractions import Fraction
from typing import Literal

from squall.domain.language.metric_table import METRICS
from squall.domain.language.units import SHORTEST, Unit
from squall.domain.model import Model

Comparator = Literal[">", ">=", "<", "<=", "==", "!="]
Relative = Literal["change", "ratio"]
WindowName = Literal["fault", "recovery", "baseline"]


class Threshold(Model):
    """A metric compared with a number."""

    text: str
    """The sentence as written."""
    metric: str
    """Canonical name of a known metric, or the name as the experiment declares it."""
    statistic: str | None = None
    """CloudWatch's spelling; None: the metric's natural one."""
    comparator: Comparator
    value: float
    """In `unit`."""
    unit: Unit
    relative: Relative | None = None
    """`change`: percent by which the metric differs from the baseline. `ratio`: percent of the baseline."""
    for_seconds: int | None = None
    """How long it must hold without interruption; None: over the window as a whole."""
    window: WindowName = "fault"

    def compared(self, value: float, baseline: float | None = None) -> float | None:
        """What is compared with the threshold, in `unit`: the value itself, or its relation to the baseline in percent.

        None where there is no relation: without a baseline, to a negative one, a share of nothing, and of what is not a number.
        Nothing that stayed nothing has not changed; something where there was nothing is infinitely more. Decimal numbers are
        taken as written: 0.5 to 0.6 is 20 %.
        """
        if self.relative is None:
            return value
        if baseline is None or not math.isfinite(baseline) or not math.isfinite(value) or baseline < 0:
            return None
        if baseline == 0:
            change = 0.0 if value == 0 else math.copysign(math.inf, value)
            return None if self.relative == "ratio" else change
        share = Fraction(repr(float(value))) / Fraction(repr(float(baseline)))
        return float(100 * (share if self.relative == "ratio" else share - 1))

    def holds(self, value: float, baseline: float | None = None) -> bool:
        """Whether the comparison is true. ValueError where that can't be told: not a number, or no baseline to relate to."""
        left = self.compared(value, baseline)
        if left is None or math.isnan(left):
            raise ValueError(f"{self.text!r} can't be evaluated on {value} with baseline {baseline}")
        match self.comparator:
            case ">":
                return left > self.value
            case ">=":
                return left >= self.value
            case "<":
                return left < self.value
            case "<=":
                return left <= self.value
            case "==":
                return math.isclose(left, self.value, rel_tol=1e-9, abs_tol=1e-12)
            case "!=":
                return not math.isclose(left, self.value, rel_tol=1e-9, abs_tol=1e-12)


class AlarmFires(Model):
    """An alarm of the workload's own must notice the fault."""

    text: str
    alarm: str
    within_seconds: int
    """Counted from the start of the fault."""


class Recovers(Model):
    """The steady state (of one metric, or all of it) holds again soon after the fault."""

    text: str
    metric: str | None = None
    """None: everything in the steady state."""
    within_seconds: int


class Replacement(Model):
    """The Auto Scaling group puts another instance into service for the one lost."""

    text: str
    within_seconds: int | None = None
    """None: before the recovery window ends."""


Sentence = Threshold | AlarmFires | Recovers | Replacement


def number(value: float) -> str:
    """The shortest spelling that reads back as the same float."""
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def render(sentence: Sentence) -> str:
    """The sentence in its plainest spelling; parsing that gives the same meaning."""
    match sentence:
        case Threshold():
            return _threshold(sentence)
        case AlarmFires():
            return f"alarm {_quoted(sentence.alarm)} fires within {sentence.within_seconds} seconds"
        case Recovers():
            return f"{_name(sentence.metric) if sentence.metric else 'System'} recovers within {sentence.within_seconds} seconds"
        case Replacement():
            within = "" if sentence.within_seconds is None else f" within {sentence.within_seconds} seconds"
            return f"Auto Scaling launches replacement instance{within}"


def _threshold(sentence: Threshold) -> str:
    words = [sentence.statistic] if sentence.statistic else []
    words.append(_name(sentence.metric))
    if sentence.relative == "change":
        words.append("increases by")
    words += [sentence.comparator, number(sentence.value), SHORTEST[sentence.unit]]
    if sentence.relative is not None:
        words.append("vs baseline" if sentence.relative == "change" else "of baseline")
    if sentence.for_seconds is not None:
        words.append(f"for {sentence.for_seconds} seconds")
    if sentence.window != "fault":
        words.append(f"during {sentence.window}")
    return " ".join(word for word in words if word)


def _name(metric: str) -> str:
    return METRICS[metric].title if metric in METRICS else _quoted(metric)


def _quoted(name: str) -> str:
    return f"'{name}'" if '"' in name else f'"{name}"'
