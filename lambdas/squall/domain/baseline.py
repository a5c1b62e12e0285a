"""The history before the fault: series arithmetic, and whether the steady state holds."""

from collections.abc import Mapping, Sequence

from squall.domain.documents import Baseline, Definition, Discovery
from squall.domain.metrics import MetricBinding, Point, Series, Window


def combine(binding: MetricBinding, series: Sequence[Series], period_seconds: int) -> tuple[Point, ...]:
    """Per-period values in the binding's unit. Counts published only when non-zero are 0 where the denominator has a point; denominators are never filled."""
    raise NotImplementedError


def value_over(binding: MetricBinding, totals: Mapping[str, float | None], seconds: int) -> float | None:
    """The value over a window from each query's one-period statistic over it (by query key)."""
    raise NotImplementedError


def assess(
    definition: Definition,
    discovery: Discovery,
    window: Window,
    series: Mapping[str, Sequence[Series]],
    values: Mapping[str, float | None],
) -> Baseline:
    """`series` and `values` by binding name (value from `value_over`)."""
    raise NotImplementedError


def missing_periods(definition: Definition, discovery: Discovery, window: Window, series: Mapping[str, Sequence[Series]]) -> int:
    """How many more periods CaptureBaseline should wait for before it can judge; 0 when enough."""
    raise NotImplementedError
