"""Reads the history before the fault: which windows count, what CloudWatch has of them, and what other experiments
disturbed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from squall.application.metrics.disturbances import read_disturbances
from squall.application.metrics.earlier_days import read_earlier_days
from squall.application.metrics.read import SeriesByMetric, read_in_periods, read_values
from squall.application.sentinel import start_probing
from squall.application.step import NEXT, Outcome, Step, wait_for
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.metrics.cut import Cut
from squall.domain.documents.metrics.metric_models import MetricBinding, Window
from squall.domain.metrics.baseline import assess_baseline, find_daily_breaches, missing_seconds, trim_to_first_point
from squall.domain.metrics.disturbances import start_after_disturbances
from squall.domain.metrics.periods import pace_timing
from squall.domain.metrics.windows import PacedWindow, baseline_window, list_own_periods
from squall.domain.run.timeline import EventName


def capture_baseline(step: Step) -> Outcome:
    """Read the history, wait only for periods that are missing, and refuse a run whose steady state does not hold."""
    bound = step.definition.environment.timing.baseline_wait_seconds
    start_probing(step)
    history = read_history(step)
    missing = history.missing_seconds(step)
    if missing and step.elapsed < timedelta(seconds=bound):
        return wait_for(min(missing, bound))
    baseline = assess_history(step, history)
    step.put(baseline)
    if not baseline.steady:
        return step.invalid("the steady state does not hold before the fault: " + "; ".join(baseline.violations))
    length = f"{baseline.window.periods} periods of {baseline.window.period_seconds} s"
    step.note(EventName.BASELINE_CAPTURED, "; ".join([length, *(cut.said for cut in baseline.cut)]))
    return NEXT


@dataclass(frozen=True)
class History:
    """What CloudWatch has of the time before the fault."""

    window: PacedWindow
    series: SeriesByMetric
    cut: tuple[Cut, ...]

    def missing_seconds(self, step: Step) -> int:
        """How many seconds to wait for the periods that are missing."""
        return missing_seconds(step.definition, step.discovery, self.window, self.series)


def read_history(step: Step) -> History:
    """Read the history, from after the last fault of another experiment on the same failure domains."""
    bindings = step.discovery.bindings
    timing = step.definition.environment.timing
    whole = baseline_window(step.now, timing, _longest_lag(bindings))
    usual, cut = start_after_disturbances(whole, read_disturbances(step, whole.start, step.now))
    finer = {}
    for period in list_own_periods(bindings):
        own = [binding for binding in bindings if binding.period_seconds == period]
        finer[period] = baseline_window(step.now, pace_timing(timing, period), _longest_lag(own))
        if period > timing.metric_period_seconds:  # shorter ones are metrics of this run alone, which nothing else disturbs
            finer[period], _ = start_after_disturbances(finer[period], read_disturbances(step, finer[period].start, step.now))
    window = PacedWindow(usual, finer)
    return History(window, read_in_periods(step.w.metrics, bindings, window), cut)


def assess_history(step: Step, history: History) -> Baseline:
    """The baseline of the run: the history judged by the value of each metric over its window."""
    window = PacedWindow(
        trim_to_first_point(history.window.usual, history.series),
        {period: trim_to_first_point(finer, history.series) for period, finer in history.window.finer.items()},
    )
    bindings = step.discovery.bindings
    values = {
        name: value
        for binding in bindings
        for name, value in read_values(step.w.metrics, [binding], window.of(binding), history.series).items()
    }
    ahead = _hours_ahead(step, window)
    days, _ = read_earlier_days(step, bindings, ahead, ahead)
    daily = find_daily_breaches(step.definition, step.discovery, days)
    return assess_baseline(step.definition, step.discovery, window, history.series, values, history.cut, daily)


def _hours_ahead(step: Step, window: PacedWindow) -> Window:
    """A window as long as the run will be guarded, which begins at the end of the baseline."""
    usual, length = window.usual, int(step.definition.experiment.observed_length.total_seconds())
    return usual.model_copy(update={"start": usual.end, "end": usual.end + length // usual.period_seconds * usual.period_seconds})


def _longest_lag(bindings: Sequence[MetricBinding]) -> int:
    """The lag of the slowest metric: metrics that are compared must cover the same time."""
    return max((binding.lag_seconds for binding in bindings), default=0)
