"""Metrics as Squall sees them: CloudWatch queries, how to combine them, and what a missing point means."""

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from squall.domain.base.model import Model
from squall.domain.language.metric_table import Counted, Kind, Published


class MetricQuery(Model):
    """One CloudWatch metric and statistic. `key` names it inside a binding's expression (`m1`, `requests`)."""

    key: str
    namespace: str
    metric_name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str
    """CloudWatch statistic: Sum, Average, Minimum, Maximum, SampleCount, p99 …"""
    published: Published = "always"
    counted: Counted = "inside_total"


class MetricBinding(Model):
    """How a metric name of the language ("System availability") is measured for this workload.

    `gauge`: one query; the value over a window is CloudWatch's own statistic with one period over the window.
    `ratio_good`, `ratio_bad`: `100 * (1 - sum(bad) / sum(total))` and `100 * sum(bad) / sum(total)`; over a window the
    numerators and denominators are summed first. `rate`: sum per second. `mean`: sum over count.
    """

    name: str
    """Canonical name of the metric, as `squall.domain.language` normalises it."""
    kind: Kind
    unit: str
    """Unit of the measured value as the language knows it (percent, seconds, count, per_second, bytes, none)."""
    scale: float = 1.0
    """Factor from CloudWatch's unit to `unit` (a metric in milliseconds measured in seconds: 0.001)."""
    queries: tuple[MetricQuery, ...]
    """gauge and rate: one. ratio: the last is the denominator (total), all before it are counts of bad events. mean:
    sum, count."""
    unattributed: tuple[MetricQuery, ...] = ()
    """Errors of a load balancer that serves other target groups too. They do not count in the value, because users of
    any of these groups may have got them."""
    period_seconds: int | None = None
    """The metric's own period in seconds: shorter than the environment's (the sentinel's) or longer (EC2 with basic
    monitoring). None: the environment's."""
    lag_seconds: int
    """Publication lag: how late CloudWatch may show a finished period."""

    @model_validator(mode="before")
    @classmethod
    def _without_retired_field(cls, value: Any) -> Any:
        """The document without `manipulated_by`. Earlier versions stored it, always empty, and nothing read it."""
        return {key: item for key, item in value.items() if key != "manipulated_by"} if isinstance(value, Mapping) else value


class Point(Model):
    """A period's value: `at` is the start of the period, epoch seconds."""

    at: int
    value: float


class Series(Model):
    """Values of one query, oldest first, one per whole period that CloudWatch had a point for."""

    key: str
    period_seconds: int
    points: tuple[Point, ...]


class Window(Model):
    """A half-open span of whole metric periods, epoch seconds, aligned to the period."""

    name: str
    """`baseline`, `fault`, `observation`, `recovery`, `run`, or the name of a scenario's fault. `observation`: from the effect of
    the fault to the end of what was asked to be watched; only where that is longer than the fault. `run`: from the beginning
    of the baseline to the end of the recovery."""
    start: int
    end: int
    period_seconds: int

    @property
    def periods(self) -> int:
        return max(0, (self.end - self.start) // self.period_seconds)
