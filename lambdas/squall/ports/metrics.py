"""Measurements: CloudWatch metrics, alarms, and the sentinel that probes the workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the abort path loads no pydantic
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from squall.domain.documents.guards import GuardSpec, StopGuard
    from squall.domain.documents.metrics.metric_models import MetricQuery, Series
    from squall.domain.run.alarm_state import AlarmHistory, AlarmState, Firing
    from squall.domain.sentinel.config import Sentinel
    from squall.domain.sentinel.probes import Datum, Lease, Sample


class Metrics(Protocol):
    """CloudWatch metrics. Times are epoch seconds, ends are exclusive."""

    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        """The value of each period, by query key (GetMetricData, all pages)."""

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        """One value of the statistic over the whole span (GetMetricStatistics, one period).

        None without data. For a percentile also None if CloudWatch divides the span, because the percentile of a whole
        does not follow from those of its parts.
        """

    def distribution(self, query: MetricQuery, start: int, end: int) -> Mapping[str, float]:
        """Average, Minimum, Maximum, SampleCount, p50, p95 and p99 of the metric's samples over the whole span,
        whatever the query's statistic.

        Percentiles are absent if CloudWatch divides the span; the mapping is empty without data.
        """

    def published(self, namespace: str, metric_name: str, dimensions: Sequence[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], ...]]:
        """The dimensions of every metric of this name that has at least these dimensions, published in the last two
        weeks.

        A new metric may be missing for a quarter of an hour.
        """


class Alarms(Protocol):
    """CloudWatch alarms."""

    def put(self, guard: GuardSpec, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        """Create or update a guard. Raises `Refused` if an alarm of that name is not tagged as this stack's."""

    def put_composite(self, guard: StopGuard, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        """Create or update a composite alarm. Raises `Refused` as `put` does, and if an alarm that it is made of does
        not exist."""

    def states(self, names: Sequence[str]) -> dict[str, AlarmState]:
        """The metric and composite alarms of these names; absent ones are left out."""

    def firing(self) -> Sequence[AlarmState]:
        """Every alarm in ALARM, whoever owns it. Raises `Unavailable` also if there are more than can be read."""

    def fired_since(self, name: str, since: datetime) -> Firing | None:
        """When and why the alarm first entered ALARM since this time; None if it did not. It is read from the history,
        which also contains short breaches."""

    def history_since(self, name: str, since: datetime) -> AlarmHistory | None:
        """The alarm's states from this time on; None if there is no such alarm."""

    def delete(self, names: Sequence[str]) -> None:
        """Delete the alarms; absent ones are ignored."""

    def with_prefix(self, prefix: str) -> Sequence[AlarmState]:
        """The alarms whose names begin with the prefix."""

    def tags(self, name: str) -> Mapping[str, str]:
        """The tags of an alarm; empty if it does not exist."""


class Sentinels(Protocol):
    """Leases by which one function probes for a run. Only the sentinel depends on them."""

    def take(self, execution_id: str, lease: Lease) -> None:
        """Take the lease, whoever holds it."""

    def renew(self, execution_id: str, owner: str, until: datetime) -> bool:
        """Extend the lease. False if another function holds it."""

    def get(self, execution_id: str) -> Lease | None:
        """The lease, read consistently, even if it has run out; None if there is none."""

    def release(self, execution_id: str, owner: str) -> None:
        """Give the lease back; does nothing if another function holds it."""


class Probes(Protocol):
    """The sentinel function."""

    def start(self, execution_id: str) -> bool:
        """Start the sentinel function for a run, without waiting for it. False if it is not ready: call again in a
        minute."""


class Samples(Protocol):
    """The results of probes that are running."""

    def drain(self) -> Sequence[Sample]:
        """The samples of probes that have ended since the last call."""


class Prober(Protocol):
    """Requests to the workload's URL."""

    def probing(self, sentinel: Sentinel) -> AbstractContextManager[Samples]:
        """Probe at the sentinel's pace until the context is left. Addresses that `why_address_refused` refuses are
        never probed."""


class SentinelMetrics(Protocol):
    """The metrics that a sentinel publishes."""

    def put(self, dimensions: Mapping[str, str], data: Sequence[Datum]) -> None:
        """Add the data to the metrics with these dimensions, at high resolution."""
