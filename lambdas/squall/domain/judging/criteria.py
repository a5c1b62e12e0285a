"""Criteria against what was measured: met, not met, or cannot tell, each with the numbers that decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from statistics import fmean
from typing import Any

from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.statistics import Comparison, MetricStatistics
from squall.domain.experiment.experiment import Criterion
from squall.domain.experiment.sentences import Parsed, sentences
from squall.domain.judging.window_statistics import missing_policy, seen_points
from squall.domain.language import AlarmFires, Recovers, Replacement, Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.periods import period_of
from squall.domain.metrics.series import dead_periods, published_sparsely
from squall.domain.recovery.recovery import REPLACED
from squall.domain.vocabulary import CriterionOutcome

COMPLETE_ENOUGH = 0.8
"""Share of a window's periods that must have a value."""
_MET, _NOT_MET, _UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL


@dataclass(frozen=True)
class JudgeInput:
    definition: Definition
    discovery: Discovery
    baseline: Baseline | None
    effect_at: datetime
    fault_end: datetime
    windows: Mapping[str, Window]
    """By window name (baseline, fault, recovery)."""
    series: Mapping[str, Mapping[str, Sequence[Series]]]
    """Window name to binding name to the series of its queries."""
    values: Mapping[str, Mapping[str, float | None]]
    """Window name to binding name to the value over the whole window (`baseline.value_over`)."""
    alarms_fired: Mapping[str, datetime | None]
    """Alarm name to when it first fired since the effect (history); absent: could not be told."""
    recovery: Recovery | None
    statistics: Mapping[str, MetricStatistics] = field(default_factory=dict)
    """By binding name; empty where the windows could not be compared."""
    finer: Mapping[int, Mapping[str, Window]] = field(default_factory=dict)
    """Windows by name in the periods of metrics that have their own."""

    def window_of(self, name: str, binding: MetricBinding | None) -> Window | None:
        """A window in the metric's own period."""
        own = self.finer.get(binding.period_seconds or 0) if binding else None
        return (own or self.windows).get(name)


@dataclass(frozen=True)
class _Finding:
    """What a criterion's kind has to say; the rest of CriterionResult is the same for all."""

    kind: str
    outcome: CriterionOutcome
    reason: str
    measured: float | None = None
    more: Mapping[str, Any] | None = None


def judge(given: JudgeInput) -> tuple[CriterionResult, ...]:
    """One result a success criterion, in the definition's order."""
    return tuple(_result(criterion, _find(parsed, given)) for _, criterion, parsed in sentences(given.definition.experiment).criteria)


def _result(criterion: Criterion, finding: _Finding) -> CriterionResult:
    return CriterionResult(
        text=criterion.text,
        kind=finding.kind,
        critical=criterion.critical,
        outcome=finding.outcome,
        measured=finding.measured,
        reason=finding.reason,
        **(finding.more or {}),
    )


def _find(parsed: Parsed, given: JudgeInput) -> _Finding:
    match parsed:
        case Threshold():
            return _threshold(parsed, given)
        case AlarmFires():
            return _alarm(parsed, given)
        case Recovers():
            return _recovers(parsed, given)
        case Replacement():
            return _replacement(parsed, given)


def _threshold(threshold: Threshold, given: JudgeInput) -> _Finding:
    """The value over the window, if enough of the window was seen. A period in which only errors were answered is seen, and failed."""
    binding = binding_of(given.discovery.bindings, threshold)
    window = given.window_of(threshold.window, binding)
    if window is None or binding is None:
        what = f"there is no {threshold.window} window" if window is None else f"{threshold.metric} is not measured"
        return _Finding("threshold", _UNKNOWN, what, more=_compared(threshold))
    series = given.series.get(threshold.window, {}).get(binding.name, ())
    hosts = given.series.get(threshold.window, {}).get("healthy_hosts", ())
    points = seen_points(binding, series, hosts, window)
    more = {
        **_compared(threshold),
        "metric": binding.name,
        "window": window,
        "points": tuple((point.at, point.value) for point in points),
        "expected_points": window.periods,
    }
    incomplete = _incomplete(points, window, given.definition.environment.timing.minimum_periods)
    value = _value(binding, given, threshold.window, points)
    if incomplete or value is None:
        return _Finding("threshold", _UNKNOWN, incomplete or "CloudWatch has no value over the window", value, more)
    outcome, reason, shown, interval = _compare(threshold, value, points, given, binding)
    return _Finding("threshold", outcome, reason + _silence(binding, points, window), shown, {**more, **interval})


def _compared(threshold: Threshold) -> dict[str, Any]:
    return {"threshold": threshold.value, "comparator": threshold.comparator, "unit": threshold.unit}


