"""Faults of other experiments on the same failure domains. Their time is cut out of baselines and of earlier days."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from squall.domain.documents.metrics.cut import Cut
from squall.domain.documents.metrics.metric_models import Series, Window
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName

LONGEST_RUN = timedelta(days=2)
"""The longest time from the start of an execution to the end of its fault: up to twelve hours of fault, after queues,
approval and baseline."""


@dataclass(frozen=True)
class Disturbance:
    """Another execution's fault and recovery."""

    execution_id: str
    experiment: str
    since: datetime
    until: datetime


def find_disturbances(records: Iterable[ExecutionRecord], execution_id: str, now: datetime) -> tuple[Disturbance, ...]:
    """The disturbances by other executions, oldest first. One that is not over yet lasts until now."""
    others = (record for record in records if record.id != execution_id and record.fis_experiment_id is not None)
    disturbances = (
        Disturbance(other.id, other.experiment, other.fault_started_at or other.started_at, _end_of(other) or now) for other in others
    )
    return tuple(sorted(disturbances, key=lambda disturbance: disturbance.since))


def _end_of(record: ExecutionRecord) -> datetime | None:
    watched = max((event.at for event in record.happened(EventName.RECOVERED, EventName.NOT_RECOVERED)), default=None)
    return watched or max((at for at in (record.ended_at, record.fault_ended_at) if at and record.final), default=None)


def start_after_disturbances(window: Window, disturbances: Sequence[Disturbance]) -> tuple[Window, tuple[Cut, ...]]:
    """The window from the first whole period after the last disturbance in it, and the parts that were cut.

    The baseline stays one contiguous window, the newest, because CloudWatch has no value over a window with holes.
    """
    start, period = window.start, window.period_seconds
    cuts = []
    for disturbance in sorted(_disturbances_in(window, disturbances), key=lambda disturbance: disturbance.until):
        clear = min(window.end, max(start, ceil(disturbance.until.timestamp() / period) * period))
        if clear > start:
            cuts.append(_make_cut(disturbance, (clear - start) // period))
        start = clear
    return window.model_copy(update={"start": start}), tuple(cuts)


def drop_disturbed_points(
    series: Mapping[str, Sequence[Series]], window: Window, disturbances: Sequence[Disturbance]
) -> tuple[dict[str, tuple[Series, ...]], tuple[Cut, ...]]:
    """The series without the points of disturbed periods, and the parts that were cut. For points that are compared one
    by one."""
    period = window.period_seconds
    cuts, lost = [], set[int]()
    for disturbance in _disturbances_in(window, disturbances):
        first = int(disturbance.since.timestamp() // period) * period
        disturbed = {at for at in range(max(window.start, first), window.end, period) if at < disturbance.until.timestamp()} - lost
        lost |= disturbed
        if disturbed:
            cuts.append(_make_cut(disturbance, len(disturbed)))
    kept = {name: tuple(_without_points(query_series, lost) for query_series in several) for name, several in series.items()}
    return kept, tuple(cuts)


def _disturbances_in(window: Window, disturbances: Sequence[Disturbance]) -> list[Disturbance]:
    return [
        disturbance
        for disturbance in disturbances
        if disturbance.until.timestamp() > window.start and disturbance.since.timestamp() < window.end
    ]


def _make_cut(disturbance: Disturbance, periods: int) -> Cut:
    return Cut(
        execution_id=disturbance.execution_id,
        experiment=disturbance.experiment,
        since=disturbance.since,
        until=disturbance.until,
        periods=periods,
    )


def _without_points(series: Series, lost: Collection[int]) -> Series:
    return series.model_copy(update={"points": tuple(point for point in series.points if point.at not in lost)})
