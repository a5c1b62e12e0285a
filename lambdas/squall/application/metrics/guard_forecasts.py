"""Reads the last days of the guards' metrics, to see how often each guard would have aborted a run without a fault."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil

from squall.application.metrics.disturbances import MOST_FAULTS, read_disturbances
from squall.application.metrics.read import read_series
from squall.application.step import Step
from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.metrics.metric_models import MetricBinding, Series, Window
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.baseline import trim_to_first_point
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.disturbances import Disturbance
from squall.domain.metrics.guard_forecast import GuardHistory, forecast_false_aborts, history_span
from squall.domain.metrics.periods import pace_timing, period_of
from squall.domain.metrics.series import points_over, published_sparsely
from squall.domain.metrics.windows import last_complete_end


def forecast_guards(step: Step) -> tuple[FalseAborts, ...]:
    """The forecast of each abort condition that is measured. One request to CloudWatch for each metric, whose points are
    dropped before the next is read."""
    experiment, timing = step.definition.experiment, step.definition.environment.timing
    conditions = [condition for _, condition in parse_sentences(experiment).conditions]
    bound = [(condition, binding_of(step.discovery.bindings, condition)) for condition in conditions]
    histories: dict[str, GuardHistory | None] = {}
    forecasts = []
    for condition, binding in bound:
        if binding is not None:
            if binding.name not in histories:
                histories[binding.name] = _read_history(step, binding)
            forecasts.append(forecast_false_aborts(condition, binding, histories[binding.name], timing, experiment.observed_length))
    return tuple(forecasts)


def _read_history(step: Step, binding: MetricBinding) -> GuardHistory | None:
    """The last days of the metric, without what other experiments disturbed; None if it can have no history."""
    timing = pace_timing(step.definition.environment.timing, binding.period_seconds)
    span = history_span(binding, timing, last_complete_end(step.now, timing, binding.lag_seconds))
    if span is None:
        return None
    whole = Window(name="run", start=span[0], end=span[1], period_seconds=period_of(binding, timing))
    disturbances = read_disturbances(step, whole.start, datetime.fromtimestamp(whole.end, UTC))
    window = _skip_unknown_disturbances(whole, disturbances)
    series = _read_one(step, binding, window)
    published = series if not published_sparsely(binding) else (*series, *_read_companion(step, binding, window))
    if not any(query_series.points for query_series in published):
        return GuardHistory((), (window.end, window.end))
    known = trim_to_first_point(window, {binding.name: published})
    left_out = [(disturbance.since.timestamp(), disturbance.until.timestamp()) for disturbance in disturbances]
    return GuardHistory(points_over(binding, series, known), (known.start, known.end), left_out)


def _skip_unknown_disturbances(window: Window, disturbances: Sequence[Disturbance]) -> Window:
    """The window without the time before the oldest disturbance that was read, if there may be older ones."""
    if len(disturbances) < MOST_FAULTS:
        return window
    period = window.period_seconds
    known_since = ceil(min(disturbance.since for disturbance in disturbances).timestamp() / period) * period
    return window.model_copy(update={"start": min(max(window.start, known_since), window.end)})


def _read_one(step: Step, binding: MetricBinding, window: Window) -> tuple[Series, ...]:
    return read_series(step.w.metrics, [binding.model_copy(update={"unattributed": ()})], window)[binding.name]


def _read_companion(step: Step, binding: MetricBinding, window: Window) -> tuple[Series, ...]:
    """A metric that is always published, which shows since when the workload exists. Only since then does a count of
    errors without a data point mean zero."""
    companions = (
        other for other in step.discovery.bindings if other.period_seconds == binding.period_seconds and not published_sparsely(other)
    )
    companion = next(companions, None)
    return _read_one(step, companion, window) if companion else ()
