"""The history before the fault: which windows of it count, what is in them, and what other experiments took out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from squall.application.metrics.read import SeriesByMetric, read_in_own_periods, read_values
from squall.application.step import Step
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.cut import Cut
from squall.domain.documents.metric_models import MetricBinding
from squall.domain.metrics.baseline import assess_baseline, missing_seconds, trim_to_first_point
from squall.domain.metrics.disturbances import LONGEST_RUN, Disturbance, find_disturbances, start_after_disturbances
from squall.domain.metrics.periods import pace_timing
from squall.domain.metrics.windows import PacedWindow, baseline_window, finer_periods

MOST_FAULTS = 50
"""Other runs of two days on the same failure domains: locks let one after the other."""


@dataclass(frozen=True)
class History:
    window: PacedWindow
    series: SeriesByMetric
    cut: tuple[Cut, ...]

    def missing_seconds(self, step: Step) -> int:
        """How long to wait for what is missing."""
        return missing_seconds(step.definition, step.discovery, self.window, self.series)


def read_history(step: Step) -> History:
    """What CloudWatch has of the time before, from after the last fault of another experiment on the same failure domains."""
    bindings = step.discovery.bindings
    timing = step.definition.environment.timing
    whole = baseline_window(step.now, timing, _lag(bindings))
    usual, cut = start_after_disturbances(whole, read_disturbances(step, whole.start, step.now))
    finer = {}
    for period in finer_periods(bindings):  # of metrics of this run alone: nobody else is in them
        own = [binding for binding in bindings if binding.period_seconds == period]
        finer[period] = baseline_window(step.now, pace_timing(timing, period), _lag(own))
    window = PacedWindow(usual, finer)
    return History(window, read_in_own_periods(step.w.metrics, bindings, window), cut)


def read_disturbances(step: Step, since: int, until: datetime) -> tuple[Disturbance, ...]:
    """Others' faults and recoveries on this run's failure domains that may reach into the time from `since` (epoch seconds)."""
    domains = step.discovery.failure_domains
    if not domains:
        return ()
    begun = datetime.fromtimestamp(since, UTC) - LONGEST_RUN
    return find_disturbances(step.w.records.faulted(domains, begun, until, most=MOST_FAULTS), step.run.id, step.now)


def assess_history(step: Step, found: History) -> Baseline:
    """The verdict on the history, values over its windows included."""
    window = PacedWindow(
        trim_to_first_point(found.window.usual, found.series),
        {p: trim_to_first_point(one, found.series) for p, one in found.window.finer.items()},
    )
    bindings = step.discovery.bindings
    values = {
        name: value
        for binding in bindings
        for name, value in read_values(step.w.metrics, [binding], window.of(binding), found.series).items()
    }
    return assess_baseline(step.definition, step.discovery, window, found.series, values, found.cut)


def _lag(bindings: Sequence[MetricBinding]) -> int:
    """Of the slowest: whatever is compared has to be of the same time."""
    return max((binding.lag_seconds for binding in bindings), default=0)
