"""The size of a change, compared with the spread of both windows, the baseline's own trend, and the same hours of
earlier days.

Neighbouring periods of a metric resemble each other. A rank test on few periods can therefore miss a change that
everybody sees, and it reports a drift that happens every day as a change. Size decides in both cases. If the quartiles
of two windows lie apart by more than a practical margin, the metric has changed, whatever the autocorrelation. A
difference inside the margin is no change, however certain it is. The margins are set on real series (docs/judge.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import median
from typing import Literal

from squall.domain.documents.metrics.metric_models import MetricBinding, Point
from squall.domain.judging.window_statistics import interpolate_quantile

SEPARATION = 1.2
"""If the middle halves of two windows lie apart by this factor, the metric has changed, whatever else is known."""
BEYOND_TREND = 2.0
"""If they lie apart by this factor, a trend of the baseline can't explain the change."""
MARGIN = 0.1
"""A difference under this share of the baseline is too small to matter. A change must exceed that of an earlier day by
the same share."""
FEWEST_OF_A_DAY = 3
"""The fewest periods in each window of an earlier day that counts."""
FEWEST_FOR_TREND = 9
FEWEST_ACTIVE = 5
"""The fewest periods above zero in each window that are compared by themselves: as many as a window needs."""
Direction = Literal["higher", "lower", ""]
_OPPOSITE: dict[Direction, Direction] = {"higher": "lower", "lower": "higher", "": ""}


@dataclass(frozen=True)
class Quartiles:
    """The quartiles of a window's periods: the ends and the median of their middle half."""

    low: float
    middle: float
    high: float

    def moved(self, by: float) -> "Quartiles":
        return Quartiles(self.low + by, self.middle + by, self.high + by)

    def scaled(self, by: float) -> "Quartiles":
        return Quartiles(self.low * by, self.middle * by, self.high * by)

    def reversed(self, total: float) -> "Quartiles":
        """The quartiles of `total` minus each value: those of availability become those of the share of failed
        requests.
        """
        return Quartiles(total - self.high, total - self.middle, total - self.low)


@dataclass(frozen=True)
class Change:
    """The size of a change and what may explain it, in the metric's unit. Its significance is computed elsewhere."""

    before: Quartiles
    after: Quartiles
    drift: float
    """The change that the baseline's own trend predicts; 0 if it has none."""
    days: tuple[tuple[Quartiles, Quartiles], ...]
    """The same two windows on earlier days."""
    good_share: bool = False
    """Whether the metric is the percentage of good events. Its margin is then that of the bad ones: 99.5 % has five
    times as many as 99.9 %."""
    active: "ActiveChange | None" = None
    """The change of the periods above zero; None where zero is not usual in both windows, or few periods are above
    it."""

    @property
    def least(self) -> float:
        """The distance from the upper quartile before to the lower quartile after: the smallest distance between the
        middle halves.
        """
        return self.after.low - self.before.high

    @property
    def greatest(self) -> float:
        """The distance from the lower quartile before to the upper quartile after: the greatest distance between the
        middle halves.
        """
        return self.after.high - self.before.low

    @property
    def usual(self) -> tuple[float, ...]:
        """The values, one for each earlier day, that the metric would have now if it had changed since `before` as it
        did on that day.
        """
        return tuple(
            100 - _scale_like(100 - self.before.middle, 100 - there.middle, 100 - then.middle)
            if self.good_share
            else _scale_like(self.before.middle, there.middle, then.middle)
            for there, then in self.days
        )

    def separated(self, drift: float = 0.0, times: float = SEPARATION) -> Direction:
        """`higher` or `lower` if the middle halves lie apart by the factor `times`; empty if they do not. `drift` is
        subtracted from the values after.
        """
        before, after = self.before, self.after.moved(-drift)
        if self.good_share:
            return _OPPOSITE[_compare_quartiles(before.reversed(100), after.reversed(100), times)]
        return _compare_quartiles(before, after, times)

    def matters(self, shift: float) -> bool:
        """Whether a difference of this size is beyond the practical margin."""
        base = 100 - self.before.middle if self.good_share else self.before.middle
        return abs(shift) >= MARGIN * abs(base)

    def is_usual(self, direction: str) -> bool:
        """Whether most of the earlier days changed as much in this direction at this hour, up to the margin."""
        measured, usual = (
            (100 - self.after.middle, [100 - value for value in self.usual]) if self.good_share else (self.after.middle, list(self.usual))
        )
        rises = (direction == "higher") != self.good_share
        as_much = [measured < (1 + MARGIN) * value if rises else measured * (1 + MARGIN) > value for value in usual]
        return bool(as_much) and 2 * sum(as_much) > len(as_much)


