"""Compares every metric of a run between its windows: the numbers, and a plain sentence for each comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import floor, isfinite
from statistics import fmean, median
from typing import Literal

from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.metrics.statistics import (
    OF_RUN,
    Band,
    ComparedWindow,
    Comparison,
    Conclusion,
    MetricStatistics,
    WindowStatistics,
)
from squall.domain.judging.change import BEYOND_TREND, MARGIN, ActiveChange, Change, Direction, keep_active, measure_change
from squall.domain.judging.ranks import MINIMUM_POINTS, Ranked, apply_holm, compare_samples, compute_p_value, mostly_zero
from squall.domain.judging.window_statistics import band_of, describe_window, find_departure, seen_points

SIGNIFICANT = 0.05
"""The significance level for p-values adjusted over the metrics of a run."""
CONFIDENCE = 0.95
Pair = tuple[ComparedWindow, ComparedWindow]
_SAID: Mapping[ComparedWindow, str] = {
    "baseline": "in the baseline",
    "earlier_days": "at this hour of earlier days",
    "fault": "during the fault",
    "observation": "during the observation",
    "recovery": "after the fault",
}
SeriesByMetric = Mapping[str, Sequence[Series]]


def _say(window: ComparedWindow) -> str:
    return _SAID.get(window, f"during {window}")


@dataclass(frozen=True)
class CompareInput:
    bindings: Sequence[MetricBinding]
    windows: Mapping[str, Window]
    """Windows by name: baseline, fault, observation, recovery, and those of a scenario's faults. A window that the run does
    not have is absent."""
    observed: Window
    """The window from the period in which the fault took effect to the end of the recovery."""
    series: SeriesByMetric
    """The series over the whole run, by binding name."""
    values: Mapping[str, Mapping[str, float | None]]
    """Window name to binding name to the value over the whole window."""
    distributions: Mapping[str, Mapping[str, Mapping[str, float]]]
    """Window name to binding name to CloudWatch's statistics of the samples; absent if CloudWatch has none."""
    effect_at: datetime
    settled: int
    """The number of newest periods that must be inside the band for a metric to be back."""
    minimum_baseline: int
    """The number of baseline points that a metric needs to have a band."""
    earlier: Sequence[tuple[Window, SeriesByMetric]] = ()
    """The hours of the fault, or of its observation, on earlier days. Their series may reach over the hours of the other windows, too."""
    finer: Mapping[int, Mapping[str, Window]] = field(default_factory=dict)
    """Windows by name in the periods of metrics that have their own."""

    @property
    def judged(self) -> Literal["fault", "observation"]:
        """The name of the window of every sentence that names none."""
        return "observation" if "observation" in self.windows else "fault"

    def list_pairs(self, binding: MetricBinding) -> list[Pair]:
        """The windows that are compared. A fault that is too short to be compared is left out where there is an
        observation, and so is a fault of a scenario."""
        pairs: list[Pair] = [("baseline", self.judged), ("baseline", "recovery"), ("earlier_days", self.judged)]
        of_faults = (window for name, window in self.windows_of(binding).items() if name not in OF_RUN)
        pairs += [("baseline", window.name) for window in of_faults if window.periods >= MINIMUM_POINTS]
        if self.judged == "fault" or self.windows_of(binding)["fault"].periods < MINIMUM_POINTS:
            return pairs
        return [("baseline", "fault"), *pairs]

    def windows_of(self, binding: MetricBinding) -> Mapping[str, Window]:
        """The windows by name, in the metric's own period."""
        return self.finer.get(binding.period_seconds or 0, self.windows)

    def observed_of(self, binding: MetricBinding) -> Window:
        """The observed window, in the metric's own period."""
        period = binding.period_seconds
        if period is None or period not in self.finer:
            return self.observed
        end = max(window.end for window in self.finer[period].values())
        start = floor(self.effect_at.timestamp() / period) * period
        return self.observed.model_copy(update={"start": min(start, end), "end": end, "period_seconds": period})


