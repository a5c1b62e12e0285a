"""The periods of metrics: how often CloudWatch has a data point, how late, and how soon an alarm acts on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from squall.domain.documents.metrics.metric_models import MetricBinding
from squall.domain.experiment.experiment import Experiment, MetricDefinition
from squall.domain.language.metric_table import LOAD_BALANCER_LAG_SECONDS, METRICS, measured_by_sentinel
from squall.domain.language.sentences import Threshold
from squall.domain.policy.environment import Timing
from squall.domain.sentinel.config import HIGH_RESOLUTION_KEPT

SHORT_PERIODS_TO_ALARM = (3, 5)
"""M and N of a guard on periods of less than a minute. Its missing data breaches, and PutMetricData may be some periods
late: CloudWatch looks two periods further back than N, so with M = 2 it alarms when the newest four of periods are
missing, with M = 3 only when five are."""


@dataclass(frozen=True)
class SlowMetric:
    """A metric that CloudWatch has less often than the environment's metric period."""

    period_seconds: int
    why: str
    remedy: str = ""
    """The setting that would make it as frequent as others, with the command; empty if there is none."""


SlowMetrics = Mapping[str, SlowMetric]
"""By the metric's name."""
NONE_SLOW: SlowMetrics = {}


def lag_of(metric: str, timing: Timing, declared: Mapping[str, MetricDefinition] | None = None) -> int:
    """Seconds after its end at which a period of the metric is complete in CloudWatch.

    The policy's `metric_lag_seconds` overrides every other figure; a declared metric has its own. Raises KeyError for
    an unknown metric.
    """
    if timing.metric_lag_seconds is not None:
        return timing.metric_lag_seconds
    if declared and metric in declared:
        return declared[metric].lag_seconds
    return METRICS[metric].lag_seconds


def lag_table(timing: Timing, declared: Mapping[str, MetricDefinition]) -> Callable[[str], int]:
    """`lag_of` with the experiment's own metrics and the policy filled in."""
    return lambda metric: lag_of(metric, timing, declared)


def sentinel_period(length: timedelta, recovery: timedelta | None, timing: Timing) -> int | None:
    """The period of the sentinel's metrics, in seconds; None means the environment's metric period.

    CloudWatch keeps points of less than a minute for three hours only. If a run may take longer, from its baseline to
    its judgement with all its waiting, it uses the environment's period from the beginning. `length` is that of the
    observation, or of the fault if that is not longer.
    """
    period = timing.sentinel_period_seconds
    if period >= timing.metric_period_seconds or timing.metric_period_seconds % period:
        return None
    waiting = timing.arming_seconds + timing.slot_wait_seconds + timing.stop_seconds + 2 * LOAD_BALANCER_LAG_SECONDS
    before = period * timing.baseline_periods + waiting
    after = recovery or timedelta(seconds=timing.recovery_seconds)
    return period if timedelta(seconds=before) + length + after <= HIGH_RESOLUTION_KEPT else None


def pace_timing(timing: Timing, period_seconds: int | None) -> Timing:
    """The timing for metrics with a period of their own. CloudWatch evaluates an alarm with periods under a minute once
    a period. Its guards need at least SHORT_PERIODS_TO_ALARM. The baseline of a metric with longer periods covers the
    same time as that of the others, or as many periods as a baseline must have."""
    if period_seconds is None:
        return timing
    if period_seconds > timing.metric_period_seconds:
        covering = ceil(timing.baseline_periods * timing.metric_period_seconds / period_seconds)
        periods = max(covering, timing.minimum_baseline_periods)
        return timing.model_copy(update={"metric_period_seconds": period_seconds, "baseline_periods": periods})
    breaching, evaluated = SHORT_PERIODS_TO_ALARM
    return timing.model_copy(
        update={
            "metric_period_seconds": period_seconds,
            "alarm_evaluation_seconds": min(timing.alarm_evaluation_seconds, period_seconds),
            "guard_datapoints_to_alarm": max(timing.guard_datapoints_to_alarm, breaching),
            "guard_evaluation_periods": max(timing.guard_evaluation_periods, evaluated),
        }
    )


def period_of(binding: MetricBinding, timing: Timing) -> int:
    """The distance between two data points, in seconds."""
    return binding.period_seconds or timing.metric_period_seconds


def pace_threshold(
    threshold: Threshold, timing: Timing, length: timedelta, recovery: timedelta | None, slow: SlowMetrics = NONE_SLOW
) -> Timing:
    """The timing in the periods of the sentence's metric. `length` is that of the observation."""
    if threshold.metric in slow:
        return pace_timing(timing, slow[threshold.metric].period_seconds)
    return pace_timing(timing, sentinel_period(length, recovery, timing)) if measured_by_sentinel(threshold.metric) else timing


def count_datapoints(threshold: Threshold | None, timing: Timing) -> tuple[int, int]:
    """M and N: a guard fires when M of the last N periods breach.

    They are the timing's, or every period of the sentence's `for`.
    """
    if threshold and threshold.for_seconds:
        periods = ceil(threshold.for_seconds / timing.metric_period_seconds)
        return periods, periods
    return timing.guard_datapoints_to_alarm, timing.guard_evaluation_periods


def reaction_seconds(timing: Timing, lag: int, threshold: Threshold | None = None) -> int:
    """The longest time from breach to alarm that CloudWatch documents: period × M + lag + evaluation."""
    return timing.metric_period_seconds * count_datapoints(threshold, timing)[0] + lag + timing.alarm_evaluation_seconds


def typical_reaction_seconds(timing: Timing, lag: int, threshold: Threshold | None = None) -> int:
    """The usual time from breach to alarm on real load balancers: an alarm acts on the first data point of a period,
    not on the complete one.

    `lag` is when a finished period is *complete*, which Judge must wait for: 180 s for a load balancer. CloudWatch
    first publishes the period after about a third of that, on AWS never in less than a minute. Measured: 1 to 6 minutes
    from breach to alarm.
    """
    first_seen = min(lag, max(60, lag // 3))
    return timing.metric_period_seconds * count_datapoints(threshold, timing)[0] + first_seen + timing.alarm_evaluation_seconds


def whole_periods(length: timedelta, timing: Timing) -> int:
    """How many whole periods a window of this length contains wherever it starts. The partial periods at both ends do
    not count."""
    return max(0, int(length.total_seconds()) // timing.metric_period_seconds - 1)


def format_length(length: timedelta) -> str:
    """A length as people write it: `90 s`, `10 min`, `1 h 30 min`."""
    seconds = int(length.total_seconds())
    if seconds < 120 or seconds % 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def describe_lengths(experiment: Experiment) -> str:
    """How long the fault lasts, and for how long the run is observed if that is longer."""
    length = format_length(experiment.length)
    return f"{length}, observed for {format_length(experiment.observed_length)}" if experiment.observes_longer else length