def _incomplete(points: Sequence[Point], window: Window, minimum: int) -> str:
    if window.periods < minimum:
        return f"the {window.name} window holds {window.periods} whole periods of {window.period_seconds} s, {minimum} are needed"
    needed = max(minimum, ceil(COMPLETE_ENOUGH * window.periods))
    if len(points) < needed:
        return f"{len(points)} of {window.periods} periods have a value, {needed} are needed"
    return ""


def _silence(binding: MetricBinding, points: Sequence[Point], window: Window) -> str:
    """What is missing is said."""
    missing = window.periods - len(points)
    if missing <= 0:
        return ""
    means = {"breaching": "no traffic was counted in them", "zero": "they count as zero", "ignore": "they are left out"}
    return f"; {missing} of {window.periods} periods have no value: {means[missing_policy(binding)]}"


def _value(binding: MetricBinding, given: JudgeInput, window: str, points: Sequence[Point]) -> float | None:
    """Over the whole window; in a window in which nothing but errors was answered, that.

    Requests that nobody could answer are in no count: with such periods in it the window's value is the mean of its periods.
    """
    value = given.values.get(window, {}).get(binding.name)
    series = given.series.get(window, {})
    uncounted = set(dead_periods(binding, series.get(binding.name, ()), series.get("healthy_hosts", ())))
    uncounted -= set(dead_periods(binding, series.get(binding.name, ())))
    if any(point.at in uncounted for point in points):
        return fmean(point.value for point in points)
    if value is not None:
        return value
    if binding.kind in {"ratio_good", "ratio_bad"} and points:
        return points[0].value  # no denominator in the whole window: every point is a dead period
    return 0.0 if published_sparsely(binding) else None


def _compare(
    threshold: Threshold, value: float, points: Sequence[Point], given: JudgeInput, binding: MetricBinding
) -> tuple[CriterionOutcome, str, float, dict[str, Any]]:
    """Outcome, reason, the value that is shown, and the interval where there is one."""
    if threshold.relative is not None:
        return _relative(threshold, value, points, given, binding)
    measured = f"measured {value:.4g} {threshold.unit} over {len(points)} periods, wanted {threshold.comparator} {threshold.value:g}"
    if threshold.for_seconds:
        return *_held(threshold, points, None, given, measured), value, {}
    return (_MET if threshold.holds(value) else _NOT_MET), measured, value, {}


def _relative(
    threshold: Threshold, value: float, points: Sequence[Point], given: JudgeInput, binding: MetricBinding
) -> tuple[CriterionOutcome, str, float, dict[str, Any]]:
    """By the interval of the Hodges-Lehmann shift against the bound: met if all of it is on the right side, not met if all of it is on
    the wrong one. Both sides of the comparison are uncertain, and a single number would hide it."""
    compared = _comparison(given.statistics.get(binding.name), threshold.window)
    if compared is None:
        return _UNKNOWN, f"measured {value:.4g} {binding.unit}, but it could not be compared with the baseline", value, {}
    if compared.shift is None or compared.low is None or compared.high is None or compared.before is None:
        return _UNKNOWN, compared.sentence, value, {}
    ends = [threshold.compared(compared.before + shift, compared.before) for shift in (compared.low, compared.shift, compared.high)]
    if None in ends:
        return _UNKNOWN, "the baseline is zero: nothing is relative to it", value, {}
    low, typical, high = sorted(end for end in ends if end is not None)
    change = "differs from the baseline by" if threshold.relative == "change" else "is"
    of = "" if threshold.relative == "change" else " of the baseline"
    measured = (
        f"the typical period {change} {typical:.4g} %{of} (95 % interval {low:.4g} to {high:.4g} %, {len(points)} periods), "
        f"wanted {threshold.comparator} {threshold.value:g} %"
    )
    if threshold.for_seconds:
        return *_held(threshold, points, compared.before, given, measured), typical, {"low": low, "high": high}
    return _by_interval(threshold, low, high), measured, typical, {"low": low, "high": high}


def _comparison(found: MetricStatistics | None, window: str) -> Comparison | None:
    wanted = ("baseline", window)
    return next((one for one in found.comparisons if one.windows == wanted), None) if found else None


def _by_interval(threshold: Threshold, low: float, high: float) -> CriterionOutcome:
    """Of `==` and `!=` only an interval without the value, or that is nothing but the value, tells."""
    bound = threshold.value
    match threshold.comparator:
        case "<":
            met, failed = high < bound, low >= bound
        case "<=":
            met, failed = high <= bound, low > bound
        case ">":
            met, failed = low > bound, high <= bound
        case ">=":
            met, failed = low >= bound, high < bound
        case "==":
            met, failed = low == bound == high, not low <= bound <= high
        case "!=":
            met, failed = not low <= bound <= high, low == bound == high
    return _MET if met else _NOT_MET if failed else _UNKNOWN


