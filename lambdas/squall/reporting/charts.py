"""Every metric of a run as a line over one time axis, with its windows, thresholds and events: values only, drawn elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.statistics import Band
from squall.domain.language.metric_table import METRICS
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.series import points_over
from squall.domain.metrics.windows import join_windows
from squall.domain.vocabulary import CriterionOutcome
from squall.reporting.formatting import quantity, words
from squall.reporting.run_facts import Facts
from squall.reporting.timeline import Moment

WINDOW_NAMES = {"baseline": "before", "fault": "fault", "recovery": "after"}
REACH = 4.0
"""How many times the span of the data a threshold may be away and still be on the scale; beyond, its line would flatten the data."""


@dataclass(frozen=True)
class Line:
    """A threshold."""

    value: float
    """In the chart's unit."""
    label: str
    kind: str
    """`expect` or `abort`."""
    shown: bool
    """Whether it lies on the chart's scale; else only its label says where it is."""


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    unit: str
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    band: tuple[float, float] | None
    """Where the metric usually was before the fault."""
    low: float
    high: float
    """The scale's ends."""
    summary: str
    """What the picture shows, in words."""
    period_seconds: int
    """Of its points; the axis has those of every chart."""


@dataclass(frozen=True)
class Course:
    """All charts of a run on one axis."""

    windows: tuple[Window, ...]
    charts: tuple[Chart, ...]
    markers: tuple[Moment, ...]

    @property
    def period_seconds(self) -> int:
        return self.windows[0].period_seconds

    def island(self) -> dict[str, Any]:
        """What the page's script draws: one array of times (start of each period, epoch seconds), one of values a chart, null for none."""
        span, period = join_windows(self.windows), self.period_seconds
        times = sorted({*range(span.start, span.end, period), *(point.at for chart in self.charts for point in chart.points)})
        return {
            "period": period,
            "times": times,
            "end": span.end,
            "windows": [{"name": w.name, "label": WINDOW_NAMES[w.name], "start": w.start, "end": w.end} for w in self.windows],
            "markers": [{"number": m.number, "at": m.at.timestamp(), "label": m.said, "kind": m.kind} for m in self.markers],
            "charts": [_drawn(chart, times) for chart in self.charts],
        }


def _drawn(chart: Chart, times: Sequence[int]) -> dict[str, Any]:
    known = {point.at: point.value for point in chart.points}
    return {
        "title": chart.title,
        "unit": chart.unit,
        "period": chart.period_seconds,
        "low": chart.low,
        "high": chart.high,
        "band": chart.band,
        "values": [known.get(at) for at in times],
        "lines": [{"value": line.value, "label": line.label, "kind": line.kind, "shown": line.shown} for line in chart.lines],
    }


def course_of(facts: Facts, moments: Iterable[Moment] = ()) -> Course | None:
    """None if nothing was measured. Of the moments those that have a number are on the axis."""
    windows, points = measured(facts)
    if not windows or facts.discovery is None:
        return None
    lines, bands = _lines(facts), {one.metric: one.band for one in facts.result.statistics}
    charts = [
        _chart(facts, binding, windows, points.get(binding.name, ()), lines.get(binding.name, ()), bands.get(binding.name))
        for binding in facts.discovery.bindings
    ]
    shown = tuple(chart for chart in charts if chart.points)
    return Course(windows, shown, tuple(moment for moment in moments if moment.number)) if shown else None


def measured(facts: Facts) -> tuple[tuple[Window, ...], Mapping[str, tuple[Point, ...]]]:
    """The windows that hold anything, and every metric's values in its own unit: also between the windows where that was kept."""
    if facts.series is None:
        baseline = facts.baseline if facts.baseline and facts.baseline.window.periods else None
        return ((baseline.window,), _points(facts, (baseline.window,), [baseline.series])) if baseline else ((), {})
    known = [window for window in facts.series.windows if window.periods and window.name in WINDOW_NAMES]
    windows = tuple(sorted(known, key=lambda window: window.start))
    if facts.series.measured:
        return windows, {one.metric: tuple(Point(at=at, value=value) for at, value in one.points) for one in facts.series.measured}
    return windows, _points(facts, windows, list(facts.series.series.values()))


def _points(facts: Facts, windows: Sequence[Window], series: Sequence[Mapping[str, Sequence[Series]]]) -> Mapping[str, tuple[Point, ...]]:
    """From raw series, window by window: an older result, or a run that was never judged."""
    found: dict[str, tuple[Point, ...]] = {}
    for binding in facts.discovery.bindings if facts.discovery else ():
        of_metric = [one for by_metric in series for one in by_metric.get(binding.name, ())]
        by_window = (points_over(binding, _within(of_metric, window), window) for window in windows)
        found[binding.name] = tuple(point for points in by_window for point in points)
    return found


def _within(series: Iterable[Series], window: Window) -> list[Series]:
    """One series a query, of the points inside the window alone."""
    by_key: dict[str, dict[int, Point]] = {}
    for one in series:
        by_key.setdefault(one.key, {}).update({point.at: point for point in one.points if window.start <= point.at < window.end})
    return [
        Series(key=key, period_seconds=window.period_seconds, points=tuple(points[at] for at in sorted(points)))
        for key, points in by_key.items()
    ]


