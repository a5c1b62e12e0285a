"""The Regions of a run side by side: how each ended, what its criteria measured, and where its own report is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from squall.domain.base.vocabulary import FaultType
from squall.domain.campaign.result import StepResult
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.result import Result
from squall.domain.messages.console import ExecutionConsole
from squall.reporting.campaign.courses import Courses, Measurements, build_courses
from squall.reporting.campaign.pictures import word_of
from squall.reporting.elements import Link, Tile, Word
from squall.reporting.formatting import format_clock, format_duration, format_quantity, spell_out
from squall.reporting.run_facts import measure_recovery
from squall.reporting.view import make_recovery_tile

WIDTH, HEIGHT, EDGE = 240.0, 44.0, 4.0
"""Of the line of a criterion, in its own units."""
RELATIVE = ("baseline", "increase", "decrease", "point")
"""Words of which every sentence has one that compares with the baseline. Its threshold is no value of the metric."""


@dataclass(frozen=True)
class PartMeasured:
    """What a Region has left of its part."""

    region: str
    result: Result | None
    bucket: str
    """The bucket of its stack; empty if it is not known."""
    doubt: str = ""
    """Why there is no result, or nothing to draw."""
    measured: Measurements | None = None
    """What its charts are made from; None if it was not measured, or can't be read."""


@dataclass(frozen=True)
class Line:
    """The values of a metric in the window of its criterion, as a line."""

    points: str
    threshold: float | None
    """Where the threshold lies, from above; None if it is not within the picture, or relative to the baseline."""
    title: str


@dataclass(frozen=True)
class CriterionView:
    word: Word
    text: str
    critical: bool
    measured: str
    line: Line | None


@dataclass(frozen=True)
class RegionView:
    region: str
    role: str
    word: Word
    reason: str
    tiles: tuple[Tile, ...]
    criteria: tuple[CriterionView, ...]
    report: Link | None


def view_regions(steps: Sequence[StepResult], parts: Sequence[PartMeasured], execution_arn: str) -> tuple[RegionView, ...]:
    """Each Region in the order of the experiment."""
    by_region = {part.region: part for part in parts}
    return tuple(_view(step, by_region[step.step], execution_arn) for step in steps if step.step in by_region)


def show_overlap(steps: Sequence[StepResult], parts: Sequence[PartMeasured]) -> Iterator[Tile]:
    """How long the faults of all Regions that have one were in effect at the same time; nothing unless the times of all are known."""
    results = {part.region: part.result for part in parts}
    faulty = [results.get(step.step) for step in steps if step.fault_type != FaultType.NO_FAULT]
    times = [(result.times.effect_at, result.times.fault_ended_at) for result in faulty if result]
    begun, ended = [began for began, _ in times if began], [end for _, end in times if end]
    if len(faulty) > 1 and len(begun) == len(ended) == len(faulty):
        together = max(0.0, (min(ended) - max(begun)).total_seconds())
        yield Tile("All faults at once", format_duration(together), "from the last start to the first end")


def draw_regions(parts: Sequence[PartMeasured]) -> Courses | None:
    """The charts of all Regions; None if nothing was measured."""
    return build_courses({part.region: (part.result, part.measured) for part in parts if part.result and part.measured})


def _view(step: StepResult, part: PartMeasured, execution_arn: str) -> RegionView:
    carries = step.fault_type == FaultType.NO_FAULT
    result = part.result
    return RegionView(
        region=step.step,
        role="no fault: carries the load" if carries else spell_out(step.fault_type),
        word=word_of(step),
        reason="; ".join(filter(None, (step.reason, part.doubt))),
        tiles=tuple(_make_tiles(result, carries=carries)) if result else (),
        criteria=tuple(map(_view_criterion, result.criteria)) if result else (),
        report=_link_report(step, part, execution_arn),
    )


def _link_report(step: StepResult, part: PartMeasured, execution_arn: str) -> Link | None:
    """The part's own report, in the console of its Region."""
    if not part.bucket or step.execution_id is None:
        return None
    _, partition, service, _, account, *rest = execution_arn.split(":")
    there = ":".join(("arn", partition, service, step.step, account, *rest))
    return Link(f"Report of {step.execution_id}", ExecutionConsole(there, part.bucket).file_of(step.execution_id, "report.html"))


def _make_tiles(result: Result, *, carries: bool) -> Iterator[Tile]:
    if result.criteria:
        met = sum(criterion.outcome == "met" for criterion in result.criteria)
        yield Tile("Criteria met", f"{met} of {len(result.criteria)}")
    times = result.times
    if times.effect_at:
        yield Tile("Load since" if carries else "Fault since", format_clock(times.effect_at))
    if times.to_detect_seconds is not None:
        yield Tile("Noticed after", format_duration(times.to_detect_seconds))
    if recovered := measure_recovery(result, times.effect_at, times.fault_ended_at):
        yield replace(make_recovery_tile(recovered), label="To recover")


def _view_criterion(criterion: CriterionResult) -> CriterionView:
    measured = format_quantity(criterion.measured, criterion.unit) if criterion.measured is not None else ""
    return CriterionView(Word.of(criterion.outcome.value), criterion.text, criterion.critical, measured, _draw_line(criterion))


def _draw_line(criterion: CriterionResult) -> Line | None:
    """The line from the least to the greatest value; None with fewer than two values."""
    points = criterion.points
    if len(points) < 2:
        return None
    relative = any(word in criterion.text.lower() for word in RELATIVE)
    limit = None if relative else criterion.threshold
    values = [value for _, value in points] + ([limit] if limit is not None else [])
    least, greatest = min(values), max(values)
    first, last = points[0][0], points[-1][0]

    def place(value: float) -> float:
        share = (value - least) / (greatest - least) if greatest > least else 0.5
        return round(HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE), 1)

    line = " ".join(f"{(at - first) / (last - first) * WIDTH:.1f},{place(value)}" for at, value in points)
    return Line(line, None if limit is None else place(limit), f"{criterion.text}: {len(points)} values")
