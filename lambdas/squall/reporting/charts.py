"""The charts of a run as values: every metric over one time axis, with windows, thresholds and events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.metrics.statistics import Band
from squall.domain.language.metric_table import METRICS
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.series import points_over
from squall.domain.metrics.windows import join_windows
from squall.reporting.formatting import format_quantity, spell_out
from squall.reporting.run_facts import Facts
from squall.reporting.timeline import Moment

WINDOW_NAMES = {"baseline": "before", "fault": "fault", "observation": "observed", "recovery": "after"}
REACH = 4.0
"""A threshold farther from the data than this many times their span is off the scale: its line would flatten the
data."""


@dataclass(frozen=True)
class Line:
    """A threshold as a line of a chart."""

    value: float
    """The threshold in the chart's unit."""
    label: str
    kind: str
    """`expect` or `abort`."""
    shown: bool
    """Whether the threshold lies on the scale of the chart. If not, only its label tells where it is."""


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    unit: str
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    band: tuple[float, float] | None
    """The usual range of the metric before the fault."""
    low: float
    high: float
    """Ends of the scale."""
    summary: str
    """What the chart shows, in a sentence."""
    period_seconds: int
    """The distance between two data points; the axis has the times of all charts."""


@dataclass(frozen=True)
class Course:
    """All charts of a run on one time axis."""

    windows: tuple[Window, ...]
    charts: tuple[Chart, ...]
    markers: tuple[Moment, ...]

    @property
    def period_seconds(self) -> int:
        return self.windows[0].period_seconds

    @property
    def bands(self) -> tuple[Window, ...]:
        """The windows without their overlap: the observation from the end of the fault on, the recovery from the end of the
        observation on."""
        ends = {window.name: window.end for window in self.windows}
        after = {"observation": ends.get("fault", 0), "recovery": ends.get("observation", 0)}
        cut = (window.model_copy(update={"start": max(window.start, after.get(window.name, 0))}) for window in self.windows)
        return tuple(window for window in cut if window.end > window.start)

    def island(self) -> dict[str, Any]:
        """The data for the page's script: the start of each period in epoch seconds, and for each chart one value per
        period, or null."""
        span, period = join_windows(self.windows), self.period_seconds
        times = sorted({*range(span.start, span.end, period), *(point.at for chart in self.charts for point in chart.points)})
        return {
            "period": period,
            "times": times,
            "end": span.end,
            "windows": [{"name": w.name, "label": WINDOW_NAMES[w.name], "start": w.start, "end": w.end} for w in self.bands],
            "markers": [{"number": m.number, "at": m.at.timestamp(), "label": m.label, "kind": m.kind} for m in self.markers],
            "charts": [_chart_data(chart, times) for chart in self.charts],
        }


def _chart_data(chart: Chart, times: Sequence[int]) -> dict[str, Any]:
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


def build_course(facts: Facts, moments: Iterable[Moment] = ()) -> Course | None:
    """The charts of a run; None if nothing was measured. Moments with a number have a marker on the axis."""
    windows, points = read_measurements(facts)
    if not windows or facts.discovery is None:
        return None
    lines, bands = _lines_by_binding(facts), {metric.metric: metric.band for metric in facts.result.statistics}
    charts = [
        _make_chart(facts, binding, windows, points.get(binding.name, ()), lines.get(binding.name, ()), bands.get(binding.name))
        for binding in facts.discovery.bindings
    ]
    shown = tuple(chart for chart in charts if chart.points)
    return Course(windows, shown, tuple(moment for moment in moments if moment.number)) if shown else None


def read_measurements(facts: Facts) -> tuple[tuple[Window, ...], Mapping[str, tuple[Point, ...]]]:
    """The windows that are not empty, and the values of every metric in its unit.

    The values between the windows are included if they were stored.
    """
    if facts.series is None:
        baseline = facts.baseline if facts.baseline and facts.baseline.window.periods else None
        return ((baseline.window,), _points_from_series(facts, (baseline.window,), [baseline.series])) if baseline else ((), {})
    known = [window for window in facts.series.windows if window.periods and window.name in WINDOW_NAMES]
    windows = tuple(sorted(known, key=lambda window: window.start))
    if facts.series.measured:
        return windows, {series.metric: tuple(Point(at=at, value=value) for at, value in series.points) for series in facts.series.measured}
    return windows, _points_from_series(facts, windows, list(facts.series.series.values()))


