"""Reads the metrics that a fault must have moved, to find a command that reported success but had no effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from squall.application.metrics.run_windows import Windows
from squall.application.step import Step
from squall.domain.documents.metrics.metric_models import MetricQuery, Window
from squall.domain.documents.metrics.signal_reading import SignalReading
from squall.domain.documents.rollback import Proof
from squall.domain.experiment.fault_signal import FaultSignal
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.judging.fault_signals import (
    FEWEST_PERIODS,
    Signal,
    fit_periods,
    list_spans,
    must_show,
    not_told,
    of_several,
    read_signal,
)
from squall.errors import Refused, Unavailable
from squall.faults import registry
from squall.faults.plan import list_signals
from squall.ports.metrics import Metrics

MOST_SERIES = 10
"""The most series that are read of one metric of one target. An agent publishes one for each disk, file system and
aggregation."""


def read_signals(step: Step, windows: Windows, proofs: Sequence[Proof]) -> tuple[SignalReading, ...]:
    """The readings of the fault's own signals and of the one that the experiment declares.

    They are read only if the mechanism's report is the proof. If the state of the targets changed, that is proof
    enough. Raises Unavailable if asking again may help.
    """
    own = list_signals(step.definition, step.discovery)
    environment = step.definition.environment
    plan = step.definition.experiment.plan
    unproven = {planned.name for planned in plan if registry.bind_fault(planned, environment).requires_signal(planned.parameters)}
    return tuple(
        (_require_movement(reading) if planned.name in unproven else reading).model_copy(update={"fault": planned.name})
        for planned in step.definition.experiment.plan
        for reading in _read_of_fault(step, windows, proofs, planned, own[planned.name])
    )


def _require_movement(reading: SignalReading) -> SignalReading:
    """The reading for a fault that only a metric can show: a metric that decides nothing contradicts it."""
    if reading.reading != "not_told":
        return reading
    detail = f"nothing shows that the fault reached {', '.join(reading.targets)}: {reading.detail}"
    return reading.model_copy(update={"reading": "contradicted", "detail": detail})


def _read_of_fault(
    step: Step, windows: Windows, proofs: Sequence[Proof], planned: PlannedFault, own: Sequence[Signal]
) -> tuple[SignalReading, ...]:
    """The readings for one fault, in the window in which that fault was in effect."""
    name = planned.name
    claimed = tuple(proof.target for proof in proofs if proof.fault == name and proof.proven and proof.kind == "mechanism")
    if not claimed:
        return ()
    names = {target.id: target.measured_as for target in step.discovery.pinned}
    declared = _declared_signals(planned.fault_signal, claimed, names) if planned.fault_signal else ()
    asked = [signal for signal in (*own, *declared) if set(signal.targets) <= set(claimed)]
    if not asked:
        unknown = "none is known that this fault must move; fault_signal in the definition can name one"
        return (SignalReading(targets=claimed, metric="", reading="not_told", detail=unknown),)
    if span := windows.spans.get(name):
        windows = replace(windows, fault=windows.of_faults[name], effect_at=span.first, fault_end=span.over)
    try:
        return _read_values(step.w.metrics, asked, windows)
    except (Unavailable, Refused) as error:
        if isinstance(error, Unavailable) and error.retryable:
            raise
        return tuple(not_told(signal, f"could not be read ({error})") for signal in asked)


def _declared_signals(declared: FaultSignal, targets: Sequence[str], names: Mapping[str, str]) -> tuple[Signal, ...]:
    return tuple(
        Signal(
            targets=(target,),
            namespace=declared.namespace,
            metric_name=declared.metric_name,
            dimensions=declared.dimensions_of(names.get(target, target)),
            statistic=declared.statistic,
            direction=declared.direction,
            by=declared.by,
            after_seconds=declared.after_seconds,
        )
        for target in targets
    )


def _read_values(metrics: Metrics, asked: Sequence[Signal], windows: Windows) -> tuple[SignalReading, ...]:
    queries = [_make_queries(metrics, number, signal) for number, signal in enumerate(asked)]
    values = _Values(metrics, [query for some in queries for query in some])
    return tuple(
        of_several(signal, [_of_series(signal, query.key, values, windows) for query in some])
        for signal, some in zip(asked, queries, strict=True)
    )


def _make_queries(metrics: Metrics, number: int, signal: Signal) -> list[MetricQuery]:
    known: Sequence[tuple[tuple[str, str], ...]] = [signal.dimensions]
    if signal.partly:
        published = metrics.published(signal.namespace, signal.metric_name, signal.dimensions)
        known = sorted(published, key=lambda dimensions: (len(dimensions), dimensions))[:MOST_SERIES]
    return [
        MetricQuery(
            key=f"s{number}_{place}",
            namespace=signal.namespace,
            metric_name=signal.metric_name,
            dimensions=dimensions,
            statistic=signal.statistic,
        )
        for place, dimensions in enumerate(known)
    ]


@dataclass
class _Values:
    """The values of every series of every signal. Each window is read once."""

    metrics: Metrics
    queries: Sequence[MetricQuery]
    known: dict[Window, Mapping[str, list[float]]] = field(default_factory=dict)

    def of(self, key: str, window: Window) -> list[float]:
        if window not in self.known:
            series_by_key = self.metrics.series(self.queries, window.start, window.end, window.period_seconds) if window.periods else {}
            self.known[window] = {name: [point.value for point in series.points] for name, series in series_by_key.items()}
        return self.known[window].get(key, [])


def _of_series(signal: Signal, key: str, values: _Values, windows: Windows) -> SignalReading:
    """The reading in the shortest periods that all have a value. Shorter ones may be late, or the metric is published
    less often.
    """
    if windows.baseline is None:
        return not_told(signal, "can't be compared: there is no baseline")
    if signal.required:
        window = windows.touched if windows.observation and windows.fault.periods < FEWEST_PERIODS else windows.fault
        during = values.of(key, window)
        return must_show(
            signal, values.of(key, windows.baseline), during, max(window.periods, FEWEST_PERIODS if windows.observation else 0)
        )
    tried = list(list_spans(signal, windows.fault))
    for window in tried:
        during, before = values.of(key, window), values.of(key, fit_periods(windows.baseline, window.period_seconds))
        if len(during) == window.periods and len(before) >= FEWEST_PERIODS:
            return read_signal(signal, before, during)
    return not_told(signal, "has no value for every period of the fault" if tried else "could not show it yet: the fault was too short")
