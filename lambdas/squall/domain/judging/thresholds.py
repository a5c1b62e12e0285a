"""Judges a metric against a number or against its baseline: met, not met, or "cannot tell" when missing periods could
change the answer.
"""

from dataclasses import dataclass
from math import ceil, copysign, inf, isfinite
from typing import Any

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.metrics.statistics import Comparison, MetricStatistics
from squall.domain.judging.attribution import explain_unattributed
from squall.domain.judging.beginning import judge_edges
from squall.domain.judging.bounds import CANNOT_TELL, MET, NOT_MET, Interval, decide_by_interval, run_bounds, value_bounds
from squall.domain.judging.doubts import explain_doubt, explain_interrupted, explain_whole
from squall.domain.judging.fault_times import list_beside
from squall.domain.judging.judge_input import Judged, JudgeInput
from squall.domain.judging.silence import find_silent_periods
from squall.domain.judging.window_statistics import find_window_value, seen_points, unpublished_end
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.series import missing_policy

COMPLETE_ENOUGH = 0.8
"""Share of a window's periods that must have a value, unless the answer is the same whatever the others held."""
ROUNDING = 1e-12
"""A sum smaller than this share of its terms is floating-point noise."""


@dataclass(frozen=True)
class _Measured:
    """What is known of one threshold's metric in its window."""

    threshold: Threshold
    binding: MetricBinding
    window: Window
    points: tuple[Point, ...]
    series: tuple[Series, ...]
    value: float | None
    """The value over the periods of the window that have one."""
    minimum: int
    """The number of periods that a window must hold to be judged."""
    unpublished: int
    """Periods at the window's end that CloudWatch has not published yet, for a metric of which no data means zero."""
    silent: frozenset[int]
    """The start of each period without requests where there had always been some."""

    @property
    def missing(self) -> int:
        """The number of periods without a value, including those by which the window is too short."""
        return max(0, max(self.window.periods, self.minimum) - len(self.points)) + self.unpublished

    @property
    def incomplete(self) -> str:
        """Why the value alone can't decide; empty if it can."""
        window = self.window
        if window.periods < self.minimum:
            return f"the {window.name} window holds {window.periods} whole periods of {window.period_seconds} s, {self.minimum} are needed"
        if self.silent:
            return f"nothing was counted in {len(self.silent)} of {window.periods} periods, and the baseline was not as silent"
        needed = max(self.minimum, ceil(COMPLETE_ENOUGH * window.periods))
        if len(self.points) < needed:
            return f"{len(self.points)} of {window.periods} periods have a value, {needed} are needed"
        if self.unpublished:
            return f"the last {self.unpublished * window.period_seconds} s of the {window.name} window are not yet published"
        return "" if self.value is not None else "CloudWatch has no value over the window"


def judge_threshold(threshold: Threshold, inputs: JudgeInput) -> Judged:
    """Judge a threshold by the value over its window. A period in which only errors were answered counts as failed, not
    as missing.

    If too many periods are missing, the criterion is decided only if the answer is the same whatever they held.
    """
    binding = binding_of(inputs.discovery.bindings, threshold)
    window = inputs.window_of(threshold.window, binding)
    compared = {"threshold": threshold.value, "comparator": threshold.comparator, "unit": threshold.unit}
    if window is None or binding is None:
        missing = f"{threshold.window} took no effect" if threshold.window in inputs.definition.experiment.faults else ""
        reason = (missing or f"there is no {threshold.window} window") if window is None else f"{threshold.metric} is not measured"
        return Judged("threshold", CANNOT_TELL, reason, more=compared)
    measured = _measure_threshold(threshold, binding, window, inputs)
    more = {
        **compared,
        "metric": binding.name,
        "window": window,
        "points": tuple((point.at, point.value) for point in measured.points),
        "expected_points": window.periods,
    }
    outcome, reason, shown, interval = _decide_threshold(measured, inputs)
    if outcome is MET and (doubt := explain_unattributed(threshold, binding, measured.series, window)):
        outcome, reason = CANNOT_TELL, reason + doubt
    if outcome is MET and (doubt := explain_doubt(threshold, binding, window, inputs)):
        outcome, reason = CANNOT_TELL, reason + doubt
    if outcome is MET and (edge := judge_edges(threshold, binding, window, inputs)):
        outcome, reason, shown = edge.outcome, f"{edge.reason}; {reason}", edge.value
    said = reason + _describe_missing(measured) + _describe_others(threshold.window, inputs)
    return Judged("threshold", outcome, said, shown, {**more, **interval})


