"""CaptureBaseline: read the history that is already there, wait only for what is missing; the steady state must hold."""

from datetime import timedelta

from squall.application.measuring import read_series, read_values
from squall.application.step import NEXT, Outcome, Step, step, wait
from squall.domain.baseline import assess, missing_periods, seen
from squall.domain.windows import baseline_window


@step("CaptureBaseline")
def handler(step: Step) -> Outcome:
    definition, discovery = step.definition, step.discovery
    timing = definition.environment.timing
    lag = max((binding.lag_seconds for binding in discovery.bindings), default=0)
    window = baseline_window(step.now, timing, lag)
    series = read_series(step.w.metrics, discovery.bindings, window)
    missing = missing_periods(definition, discovery, window, series)
    if missing and step.elapsed < timedelta(seconds=timing.baseline_wait_seconds):
        return wait(min(missing * timing.metric_period_seconds, timing.baseline_wait_seconds))
    window = seen(window, series)
    values = read_values(step.w.metrics, discovery.bindings, window, series)
    baseline = assess(definition, discovery, window, series, values)
    step.put("baseline", baseline)
    if not baseline.steady:
        return step.invalid("the steady state does not hold before the fault: " + "; ".join(baseline.violations))
    step.note("baseline_captured", f"{window.periods} periods of {window.period_seconds} s")
    return NEXT