@dataclass(frozen=True)
class ActiveChange:
    """The change of a metric that is zero in many periods, between the periods in which it is above zero.

    The lower quartile of such a window is zero however high the other periods are, so quartiles of all periods say
    nothing about them.
    """

    change: Change
    periods: tuple[int, int]
    """How many periods of each window are above zero."""
    more_active: float
    """The share of periods above zero after, relative to that before."""

    @property
    def separated(self) -> Direction:
        """`higher` or `lower` if the middle halves lie apart by `SEPARATION`, and if they still do when each window is
        weighed by its share of periods above zero: busier periods that became rarer are no increase."""
        direction = self.change.separated()
        weighed = _compare_quartiles(self.change.before, self.change.after.scaled(self.more_active), SEPARATION)
        return direction if direction == weighed else ""


def measure_change(
    binding: MetricBinding,
    before: Sequence[Point],
    after: Sequence[Point],
    days: Sequence[tuple[Sequence[Point], Sequence[Point]]] = (),
) -> Change | None:
    """The change between two windows; None if one of them has no point.

    `days`: the points of the same two windows on earlier days.
    """
    if not before or not after:
        return None
    change = _measure_windows(binding, before, after, days)
    active = None if change.good_share else _measure_active(binding, change, before, after, days)
    return replace(change, active=active)


def keep_active(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points above zero."""
    return tuple(point for point in points if point.value > 0)


def _measure_active(
    binding: MetricBinding,
    change: Change,
    before: Sequence[Point],
    after: Sequence[Point],
    days: Sequence[tuple[Sequence[Point], Sequence[Point]]],
) -> ActiveChange | None:
    there, then = keep_active(before), keep_active(after)
    negative = any(point.value < 0 for point in (*before, *after))
    if negative or change.before.low != 0 or change.after.low != 0 or min(len(there), len(then)) < FEWEST_ACTIVE:
        return None
    of_days = [(keep_active(of_day), keep_active(of_day_then)) for of_day, of_day_then in days]
    more_active = (len(then) / len(after)) / (len(there) / len(before))
    return ActiveChange(_measure_windows(binding, there, then, of_days), (len(there), len(then)), more_active)


def _measure_windows(
    binding: MetricBinding, before: Sequence[Point], after: Sequence[Point], days: Sequence[tuple[Sequence[Point], Sequence[Point]]]
) -> Change:
    return Change(
        before=compute_quartiles(before),
        after=compute_quartiles(after),
        drift=_predict_drift(before, after),
        days=tuple(
            (compute_quartiles(there), compute_quartiles(then)) for there, then in days if min(len(there), len(then)) >= FEWEST_OF_A_DAY
        ),
        good_share=binding.kind == "ratio_good",
    )


def compute_quartiles(points: Sequence[Point]) -> Quartiles:
    """The quartiles of one or more points."""
    values = sorted(point.value for point in points)
    low, middle, high = (interpolate_quantile(values, share) for share in (0.25, 0.5, 0.75))
    return Quartiles(low, middle, high)


def _compare_quartiles(before: Quartiles, after: Quartiles, times: float) -> Direction:
    if min(before.low, after.low) < 0:
        return ""
    if after.low > times * before.high:
        return "higher"
    return "lower" if before.low > times * after.high else ""


def _scale_like(value: float, there: float, then: float) -> float:
    """The value, changed by the same factor as between `there` and `then` on another day."""
    if there:
        return value * then / there
    return value if not then else inf


def _predict_drift(before: Sequence[Point], after: Sequence[Point]) -> float:
    """The change that the baseline's own trend predicts; 0 if it has none.

    The baseline has a trend if the middle halves of its first and its last third do not overlap. The line through the
    medians of these two thirds predicts the values after.
    """
    third = len(before) // 3
    if len(before) < FEWEST_FOR_TREND:
        return 0.0
    first, last = compute_quartiles(before[:third]), compute_quartiles(before[-third:])
    if not (last.low > first.high or last.high < first.low):
        return 0.0
    seconds = _centre_time(before[-third:]) - _centre_time(before[:third])
    slope = (last.middle - first.middle) / seconds
    return slope * (_centre_time(after) - _centre_time(before))


def _centre_time(points: Sequence[Point]) -> float:
    return median(point.at for point in points)
