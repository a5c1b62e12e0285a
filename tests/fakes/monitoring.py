"""Metrics that are functions of time, and alarms that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from squall.domain.documents.metrics.metric_models import Point, Series
from squall.domain.metrics.alarm_settings import alarm_settings
from squall.domain.run.alarm_state import AlarmHistory, AlarmState, Firing, Watched
from squall.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from squall.domain.documents.guards import GuardSpec, StopGuard
    from squall.domain.documents.metrics.metric_models import MetricQuery
    from tests.fakes.clock import FakeClock

    Signal = Callable[[int], float | None]
    """Start of a period (epoch seconds) to its value; None: no point."""


class FakeMetrics:
    """Metrics: one that was not set has no points, and a point that is not published yet is not returned."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._signals: dict[tuple[str, str | None], Signal] = {}
        self.period_seconds = 60
        self.more_dimensions: dict[str, tuple[tuple[tuple[str, str], ...], ...]] = {}
        """By metric: the further dimensions that each of its series is published with."""
        self.lag_seconds = 0
        self.kept_seconds = 30 * 3600
        """For how long every metric has been published: as long as guards need to be forecast, and no longer, because every point
        of the history takes time in every test."""

    def set(self, metric_name: str, signal: Signal | float | None, *, statistic: str | None = None) -> None:
        """Set a value for every period, or a function of the period's start; for one statistic or for all."""
        self._signals[metric_name, statistic] = _constant(signal) if signal is None or isinstance(signal, int | float) else signal

    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        if len({query.key for query in queries}) != len(queries):
            raise ValueError("two queries of one key")
        results = {}
        for query in queries:
            points = tuple(Point(at=at, value=value) for at, value in self._values(query, start, end, period_seconds))
            results[query.key] = Series(key=query.key, period_seconds=period_seconds, points=points)
        return results

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        values = [value for _, value in self._values(query, start, end, self.period_seconds)]
        if not values:
            return None
        if query.statistic.startswith("p"):
            ordered = sorted(values)
            return ordered[min(len(ordered) - 1, int(len(ordered) * float(query.statistic[1:]) / 100))]
        return _STATISTICS[query.statistic](values)

    def distribution(self, query: MetricQuery, start: int, end: int) -> Mapping[str, float]:
        asked = ("Average", "Minimum", "Maximum", "SampleCount", "p50", "p95", "p99")
        results = {name: self.over(query.model_copy(update={"statistic": name}), start, end) for name in asked}
        return {name: value for name, value in results.items() if value is not None}

    def published(self, namespace: str, metric_name: str, dimensions: Sequence[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], ...]]:
        if not any(name == metric_name and signal is not None for (name, _), signal in self._signals.items()):
            return []
        return [tuple(sorted((*dimensions, *more))) for more in self.more_dimensions.get(metric_name, ((),))]

    def _values(self, query: MetricQuery, start: int, end: int, period_seconds: int) -> list[tuple[int, float]]:
        signal = self._signals.get((query.metric_name, query.statistic)) or self._signals.get((query.metric_name, None))
        if signal is None:
            return []
        observed = self._clock.now().timestamp() - self.lag_seconds
        since = max(start, int(self._clock.now().timestamp()) - self.kept_seconds)
        first = -(-since // period_seconds) * period_seconds
        periods = (at for at in range(first, end, period_seconds) if at + period_seconds <= observed)
        return [(at, value) for at in periods if (value := signal(at)) is not None]


_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Minimum": min,
    "Maximum": max,
    "Average": fmean,
    "Sum": sum,
    "SampleCount": sum,
}


def _constant(value: float | None) -> Signal:
    return lambda _: value


@dataclass
class FakeAlarm:
    name: str
    state: str = "INSUFFICIENT_DATA"
    updated_at: datetime | None = None
    actions_enabled: bool = True
    description: str = ""
    action_arn: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    guard: GuardSpec | None = None
    history: list[tuple[datetime, str, str]] = field(default_factory=list)
    first_state: str = ""
    """The state before the first change in the history."""
    configured_at: datetime | None = None
    watches: tuple[Watched, ...] = ()
    seconds_to_alarm: int = 180
    missing_data: str = "missing"
    only_scales: bool = False
    reason: str = "Threshold Crossed"
    """StateReason of the newest change."""
    members: tuple[str, ...] = ()
    rule: str = ""
    """The rule of a composite alarm, and the alarms that it names."""


