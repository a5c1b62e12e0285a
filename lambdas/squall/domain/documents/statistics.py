"""What was measured of a metric in words a report can show: its windows, how they compare, when it was back. All numbers in its unit.

Models only: the arithmetic of one window is `describe`, the comparison of two is `ranks`.
"""

from datetime import datetime
from typing import Literal

from squall.domain.documents.metric_models import Window
from squall.domain.model import Model

MissingPolicy = Literal["breaching", "zero", "ignore"]
"""What a period without a point means: silence where there was traffic (`breaching`: never taken for good), a count of zero, or nothing."""
Conclusion = Literal["higher", "lower", "no_difference", "inconclusive"]
ComparedWindow = Literal["baseline", "earlier_days", "fault", "recovery"]


class WindowStatistics(Model):
    """One metric over one window."""

    window: Window
    points: int
    """Periods with a value, those filled by the policy included."""
    expected_points: int
    missing: int
    """Periods CloudWatch has no point for."""
    missing_policy: MissingPolicy
    of: Literal["samples", "periods"]
    """What the distribution is of: CloudWatch's own samples over the whole window (each request), or one value a period."""
    n: float
    """How many of these there are."""
    mean: float | None = None
    """Over the window as a whole: of a ratio, summed numerators over summed denominators."""
    median: float | None = None
    p95: float | None = None
    p99: float | None = None
    minimum: float | None = None
    maximum: float | None = None


class Comparison(Model):
    """Whether, and by how much, a metric differs between two windows: `docs/judge.md` has the method."""

    windows: tuple[ComparedWindow, ComparedWindow]
    """Before, after."""
    n: tuple[int, int]
    """Periods with a value in each."""
    effective_n: tuple[float, float] | None = None
    """What they are worth: neighbouring periods repeat each other."""
    before: float | None = None
    """The typical period before: its median."""
    after: float | None = None
    p_value: float | None = None
    """Two-sided Mann-Whitney U, corrected for autocorrelation."""
    p_adjusted: float | None = None
    """The same after Holm's correction over the metrics compared between these windows."""
    shift: float | None = None
    """Hodges-Lehmann: the typical difference, after minus before."""
    low: float | None = None
    """Of the shift's confidence interval, not corrected by Holm; None with a shift: unbounded on this side."""
    high: float | None = None
    confidence: float = 0.95
    effect_size: float | None = None
    """Common language: how likely a period after is above a period before, ties counted half; 0.5 is no difference."""
    conclusion: Conclusion
    sentence: str


class Band(Model):
    """Where the metric usually was before the fault."""

    low: float
    high: float


class MetricStatistics(Model):
    """Everything about one metric of a run."""

    metric: str
    """Name of its binding: `response_time`, `response_time:p99`."""
    unit: str
    baseline: WindowStatistics | None = None
    fault: WindowStatistics | None = None
    recovery: WindowStatistics | None = None
    comparisons: tuple[Comparison, ...] = ()
    band: Band | None = None
    left_band_at: datetime | None = None
    """Start of the first period of the fault or later that is outside the band; None: it never left."""
    recovered_at: datetime | None = None
    """Start of the first period after which it stays inside; None where it never left, or was not back while watched."""
    time_to_recover_seconds: float | None = None
    """From the fault's effect to `recovered_at`; 0 where it never left its band, None where it was not back."""


class MeasuredSeries(Model):
    """One metric through the whole run, as it is drawn."""

    metric: str
    unit: str
    period_seconds: int
    points: tuple[tuple[int, float], ...]
    """(start of period in epoch seconds, value in `unit`)."""


class Times(Model):
    """How quickly things happened: seconds, and the moments they are counted from."""

    fault_started_at: datetime | None = None
    """FIS began."""
    effect_at: datetime | None = None
    """The fault took effect on its first target."""
    detected_at: datetime | None = None
    """The first alarm."""
    detected_by: str = ""
    abort_requested_at: datetime | None = None
    fault_ended_at: datetime | None = None
    """The last target was free of it."""
    recovered_at: datetime | None = None
    to_effect_seconds: float | None = None
    """From FIS's start to the effect."""
    to_detect_seconds: float | None = None
    """From the effect to the first alarm."""
    to_abort_seconds: float | None = None
    """From the reason to abort to the end of the fault."""
    to_recover_seconds: float | None = None
    """From the effect to when everything held again."""
