"""Quantiles of any number of values in bounded memory.

Each bucket is wider than the one before by a constant factor, so a quantile is off by at most `RELATIVE_ERROR` of
itself, whatever the distribution. This is DDSketch (Masson, Rim and Lee, VLDB 2019) without its collapsing of buckets:
seconds from a millisecond to a year need fewer than two thousand.
"""

from collections import Counter
from math import ceil, log

RELATIVE_ERROR = 0.01
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
SMALLEST = 1e-3
"""Values up to this share one bucket, which reads as 0."""


class Quantiles:
    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0

    def add(self, value: float) -> None:
        """Count a value. Raises ValueError for a negative value and for NaN."""
        if not value >= 0:
            raise ValueError(f"{value} is not a duration")
        self._buckets[ceil(log(value / SMALLEST, _GROWTH)) if value > SMALLEST else 0] += 1
        self.count += 1

    def at(self, share: float) -> float | None:
        """The value at this share of the ranks (0 to 1), within `RELATIVE_ERROR`; None if nothing was counted."""
        if not self.count:
            return None
        rank = share * (self.count - 1)
        counted = 0
        for bucket in sorted(self._buckets):
            counted += self._buckets[bucket]
            if counted > rank:
                break
        return 2 * SMALLEST * _GROWTH**bucket / (_GROWTH + 1) if bucket else 0.0
