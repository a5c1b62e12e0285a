"""The periods in which a fault begins and ends. They are in no window, because a part of each lies outside of the fault; but
harm that is over within a period would otherwise be seen by nobody.

They can only worsen an answer: a criterion that its window meets is not met if, with the period in which the fault began, it
does not hold and that period is worse than every one of the baseline. If the baseline was as bad at times, nobody can tell.
Nor can anybody tell if it does not hold with the period in which the fault ended: the end itself may have done the harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
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
class Edge:
    """What the periods in which the fault began or ended change about a criterion."""

    outcome: CriterionOutcome
    value: float
    """The value over the window and these periods."""
    reason: str


def judge_edges(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> Edge | None:
    """What changes about a criterion that its window meets; None if nothing does, or nothing is known.

    Only thresholds in the metric's own unit are judged so: a change against the baseline is one of typical periods, and a
    length of time is one of whole periods.
    """
    if threshold.relative is not None or threshold.for_seconds or threshold.window in _AFTER:
        return None
    return _judge_beginning(threshold, binding, window, inputs) or _judge_end(threshold, binding, window, inputs)


def _judge_beginning(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> Edge | None:
    before = _find_beginning(threshold.window, window, inputs)
    failed = _find_failure(threshold, binding, before, window, inputs) if before else None
    if before is None or failed is None:
        return None
    value, began = failed
    usual = inputs.window_of("baseline", binding)
    series, hosts = inputs.run_series.get(binding.name, ()), inputs.run_series.get("healthy_hosts", ())
    known = [point.value for point in seen_points(binding, series, hosts, usual)] if usual else []
    worse = bool(known) and _is_worse(threshold, began, known)
    doubt = "" if worse else "; a part of them lies before the fault, and the baseline was as bad at times"
    return Edge(NOT_MET if worse else CANNOT_TELL, value, _describe(threshold, binding, value, before, began, "began") + doubt)


def _judge_end(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> Edge | None:
    after = _find_end(threshold.window, window, inputs)
    failed = _find_failure(threshold, binding, after, window, inputs) if after else None
    if after is None or failed is None:
        return None
    value, ended = failed
    doubt = "; a part of them lies after the fault"
    return Edge(CANNOT_TELL, value, _describe(threshold, binding, value, after, ended, "ended") + doubt)


def _find_failure(
    threshold: Threshold, binding: MetricBinding, edge: Window, window: Window, inputs: JudgeInput
) -> tuple[float, list[float]] | None:
    """The value over the window and its edge, and those of the edge's periods, if the threshold does not hold with them."""
    series, hosts = inputs.run_series.get(binding.name, ()), inputs.run_series.get("healthy_hosts", ())
    points = seen_points(binding, series, hosts, edge)
    value = _measure_both(binding, series, hosts, edge, window)
    return None if not points or value is None or threshold.holds(value) else (value, [point.value for point in points])


def _describe(threshold: Threshold, binding: MetricBinding, value: float, edge: Window, values: Sequence[float], did: str) -> str:
    return (
        f"measured {value:.4g} {binding.unit} with the {edge.end - edge.start} s in which the fault {did} "
        f"({', '.join(f'{each:.4g}' for each in values)}), wanted {threshold.comparator} {threshold.value:g}"
    )


def _find_beginning(name: str, window: Window, inputs: JudgeInput) -> Window | None:
    """The periods from the one in which the fault took effect on the first target to the window. None if the window begins
    with the effect."""
    span, period = inputs.spans.get(name), window.period_seconds
    effect = span.first if span else inputs.effect_at
    start = floor(effect.timestamp() / period) * period
    return window.model_copy(update={"start": start, "end": window.start}) if start < window.start else None


def _find_end(name: str, window: Window, inputs: JudgeInput) -> Window | None:
    """The periods from the window to the one in which the fault ended on the last target. None if the window ends with the
    fault, or with an observation that goes on after it."""
    span, period = inputs.spans.get(name), window.period_seconds
    over = span.over if span else inputs.fault_end
    end = ceil(over.timestamp() / period) * period
    return window.model_copy(update={"start": window.end, "end": end}) if window.start < window.end < end else None


def _measure_both(binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series], edge: Window, window: Window) -> float | None:
    """The value over the window and the periods beside it; None for a percentile, and without data. A count is that of the
    window's length, as without these periods."""
    whole = window.model_copy(update={"start": min(edge.start, window.start), "end": max(edge.end, window.end)})
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
