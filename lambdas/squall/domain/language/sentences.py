"""The meaning of a sentence as a value. `render_sentence` writes it as a sentence again, and parsing that gives the
same value."""

import math
from fractions import Fraction
from typing import Literal

from squall.domain.base.model import Model
from squall.domain.language.metric_table import METRICS
from squall.domain.language.units import SHORTEST, Unit

Comparator = Literal[">", ">=", "<", "<=", "==", "!="]
Relative = Literal["change", "ratio", "difference"]
MemberWord = Literal["instances", "tasks", "pods"]
WindowName = str
"""`fault`, `observation`, `recovery`, `baseline`, or the name of a scenario's fault. `observation`: from the effect of the
fault to the end of what was asked to be watched, which is the time of the fault if nothing was asked. No fault is called
as one of the other windows."""


class Threshold(Model):
    """A metric compared with a number."""

    text: str
    """The sentence as written."""
    metric: str
    """Canonical name of a known metric, or the name as the experiment declares it."""
    statistic: str | None = None
    """The statistic in CloudWatch's spelling; None means the metric's natural one."""
    comparator: Comparator
    value: float
    """The threshold in `unit`."""
    unit: Unit
    relative: Relative | None = None
    """`change`: percent by which the metric differs from the baseline. `ratio`: percent of the baseline. `difference`:
    how much it differs from the baseline in the metric's own unit."""
    for_seconds: int | None = None
    """How long it must hold without interruption; None: the value over the whole window is compared."""
    window: WindowName = "observation"

    def compared(self, value: float, baseline: float | None = None) -> float | None:
        """The number that is compared with the threshold, in `unit`: the value itself, or its relation to the baseline
        in percent or in the metric's unit.

        None if there is no relation: without a baseline, to a negative baseline, for a share of zero, and for NaN. Zero
        compared with zero is no change; any other value compared with zero is an infinite change. Decimal numbers are
        taken as written: 0.5 to 0.6 is 20 %.
        """
        if self.relative is None:
            return value
        if baseline is None or not math.isfinite(baseline) or not math.isfinite(value):
            return None
        if self.relative == "difference":
            return float(Fraction(repr(float(value))) - Fraction(repr(float(baseline))))
        if baseline < 0:
            return None
        if baseline == 0:
            change = 0.0 if value == 0 else math.copysign(math.inf, value)
            return None if self.relative == "ratio" else change
        share = Fraction(repr(float(value))) / Fraction(repr(float(baseline)))
        return float(100 * (share if self.relative == "ratio" else share - 1))

    def holds(self, value: float, baseline: float | None = None) -> bool:
        """Whether the comparison is true. Raises ValueError if that can't be decided: the value is NaN, or there is no
        baseline to relate it to."""
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
    """An alarm of the workload must notice the fault."""

    text: str
    alarm: str
    within_seconds: int
    """Counted from the start of the fault."""


class AlarmOk(Model):
    """An alarm of the workload is OK, and stays OK while it is watched."""

    text: str
    alarm: str
    window: WindowName | None = None
    """In a criterion, the part of the run in which it must be OK. None: from the effect of the fault until the run is
    judged, because an alarm lags behind what it measures."""


class Recovers(Model):
    """The steady state, or its sentences on one metric, hold again in time; or one metric is back at its baseline in
    time."""

    text: str
    metric: str | None = None
    """The metric that must recover. None: the whole steady state."""
    statistic: str | None = None
    """The statistic that is back at its baseline, in CloudWatch's spelling; None means the metric's natural one."""
    band: float | None = None
    """Percent of the baseline's value by which the metric may still differ from it, to the worse side or, if neither
    side is worse, to either. None: the steady state's sentences on the metric must hold."""
    within_seconds: int


class Replacement(Model):
    """The Auto Scaling group puts another instance into service for each one that was lost."""

    text: str
    within_seconds: int | None = None
    """The longest time until then. None: until the recovery window ends."""


class MembersRun(Model):
    """So many members of the targets' group run in time, and go on running while they are watched."""

    text: str
    members: MemberWord
    """Instances of an Auto Scaling group, tasks of an ECS service, or pods of a Kubernetes workload."""
    count: int
    """The fewest members that must run."""
    within_seconds: int
    """Counted from the effect of the fault."""


Sentence = Threshold | AlarmFires | AlarmOk | Recovers | Replacement | MembersRun


def format_number(value: float) -> str:
    """The shortest spelling that reads back as the same float."""
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def render_sentence(sentence: Sentence) -> str:
    """The sentence in its plainest spelling, which has the same meaning."""
    match sentence:
        case Threshold():
            return _render_threshold(sentence)
        case AlarmFires():
            return f"alarm {_quote_name(sentence.alarm)} fires within {sentence.within_seconds} seconds"
        case AlarmOk():
            during = f" during {sentence.window}" if sentence.window else ""
            return f"alarm {_quote_name(sentence.alarm)} is OK{during}"
        case Recovers():
            return _render_recovery(sentence)
        case Replacement():
            within = "" if sentence.within_seconds is None else f" within {sentence.within_seconds} seconds"
            return f"Auto Scaling launches replacement instance{within}"
        case MembersRun():
            run = f"{sentence.members} run" if sentence.count > 1 else f"{sentence.members[:-1]} runs"
            return f"{sentence.count} {run} within {sentence.within_seconds} seconds"


def _render_threshold(sentence: Threshold) -> str:
    words = [sentence.statistic] if sentence.statistic else []
    words.append(_metric_title(sentence.metric))
    if sentence.relative in {"change", "difference"}:
        words.append("increases by")
    points = sentence.relative == "difference" and sentence.unit == "percent"
    words += [sentence.comparator, format_number(sentence.value), "points" if points else SHORTEST[sentence.unit]]
    if sentence.relative is not None:
        words.append("vs baseline" if sentence.relative == "difference" else "of baseline")
    if sentence.for_seconds is not None:
        words.append(f"for {sentence.for_seconds} seconds")
    if sentence.window != "observation":
        words.append(f"during {sentence.window}")
    return " ".join(word for word in words if word)


def _render_recovery(sentence: Recovers) -> str:
    subject = " ".join(filter(None, (sentence.statistic, _metric_title(sentence.metric) if sentence.metric else "System")))
    back = "recovers" if sentence.band is None else f"returns to within {format_number(sentence.band)} % of baseline"
    return f"{subject} {back} within {sentence.within_seconds} seconds"


def _metric_title(metric: str) -> str:
    return METRICS[metric].title if metric in METRICS else _quote_name(metric)


def _quote_name(name: str) -> str:
    return f"'{name}'" if '"' in name else f'"{name}"'
