"""One metric over one window: how many points, what is missing and what that means, the distribution; and where it usually was."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import floor

from squall.domain.documents.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.statistics import Band, WindowStatistics
from squall.domain.metrics.series import dead_periods, missing_policy, points_over, published_sparsely

FENCE = 3
"""Tukey's outer fences: this many interquartile ranges beyond the quartiles. A healthy metric leaves them about never."""
FLAT = 0.01
"""Half-width, as a share of its median, of the band of a metric that never moved: one failed request is not a departure."""
USUALLY = 0.8
"""Share of a window's periods with requests from which on a period without any is unusual."""
DISTRIBUTIONS = frozenset({"Average", "Minimum", "Maximum"})
"""Statistics of a gauge whose samples CloudWatch keeps, so that percentiles over a window can be asked for; every `p…` too."""


def has_distribution(binding: MetricBinding) -> bool:
    """Whether CloudWatch can be asked for percentiles of its samples: of a gauge, not of counts, rates and ratios."""
    (first, *more) = binding.queries
    if binding.period_seconds is not None:  # CloudWatch answers for whole minutes
        return False
    return binding.kind == "gauge" and not more and (first.statistic in DISTRIBUTIONS or first.statistic.startswith("p"))


def seen_points(binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series], window: Window) -> tuple[Point, ...]:
    """The value of each period that was seen; one in which only errors were answered is seen, and failed.

    `hosts`: the counts of healthy hosts. `series` may reach beyond the window.
    """
    failed = 0.0 if binding.kind == "ratio_good" else 100.0
    points = points_over(binding, series, window)
    if binding.kind == "rate":
        return _with_idle_periods(points, series, hosts, window)
    known = {point.at for point in points}
    dead = dead_periods(binding, series, hosts)
    lost = [Point(at=at, value=failed) for at in dead if window.start <= at < window.end and at not in known]
    return tuple(sorted([*points, *lost], key=lambda point: point.at))


def _with_idle_periods(points: Sequence[Point], series: Sequence[Series], hosts: Sequence[Series], window: Window) -> tuple[Point, ...]:
    """A rate with the zeros that CloudWatch does not write: no requests are a rate of zero where the load balancer lives.

    It lives in periods with a count of its hosts, and in all periods if it counted requests in the window or after it; but a single silent
    period at the end of all that was read may be one that is not published yet.
    """
    known = {point.at: point for point in points}
    counted = [point.at for one in series for point in one.points if point.at >= window.start]
    alive = {point.at for one in hosts for point in one.points}
    if counted:
        silent_end = (window.end - max(counted)) // window.period_seconds - 1
        end = window.end - window.period_seconds if silent_end == 1 else window.end
        alive |= set(range(window.start, end, window.period_seconds))
    periods = range(window.start, window.end, window.period_seconds)
    return tuple(known.get(at) or Point(at=at, value=0.0) for at in periods if at in known or at in alive)


def unpublished_end(binding: MetricBinding, series: Sequence[Series], requests: Sequence[Series], window: Window) -> int:
    """How many periods at the window's end CloudWatch has published nothing of yet: 0 or 1.

    Of a count without points where it is zero, silence tells only that it is zero or not published. The load balancer's own requests
    decide: with requests in most periods and neither requests nor events in the last one, that one is still to come.
    """
    last = window.end - window.period_seconds
    counted = {point.at for one in requests if one.period_seconds == window.period_seconds for point in one.points}
    earlier = [at in counted for at in range(window.start, last, window.period_seconds)]
    if not published_sparsely(binding) or not earlier or not earlier[-1] or sum(earlier) < USUALLY * len(earlier):
        return 0
    return int(last not in counted and all(point.at != last for one in series for point in one.points))


def describe(
    binding: MetricBinding,
    series: Sequence[Series],
    points: Sequence[Point],
    window: Window,
    value: float | None,
    distribution: Mapping[str, float],
) -> WindowStatistics:
    """`value` is the one over the whole window; `distribution` CloudWatch's own over it, by statistic, empty where it has none.

    Percentiles of samples are never made from percentiles of periods: without CloudWatch's they are of the periods, and `of` says so.
    """
    published = {point.at for one in series for point in one.points if window.start <= point.at < window.end}
    policy = missing_policy(binding)
    had = len(published) if policy == "zero" else len(points)
    samples = bool(distribution)
    scaled = {name: number * (1 if name == "SampleCount" else binding.scale) for name, number in distribution.items()}
    values = sorted(point.value for point in points)
    of_periods = {name: quantile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))} if values else {}
    of_periods |= {"Minimum": values[0], "Maximum": values[-1]} if values else {}
    found = scaled if samples else of_periods
    return WindowStatistics(
        window=window,
        points=len(points),
        expected_points=window.periods,
        missing=max(0, window.periods - had),
        missing_policy=policy,
        of="samples" if samples else "periods",
        n=scaled["SampleCount"] if samples else float(len(values)),
        mean=scaled.get("Average") if samples else value,
        median=found.get("p50"),
        p95=found.get("p95"),
        p99=found.get("p99"),
        minimum=found.get("Minimum"),
        maximum=found.get("Maximum"),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of values in order, linear between neighbours."""
    position = share * (len(ordered) - 1)
    below = floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def band_of(usual: Sequence[Point], minimum: int) -> Band | None:
    """Tukey's outer fences around what was usual, and never narrower than what was seen; None for fewer than `minimum` points."""
    if len(usual) < max(2, minimum):
        return None
    values = sorted(point.value for point in usual)
    first, middle, third = (quantile(values, share) for share in (0.25, 0.5, 0.75))
    reach, flat = FENCE * (third - first), FLAT * abs(middle)
    return Band(low=min(first - reach, values[0], middle - flat), high=max(third + reach, values[-1], middle + flat))


def departure(
    binding: MetricBinding, points: Sequence[Point], band: Band, effect_at: datetime, observed: Window, settled: int
) -> tuple[datetime | None, datetime | None]:
    """When the metric left its band, and the first moment after which it stays inside; `observed` is from the effect to the end.

    Silence is outside where it means that nobody was answered. It is back only when the newest `settled` periods are inside.
    """
    period = observed.period_seconds
    inside = {point.at for point in points if band.low <= point.value <= band.high}
    known = {point.at for point in points}
    silent = missing_policy(binding) == "breaching"
    outside = [at for at in range(observed.start, observed.end, period) if at not in inside and (at in known or silent)]
    if not outside:
        return None, None
    left, back = max(effect_at, datetime.fromtimestamp(outside[0], UTC)), outside[-1] + period
    if (observed.end - back) // period < settled:
        return left, None
    return left, max(effect_at, datetime.fromtimestamp(back, UTC))
