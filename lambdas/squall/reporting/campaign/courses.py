"""What every Region of a run measured, on one time axis: each metric with the charts of the Regions side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.result import Result
from squall.domain.documents.series import SeriesDocument
from squall.domain.run.record import ExecutionRecord
from squall.reporting.charts import Chart, Course, build_course
from squall.reporting.run_facts import Facts
from squall.reporting.timeline import Moment, list_moments


@dataclass(frozen=True)
class Measurements:
    """The documents that the charts of a part are made from."""

    definition: Definition
    discovery: Discovery
    series: SeriesDocument


@dataclass(frozen=True)
class RegionCourse:
    """The charts of one Region, and its events."""

    region: str
    course: Course
    moments: tuple[Moment, ...]
    """Those with a number on the time axis."""


@dataclass(frozen=True)
class Place:
    """Where the chart of a metric stands among all charts."""

    region: str
    course: int = 0
    index: int = 0
    chart: Chart | None = None
    """None: the Region has no values of the metric."""


@dataclass(frozen=True)
class MetricRow:
    title: str
    places: tuple[Place, ...]
    """One for each Region that measured anything."""


@dataclass(frozen=True)
class Courses:
    """The charts of all Regions that measured anything."""

    regions: tuple[RegionCourse, ...]
    rows: tuple[MetricRow, ...]

    @property
    def windows(self) -> tuple[str, ...]:
        """The names of the windows of all Regions, in the order of a run."""
        known = {window.name for region in self.regions for window in region.course.bands}
        return tuple(name for name in ("baseline", "fault", "observation", "recovery") if name in known)

    def island(self) -> dict[str, Any]:
        """The data for the page's script."""
        return {"courses": [region.course.island() for region in self.regions]}


def build_courses(parts: Mapping[str, tuple[Result, Measurements]]) -> Courses | None:
    """The charts of the parts, by Region; None if no part has any."""
    regions = tuple(_list_courses(parts))
    if not regions:
        return None
    shared = _share_scales([region.course for region in regions])
    regions = tuple(replace(region, course=course) for region, course in zip(regions, shared, strict=True))
    return Courses(regions, tuple(_list_rows(regions)))


def _list_courses(parts: Mapping[str, tuple[Result, Measurements]]) -> Iterator[RegionCourse]:
    for region, (result, measured) in parts.items():
        facts = Facts(
            record=_recall_record(result, measured.definition),
            result=result,
            bucket="",
            definition=measured.definition,
            discovery=measured.discovery,
            series=measured.series,
        )
        moments = list_moments(facts)
        if course := build_course(facts, moments):
            yield RegionCourse(region, course, tuple(moment for moment in moments if moment.number))


def _recall_record(result: Result, definition: Definition) -> ExecutionRecord:
    """What the part's result and definition say of its record. The record itself is read by nobody in another Region who only
    reports."""
    return ExecutionRecord(
        id=result.execution_id,
        execution_arn="",
        started_at=result.start_time,
        status=result.status,
        phase="",
        experiment=result.experiment_name,
        verdict=result.verdict,
        fault_started_at=result.times.fault_started_at,
        fault_ended_at=result.times.fault_ended_at,
        fault_seconds=round(definition.experiment.length.total_seconds()),
    )


def _key(chart: Chart) -> tuple[str, str]:
    return chart.name, chart.unit


def _share_scales(courses: Sequence[Course]) -> list[Course]:
    """The courses with one scale for each metric: charts that stand side by side are compared by their heights."""
    scales: dict[tuple[str, str], tuple[float, float]] = {}
    for chart in (chart for course in courses for chart in course.charts):
        low, high = scales.get(_key(chart), (chart.low, chart.high))
        scales[_key(chart)] = min(low, chart.low), max(high, chart.high)
    return [replace(course, charts=tuple(_rescale(chart, *scales[_key(chart)]) for chart in course.charts)) for course in courses]


def _rescale(chart: Chart, low: float, high: float) -> Chart:
    lines = tuple(replace(line, shown=line.shown or low <= line.value <= high) for line in chart.lines)
    return replace(chart, low=low, high=high, lines=lines)


def _list_rows(regions: Sequence[RegionCourse]) -> Iterator[MetricRow]:
    """The metrics in the order of the first Region that has each."""
    titles = {_key(chart): chart.title for region in regions for chart in region.course.charts}
    for key, title in titles.items():
        yield MetricRow(title, tuple(_place(region, number, key) for number, region in enumerate(regions)))


def _place(region: RegionCourse, number: int, key: tuple[str, str]) -> Place:
    found = ((index, chart) for index, chart in enumerate(region.course.charts) if _key(chart) == key)
    index, chart = next(found, (0, None))
    return Place(region.region, number, index, chart)