def title_of(name: str) -> str:
    """`System availability` of `availability`, `Response time p99` of `response_time:p99`."""
    metric, _, statistic = name.partition(":")
    title = METRICS[metric].title if metric in METRICS else metric
    return f"{title}, {statistic}" if statistic else title


def _chart(
    facts: Facts,
    binding: MetricBinding,
    windows: Sequence[Window],
    points: tuple[Point, ...],
    thresholds: Sequence[Line],
    band: Band | None,
) -> Chart:
    low, high, lines = _scale([point.value for point in points], thresholds)
    if binding.unit == "percent" and all(0 <= point.value <= 100 for point in points):
        high = min(high, 101.0)
    title = title_of(binding.name)
    summary = f"{title}: {_summary(facts, binding, windows, points)}"
    edges, period = (band.low, band.high) if band else None, binding.period_seconds or windows[0].period_seconds
    return Chart(binding.name, title, binding.unit, points, lines, edges, low, high, summary, period)


def _scale(values: Sequence[float], lines: Iterable[Line]) -> tuple[float, float, tuple[Line, ...]]:
    """Ends of the scale, and the thresholds, each with whether it is on it."""
    if not values:
        return 0.0, 1.0, tuple(lines)
    low, high = min(values), max(values)
    reach = REACH * max(high - low, 0.05 * max(abs(low), abs(high)), 1e-9)
    placed = [Line(line.value, line.label, line.kind, shown=low - reach <= line.value <= high + reach) for line in lines]
    shown = [line.value for line in placed if line.shown]
    bottom, top = min([low, *shown]), max([high, *shown])
    room = 0.1 * ((top - bottom) or abs(top) or 1.0)
    bottom = max(0.0, bottom - room) if bottom >= 0 else bottom - room
    above = sum(not line.shown and line.value > top for line in placed)  # each has a line of text at the top
    return bottom, top + room * (1 + 1.5 * above), tuple(placed)


def _lines(facts: Facts) -> dict[str, list[Line]]:
    """Absolute thresholds by binding; those relative to the baseline become absolute where the baseline has a value."""
    found: dict[str, list[Line]] = {}
    if facts.parsed is None or facts.discovery is None:
        return found
    baseline = facts.result.metrics_collected.get("baseline", {})
    for kind, thresholds in (
        ("expect", [t for _, t in facts.parsed.threshold_criteria]),
        ("abort", [t for _, t in facts.parsed.conditions]),
    ):
        for threshold in thresholds:
            binding = binding_of(facts.discovery.bindings, threshold)
            value = _level(threshold, baseline.get(binding.name)) if binding else None
            if binding is not None and value is not None:
                label = f"{kind} {threshold.comparator} {quantity(value, binding.unit)}"
                found.setdefault(binding.name, []).append(Line(value, label, kind, shown=True))
    return found


def _level(threshold: Threshold, baseline: float | None) -> float | None:
    if threshold.relative is None:
        return threshold.value
    if not baseline:
        return None
    share = threshold.value / 100
    return baseline * share if threshold.relative == "ratio" else baseline + abs(baseline) * share


def _summary(facts: Facts, binding: MetricBinding, windows: Sequence[Window], points: Sequence[Point]) -> str:
    collected = facts.result.metrics_collected
    said = []
    finer = [one for one in facts.series.finer if one.period_seconds == binding.period_seconds and one.periods] if facts.series else []
    for window in finer or windows:
        values = collected.get(window.name)
        whole = values.get(binding.name) if isinstance(values, Mapping) else None
        inside = [point for point in points if window.start <= point.at < window.end]
        missing = window.periods - len(inside)
        text = f"{_WHEN[window.name]} {quantity(whole, binding.unit) if whole is not None else 'no value'}"
        if inside and len(inside) > 1:
            least, most = min(inside, key=lambda p: p.value), max(inside, key=lambda p: p.value)
            if least.value != most.value:
                text += f" ({quantity(least.value, binding.unit)} to {quantity(most.value, binding.unit)})"
        if missing > 0:
            text += f", {missing} of {window.periods} periods without data"
        said.append(text)
    said += [_said(criterion) for criterion in facts.result.criteria if _about(facts, criterion) == binding.name]
    return "; ".join(said) + "."


_WHEN = {"baseline": "before the fault", "fault": "during it", "recovery": "after it"}


def _said(criterion: CriterionResult) -> str:
    return f"“{criterion.text}” {'can’t be told' if criterion.outcome is CriterionOutcome.CANNOT_TELL else words(criterion.outcome.value)}"


def _about(facts: Facts, criterion: CriterionResult) -> str | None:
    """The binding a threshold criterion was measured by."""
    if facts.parsed is None or facts.discovery is None or criterion.kind != "threshold":
        return None
    threshold = next((one for _, one in facts.parsed.threshold_criteria if one.text == criterion.text), None)
    binding = binding_of(facts.discovery.bindings, threshold) if threshold else None
    return binding.name if binding else None
