"""Every metric of a run, window against window, in numbers and a plain sentence each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import floor
from statistics import median

from squall.domain.documents.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.statistics import Band, ComparedWindow, Comparison, Conclusion, MetricStatistics, WindowStatistics
from squall.domain.judging.ranks import MINIMUM_POINTS, Ranked, compare, holm
from squall.domain.judging.window_statistics import band_of, departure, describe, seen_points

SIGNIFICANT = 0.05
"""For the p adjusted over the metrics of a run."""
CONFIDENCE = 0.95
_PAIRS: tuple[tuple[ComparedWindow, ComparedWindow], ...] = (("baseline", "fault"), ("baseline", "recovery"), ("earlier_days", "fault"))
_SAID: Mapping[ComparedWindow, str] = {
    "baseline": "in the baseline",
    "earlier_days": "at this hour of earlier days",
    "fault": "during the fault",
    "recovery": "after the fault",
}
SeriesByMetric = Mapping[str, Sequence[Series]]


@dataclass(frozen=True)
class CompareInput:
    bindings: Sequence[MetricBinding]
    windows: Mapping[str, Window]
    """By name: baseline, fault, recovery; what a run hasn't is absent."""
    observed: Window
    """From the period the effect fell into to the end of the recovery."""
    series: SeriesByMetric
    """Over the whole run, by binding name."""
    values: Mapping[str, Mapping[str, float | None]]
    """Window name to binding name to the value over the whole window."""
    distributions: Mapping[str, Mapping[str, Mapping[str, float]]]
    """Window name to binding name to CloudWatch's statistics of the samples; absent where it has none."""
    effect_at: datetime
    settled: int
    """Newest periods that must be inside the band for a metric to be back."""
    minimum_baseline: int
    """Points under which a metric has no band."""
    earlier: Sequence[tuple[Window, SeriesByMetric]] = ()
    """The hours of the fault on earlier days."""
    finer: Mapping[int, Mapping[str, Window]] = field(default_factory=dict)
    """Windows by name in the periods of metrics that have their own."""

    def windows_of(self, binding: MetricBinding) -> Mapping[str, Window]:
        """In the metric's own period."""
        return self.finer.get(binding.period_seconds or 0, self.windows)

    def observed_of(self, binding: MetricBinding) -> Window:
        """`observed` in the metric's own period."""
        period = binding.period_seconds
        if period is None or period not in self.finer:
            return self.observed
        end = max(window.end for window in self.finer[period].values())
        start = floor(self.effect_at.timestamp() / period) * period
        return self.observed.model_copy(update={"start": min(start, end), "end": end, "period_seconds": period})


@dataclass(frozen=True)
class _Pair:
    metric: str
    windows: tuple[ComparedWindow, ComparedWindow]
    sizes: tuple[int, int]
    typical: tuple[float, float]
    """Medians."""
    ranked: Ranked | None


def statistics(given: CompareInput) -> tuple[MetricStatistics, ...]:
    """One entry a metric, in the order of the bindings."""
    points = {binding.name: _points(binding, given) for binding in given.bindings}
    pairs = [pair for binding in given.bindings for pair in _pairs(binding, points[binding.name], given)]
    adjusted = _adjusted(pairs)
    return tuple(_statistics(binding, points[binding.name], pairs, adjusted, given) for binding in given.bindings)


Points = Mapping[ComparedWindow, tuple[Point, ...]]


def _points(binding: MetricBinding, given: CompareInput) -> Points:
    found: dict[ComparedWindow, tuple[Point, ...]] = {}
    for name in ("baseline", "fault", "recovery"):
        if (window := given.windows_of(binding).get(name)) is not None:
            found[name] = _seen(binding, given.series, window)
    if given.earlier and binding.period_seconds is None:
        days = sorted(given.earlier, key=lambda day: day[0].start)
        found["earlier_days"] = tuple(point for window, series in days for point in _seen(binding, series, window))
    return found


def _seen(binding: MetricBinding, series: SeriesByMetric, window: Window) -> tuple[Point, ...]:
    return seen_points(binding, series.get(binding.name, ()), series.get("healthy_hosts", ()), window)


def _pairs(binding: MetricBinding, points: Points, given: CompareInput) -> list[_Pair]:
    period = given.observed_of(binding).period_seconds
    return [
        _Pair(
            binding.name,
            (before, after),
            (len(points[before]), len(points[after])),
            (_median(points[before]), _median(points[after])),
            compare(points[before], points[after], period, CONFIDENCE),
        )
        for before, after in _PAIRS
        if before in points and after in points
    ]


