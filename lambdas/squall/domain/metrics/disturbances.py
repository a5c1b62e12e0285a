"""Faults of other experiments on the same failure domains: their time is cut from baselines and from earlier days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from squall.domain.documents.cut import Cut
from squall.domain.documents.metric_models import Series, Window
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName

LONGEST_RUN = timedelta(days=2)
"""From the start of an execution to the end of its fault: up to twelve hours of fault, after queues, approval and
baseline."""


@dataclass(frozen=True)
class Disturbance:
    """Another execution's fault and recovery."""

    execution_id: str
    experiment: str
    since: datetime
    until: datetime


def find_disturbances(records: Iterable[ExecutionRecord], execution_id: str, now: datetime) -> tuple[Disturbance, ...]:
    """The disturbances by executions other than this one, oldest first. One that is not over yet lasts until now."""
    others = (record for record in records if record.id != execution_id and record.fis_experiment_id is not None)
    found = (Disturbance(other.id, other.experiment, other.fault_started_at or other.started_at, _end_of(other) or now) for other in others)
    return tuple(sorted(found, key=lambda disturbance: disturbance.since))


def _end_of(record: ExecutionRecord) -> datetime | None:
    watched = max((event.at for event in record.happened(EventName.RECOVERED, EventName.NOT_RECOVERED)), default=None)
    return watched or max((at for at in (record.ended_at, record.fault_ended_at) if at and record.final), default=None)


def start_after_disturbances(window: Window, found: Sequence[Disturbance]) -> tuple[Window, tuple[Cut, ...]]:
    """The window from the first whole period after the last disturbance in it, and what was cut.

    A baseline stays one stretch, the newest, because CloudWatch has no value over a window with holes.
    """
    start, period = window.start, window.period_seconds
    cuts = []
    for one in sorted(_inside(window, found), key=lambda one: one.until):
        clear = min(window.end, max(start, ceil(one.until.timestamp() / period) * period))
        if clear > start:
            cuts.append(_cut(one, (clear - start) // period))
        start = clear
    return window.model_copy(update={"start": start}), tuple(cuts)


def drop_disturbed_points(
    series: Mapping[str, Sequence[Series]], window: Window, found: Sequence[Disturbance]
) -> tuple[dict[str, tuple[Series, ...]], tuple[Cut, ...]]:
    """The series without the points of disturbed periods, and what was cut. For points that are compared one by one."""
    period = window.period_seconds
    cuts, lost = [], set[int]()
    for one in _inside(window, found):
        first = int(one.since.timestamp() // period) * period
        mine = {at for at in range(max(window.start, first), window.end, period) if at < one.until.timestamp()} - lost
        lost |= mine
        if mine:
            cuts.append(_cut(one, len(mine)))
    kept = {
        name: tuple(one.model_copy(update={"points": tuple(point for point in one.points if point.at not in lost)}) for one in several)
        for name, several in series.items()
    }
    return kept, tuple(cuts)


def _inside(window: Window, found: Sequence[Disturbance]) -> list[Disturbance]:
    return [one for one in found if one.until.timestamp() > window.start and one.since.timestamp() < window.end]


def _cut(one: Disturbance, periods: int) -> Cut:
    return Cut(execution_id=one.execution_id, experiment=one.experiment, since=one.since, until=one.until, periods=periods)