class FakeAlarms:
    """Alarms: a new one has insufficient data until it has been evaluated."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.alarms: dict[str, FakeAlarm] = {}
        self.arming_seconds: float | None = 60
        """Seconds from creation to OK; None: never (no data)."""
        self.listeners: list[Callable[[FakeAlarm], None]] = []
        """Called at each change of state: alarm actions, EventBridge, FIS stop conditions."""

    def put(self, guard: GuardSpec, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        existing = self.alarms.get(guard.name)
        if existing is not None and existing.tags.get("squall:stack") != tags["squall:stack"]:
            raise Refused("cloudwatch", "PutMetricAlarm", "NotOurs", f"alarm {guard.name} exists")
        if existing is None:
            existing = self.alarms[guard.name] = FakeAlarm(guard.name, updated_at=self._clock.now(), tags=dict(tags))
            if self.arming_seconds is not None:
                self._clock.after(self.arming_seconds, lambda: self._arm(guard.name))
        existing.configured_at = self._clock.now()
        existing.description, existing.action_arn, existing.guard = description, action_arn, guard

    def put_composite(self, guard: StopGuard, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        if absent := [name for name in guard.alarms if name not in self.alarms]:
            raise Refused("cloudwatch", "PutCompositeAlarm", "ValidationError", f"alarms {absent} in the alarm rule do not exist")
        existing = self.alarms.get(guard.name)
        if existing is not None and existing.tags.get("squall:stack") != tags["squall:stack"]:
            raise Refused("cloudwatch", "PutCompositeAlarm", "NotOurs", f"alarm {guard.name} exists")
        if existing is None:
            existing = self.alarms[guard.name] = FakeAlarm(guard.name, updated_at=self._clock.now(), tags=dict(tags))
            existing.members, existing.rule = guard.alarms, guard.rule
            self._clock.after(1, lambda: self._compose(guard.name))
        existing.description, existing.action_arn = description, action_arn

    def _compose(self, name: str) -> None:
        """A composite alarm has no missing data: it is OK unless one of its alarms fires."""
        alarm = self.alarms.get(name)
        if alarm is not None:
            states = {self.alarms[member].state for member in alarm.members if member in self.alarms}
            self.set_state(name, "ALARM" if "ALARM" in states else "OK")

    def _arm(self, name: str) -> None:
        alarm = self.alarms.get(name)
        if alarm is not None and alarm.state == "INSUFFICIENT_DATA":
            self.set_state(name, "OK")

    def set_state(self, name: str, state: str, reason: str = "Threshold Crossed") -> None:
        alarm = self.alarms[name]
        if alarm.state == state:
            return
        if not alarm.history:
            alarm.first_state = alarm.state
        alarm.state, alarm.reason, alarm.updated_at = state, reason, self._clock.now()
        alarm.history.append((self._clock.now(), state, reason))
        for listener in list(self.listeners):
            listener(alarm)
        for parent in [entry.name for entry in self.alarms.values() if name in entry.members]:
            self._compose(parent)

    def states(self, names: Sequence[str]) -> dict[str, AlarmState]:
        return {name: _state(self.alarms[name]) for name in names if name in self.alarms}

    def firing(self) -> Sequence[AlarmState]:
        return [_state(alarm) for _, alarm in sorted(self.alarms.items()) if alarm.state == "ALARM"]

    def fired_since(self, name: str, since: datetime) -> Firing | None:
        alarm = self.alarms.get(name)
        fired = [Firing(at, reason) for at, state, reason in alarm.history if state == "ALARM" and at >= since] if alarm else []
        return min(fired, key=lambda firing: firing.at, default=None)

    def history_since(self, name: str, since: datetime) -> AlarmHistory | None:
        alarm = self.alarms.get(name)
        if alarm is None:
            return None
        later = [(at, state) for at, state, _ in alarm.history if at >= since]
        earlier = [state for at, state, _ in alarm.history if at < since]
        first = earlier[-1] if earlier else alarm.state if not later else alarm.first_state
        members = tuple((member, self.history_since(member, since)) for member in alarm.members)
        return AlarmHistory(((since, first), *later), alarm.configured_at, alarm.seconds_to_alarm, members)

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self.alarms.pop(name, None)

    def tags(self, name: str) -> Mapping[str, str]:
        return self.alarms[name].tags if name in self.alarms else {}

    def with_prefix(self, prefix: str) -> Sequence[AlarmState]:
        return [_state(alarm) for name, alarm in sorted(self.alarms.items()) if name.startswith(prefix)]


def _state(alarm: FakeAlarm) -> AlarmState:
    return AlarmState(
        alarm.name,
        alarm.state,
        alarm.updated_at,
        alarm.actions_enabled,
        alarm.description,
        configured_at=alarm.configured_at,
        watches=alarm.watches,
        seconds_to_alarm=alarm.seconds_to_alarm,
        missing_data=alarm.missing_data,
        members=alarm.members,
        reason=alarm.reason,
        settings=_settings_of(alarm),
        only_scales=alarm.only_scales,
    )


def _settings_of(alarm: FakeAlarm) -> dict[str, object]:
    if alarm.rule:
        return {"AlarmRule": alarm.rule}
    return alarm_settings(alarm.guard) if alarm.guard else {}
