"""The period in which a fault begins. It is in no window, because a part of it lies before the fault; but harm that is over
within a period would otherwise be seen by nobody.

It can only worsen an answer: a criterion that its window meets is not met if, with this period, it does not hold and the
period is worse than every one of the baseline. If the baseline was as bad at times, nobody can tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from statistics import fmean

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.metrics.metric_models import MetricBinding, Series, Window
from squall.domain.judging.bounds import CANNOT_TELL, NOT_MET
from squall.domain.judging.judge_input import JudgeInput
from squall.domain.judging.window_statistics import find_window_value, seen_points
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.series import counts_events, value_over

_LOWER_IS_WORSE = frozenset({">", ">="})
_HIGHER_IS_WORSE = frozenset({"<", "<="})
_COMBINE = {"Sum": sum, "SampleCount": sum, "Average": fmean, "Minimum": min, "Maximum": max}
"""How the values of periods become the value of a window. That of a percentile does not follow from them."""
_AFTER = frozenset({"baseline", "recovery"})
"""Windows that do not begin with a fault."""


@dataclass(frozen=True)
class Beginning:
    """What the period in which the fault began changes about a criterion."""

    outcome: CriterionOutcome
    value: float
    """The value over the window and this period."""
    reason: str


def judge_beginning(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> Beginning | None:
    """What changes about a criterion that its window meets; None if nothing does, or nothing is known.

    Only thresholds in the metric's own unit are judged so: a change against the baseline is one of typical periods, and a
    length of time is one of whole periods.
    """
    if threshold.relative is not None or threshold.for_seconds or threshold.window in _AFTER:
        return None
    before = _find_beginning(threshold.window, window, inputs)
    if before is None:
        return None
    series, hosts = inputs.run_series.get(binding.name, ()), inputs.run_series.get("healthy_hosts", ())
    points = seen_points(binding, series, hosts, before)
    value = _measure_both(binding, series, hosts, before, window)
    if not points or value is None or threshold.holds(value):
        return None
    usual = inputs.window_of("baseline", binding)
    known = [point.value for point in seen_points(binding, series, hosts, usual)] if usual else []
    began = [point.value for point in points]
    worse = bool(known) and _is_worse(threshold, began, known)
    seconds = before.end - before.start
    reason = (
        f"measured {value:.4g} {binding.unit} with the {seconds} s in which the fault began "
        f"({', '.join(f'{each:.4g}' for each in began)}), wanted {threshold.comparator} {threshold.value:g}"
    )
    doubt = "" if worse else "; a part of them lies before the fault, and the baseline was as bad at times"
    return Beginning(NOT_MET if worse else CANNOT_TELL, value, reason + doubt)


def _find_beginning(name: str, window: Window, inputs: JudgeInput) -> Window | None:
    """The periods from the one in which the fault took effect on the first target to the window. None if the window begins
    with the effect."""
    span, period = inputs.spans.get(name), window.period_seconds
    effect = span.first if span else inputs.effect_at
    start = floor(effect.timestamp() / period) * period
    return window.model_copy(update={"start": start, "end": window.start}) if start < window.start else None


def _measure_both(
    binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series], before: Window, window: Window
) -> float | None:
    """The value over the window and the periods before it; None for a percentile, and without data. A count is that of the
    window's length, as without these periods."""
    whole = window.model_copy(update={"start": before.start})
    combine = {query.key: _COMBINE.get(query.statistic) for query in binding.queries}
    totals: Mapping[str, float | None] = {
        each.key: _total(combine.get(each.key), [point.value for point in each.points if whole.start <= point.at < whole.end])
        for each in series
    }
    if None in combine.values():
        return None
    value = value_over(binding, totals, whole.end - whole.start)
    both = find_window_value(binding, series, hosts, whole, seen_points(binding, series, hosts, whole), value)
    return both if both is None or not counts_events(binding) else both * window.periods / whole.periods


def _total(combine: object, values: Sequence[float]) -> float | None:
    return float(combine(values)) if callable(combine) and values else None


def _is_worse(threshold: Threshold, began: Sequence[float], usual: Sequence[float]) -> bool:
    """Whether the beginning has a period that is worse than every one of the baseline."""
    if threshold.comparator in _LOWER_IS_WORSE:
        return min(began) < min(usual)
    return threshold.comparator in _HIGHER_IS_WORSE and max(began) > max(usual)