def count_missing(facts: Facts, window_name: str) -> dict[str, tuple[int, int]]:
    """For each metric, how many periods of the window have no data, and how many it has."""
    _, points = read_measurements(facts)
    counts = {}
    for binding in facts.discovery.bindings if facts.discovery else ():
        window = next((window for window in _own_windows(facts, binding) if window.name == window_name), None)
        if window is not None:
            inside = sum(window.start <= point.at < window.end for point in points.get(binding.name, ()))
            counts[binding.name] = window.periods - inside, window.periods
    return counts


def find_extremes(facts: Facts, window_name: str) -> dict[str, tuple[float, float]]:
    """For each metric, the least and the greatest value of a period that a fault may have changed.

    These are the periods of the window, and the one in which the fault began, which no window holds. A metric is missing
    whose values are all between those of the baseline's periods.
    """
    points, started = read_measurements(facts)[1], facts.record.begins_at
    extremes: dict[str, tuple[float, float]] = {}
    for binding in facts.discovery.bindings if facts.discovery else ():
        named = {window.name: window for window in _own_windows(facts, binding)}
        before, during = named.get("baseline"), named.get(window_name)
        if before is None or during is None:
            continue
        of_metric = points.get(binding.name, ())
        began = min(during.start, started.timestamp() - during.period_seconds + 1) if started else during.start
        usual = [point.value for point in of_metric if before.start <= point.at < before.end]
        touched = [point.value for point in of_metric if max(began, before.end) <= point.at < during.end]
        if usual and touched and (min(touched) < min(usual) or max(touched) > max(usual)):
            extremes[binding.name] = min(touched), max(touched)
    return extremes


def _own_windows(facts: Facts, binding: MetricBinding) -> Sequence[Window]:
    """The windows in the metric's own period."""
    finer = facts.series.finer if facts.series else ()
    return [window for window in finer if window.period_seconds == binding.period_seconds and window.periods] or read_measurements(facts)[0]


def _points_from_series(
    facts: Facts, windows: Sequence[Window], series: Sequence[Mapping[str, Sequence[Series]]]
) -> Mapping[str, tuple[Point, ...]]:
    """Values from the raw series of each window, for older results and for runs that were never judged."""
    points_by_metric: dict[str, tuple[Point, ...]] = {}
    for binding in facts.discovery.bindings if facts.discovery else ():
        of_metric = [query for by_metric in series for query in by_metric.get(binding.name, ())]
        by_window = (points_over(binding, _series_within(of_metric, window), window) for window in windows)
        points_by_metric[binding.name] = tuple(point for points in by_window for point in points)
    return points_by_metric


def _series_within(series: Iterable[Series], window: Window) -> list[Series]:
    """One series per query with the points inside the window."""
    by_key: dict[str, dict[int, Point]] = {}
    for query in series:
        by_key.setdefault(query.key, {}).update({point.at: point for point in query.points if window.start <= point.at < window.end})
    return [
        Series(key=key, period_seconds=window.period_seconds, points=tuple(points[at] for at in sorted(points)))
        for key, points in by_key.items()
    ]


def metric_title(name: str) -> str:
    """The title of a binding: `System availability` for `availability`, `Response time, p99` for
    `response_time:p99`."""
    metric, _, statistic = name.partition(":")
    title = METRICS[metric].title if metric in METRICS else metric
    return f"{title}, {statistic}" if statistic else title


def _make_chart(
    facts: Facts,
    binding: MetricBinding,
    windows: Sequence[Window],
    points: tuple[Point, ...],
    thresholds: Sequence[Line],
    band: Band | None,
) -> Chart:
    low, high, lines = _compute_scale([point.value for point in points], thresholds)
    if binding.unit == "percent" and all(0 <= point.value <= 100 for point in points):
        high = min(high, 101.0)
    title = metric_title(binding.name)
    summary = f"{title}: {_summarize_chart(facts, binding, windows, points)}"
    edges, period = (band.low, band.high) if band else None, binding.period_seconds or windows[0].period_seconds
    return Chart(binding.name, title, binding.unit, points, lines, edges, low, high, summary, period)