@dataclass(frozen=True)
class _Pair:
    metric: str
    windows: Pair
    sizes: tuple[int, int]
    typical: tuple[float, float]
    """Medians, or means if most periods before are zero."""
    ranked: Ranked | None
    change: Change | None
    active_p: float = 1.0
    """The p-value of the rank test on the periods above zero, adjusted over the metrics of the run."""


def compute_statistics(inputs: CompareInput) -> tuple[MetricStatistics, ...]:
    """The statistics of each metric, in the order of the bindings."""
    points = {binding.name: _points_by_window(binding, inputs) for binding in inputs.bindings}
    pairs = [pair for binding in inputs.bindings for pair in _make_pairs(binding, points[binding.name], inputs)]
    adjusted = _adjust_p_values(pairs)
    return tuple(_make_statistics(binding, points[binding.name], pairs, adjusted, inputs) for binding in inputs.bindings)


Points = Mapping[ComparedWindow, tuple[Point, ...]]


def _points_by_window(binding: MetricBinding, inputs: CompareInput) -> Points:
    points: dict[ComparedWindow, tuple[Point, ...]] = {}
    for name in (*OF_RUN, *(name for name in inputs.windows if name not in OF_RUN)):
        if (window := inputs.windows_of(binding).get(name)) is not None:
            points[name] = _points_in(binding, inputs.series, window)
    if inputs.earlier and binding.period_seconds is None:
        days = sorted(inputs.earlier, key=lambda day: day[0].start)
        points["earlier_days"] = tuple(point for window, series in days for point in _points_in(binding, series, window))
    return points


def _points_in(binding: MetricBinding, series: SeriesByMetric, window: Window) -> tuple[Point, ...]:
    return seen_points(binding, series.get(binding.name, ()), series.get("healthy_hosts", ()), window)


def _make_pairs(binding: MetricBinding, points: Points, inputs: CompareInput) -> list[_Pair]:
    return [_make_pair(binding, points, windows, inputs) for windows in inputs.list_pairs(binding) if points.keys() >= set(windows)]


def _make_pair(binding: MetricBinding, points: Points, windows: Pair, inputs: CompareInput) -> _Pair:
    before, after = (points[name] for name in windows)
    change = measure_change(binding, before, after, _earlier_days(binding, *windows, inputs))
    active_p = compute_p_value(keep_active(before), keep_active(after)) if change and change.active else 1.0
    return _Pair(
        binding.name,
        windows,
        (len(before), len(after)),
        _typical_values(before, after),
        compare_samples(before, after, inputs.observed_of(binding).period_seconds, CONFIDENCE),
        change,
        min(1.0, active_p * len(inputs.bindings)),
    )


def _earlier_days(
    binding: MetricBinding, before: ComparedWindow, after: ComparedWindow, inputs: CompareInput
) -> list[tuple[tuple[Point, ...], tuple[Point, ...]]]:
    """The points of the same two windows on each earlier day."""
    windows = inputs.windows_of(binding)
    if before not in windows or after not in windows or binding.period_seconds is not None:
        return []
    days = []
    for day, series in inputs.earlier:
        moved = [_move_window(windows[name], day.start - windows[inputs.judged].start) for name in (before, after)]
        there, then = (_points_in(binding, series, window) for window in moved)
        days.append((there, then))
    return days


def _move_window(window: Window, by: int) -> Window:
    return window.model_copy(update={"start": window.start + by, "end": window.end + by})


def _typical_values(before: Sequence[Point], after: Sequence[Point]) -> tuple[float, float]:
    if not before or not after:
        return 0.0, 0.0
    old, new = ([point.value for point in points] for points in (before, after))
    return (fmean(old), fmean(new)) if mostly_zero(old) or mostly_zero(new) else (median(old), median(new))


def _adjust_p_values(pairs: Sequence[_Pair]) -> dict[tuple[str, Pair], float]:
    """p-values adjusted by Holm's method over all metrics that are compared between the same two windows."""
    adjusted = {}
    for windows in dict.fromkeys(pair.windows for pair in pairs):
        family = [(pair.metric, pair.ranked.p_value) for pair in pairs if pair.windows == windows and pair.ranked]
        for (metric, _), p_value in zip(family, apply_holm([p for _, p in family]), strict=True):
            adjusted[metric, windows] = p_value
    return adjusted


