"""Compares two samples of periods by ranks. This is the only module that imports scipy, and only the Compare function
imports it.

The test is the two-sided Mann-Whitney test. The size of the difference is the Hodges-Lehmann estimate (the median of
all pairwise differences), with the interval that belongs to the test (Moses).

Both assume independent periods, but neighbouring periods of a metric resemble each other, so that without a correction
they would find differences in noise. Therefore the lag-1 autocorrelation of the ranks within the two windows is
estimated (with the bias correction of Marriott and Pope). The variance of the statistic is that of an AR(1) series with
this autocorrelation, and Student's t with the effective number of points replaces the normal distribution.

Real metrics also wander slowly, which an AR(1) series does not. If both windows hold enough blocks, the medians of
blocks must differ as well (the t test of Ibragimov and Müller). docs/judge.md has the measured rates of false alarms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from squall.domain.documents.metrics.metric_models import Point

Floats = NDArray[np.float64]
MINIMUM_POINTS = 5
"""The fewest points in each sample. With fewer, nothing is concluded."""
EXACT_UP_TO = 1000
"""Up to this number of pairs the exact distribution of the statistic is used, ties included. Beyond it the normal
distribution is close enough."""
LONGEST = 2000
"""The longest sample of which all pairwise differences are computed. A longer one is represented by this many of its
quantiles."""
_STRONGEST = 0.97
BLOCKS = 5
"""The number of blocks into which the longer window is cut."""
FEWEST_FOR_BLOCKS = 24
"""The fewest periods of the shorter window. Blocks of fewer periods would be too similar to their neighbours, or too
few."""
_BESIDE = 1e-9
"""The distance from zero, relative to the values, of the end of an interval that would touch zero although the test is
significant (ties)."""


@dataclass(frozen=True)
class Ranked:
    """The result of comparing a sample `after` with a sample `before`."""

    p_value: float
    shift: float
    low: float | None
    """The lower end of the interval; None if it has none, because the data are too few for the confidence asked for."""
    high: float | None
    effect_size: float
    """Probability that a value after is above a value before, ties counted half."""
    effective_n: tuple[float, float]
    autocorrelation: float

    @property
    def can_tell(self) -> bool:
        return self.low is not None and self.high is not None


def compare_samples(before: Sequence[Point], after: Sequence[Point], period_seconds: int, confidence: float = 0.95) -> Ranked | None:
    """The comparison of two samples; None if one of them has fewer than `MINIMUM_POINTS` points."""
    if min(len(before), len(after)) < MINIMUM_POINTS:
        return None
    x, y = _values_of(before), _values_of(after)
    n, m = len(x), len(y)
    rho = estimate_autocorrelation((before, after), period_seconds)
    inflation = (inflate_variance(n, rho), inflate_variance(m, rho))
    effective = (n / inflation[0], m / inflation[1])
    # Of a difference of two means of AR(1) series, relative to independent values.
    variance = (inflation[0] / n + inflation[1] / m) / (1 / n + 1 / m)
    freedom = max(1.0, sum(effective) - 2) if rho > 0 else np.inf
    naive, effect = mann_whitney(x, y)
    p_value = 2 * stats.t.sf(stats.norm.isf(naive / 2) / sqrt(variance), freedom)
    level = 2 * stats.norm.sf(stats.t.isf((1 - confidence) / 2, freedom) * sqrt(variance))
    sparse = mostly_zero(x) or mostly_zero(y)
    shift, low, high = _compare_means(x, y, effective, confidence) if sparse else hodges_lehmann(x, y, float(level))
    blocks = _compare_blocks(x, y, confidence)
    if blocks is not None and low is not None and high is not None:
        p_value, low, high = max(p_value, blocks[0]), min(low, blocks[1]), max(high, blocks[2])
    ranked = Ranked(min(1.0, float(p_value)), shift, low, high, effect, effective, rho)
    return _reconcile_interval(ranked, confidence, float(max(np.max(np.abs(x)), np.max(np.abs(y)))))


def _compare_blocks(x: Floats, y: Floats, confidence: float) -> tuple[float, float, float] | None:
    """The p-value and the interval of the difference between the means of block medians; None if a window is too
    short."""
    shorter = min(len(x), len(y))
    if shorter < FEWEST_FOR_BLOCKS:
        return None
    length = min(max(len(x), len(y)) // BLOCKS, shorter // 2)
    before = np.median(x[len(x) % length :].reshape(-1, length), axis=1)
    after = np.median(y[: len(y) // length * length].reshape(-1, length), axis=1)
    freedom = len(before) + len(after) - 2
    spread = float(np.sum((before - before.mean()) ** 2) + np.sum((after - after.mean()) ** 2)) / freedom
    error = sqrt(spread * (1 / len(before) + 1 / len(after)))
    difference = float(after.mean() - before.mean())
    if error <= _BESIDE * float(np.max(np.abs(np.concatenate((before, after))))):
        return 0.0 if difference else 1.0, difference, difference
    reach = error * float(stats.t.isf((1 - confidence) / 2, freedom))
    return float(2 * stats.t.sf(abs(difference) / error, freedom)), difference - reach, difference + reach


def mostly_zero(values: Sequence[float] | Floats) -> bool:
    """Whether most periods are zero, but not all of them."""
    return bool(np.median(values) == 0 and np.any(values))


def _compare_means(x: Floats, y: Floats, effective: tuple[float, float], confidence: float) -> tuple[float, float, float]:
    """The difference between the means, with its interval.

    If most periods are zero, the median difference is zero whatever happens in the other periods, so the means are
    compared instead.
    """
    difference = float(y.mean() - x.mean())
    errors = (float(x.var(ddof=1)) / effective[0], float(y.var(ddof=1)) / effective[1])
    if not sum(errors):
        return difference, difference, difference
    freedom = sum(errors) ** 2 / sum(e**2 / max(1.0, n - 1) for e, n in zip(errors, effective, strict=True))
    reach = sqrt(sum(errors)) * float(stats.t.isf((1 - confidence) / 2, freedom))
    return difference, difference - reach, difference + reach


def _reconcile_interval(ranked: Ranked, confidence: float, scale: float) -> Ranked:
    """The result with an interval that excludes zero if and only if the p-value is significant. With ties, the two can
    disagree.
    """
    if ranked.low is None or ranked.high is None:
        return replace(ranked, p_value=max(ranked.p_value, 1 - confidence))
    low, high, beside = ranked.low, ranked.high, _BESIDE * scale
    if ranked.p_value >= 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    elif ranked.effect_size > 0.5:
        low = max(low, beside)
        high = max(low, high)
    else:
        high = min(high, -beside)
        low = min(low, high)
    return replace(ranked, low=low, high=high, shift=min(max(ranked.shift, low), high))


def apply_holm(p_values: Sequence[float]) -> list[float]:
    """The p-values after Holm's step-down correction, in the order given.

    The chance of at least one false result among all of them is then no greater than for a single test.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def estimate_autocorrelation(windows: Sequence[Sequence[Point]], period_seconds: int) -> float:
    """The lag-1 autocorrelation of the ranks within each window, over adjoining periods only; 0 if it is negative."""
    together = spread = 0.0
    for window in windows:
        ranks = stats.rankdata(_values_of(window))
        centred = ranks - ranks.mean()
        adjoining = np.array([b.at - a.at == period_seconds for a, b in pairwise(window)], dtype=bool)
        together += float(np.sum((centred[1:] * centred[:-1])[adjoining]))
        spread += float(np.sum(centred**2))
    if spread == 0:
        return 0.0
    points, means = sum(len(window) for window in windows), len(windows)
    # Taking each window's own mean away biases the estimate by about -(1 + 3 rho) / n (Marriott and Pope, 1954).
    unbiased = (together / spread + means / points) / max(1 - 3 * means / points, 0.1)
    return min(max(unbiased, 0.0), _STRONGEST)


