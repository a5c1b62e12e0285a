"""Reads once from CloudWatch everything that a run is judged on. Compare does so and stores it; Judge does so if
Compare failed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from squall.application.metrics.read import SeriesByMetric, read_in_periods, read_values
from squall.application.metrics.run_windows import Windows, windows_of
from squall.application.recovery.rollback_report import fis_of
from squall.application.step import Step
from squall.domain.documents.metrics.metric_models import MetricBinding, Series, Window
from squall.domain.documents.metrics.statistics import MeasuredSeries
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.series import SeriesDocument
from squall.domain.judging.window_statistics import find_window_value, seen_points
from squall.domain.metrics.windows import PacedWindow, list_own_periods

Values = dict[str, dict[str, float | None]]
ByPeriod = Mapping[int, Mapping[str, Window]]
"""Period in seconds to window name to window."""


@dataclass(frozen=True)
class Measurements:
    """The windows of a run, and CloudWatch's data for them."""

    windows: Windows
    by_name: Mapping[str, Window]
    """The windows of the run by name: those of `baseline`, `fault`, `observation`, `recovery` and of a scenario's faults that
    it has."""
    run: Window
    """The window from the start of the first window to the end of the last."""
    series: SeriesByMetric
    """The series over the whole run."""
    values: Values
    """Window name to binding name to the value over the whole window."""
    finer: ByPeriod = field(default_factory=dict)
    """The same windows in the periods of metrics that have their own."""

    @property
    def judged(self) -> Window:
        """The window of every sentence that names none."""
        return self.by_name.get("observation") or self.by_name["fault"]

    def inside(self, name: str, bindings: Sequence[MetricBinding]) -> SeriesByMetric:
        """The series, cut to a window."""
        return {binding.name: _cut_series(self.series.get(binding.name, ()), self.of(name, binding)) for binding in bindings}

    def of(self, name: str, binding: MetricBinding) -> Window:
        """The window in the metric's own period."""
        return self.finer.get(binding.period_seconds or 0, self.by_name).get(name) or self.by_name[name]


def measure_run(step: Step) -> Measurements:
    """The measurements of the run. They are stored when first read, so that a repeated state judges the same
    numbers."""
    bindings = step.discovery.bindings
    fis, until = fis_of(step), _recovery_until(step)
    windows = windows_of(step, fis, until)
    by_name = _by_name(windows)
    document = step.find(SeriesDocument)
    if document is not None:
        known: dict[str, Window] = {window.name: window for window in document.windows}
        return Measurements(
            windows, known, _run_window(known), dict(document.series.get("run", {})), dict(document.values), group_by_period(document.finer)
        )
    finer = {period: _by_name(windows_of(step, fis, until, period)) for period in list_own_periods(bindings)}
    runs = PacedWindow(_run_window(by_name), {period: _run_window(named) for period, named in finer.items()})
    measurements = Measurements(windows, by_name, runs.usual, read_in_periods(step.w.metrics, bindings, runs), {}, finer)
    for name in by_name:
        inside = measurements.inside(name, bindings)
        measurements.values[name] = {binding.name: _read_value(step, measurements, name, binding, inside) for binding in bindings}
    step.put(_make_document(measurements, runs, bindings))
    return measurements


def _read_value(step: Step, measurements: Measurements, name: str, binding: MetricBinding, inside: SeriesByMetric) -> float | None:
    """The metric's value over a window, which criteria and reports share."""
    window = measurements.of(name, binding)
    value = read_values(step.w.metrics, [binding], window, inside)[binding.name]
    series, hosts = measurements.series.get(binding.name, ()), measurements.series.get("healthy_hosts", ())
    return find_window_value(binding, series, hosts, window, seen_points(binding, series, hosts, window), value)


def group_by_period(windows: Iterable[Window]) -> dict[int, dict[str, Window]]:
    """Maps period length in seconds to window name to window."""
    windows_by_name: dict[int, dict[str, Window]] = {}
    for window in windows:
        windows_by_name.setdefault(window.period_seconds, {})[window.name] = window
    return windows_by_name


def _by_name(windows: Windows) -> dict[str, Window]:
    of_faults = (window for name, window in windows.of_faults.items() if name)
    every = (windows.baseline, windows.fault, windows.observation, windows.recovery, *of_faults)
    return {window.name: window for window in every if window}


def _make_document(measurements: Measurements, runs: PacedWindow, bindings: tuple[MetricBinding, ...]) -> SeriesDocument:
    hosts = measurements.series.get("healthy_hosts", ())
    drawn = {binding: seen_points(binding, measurements.series.get(binding.name, ()), hosts, runs.of(binding)) for binding in bindings}
    return SeriesDocument(
        windows=tuple(measurements.by_name.values()),
        finer=tuple(window for named in measurements.finer.values() for window in named.values()),
        series={"run": measurements.series},
        values=measurements.values,
        measured=tuple(
            MeasuredSeries(
                metric=binding.name,
                unit=binding.unit,
                period_seconds=runs.of(binding).period_seconds,
                points=tuple((point.at, point.value) for point in points),
            )
            for binding, points in drawn.items()
        ),
    )


def _run_window(windows: Mapping[str, Window]) -> Window:
    spans = list(windows.values())
    start, end = min(window.start for window in spans), max(window.end for window in spans)
    return Window(name="run", start=start, end=end, period_seconds=spans[0].period_seconds)


def _cut_series(series: tuple[Series, ...], window: Window) -> tuple[Series, ...]:
    return tuple(
        query_series.model_copy(update={"points": tuple(point for point in query_series.points if window.start <= point.at < window.end)})
        for query_series in series
    )


def _recovery_until(step: Step) -> datetime:
    recovery = step.find(Recovery)
    return recovery.observed_until if recovery and recovery.observed_until else step.now
