"""Statistics of a metric: its windows, how they compare, and when it recovered. All values are in the unit of the
metric.

Models only. `judging/window_statistics.py` describes one window, `judging/ranks.py` compares two.
"""

from datetime import datetime
from typing import Literal

from squall.domain.base.model import Model
from squall.domain.documents.metrics.metric_models import Window

MissingPolicy = Literal["breaching", "zero", "ignore"]
"""What a period without a data point means: `breaching`, silence despite traffic, which never counts as good; `zero`, a
count of zero; `ignore`, nothing."""
Conclusion = Literal["higher", "lower", "no_difference", "inconclusive"]
ComparedWindow = str
"""`baseline`, `earlier_days`, `fault`, `observation`, `recovery`, or the name of a scenario's fault."""
OF_RUN = ("baseline", "fault", "observation", "recovery")
"""The windows of every run. Any other window is that of a scenario's fault, by its name."""


class WindowStatistics(Model):
    """One metric over one window."""

    window: Window
    points: int
    """Periods with a value, including those that the policy filled."""
    expected_points: int
    missing: int
    """Periods without a data point in CloudWatch."""
    missing_policy: MissingPolicy
    of: Literal["samples", "periods"]
    """The distribution is that of CloudWatch's samples over the whole window, such as requests; or of one value per
    period."""
    n: float
    """The number of samples or periods."""
    mean: float | None = None
    """The mean over the window as a whole. For a ratio: the summed numerators over the summed denominators."""
    median: float | None = None
    p95: float | None = None
    p99: float | None = None
    minimum: float | None = None
    maximum: float | None = None


class Comparison(Model):
    """Whether, and by how much, a metric differs between two windows. `docs/judge.md` describes the method."""

    windows: tuple[ComparedWindow, ComparedWindow]
    """The earlier window, then the later one."""
    n: tuple[int, int]
    """Periods with a value in each."""
    effective_n: tuple[float, float] | None = None
    """The number of independent periods that carry the same information: neighbouring periods resemble each other."""
    before: float | None = None
    """Median of the earlier window's periods, or the mean if most periods of one of the windows are zero, but not all.
    """
    after: float | None = None
    """The same for the later window's periods."""
    p_value: float | None = None
    """Two-sided Mann-Whitney U, corrected for autocorrelation."""
    p_adjusted: float | None = None
    """`p_value` after Holm's correction over all metrics that are compared between these windows."""
    shift: float | None = None
    """Hodges-Lehmann: the typical difference, after minus before."""
    low: float | None = None
    """Lower end of the shift's confidence interval, without Holm's correction. None with a `shift` means unbounded."""
    high: float | None = None
    """Upper end of the interval; None as for `low`."""
    confidence: float = 0.95
    least: float | None = None
    """The distance from the upper quartile before to the lower quartile after; negative if the middle halves overlap or
    the metric fell."""
    greatest: float | None = None
    """The distance from the lower quartile before to the upper quartile after; negative if the metric fell clearly."""
    drift: float = 0.0
    """How much of the shift the baseline's own trend accounts for; 0 if it has none."""
    usual: tuple[float, ...] = ()
    """The values, one for each earlier day, that the metric would have now if it had changed since `before` as it did
    on that day."""
    effect_size: float | None = None
    """Common-language effect size: the probability that a later period is above an earlier one, ties counted half; 0.5
    is no difference."""
    conclusion: Conclusion
    sentence: str


class Band(Model):
    """The usual range of the metric before the fault."""

    low: float
    high: float


class MetricStatistics(Model):
    """The statistics of one metric of a run."""

    metric: str
    """Name of its binding: `response_time`, `response_time:p99`."""
    unit: str
    baseline: WindowStatistics | None = None
    fault: WindowStatistics | None = None
    observation: WindowStatistics | None = None
    """Only where the run was observed for longer than the fault lasted."""
    recovery: WindowStatistics | None = None
    comparisons: tuple[Comparison, ...] = ()
    band: Band | None = None
    left_band_at: datetime | None = None
    """Start of the first period outside the band, during the fault or later; None if there is none."""
    recovered_at: datetime | None = None
    """Start of the first period after which the metric stays inside the band; None if it never left it, or did not
    return."""
    time_to_recover_seconds: float | None = None
    """Seconds from the effect of the fault to `recovered_at`; 0 if the metric never left its band, None if it did not
    return."""


class MeasuredSeries(Model):
    """One metric over the whole run, for the charts."""

    metric: str
    unit: str
    period_seconds: int
    points: tuple[tuple[int, float], ...]
    """(start of period in epoch seconds, value in `unit`)."""


class Times(Model):
    """When things happened, and the seconds between them."""

    fault_started_at: datetime | None = None
    """FIS started the experiment."""
    effect_at: datetime | None = None
    """When the fault took effect on its first target."""
    detected_at: datetime | None = None
    """The first alarm."""
    detected_by: str = ""
    abort_requested_at: datetime | None = None
    """When there was a reason to abort: the guard fired, or somebody asked for it."""
    fault_ended_at: datetime | None = None
    """When the last target was free of the fault."""
    recovered_at: datetime | None = None
    to_effect_seconds: float | None = None
    """Seconds from the start in FIS to the effect."""
    to_detect_seconds: float | None = None
    """Seconds from the effect to the first alarm."""
    to_abort_seconds: float | None = None
    """Seconds from the reason to abort to the end of the fault."""
    to_recover_seconds: float | None = None
    """Seconds from the effect to the moment when everything held again."""
