"""Quantiles of any number of values in bounded memory.

Buckets grow by a constant factor, so a quantile is off by at most `RELATIVE_ERROR` of itself, whatever the distribution (DDSketch: Masson,
Rim and Lee, VLDB 2019, without the collapsing: seconds between a millisecond and a year need under two thousand buckets).
"""

from collections import Counter
from math import ceil, log

RELATIVE_ERROR = 0.01
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
SMALLEST = 1e-3
"""Values up to this are one bucket, and read as 0."""


class Quantiles:
    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0

    def add(self, value: float) -> None:
        """Count a value; ValueError for a negative one or NaN."""
        if not value >= 0:
            raise ValueError(f"{value} is no length")
        self._buckets[ceil(log(value / SMALLEST, _GROWTH)) if value > SMALLEST else 0] += 1
        self.count += 1

    def at(self, share: float) -> float | None:
        """The value at a share of the ranks from 0 to 1, within `RELATIVE_ERROR`; None of nothing."""
        if not self.count:
            return None
        rank = share * (self.count - 1)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen > rank:
                break
        return 2 * SMALLEST * _GROWTH**bucket / (_GROWTH + 1) if bucket else 0.0