def _describe_others(window: str, inputs: JudgeInput) -> str:
    """The other faults of the scenario that were in effect during one of them, in words: what was measured is the effect of
    all. Empty if there are none."""
    others = list_beside(window, inputs.spans)
    return f"; {' and '.join(others)} {'was' if len(others) == 1 else 'were'} in effect for a part of it, too" if others else ""


def _measure_threshold(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> _Measured:
    within = inputs.series.get(threshold.window, {})
    series = tuple(within.get(binding.name, ()))
    of_run, hosts = inputs.series_of_run(binding.name), inputs.series_of_run("healthy_hosts")
    seen = seen_points(binding, of_run, hosts, window)
    silent = find_silent_periods(binding, seen, window, inputs)
    points = tuple(point for point in seen if point.at not in silent)
    unpublished = unpublished_end(binding, series, within.get("request_rate", ()) if _is_balancer(binding, inputs) else (), window)
    return _Measured(
        threshold=threshold,
        binding=binding,
        window=window,
        points=points,
        series=series,
        value=find_window_value(binding, of_run, hosts, window, seen, inputs.values.get(window.name, {}).get(binding.name)),
        minimum=inputs.definition.environment.timing.minimum_periods,
        unpublished=0 if window.end - window.period_seconds in silent else unpublished,
        silent=silent,
    )


def _is_balancer(binding: MetricBinding, inputs: JudgeInput) -> bool:
    """Whether the load balancer that counts the requests publishes this metric."""
    requests = next((other for other in inputs.discovery.bindings if other.name == "request_rate"), None)
    return requests is not None and {query.namespace for query in binding.queries} == {query.namespace for query in requests.queries}


def _describe_missing(measured: _Measured) -> str:
    """The periods without a value and what they count as, in words; empty if there are none."""
    periods = measured.window.periods
    missing = periods - len(measured.points) - len(measured.silent)
    if missing <= 0:
        return ""
    means = {"breaching": "no traffic was counted in them", "zero": "they count as zero", "ignore": "they are left out"}
    return f"; {missing} of {periods} periods have no value: {means[missing_policy(measured.binding)]}"


Decided = tuple[CriterionOutcome, str, float | None, dict[str, Any]]
"""Outcome, reason, the value that is shown, and the interval where there is one."""


def _decide_threshold(measured: _Measured, inputs: JudgeInput) -> Decided:
    threshold, value = measured.threshold, measured.value
    if threshold.relative is not None:
        return _decide_relative(measured, inputs)
    if threshold.for_seconds:
        return *_decide_held(measured, None), value, {}
    if not measured.incomplete and value is not None:
        return (MET if threshold.holds(value) else NOT_MET), _describe_value(measured), value, {}
    low, high = value_bounds(measured.binding, value, measured.points, measured.series, measured.missing)
    outcome = _limit_outcome(measured, decide_by_interval(threshold, low, high))
    if outcome is CANNOT_TELL:
        return outcome, measured.incomplete, value, {}
    wanted = f"wanted {threshold.comparator} {threshold.value:g}"
    reason = f"{measured.incomplete}, but for any values of the others it is between {low:.4g} and {high:.4g} {threshold.unit}, {wanted}"
    return outcome, reason, value, {}


def _limit_outcome(measured: _Measured, outcome: CriterionOutcome) -> CriterionOutcome:
    """The outcome, except that a window that is too short can't be "met"."""
    return CANNOT_TELL if outcome is MET and measured.window.periods < measured.minimum else outcome


def _describe_value(measured: _Measured) -> str:
    """What was measured, in the metric's own unit; what was wanted only if that is in the same unit."""
    threshold, value, periods = measured.threshold, measured.value, len(measured.points)
    known = "no value" if value is None else f"{value:.4g} {measured.binding.unit}"
    wanted = f", wanted {threshold.comparator} {threshold.value:g}" if threshold.relative is None else ""
    return f"measured {known} over {periods} periods{wanted}"


def _decide_held(measured: _Measured, before: float | None) -> tuple[CriterionOutcome, str]:
    """Decide by the longest run of periods in which the comparison holds, with and without the periods that have no
    value.

    `before`: the baseline's value.
    """
    threshold, window = measured.threshold, measured.window
    values = {point.at: point.value for point in measured.points}
    unknown = set(range(window.end - measured.unpublished * window.period_seconds, window.end, window.period_seconds))
    held = [
        None if at in unknown or at not in values else _is_held(threshold, values[at], before)
        for at in range(window.start, window.end, window.period_seconds)
    ]
    shortest, longest = run_bounds(held, window.period_seconds)
    wanted = threshold.for_seconds or 0
    outcome = _limit_outcome(measured, MET if shortest >= wanted else NOT_MET if longest < wanted else CANNOT_TELL)
    if window.periods < measured.minimum and outcome is CANNOT_TELL:
        return outcome, measured.incomplete
    doubt = "" if shortest == longest else f", {longest} s if the periods without a value held it too"
    if outcome is MET and (bad := explain_interrupted(threshold, held, window)):
        outcome, doubt = CANNOT_TELL, doubt + bad
    return outcome, f"held for {shortest} s without interruption{doubt}, wanted {wanted} s; {_describe_value(measured)}"


def _decide_relative(measured: _Measured, inputs: JudgeInput) -> Decided:
    """Decide by the interval of the typical shift, or by the middle halves of both windows if they already decide.

    The criterion is met if the whole interval satisfies the comparison, and not met if no part of it does: both windows
    vary, and a single number would hide that. If the baseline's own trend or the same hour of earlier days explains the
    outcome, the answer is "cannot tell".
    """
    threshold, value = measured.threshold, measured.value
    compared = _find_comparison(inputs.statistics.get(measured.binding.name), threshold.window)
    decision = decide_against_baseline(threshold, compared) if compared else None
    if value is None or compared is None or compared.before is None or decision is None:
        return CANNOT_TELL, _why_not_compared(measured, compared), None, {}  # the value itself is in another unit than the relation
    low, high = decision.interval
    typical = _relate_to_baseline(threshold, _add_rounded(compared.before, compared.shift or 0.0), compared.before)
    change, of = ("is", " of the baseline") if threshold.relative == "ratio" else ("differs from the baseline by", "")
    unit = threshold.unit if threshold.relative == "difference" else "%"
    reason = (
        f"the typical period {change} {typical:.4g} {unit}{of} "
        f"({decision.basis} {low:.4g} to {high:.4g} {unit}, {len(measured.points)} periods), "
        f"wanted {threshold.comparator} {threshold.value:g} {unit}"
    )
    interval = {"low": low if isfinite(low) else None, "high": high if isfinite(high) else None}
    shown = typical if typical is not None and isfinite(typical) else None
    if threshold.for_seconds:
        outcome, held = _decide_held(measured, compared.before)
        return outcome, f"{held}; {reason}", shown, interval
    if measured.incomplete and not (decision.outcome is NOT_MET and _mostly_failed(measured, compared.before)):
        return CANNOT_TELL, measured.incomplete, shown, interval
    if decision.outcome is MET and (doubt := explain_whole(threshold, measured.binding, compared, measured.window, inputs)):
        return CANNOT_TELL, reason + doubt, shown, interval
    return decision.outcome, reason + decision.doubt, shown, interval


@dataclass(frozen=True)
class AgainstBaseline:
    """The decision on a criterion that is relative to the baseline."""

    outcome: CriterionOutcome
    interval: Interval
    """The interval that decided, in the threshold's unit: percent of the baseline, or the metric's own."""
    basis: str
    """What the interval describes, in words."""
    doubt: str
    """What else explains the outcome; empty if nothing does."""


def decide_against_baseline(threshold: Threshold, compared: Comparison) -> AgainstBaseline | None:
    """The decision; None if the baseline has no value to relate to, or no interval is known."""
    ends = _deciding_intervals(threshold, compared)
    if not ends:
        return None
    decided = [(outcome, interval) for interval in ends if (outcome := _decide_interval(threshold, interval)) is not CANNOT_TELL]
    outcome, interval = decided[0] if decided else (CANNOT_TELL, ends[0])
    of_shift = interval == ends[0] and compared.low is not None
    basis = "95 % interval" if of_shift else "middle halves of both windows apart by"
    doubt = _find_doubt(threshold, compared, outcome)
    return AgainstBaseline(CANNOT_TELL if doubt else outcome, interval, basis, doubt)


def _decide_interval(threshold: Threshold, ends: Interval) -> CriterionOutcome:
    return decide_by_interval(threshold, *ends)


def _deciding_intervals(threshold: Threshold, compared: Comparison, baseline: float | None = None) -> list[Interval]:
    """The intervals that may decide, in percent of the baseline, or of `baseline` if it is given.

    The first is that of the typical shift, the second lies between the middle halves of both windows. Empty if nothing
    can be relative to the baseline.
    """
    before = compared.before
    if before is None:
        return []
    intervals = []
    for shifts in ((compared.low, compared.high), (compared.least, compared.greatest)):
        if None in shifts:
            continue
        ends = [
            _relate_to_baseline(threshold, _add_rounded(before, shift or 0.0), before if baseline is None else baseline) for shift in shifts
        ]
        known = sorted(end for end in ends if end is not None)
        if len(known) == len(ends):
            intervals.append((known[0], known[1]))
    return intervals


def _find_doubt(threshold: Threshold, compared: Comparison, outcome: CriterionOutcome) -> str:
    """What else explains the outcome, in words: the baseline's own trend, or the metric at this hour of earlier days.
    Empty if nothing does.

    The criterion is decided again with each of these values in place of the baseline. A "not met" is in doubt if any
    day would have met the criterion; a "met" is in doubt if every day would have failed it.
    """
    if outcome is CANNOT_TELL or compared.before is None:
        return ""
    opposite = NOT_MET if outcome is MET else MET

    def contradicts_expected(expected: float) -> bool:
        return any(_decide_interval(threshold, ends) is opposite for ends in _deciding_intervals(threshold, compared, expected))

    if compared.drift and contradicts_expected(compared.before + compared.drift):
        return f"; but the baseline's own trend leads to {compared.before + compared.drift:.4g}"
    days = [contradicts_expected(value) for value in compared.usual]
    if days and (all(days) if outcome is MET else any(days)):
        return f"; but at this hour of earlier days it would have been {min(compared.usual):.4g} to {max(compared.usual):.4g}"
    return ""


def _why_not_compared(measured: _Measured, compared: Comparison | None) -> str:
    unit = measured.binding.unit
    if measured.value is None or compared is None:
        known = "" if measured.value is None else f"measured {measured.value:.4g} {unit}, but it could not be compared with the baseline"
        return known or measured.incomplete
    if compared.before is None or None in {compared.low, compared.shift, compared.high}:
        return measured.incomplete or compared.sentence
    return f"the baseline is {compared.before:.4g} {unit}: a change relative to a negative number means nothing"


def _relate_to_baseline(threshold: Threshold, value: float, before: float | None) -> float | None:
    """`Threshold.compared`, with one addition for a baseline of zero: zero is 100 % of it, any other value infinitely
    more.
    """
    if threshold.relative == "ratio" and before == 0:
        return 100.0 if value == 0 else copysign(inf, value)
    return threshold.compared(value, before)


def _is_held(threshold: Threshold, value: float, before: float | None) -> bool:
    relation = _relate_to_baseline(threshold, value, before)
    return relation is not None and threshold.model_copy(update={"relative": None}).holds(relation)


def _add_rounded(before: float, shift: float) -> float:
    """The sum, without floating-point noise: 0.5 plus the difference to 0.6 is exactly 0.6."""
    total = before + shift
    return 0.0 if abs(total) <= ROUNDING * max(abs(before), abs(shift)) else float(f"{total:.12g}")


def _mostly_failed(measured: _Measured, before: float) -> bool:
    """Whether more than half of all periods failed for certain. Then the typical period failed, whatever the missing
    ones held.
    """
    failed = sum(not _is_held(measured.threshold, point.value, before) for point in measured.points)
    return 2 * failed > max(measured.window.periods, measured.minimum)


def _find_comparison(statistics: MetricStatistics | None, window: str) -> Comparison | None:
    wanted = ("baseline", window)
    return next((comparison for comparison in statistics.comparisons if comparison.windows == wanted), None) if statistics else None
