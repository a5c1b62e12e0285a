"""Statistics of one metric in one window: its points, what missing periods mean, its distribution, and its usual
range."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import floor, isfinite
from statistics import fmean

from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.documents.metrics.statistics import Band, WindowStatistics
from squall.domain.language.metric_table import LOAD_BALANCER
from squall.domain.metrics.series import dead_periods, hostless_periods, missing_policy, points_over, published_sparsely

FENCE = 3
"""Tukey's outer fences: this many interquartile ranges beyond the quartiles. A healthy metric almost never leaves them.
"""
FLAT = 0.01
"""Half-width, as a share of its median, of the band of a metric that never moved: one failed request is not a
departure."""
USUALLY = 0.8
"""If at least this share of a window's periods has requests, a period without any is unusual."""
WHOLE_MINUTE = 60
DISTRIBUTIONS = frozenset({"Average", "Minimum", "Maximum"})
"""Statistics of a gauge whose samples CloudWatch keeps, so that percentiles over a window can be asked for; every `p…`
too."""


def has_distribution(binding: MetricBinding) -> bool:
    """Whether CloudWatch has percentiles of the metric's samples: it has them for a gauge, but not for counts, rates
    and ratios.
    """
    (first, *more) = binding.queries
    if binding.period_seconds is not None and binding.period_seconds < WHOLE_MINUTE:  # CloudWatch answers for whole minutes
        return False
    return binding.kind == "gauge" and not more and (first.statistic in DISTRIBUTIONS or first.statistic.startswith("p"))


def seen_points(binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series], window: Window) -> tuple[Point, ...]:
    """The value of each period that has one. A period in which only errors were answered has a value: it failed.

    `hosts`: the counts of healthy hosts. Both may reach beyond the window, and should reach back before it: a target
    group without any target publishes nothing, and is known by what it published before.
    """
    failed = 0.0 if binding.kind == "ratio_good" else 100.0
    points = points_over(binding, series, window)
    if binding.kind == "rate":
        return _with_idle_periods(points, series, hosts, window)
    known = {point.at for point in points}
    if counts_hosts(binding):
        failed = 0.0
    dead = {*dead_periods(binding, series, hosts), *unhosted_periods(binding, series, hosts, window)}
    lost = [Point(at=at, value=failed) for at in sorted(dead) if window.start <= at < window.end and at not in known]
    return tuple(sorted([*points, *lost], key=lambda point: point.at))


def counts_hosts(binding: MetricBinding) -> bool:
    """Whether it is a statistic of the number of healthy hosts."""
    return binding.name.partition(":")[0] == "healthy_hosts"


def unhosted_periods(binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series], window: Window) -> tuple[int, ...]:
    """The periods in which the target group had no target: its ratios failed in them, and its number of hosts was zero.
    Empty for other metrics."""
    if counts_hosts(binding):
        return hostless_periods(series, series, window)
    of_balancer = binding.kind in {"ratio_good", "ratio_bad"} and binding.queries[-1].namespace == LOAD_BALANCER
    return (
        hostless_periods([query_series for query_series in series if query_series.key == binding.queries[-1].key], hosts, window)
        if of_balancer
        else ()
    )


def _with_idle_periods(points: Sequence[Point], series: Sequence[Series], hosts: Sequence[Series], window: Window) -> tuple[Point, ...]:
    """The points of a rate, with the zeros that CloudWatch does not publish: without requests, the rate of a load
    balancer that exists is zero.

    It exists in periods that have a count of its hosts. If it counted requests in the window or later, it exists in all
    periods, except that a single silent period at the end of all data may not be published yet.
    """
    known = {point.at: point for point in points}
    counted = [point.at for query_series in series for point in query_series.points if point.at >= window.start]
    alive = {point.at for query_series in hosts for point in query_series.points}
    if counted:
        silent_end = (window.end - max(counted)) // window.period_seconds - 1
        end = window.end - window.period_seconds if silent_end == 1 else window.end
        alive |= set(range(window.start, end, window.period_seconds))
    periods = range(window.start, window.end, window.period_seconds)
    return tuple(known.get(at) or Point(at=at, value=0.0) for at in periods if at in known or at in alive)