def _make_statistics(
    binding: MetricBinding,
    points: Points,
    pairs: Sequence[_Pair],
    adjusted: Mapping[tuple[str, Pair], float],
    inputs: CompareInput,
) -> MetricStatistics:
    comparisons = tuple(
        _make_comparison(pair, adjusted.get((pair.metric, pair.windows)), binding.unit) for pair in pairs if pair.metric == binding.name
    )
    usual = (*points.get("baseline", ()), *points.get("earlier_days", ()))
    band = band_of(usual, inputs.minimum_baseline)
    left, back = _find_departure(binding, band, inputs)
    seconds = (back - inputs.effect_at).total_seconds() if left and back else None
    return MetricStatistics(
        metric=binding.name,
        unit=binding.unit,
        baseline=_describe_window(binding, "baseline", points, inputs),
        fault=_describe_window(binding, "fault", points, inputs),
        observation=_describe_window(binding, "observation", points, inputs),
        recovery=_describe_window(binding, "recovery", points, inputs),
        comparisons=comparisons,
        band=band,
        left_band_at=left,
        recovered_at=back,
        time_to_recover_seconds=0.0 if band and left is None else seconds,
    )


def _find_departure(binding: MetricBinding, band: Band | None, inputs: CompareInput) -> tuple[datetime | None, datetime | None]:
    if band is None:
        return None, None
    observed = inputs.observed_of(binding)
    return find_departure(binding, _points_in(binding, inputs.series, observed), band, inputs.effect_at, observed, inputs.settled)


def _describe_window(binding: MetricBinding, name: ComparedWindow, points: Points, inputs: CompareInput) -> WindowStatistics | None:
    window = inputs.windows_of(binding).get(name)
    if window is None or name not in points:
        return None
    value = inputs.values.get(name, {}).get(binding.name)
    distribution = inputs.distributions.get(name, {}).get(binding.name, {})
    return describe_window(binding, inputs.series.get(binding.name, ()), points[name], window, value, distribution)


def _make_comparison(pair: _Pair, adjusted: float | None, unit: str) -> Comparison:
    ranked, change = pair.ranked, pair.change
    if ranked is None or adjusted is None or change is None:
        sentence = f"{pair.sizes[0]} periods {_say(pair.windows[0])} and {pair.sizes[1]} {_say(pair.windows[1])}: "
        sentence += f"at least {MINIMUM_POINTS} of each are needed to compare"
        return Comparison(windows=pair.windows, n=pair.sizes, conclusion="inconclusive", sentence=sentence)
    conclusion, ground = _draw_conclusion(ranked, adjusted, change, pair.active_p)
    typical_is_median = pair.typical[0] == change.before.middle
    return Comparison(
        windows=pair.windows,
        n=pair.sizes,
        effective_n=ranked.effective_n,
        before=pair.typical[0],
        after=pair.typical[1],
        p_value=ranked.p_value,
        p_adjusted=adjusted,
        shift=ranked.shift,
        low=ranked.low,
        high=ranked.high,
        confidence=CONFIDENCE,
        least=change.least if typical_is_median else None,
        greatest=change.greatest if typical_is_median else None,
        drift=change.drift,
        usual=tuple(value for value in change.usual if isfinite(value)),
        effect_size=ranked.effect_size,
        conclusion=conclusion,
        sentence=_write_sentence(pair, ranked, adjusted, (conclusion, ground), unit),
    )


Ground = Literal["", "small", "trend", "usual", "repeating", "active"]
"""Why a visible difference does not count, or why nothing can be concluded; `active`: the difference is one of the
periods above zero."""