@lru_cache(maxsize=4096)
def inflate_variance(n: int, rho: float) -> float:
    """The factor by which autocorrelation increases the variance of the mean of n values, in an AR(1) series."""
    lags = np.arange(1, n)
    return float(1 + 2 * np.sum((1 - lags / n) * rho**lags))


def _values_of(points: Sequence[Point]) -> Floats:
    return np.array([point.value for point in points], dtype=np.float64)


def compute_p_value(before: Sequence[Point], after: Sequence[Point]) -> float:
    """The two-sided p-value of the Mann-Whitney test of two samples that are no uninterrupted series of periods."""
    return mann_whitney(_values_of(before), _values_of(after))[0]


def mann_whitney(x: Floats, y: Floats) -> tuple[float, float]:
    """The two-sided p-value of the Mann-Whitney test for independent periods, and the effect size."""
    n, m = len(x), len(y)
    ranks = stats.rankdata(np.concatenate((x, y)))
    u = float(np.sum(ranks[n:])) - m * (m + 1) / 2
    effect = u / (n * m)
    if np.all(ranks == ranks[0]):
        return 1.0, effect
    if n * m > EXACT_UP_TO:
        return float(stats.mannwhitneyu(y, x, alternative="two-sided", method="asymptotic").pvalue), effect
    cumulated = _null_distribution(tuple(np.rint(2 * ranks).astype(int).tolist()), m)
    index = round(2 * float(np.sum(ranks[n:])))
    upper = 1.0 if index == 0 else 1 - cumulated[index - 1]
    return float(min(1.0, 2 * min(cumulated[index], upper))), effect


@lru_cache(maxsize=512)
def _null_distribution(doubled: tuple[int, ...], m: int) -> Floats:
    """The cumulative distribution of the sum of m of these (doubled) midranks if every choice is equally likely. It is
    exact also with ties."""
    top = sum(sorted(doubled)[-m:])
    ways = np.zeros((m + 1, top + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : top + 1 - rank].copy()
    cumulated: Floats = np.cumsum(ways[m]) / np.sum(ways[m])
    return cumulated


def hodges_lehmann(x: Floats, y: Floats, level: float) -> tuple[float, float | None, float | None]:
    """The Hodges-Lehmann estimate, and its interval: the differences that a test at this significance level would not
    reject."""
    x, y = _thin_sample(x), _thin_sample(y)
    differences = np.sort(np.subtract.outer(y, x), axis=None)
    n, m = len(x), len(y)
    cut = _critical_value(n, m, level)
    middle = float(np.median(differences))
    if cut < 1:
        return middle, None, None
    return middle, float(differences[cut - 1]), float(differences[n * m - cut])


def _critical_value(n: int, m: int, level: float) -> int:
    """The greatest c for which P(U < c) is at most half of the significance level `level`.

    The interval reaches from the c-th smallest difference to the c-th greatest.
    """
    if level <= 0:
        return 0  # so few effective points that no interval is wide enough
    if n * m > EXACT_UP_TO:
        return int(n * m / 2 - stats.norm.isf(level / 2) * sqrt(n * m * (n + m + 1) / 12))
    cumulated = _null_distribution(tuple(range(2, 2 * (n + m) + 1, 2)), m)
    sums = cumulated[m * (m + 1) :: 2]  # U = 0, 1, 2 …
    return int(np.searchsorted(sums, level / 2, side="right"))


def _thin_sample(values: Floats) -> Floats:
    if len(values) <= LONGEST:
        return values
    quantiles: Floats = np.quantile(values, (np.arange(LONGEST) + 0.5) / LONGEST)
    return quantiles