def _median(points: Sequence[Point]) -> float:
    return median(point.value for point in points) if points else 0.0


def _adjusted(pairs: Sequence[_Pair]) -> dict[tuple[str, tuple[ComparedWindow, ComparedWindow]], float]:
    """Holm over the metrics that are compared between the same two windows."""
    found = {}
    for windows in _PAIRS:
        family = [(pair.metric, pair.ranked.p_value) for pair in pairs if pair.windows == windows and pair.ranked]
        for (metric, _), p_value in zip(family, holm([p for _, p in family]), strict=True):
            found[metric, windows] = p_value
    return found


def _statistics(
    binding: MetricBinding,
    points: Points,
    pairs: Sequence[_Pair],
    adjusted: Mapping[tuple[str, tuple[ComparedWindow, ComparedWindow]], float],
    given: CompareInput,
) -> MetricStatistics:
    comparisons = tuple(
        _comparison(pair, adjusted.get((pair.metric, pair.windows)), binding.unit) for pair in pairs if pair.metric == binding.name
    )
    usual = (*points.get("baseline", ()), *points.get("earlier_days", ()))
    band = band_of(usual, given.minimum_baseline)
    left, back = _departure(binding, band, given)
    seconds = (back - given.effect_at).total_seconds() if left and back else None
    return MetricStatistics(
        metric=binding.name,
        unit=binding.unit,
        baseline=_window(binding, "baseline", points, given),
        fault=_window(binding, "fault", points, given),
        recovery=_window(binding, "recovery", points, given),
        comparisons=comparisons,
        band=band,
        left_band_at=left,
        recovered_at=back,
        time_to_recover_seconds=0.0 if band and left is None else seconds,
    )


def _departure(binding: MetricBinding, band: Band | None, given: CompareInput) -> tuple[datetime | None, datetime | None]:
    if band is None:
        return None, None
    observed = given.observed_of(binding)
    return departure(binding, _seen(binding, given.series, observed), band, given.effect_at, observed, given.settled)


def _window(binding: MetricBinding, name: ComparedWindow, points: Points, given: CompareInput) -> WindowStatistics | None:
    window = given.windows_of(binding).get(name)
    if window is None or name not in points:
        return None
    value = given.values.get(name, {}).get(binding.name)
    distribution = given.distributions.get(name, {}).get(binding.name, {})
    return describe(binding, given.series.get(binding.name, ()), points[name], window, value, distribution)


def _comparison(pair: _Pair, adjusted: float | None, unit: str) -> Comparison:
    ranked = pair.ranked
    if ranked is None or adjusted is None:
        sentence = f"{pair.sizes[0]} periods {_SAID[pair.windows[0]]} and {pair.sizes[1]} {_SAID[pair.windows[1]]}: "
        sentence += f"at least {MINIMUM_POINTS} of each are needed to compare"
        return Comparison(windows=pair.windows, n=pair.sizes, conclusion="inconclusive", sentence=sentence)
    conclusion = _conclusion(ranked, adjusted)
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
        effect_size=ranked.effect_size,
        conclusion=conclusion,
        sentence=_sentence(pair.metric, pair.windows, ranked, adjusted, conclusion, unit),
    )


def _conclusion(ranked: Ranked, adjusted: float) -> Conclusion:
    if not ranked.can_tell:
        return "inconclusive"
    if adjusted >= SIGNIFICANT:
        return "no_difference"
    return "higher" if ranked.effect_size > 0.5 else "lower"


def _sentence(
    metric: str, windows: tuple[ComparedWindow, ComparedWindow], ranked: Ranked, adjusted: float, conclusion: Conclusion, unit: str
) -> str:
    before, after = (_SAID[name] for name in windows)
    name, spelled = metric.replace("_", " ").replace(":", " "), "" if unit in {"none", "count"} else f" {unit.replace('_', ' ')}"
    if conclusion == "inconclusive":
        worth = " and ".join(f"{n:.1f}" for n in ranked.effective_n)
        return f"{name} {after} can't be compared with that {before}: its periods repeat each other and are worth only {worth}"
    interval = f"{ranked.low:.4g} to {ranked.high:.4g}{spelled}"
    numbers = f"{ranked.shift:+.4g}{spelled}, 95 % interval {interval}, p = {adjusted:.2g}"
    if conclusion == "no_difference":
        return f"{name} {after}: no difference from {before.removeprefix('in ')} could be shown ({numbers})"
    share = ranked.effect_size if conclusion == "higher" else 1 - ranked.effect_size
    return f"{name} was {conclusion} {after} than {before} ({numbers}; a period is {conclusion} {share:.0%} of the time)"
