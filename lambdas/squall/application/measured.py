"""Everything a run is judged on, read once: Compare reads and writes it down, Judge finds it there, or reads it when Compare could not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from squall.application.aftermath import fis_of
from squall.application.measuring import SeriesByMetric, read_series, read_values
from squall.application.step import Step
from squall.application.windows_of_run import Windows, windows_of
from squall.domain.describe import seen_points
from squall.domain.documents import Recovery, SeriesDocument
from squall.domain.metrics import MetricBinding, Series, Window
from squall.domain.statistics import MeasuredSeries

Values = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Measured:
    windows: Windows
    by_name: Mapping[str, Window]
    """baseline, fault and recovery, as far as there are."""
    run: Window
    """From the beginning of the first to the end of the last."""
    series: SeriesByMetric
    """Over the whole run."""
    values: Values
    """Window name to metric to its value over the whole window."""

    def inside(self, name: str) -> SeriesByMetric:
        """The series cut to a window."""
        return {metric: _cut(series, self.by_name[name]) for metric, series in self.series.items()}


def measured(step: Step) -> Measured:
    """What CloudWatch had when it was first asked after the run: a repeated state judges the same numbers."""
    windows = windows_of(step, fis_of(step), _recovery_until(step))
    by_name: dict[str, Window] = {window.name: window for window in (windows.baseline, windows.fault, windows.recovery) if window}
    document = step.find("series", SeriesDocument)
    if document is not None:
        known: dict[str, Window] = {window.name: window for window in document.windows}
        return Measured(windows, known, _run(known), dict(document.series.get("run", {})), dict(document.values))
    run = _run(by_name)
    series = read_series(step.w.metrics, step.discovery.bindings, run)
    found = Measured(windows, by_name, run, series, {})
    for name, window in by_name.items():
        found.values[name] = read_values(step.w.metrics, step.discovery.bindings, window, found.inside(name))
    step.put("series", _document(found, step.discovery.bindings))
    return found


def _document(found: Measured, bindings: tuple[MetricBinding, ...]) -> SeriesDocument:
    hosts = found.series.get("healthy_hosts", ())
    drawn = {binding: seen_points(binding, found.series.get(binding.name, ()), hosts, found.run) for binding in bindings}
    return SeriesDocument(
        windows=tuple(found.by_name.values()),
        series={"run": found.series},
        values=found.values,
        measured=tuple(
            MeasuredSeries(
                metric=binding.name,
                unit=binding.unit,
                period_seconds=found.run.period_seconds,
                points=tuple((point.at, point.value) for point in points),
            )
            for binding, points in drawn.items()
        ),
    )


def _run(windows: Mapping[str, Window]) -> Window:
    spans = list(windows.values())
    start, end = min(window.start for window in spans), max(window.end for window in spans)
    return Window(name="run", start=start, end=end, period_seconds=spans[0].period_seconds)


def _cut(series: tuple[Series, ...], window: Window) -> tuple[Series, ...]:
    return tuple(
        one.model_copy(update={"points": tuple(point for point in one.points if window.start <= point.at < window.end)}) for one in series
    )


def _recovery_until(step: Step) -> datetime:
    recovery = step.find("recovery", Recovery)
    return recovery.observed_until if recovery and recovery.observed_until else step.now
