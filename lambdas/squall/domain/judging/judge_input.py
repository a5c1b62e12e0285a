"""The input of a judgement, and the result for one criterion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.metrics.metric_models import MetricBinding, Series, Window
from squall.domain.documents.metrics.statistics import MetricStatistics
from squall.domain.documents.recovery import Recovery
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.metrics.windows import EffectSpan
from squall.domain.run.alarm_state import AlarmHistory


@dataclass(frozen=True)
class JudgeInput:
    definition: Definition
    discovery: Discovery
    traits: FaultTraits
    baseline: Baseline | None
    effect_at: datetime
    fault_end: datetime
    windows: Mapping[str, Window]
    """The windows by name: baseline, fault, observation, recovery, and the names of a scenario's faults."""
    series: Mapping[str, Mapping[str, Sequence[Series]]]
    """Window name to binding name to the series of its queries."""
    values: Mapping[str, Mapping[str, float | None]]
    """Window name to binding name to the value over the whole window (`series.value_over`)."""
    alarms_fired: Mapping[str, datetime | None]
    """Alarm name to when it first fired since the effect, by its history. An alarm whose history could not be read is
    absent."""
    recovery: Recovery | None
    statistics: Mapping[str, MetricStatistics] = field(default_factory=dict)
    """Statistics by binding name; empty if the windows could not be compared."""
    alarm_histories: Mapping[str, AlarmHistory] = field(default_factory=dict)
    """Alarm name to its states since the effect. An alarm of which nothing could be read is absent."""
    finer: Mapping[int, Mapping[str, Window]] = field(default_factory=dict)
    """Windows by name in the periods of metrics that have their own."""
    alarms_read_at: datetime | None = None
    """The time at which the alarms' history was read. None: at the end of the last window or later."""

    run_series: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    """Binding name to the series of its queries over the whole run, with the periods between the windows."""
    spans: Mapping[str, EffectSpan] = field(default_factory=dict)
    """When each fault of a scenario was in effect, by its name. A fault that took no effect is absent."""

    def window_of(self, name: str, binding: MetricBinding | None) -> Window | None:
        """The window of this name, in the metric's own period."""
        own = self.finer.get(binding.period_seconds or 0) if binding else None
        return (own or self.windows).get(name)

    def series_of_run(self, metric: str) -> tuple[Series, ...]:
        """The metric's series in every window."""
        return tuple(series for by_metric in self.series.values() for series in by_metric.get(metric, ()))

    @property
    def alarms_watched_until(self) -> datetime:
        """The time until which the alarms' history is known."""
        last = max((datetime.fromtimestamp(window.end, UTC) for window in self.windows.values()), default=self.fault_end)
        return self.alarms_read_at or max(last, self.fault_end)


@dataclass(frozen=True)
class Judged:
    """The result for one criterion, apart from the fields that every CriterionResult has."""

    kind: str
    outcome: CriterionOutcome
    reason: str
    measured: float | None = None
    more: Mapping[str, Any] | None = None