def _held(
    threshold: Threshold, points: Sequence[Point], before: float | None, given: JudgeInput, measured: str
) -> tuple[CriterionOutcome, str]:
    binding = binding_of(given.discovery.bindings, threshold)
    timing = given.definition.environment.timing
    longest = _longest_run(threshold, points, before, period_of(binding, timing) if binding else timing.metric_period_seconds)
    held = longest >= (threshold.for_seconds or 0)
    return (_MET if held else _NOT_MET), f"held for {longest} s without interruption, wanted {threshold.for_seconds} s; {measured}"


def _longest_run(threshold: Threshold, points: Sequence[Point], before: float | None, period: int) -> int:
    """Seconds of the longest run of adjoining periods in which it holds."""
    held = [point.at for point in points if threshold.holds(point.value, before)]
    runs = [len(list(run)) for _, run in groupby(enumerate(held), key=lambda pair: pair[1] - pair[0] * period)]
    return max(runs, default=0) * period


def _alarm(parsed: AlarmFires, given: JudgeInput) -> _Finding:
    more = {"threshold": float(parsed.within_seconds), "comparator": "<=", "unit": "seconds"}
    if parsed.alarm not in given.alarms_fired:
        return _Finding("alarm", _UNKNOWN, f"the history of {parsed.alarm} could not be read", more=more)
    fired = given.alarms_fired[parsed.alarm]
    if fired is None:
        return _Finding("alarm", _NOT_MET, f"{parsed.alarm} did not fire", more=more)
    took = (fired - given.effect_at).total_seconds()
    outcome = _MET if took <= parsed.within_seconds else _NOT_MET
    return _Finding("alarm", outcome, f"{parsed.alarm} fired {took:.0f} s after the fault took effect", took, more)


def _recovers(parsed: Recovers, given: JudgeInput) -> _Finding:
    """Counted from the effect where the fault is over in a moment, from its end where it lasts: before that nothing can recover."""
    more = {"threshold": float(parsed.within_seconds), "comparator": "<=", "unit": "seconds"}
    recovery = given.recovery
    if recovery is None:
        return _Finding("recovery", _UNKNOWN, "recovery was not watched", more=more)
    instant = given.definition.experiment.type in REPLACED
    start = given.effect_at if instant else given.fault_end
    since = "the fault took effect" if instant else "the fault ended"
    recovered_at = recovery.held_since.get(parsed.metric) if parsed.metric else recovery.recovered_at
    if recovered_at is not None:
        after = None if parsed.metric else recovery.recovered_after
        outcome, took, doubt = _took(start, recovered_at, after, parsed.within_seconds)
        return _Finding("recovery", outcome, f"{parsed.metric or 'everything'} recovered {took:.0f} s after {since}{doubt}", took, more)
    watched = recovery.observed_until - start if recovery.observed_until else timedelta(0)
    if watched < timedelta(seconds=parsed.within_seconds):
        reason = f"not recovered, but watched only {max(0.0, watched.total_seconds()):.0f} s: {recovery.detail}"
        return _Finding("recovery", _UNKNOWN, reason, more=more)
    return _Finding("recovery", _NOT_MET, f"did not recover: {recovery.detail}", more=more)


def _took(start: datetime, at: datetime, after: datetime | None, within: int | None) -> tuple[CriterionOutcome, float, str]:
    """Outcome, seconds, and what is uncertain about them: with an upper bound alone, too late may still have been in time."""
    took = max(0.0, (at - start).total_seconds())
    least = took if after is None else max(0.0, (after - start).total_seconds())
    doubt = "" if after is None else f" at the latest, and not before {least:.0f} s: nothing tells when exactly"
    if within is None or took <= within:
        return _MET, took, doubt
    return (_NOT_MET if least > within else _UNKNOWN), took, doubt


def _replacement(parsed: Replacement, given: JudgeInput) -> _Finding:
    within = parsed.within_seconds
    more: dict[str, Any] = {"unit": "seconds"}
    if within is not None:
        more |= {"threshold": float(within), "comparator": "<="}
    recovery = given.recovery
    if recovery is None:
        return _Finding("replacement", _UNKNOWN, "recovery was not watched", more=more)
    if recovery.replaced_at is None:
        watched = recovery.looked_at - given.effect_at if recovery.looked_at else timedelta(0)
        if within is not None and watched < timedelta(seconds=within):
            return _Finding("replacement", _UNKNOWN, f"no replacement yet, but watched only {watched.total_seconds():.0f} s", more=more)
        said = f": only {', '.join(recovery.replacement_ids)} did" if recovery.replacement_ids else ""
        return _Finding("replacement", _NOT_MET, f"no replacement for every target came into service{said}", more=more)
    outcome, took, doubt = _took(given.effect_at, recovery.replaced_at, recovery.replaced_after, within)
    reason = f"{', '.join(recovery.replacement_ids)} in service and healthy {took:.0f} s after the fault took effect{doubt}"
    return _Finding("replacement", outcome, reason, took, more)
