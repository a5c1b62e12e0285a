"""The newest metric values of a run, beside the thresholds of its criteria and abort conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from squall.application.metrics.read import read_series
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.series import combine_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from squall.domain.documents.baseline import Baseline
    from squall.domain.documents.definition import Definition
    from squall.domain.documents.discovery import Discovery
    from squall.domain.documents.metrics.metric_models import MetricBinding, Point
    from squall.ports.metrics import Metrics

PERIODS = 30
Role = Literal["guard", "criterion"]


@dataclass(frozen=True)
class Reading:
    """One sentence with the newest value of its metric. `breached`: a guard's condition holds, or a criterion's does
    not."""

    role: Role
    text: str
    unit: str
    threshold: float
    value: float | None
    history: tuple[float, ...]
    breached: bool | None


def read_metrics(
    metrics: Metrics, definition: Definition, discovery: Discovery, baseline: Baseline | None, now: datetime
) -> tuple[Reading, ...]:
    """A reading for every threshold sentence that has a metric, guards first, from one request to CloudWatch."""
    period = definition.environment.timing.metric_period_seconds
    end = int(now.timestamp()) // period * period
    window = Window(name="fault", start=end - PERIODS * period, end=end, period_seconds=period)
    series = read_series(metrics, discovery.bindings, window)
    points = {binding.name: combine_series(binding, series[binding.name], period) for binding in discovery.bindings}
    parsed = parse_sentences(definition.experiment)
    criteria = [sentence for _, _, sentence in parsed.criteria if isinstance(sentence, Threshold)]
    return (
        *_make_readings("guard", [threshold for _, threshold in parsed.conditions], discovery.bindings, points, baseline),
        *_make_readings("criterion", criteria, discovery.bindings, points, baseline),
    )


def _make_readings(
    role: Role,
    thresholds: Sequence[Threshold],
    bindings: Sequence[MetricBinding],
    points: Mapping[str, Sequence[Point]],
    baseline: Baseline | None,
) -> list[Reading]:
    readings = []
    for threshold in thresholds:
        binding = binding_of(bindings, threshold)
        if binding is not None:
            usual = baseline.measurements.get(binding.name) if baseline else None
            readings.append(make_reading(role, threshold, [point.value for point in points[binding.name]], usual))
    return readings


def make_reading(role: Role, threshold: Threshold, values: Sequence[float], usual: float | None) -> Reading:
    """Compares the newest of `values` with a threshold; a relative threshold refers to `usual`, the value of the
    baseline."""
    compared = [value for value in (threshold.compared(raw, usual) for raw in values) if value is not None]
    breached: bool | None = None
    if compared:
        holds = threshold.holds(values[-1], usual)
        breached = holds if role == "guard" else not holds
    return Reading(role, threshold.text, threshold.unit, threshold.value, compared[-1] if compared else None, tuple(compared), breached)