def _compute_scale(values: Sequence[float], lines: Iterable[Line]) -> tuple[float, float, tuple[Line, ...]]:
    """The ends of the scale, and the thresholds, each with whether it is on the scale."""
    if not values:
        return 0.0, 1.0, tuple(lines)
    low, high = min(values), max(values)
    reach = REACH * max(high - low, 0.05 * max(abs(low), abs(high)), 1e-9)
    placed = [Line(line.value, line.label, line.kind, shown=low - reach <= line.value <= high + reach) for line in lines]
    shown = [line.value for line in placed if line.shown]
    bottom, top = min([low, *shown]), max([high, *shown])
    room = 0.1 * ((top - bottom) or abs(top) or 1.0)
    bottom = max(0.0, bottom - room) if bottom >= 0 else bottom - room
    above = sum(not line.shown and line.value > top for line in placed)  # each of them has a label at the top
    return bottom, top + room * (1 + 1.5 * above), tuple(placed)


def _lines_by_binding(facts: Facts) -> dict[str, list[Line]]:
    """Thresholds by binding. A threshold relative to the baseline becomes absolute if the baseline has a value."""
    lines: dict[str, list[Line]] = {}
    if facts.parsed is None or facts.discovery is None:
        return lines
    baseline = facts.result.metrics_collected.get("baseline", {})
    for kind, thresholds in (
        ("expect", [t for _, t in facts.parsed.threshold_criteria]),
        ("abort", [t for _, t in facts.parsed.conditions]),
    ):
        for threshold in thresholds:
            binding = binding_of(facts.discovery.bindings, threshold)
            value = _absolute_level(threshold, baseline.get(binding.name)) if binding else None
            if binding is not None and value is not None:
                label = f"{kind} {threshold.comparator} {format_quantity(value, binding.unit)}"
                lines.setdefault(binding.name, []).append(Line(value, label, kind, shown=True))
    return lines


def _absolute_level(threshold: Threshold, baseline: float | None) -> float | None:
    if threshold.relative is None:
        return threshold.value
    if threshold.relative == "difference":
        return None if baseline is None else baseline + threshold.value
    if not baseline:
        return None
    share = threshold.value / 100
    return baseline * share if threshold.relative == "ratio" else baseline + abs(baseline) * share


def _summarize_chart(facts: Facts, binding: MetricBinding, windows: Sequence[Window], points: Sequence[Point]) -> str:
    collected = facts.result.metrics_collected
    sentences = []
    for window in _own_windows(facts, binding) or windows:
        values = collected.get(window.name)
        whole = values.get(binding.name) if isinstance(values, Mapping) else None
        inside = [point for point in points if window.start <= point.at < window.end]
        missing = window.periods - len(inside)
        text = f"{_WHEN[window.name]} {format_quantity(whole, binding.unit) if whole is not None else 'no value'}"
        if inside and len(inside) > 1:
            least, most = min(inside, key=lambda p: p.value), max(inside, key=lambda p: p.value)
            if least.value != most.value:
                periods = "" if whole is None or least.value <= whole <= most.value else "its periods: "
                text += f" ({periods}{format_quantity(least.value, binding.unit)} to {format_quantity(most.value, binding.unit)})"
        if missing > 0:
            text += f", {missing} of {window.periods} periods without data"
        sentences.append(text)
    sentences += [_describe_criterion(criterion) for criterion in facts.result.criteria if _binding_of(facts, criterion) == binding.name]
    return "; ".join(sentences) + "."


_WHEN = {
    "baseline": "before the fault",
    "fault": "during the fault",
    "observation": "during the observation",
    "recovery": "after the fault",
}


def _describe_criterion(criterion: CriterionResult) -> str:
    outcome = "could not be decided" if criterion.outcome is CriterionOutcome.CANNOT_TELL else spell_out(criterion.outcome.value)
    return f"“{criterion.text}” {outcome}"


def _binding_of(facts: Facts, criterion: CriterionResult) -> str | None:
    """Name of the binding that measured a threshold criterion; None for other criteria."""
    if facts.parsed is None or facts.discovery is None or criterion.kind != "threshold":
        return None
    threshold = next((parsed for _, parsed in facts.parsed.threshold_criteria if parsed.text == criterion.text), None)
    binding = binding_of(facts.discovery.bindings, threshold) if threshold else None
    return binding.name if binding else None