def _draw_conclusion(ranked: Ranked, adjusted: float, change: Change, active_p: float) -> tuple[Conclusion, Ground]:
    direction = _find_direction(ranked, adjusted, change)
    if not direction and change.active and (active := _find_active_direction(change.active, active_p)):
        return active, "active"
    if not direction:
        if ranked.can_tell:
            return "no_difference", "small" if adjusted < SIGNIFICANT else ""
        unclear = change.matters(change.least) or change.matters(change.greatest)
        return ("inconclusive", "repeating") if unclear else ("no_difference", "")
    if change.drift and not _beyond_drift(direction, ranked, change):
        return "inconclusive", "trend"
    return ("no_difference", "usual") if change.is_usual(direction) else (direction, "")


def _find_direction(ranked: Ranked, adjusted: float, change: Change) -> Literal["higher", "lower", ""]:
    """`higher`, `lower`, or empty for no change.

    Windows that are separated beyond the margin have changed, whatever the autocorrelation. Otherwise the rank test
    decides, if the difference is large enough to matter.
    """
    if apart := change.separated():
        return apart
    if not ranked.can_tell or adjusted >= SIGNIFICANT or not change.matters(ranked.shift):
        return ""
    return "higher" if ranked.effect_size > 0.5 else "lower"


def _find_active_direction(active: ActiveChange, p_value: float) -> Direction:
    """`higher`, `lower`, or empty for no change of the periods above zero beyond trend and earlier days.

    Chance alone separates the middle halves of five and five values in one of five cases, so the rank test must agree.
    """
    direction, change = active.separated, active.change
    if not direction or p_value >= SIGNIFICANT or change.is_usual(direction):
        return ""
    beyond = not change.drift or change.separated(times=BEYOND_TREND) or change.separated(change.drift) == direction
    return direction if beyond else ""


def _beyond_drift(direction: str, ranked: Ranked, change: Change) -> bool:
    if change.separated(times=BEYOND_TREND):
        return True
    if change.separated():
        return change.separated(change.drift) == direction
    left = ranked.shift - change.drift
    return (left > 0) == (direction == "higher") and change.matters(left)


def _write_sentence(pair: _Pair, ranked: Ranked, adjusted: float, concluded: tuple[Conclusion, Ground], unit: str) -> str:
    conclusion, ground = concluded
    before, after = (_say(name) for name in pair.windows)
    name, spelled = pair.metric.replace("_", " ").replace(":", " "), "" if unit in {"none", "count"} else f" {unit.replace('_', ' ')}"
    if ground == "active" and pair.change and pair.change.active:
        return f"{name} was {conclusion} {after} than {before} {_describe_active(pair, pair.change.active, spelled)}"
    if ground == "repeating":
        worth = " and ".join(f"{n:.1f}" for n in ranked.effective_n)
        return f"{name} {after} can't be compared with that {before}: its periods depend on each other and count only as {worth}"
    numbers = f"{ranked.shift:+.4g}{spelled}, {_format_interval(ranked, spelled)}, p = {adjusted:.2g}"
    if ground == "trend":
        return f"{name} {after} can't be compared with that {before}: it was already changing in that direction before ({numbers})"
    if ground == "usual":
        same = before.removeprefix("in ")
        return f"{name} {after}: no difference from {same} beyond that of most earlier days at this hour ({numbers})"
    if conclusion == "no_difference":
        limit = f"of {MARGIN:.0%} or more" if ground == "small" else "could be shown"
        return f"{name} {after}: no difference from {before.removeprefix('in ')} {limit} ({numbers})"
    share = ranked.effect_size if conclusion == "higher" else 1 - ranked.effect_size
    return f"{name} was {conclusion} {after} than {before} ({numbers}; a period is {conclusion} {share:.0%} of the time)"


def _describe_active(pair: _Pair, active: ActiveChange, unit: str) -> str:
    (old, new), before, after = active.periods, active.change.before.middle, active.change.after.middle
    counts = f"{new} of {pair.sizes[1]} and {old} of {pair.sizes[0]}"
    return f"in the periods above zero ({counts}; typically {after:.4g} and {before:.4g}{unit}, p = {pair.active_p:.2g})"


def _format_interval(ranked: Ranked, unit: str) -> str:
    if ranked.low is None or ranked.high is None:
        return "without a 95 % interval"
    return f"95 % interval {ranked.low:.4g} to {ranked.high:.4g}{unit}"