def unpublished_end(binding: MetricBinding, series: Sequence[Series], requests: Sequence[Series], window: Window) -> int:
    """How many periods at the end of the window are not published yet: 0 or 1.

    A count that is published only when it is not zero says nothing in a silent period: it may be zero, or not published
    yet. The load balancer's request count decides. If most periods have requests, and the last one has neither requests
    nor events, it is not published yet.
    """
    last = window.end - window.period_seconds
    counted = {
        point.at for query_series in requests if query_series.period_seconds == window.period_seconds for point in query_series.points
    }
    earlier = [at in counted for at in range(window.start, last, window.period_seconds)]
    if not published_sparsely(binding) or not earlier or not earlier[-1] or sum(earlier) < USUALLY * len(earlier):
        return 0
    return int(last not in counted and all(point.at != last for query_series in series for point in query_series.points))


def describe_window(
    binding: MetricBinding,
    series: Sequence[Series],
    points: Sequence[Point],
    window: Window,
    value: float | None,
    distribution: Mapping[str, float],
) -> WindowStatistics:
    """The statistics of one window.

    `value` is the value over the whole window. `distribution` maps a statistic to CloudWatch's own value of it over the
    window, and is empty if CloudWatch has none. Then the percentiles are those of the periods, and `of` says so,
    because percentiles of samples never follow from percentiles of periods.
    """
    published = {point.at for query_series in series for point in query_series.points if window.start <= point.at < window.end}
    policy = missing_policy(binding)
    had = len(published) if policy == "zero" else len(points)
    samples = bool(distribution)
    scaled = {name: number * (1 if name == "SampleCount" else binding.scale) for name, number in distribution.items()}
    values = sorted(point.value for point in points)
    of_periods = (
        {name: interpolate_quantile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))} if values else {}
    )
    of_periods |= {"Minimum": values[0], "Maximum": values[-1]} if values else {}
    figures = scaled if samples else of_periods
    return WindowStatistics(
        window=window,
        points=len(points),
        expected_points=window.periods,
        missing=max(0, window.periods - had),
        missing_policy=policy,
        of="samples" if samples else "periods",
        n=scaled["SampleCount"] if samples else float(len(values)),
        mean=scaled.get("Average") if samples else value,
        median=figures.get("p50"),
        p95=figures.get("p95"),
        p99=figures.get("p99"),
        minimum=figures.get("Minimum"),
        maximum=figures.get("Maximum"),
    )


def find_window_value(
    binding: MetricBinding, series: Sequence[Series], hosts: Sequence[Series], window: Window, points: Sequence[Point], value: float | None
) -> float | None:
    """The value over the whole window, as criteria and reports have it; None if there is none.

    `value` is CloudWatch's own over the window, `points` are those of `seen_points`; `series` and `hosts` are as there.
    Requests that no host could answer are not counted by CloudWatch. If the window has such periods, its value is the
    mean over its periods. The same holds for a rate, whose periods without data are zero, unless they are not published
    yet.
    """
    unhosted = set(unhosted_periods(binding, series, hosts, window))
    uncounted = unhosted | set(dead_periods(binding, series, hosts)) - set(dead_periods(binding, series))
    if unhosted and counts_hosts(binding):
        combine = {"Minimum": min, "Maximum": max}.get(binding.queries[0].statistic, fmean)
        return float(combine([point.value for point in points]))
    if points and (binding.kind == "rate" or any(point.at in uncounted for point in points)):
        return fmean(point.value for point in points)
    if value is not None:
        return value if isfinite(value) else None
    if binding.kind in {"ratio_good", "ratio_bad"} and points:
        return points[0].value  # no denominator in the whole window: every point is a dead period
    return 0.0 if published_sparsely(binding) else None


def interpolate_quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of sorted values, interpolated linearly."""
    position = share * (len(ordered) - 1)
    below = floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def band_of(usual: Sequence[Point], minimum: int) -> Band | None:
    """The usual range: Tukey's outer fences, widened to the smallest and the greatest value; None for fewer than
    `minimum` points.
    """
    if len(usual) < max(2, minimum):
        return None
    values = sorted(point.value for point in usual)
    first, middle, third = (interpolate_quantile(values, share) for share in (0.25, 0.5, 0.75))
    reach, flat = FENCE * (third - first), FLAT * abs(middle)
    return Band(low=min(first - reach, values[0], middle - flat), high=max(third + reach, values[-1], middle + flat))


def find_departure(
    binding: MetricBinding, points: Sequence[Point], band: Band, effect_at: datetime, observed: Window, settled: int
) -> tuple[datetime | None, datetime | None]:
    """The time at which the metric left its band, and the first moment after which it stayed inside; None for what did
    not happen.

    `observed` reaches from the effect to the end. A period without data counts as outside if it means that no request
    was answered. The metric is back only if the newest `settled` periods are inside.
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
