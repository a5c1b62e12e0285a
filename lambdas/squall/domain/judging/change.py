"""How large a change is: beside the spread of both windows, the baseline's own trend, and the same hours of earlier days.

A metric's periods repeat each other, so that a rank test of a few of them can miss a change that everybody sees, and calls a drift that
happens every day a change. Size decides both: windows whose quartiles lie apart by more than a practical margin have changed, whatever the
autocorrelation; a difference inside the margin is no change, however certain it is. The margins are set on real series (docs/judge.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Literal

from squall.domain.documents.metric_models import MetricBinding, Point
from squall.domain.judging.window_statistics import quantile

SEPARATION = 1.2
"""Three quarters of one window's periods must lie this many times above three quarters of the other's: then nothing else is asked."""
BEYOND_TREND = 2.0
"""The same factor beyond which no trend of the baseline is asked."""
MARGIN = 0.1
"""Share of the baseline under which a difference is too small to matter, and by which a change must exceed that of an earlier day."""
FEWEST_OF_A_DAY = 3
"""Periods that each of an earlier day's windows must have."""
FEWEST_FOR_TREND = 9
Direction = Literal["higher", "lower", ""]
_OPPOSITE: dict[Direction, Direction] = {"higher": "lower", "lower": "higher", "": ""}


@dataclass(frozen=True)
class Quartiles:
    """The middle half of a window's periods."""

    low: float
    middle: float
    high: float

    def moved(self, by: float) -> "Quartiles":
        return Quartiles(self.low + by, self.middle + by, self.high + by)

    def reversed(self, total: float) -> "Quartiles":
        """Of what is left to `total`: of availability, the share of failed requests."""
        return Quartiles(total - self.high, total - self.middle, total - self.low)


@dataclass(frozen=True)
class Change:
    """What is known of a change beside its significance, in the metric's unit."""

    before: Quartiles
    after: Quartiles
    drift: float
    """How much the baseline's own trend accounts for; 0 where it has none."""
    days: tuple[tuple[Quartiles, Quartiles], ...]
    """The same two windows on earlier days."""
    good_share: bool = False
    """A share of good events in percent: its margin is that of the bad ones, as 99.9 to 99.5 % are five times as many."""

    @property
    def least(self) -> float:
        """Three quarters of the periods after are at least so much above three quarters of those before."""
        return self.after.low - self.before.high

    @property
    def greatest(self) -> float:
        """Three quarters of the periods after are at most so much above three quarters of those before."""
        return self.after.high - self.before.low

    @property
    def usual(self) -> tuple[float, ...]:
        """Where each earlier day's change between these windows would have brought the metric from where it was before."""
        return tuple(
            100 - _like(100 - self.before.middle, 100 - there.middle, 100 - then.middle)
            if self.good_share
            else _like(self.before.middle, there.middle, then.middle)
            for there, then in self.days
        )

    def separated(self, drift: float = 0.0, times: float = SEPARATION) -> Direction:
        """`higher` or `lower` where the middle halves lie apart so many times, empty where they don't. `drift` is taken off first."""
        before, after = self.before, self.after.moved(-drift)
        if self.good_share:
            return _OPPOSITE[_separated(before.reversed(100), after.reversed(100), times)]
        return _separated(before, after, times)

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


def measure_change(
    binding: MetricBinding,
    before: Sequence[Point],
    after: Sequence[Point],
    days: Sequence[tuple[Sequence[Point], Sequence[Point]]] = (),
) -> Change | None:
    """None where a window has no point. `days`: the points of the same two windows on earlier days."""
    if not before or not after:
        return None
    return Change(
        before=quartiles(before),
        after=quartiles(after),
        drift=_drift(before, after),
        days=tuple((quartiles(there), quartiles(then)) for there, then in days if min(len(there), len(then)) >= FEWEST_OF_A_DAY),
        good_share=binding.kind == "ratio_good",
    )


def quartiles(points: Sequence[Point]) -> Quartiles:
    """Of one point or more."""
    values = sorted(point.value for point in points)
    low, middle, high = (quantile(values, share) for share in (0.25, 0.5, 0.75))
    return Quartiles(low, middle, high)


def _separated(before: Quartiles, after: Quartiles, times: float) -> Direction:
    if min(before.low, after.low) < 0:
        return ""
    if after.low > times * before.high:
        return "higher"
    return "lower" if before.low > times * after.high else ""


def _like(value: float, there: float, then: float) -> float:
    """The value changed in the proportion of another day."""
    if there:
        return value * then / there
    return value if not then else inf


def _drift(before: Sequence[Point], after: Sequence[Point]) -> float:
    """A baseline trends when the middle halves of its first and last third lie apart; the line through their medians goes on."""
    third = len(before) // 3
    if len(before) < FEWEST_FOR_TREND:
        return 0.0
    first, last = quartiles(before[:third]), quartiles(before[-third:])
    if not (last.low > first.high or last.high < first.low):
        return 0.0
    seconds = _centre(before[-third:]) - _centre(before[:third])
    slope = (last.middle - first.middle) / seconds
    return slope * (_centre(after) - _centre(before))


def _centre(points: Sequence[Point]) -> float:
    return median(point.at for point in points)
