"""How often a guard would have aborted a run in which nothing happened, counted in the last days of its own metric.

The history is divided into windows as long as the fault, which do not overlap. A run could have started in each window
before which the guard was quiet. The share of these in which the guard then fires is the estimate. docs/guards.md
describes the method and its error.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, exp, floor, inf, isfinite, lgamma, log, log1p

from squall.domain.documents.metrics.metric_models import Point
from squall.domain.documents.metrics.statistics import MissingPolicy

CONFIDENCE = 0.95
"""The confidence of each end of an interval."""
FURTHER_PERIODS = 2
"""How many periods beyond N an alarm looks back for data points if some are missing (three periods: five)."""
_DAY = 86_400
_FILLED: dict[MissingPolicy, float | None] = {"breaching": inf, "zero": -inf, "ignore": None}


@dataclass(frozen=True)
class Rule:
    """The rule by which a guard fires: `datapoints` of the last `evaluated` periods are beyond the threshold."""

    below: bool
    """Whether the values below the threshold are beyond it; otherwise those above it."""
    inclusive: bool
    """Whether the threshold itself is beyond it, too."""
    datapoints: int
    evaluated: int
    missing: MissingPolicy

    def turn(self, value: float) -> float:
        """The value, negated where lower is worse. Of turned values and thresholds, larger is worse."""
        return -value if self.below else value

    def is_beyond(self, level: float, bar: float) -> bool:
        """Whether a turned value is beyond a turned threshold."""
        return level >= bar if self.inclusive else level > bar


@dataclass(frozen=True)
class Stretch:
    """The values of consecutive periods; None is a period without a data point."""

    start: int
    """Start of the first period, in epoch seconds."""
    period: int
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Trial:
    """A window in which a run could have been, by how the guard saw the metric. Larger is worse."""

    day: int
    """The day, counted from the epoch."""
    before: float
    """The level right before the window."""
    worst: float
    """The worst level in the window."""


@dataclass(frozen=True)
class Share:
    """How many runs were aborted, and the share of aborted runs in percent, with its interval."""

    runs: int
    """Windows in which a run could have started."""
    aborted: int
    independent: float
    """The number of independent windows that carry the same information."""

    @property
    def percent(self) -> float:
        return 100 * self.aborted / self.runs

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Both ends in percent, each with a confidence of 95 %."""
        low, high = binomial_interval(self.aborted * self.independent / self.runs, self.independent)
        return 100 * low, 100 * high


def split_history(
    points: Sequence[Point], span: tuple[int, int], period_seconds: int, left_out: Sequence[tuple[float, float]] = ()
) -> list[Stretch]:
    """The undisturbed stretches of the history over `span` (start and end in epoch seconds, whole periods). `left_out`:
    the start and end, in epoch seconds, of what else disturbed the metric."""
    values = {point.at: point.value for point in points if isfinite(point.value)}
    stretches: list[Stretch] = []
    current: list[float | None] = []
    for at in range(*span, period_seconds):
        if not any(since < at + period_seconds and at < until for since, until in left_out):
            current.append(values.get(at))
        elif current:
            stretches.append(Stretch(at - len(current) * period_seconds, period_seconds, tuple(current)))
            current = []
    if current:
        stretches.append(Stretch(span[1] - len(current) * period_seconds, period_seconds, tuple(current)))
    return stretches


def list_levels(values: Sequence[float | None], rule: Rule) -> list[float]:
    """For each period, the value that decides whether the guard fires then, turned: the M-th worst of the last N.

    Missing data points are treated as by a CloudWatch alarm: it looks further back for N data points, and if there are
    fewer it fills in what missing data means.
    """
    turned = [None if value is None else rule.turn(value) for value in values]
    filled = _FILLED[rule.missing]
    levels = []
    for end in range(1, len(turned) + 1):
        known = [value for value in turned[max(0, end - rule.evaluated - FURTHER_PERIODS) : end] if value is not None][-rule.evaluated :]
        if filled is not None:
            known += [filled] * (rule.evaluated - len(known))
        levels.append(sorted(known)[-rule.datapoints] if len(known) >= rule.datapoints else -inf)
    return levels


def list_run_lengths(values: Sequence[float | None], rule: Rule, bar: float) -> list[float]:
    """For each period, how many periods in a row up to it are beyond the bar. A missing period is beyond it if missing
    data breaches. If missing data means nothing, it neither adds to the row nor ends it."""
    filled = _FILLED[rule.missing]
    lengths, current = [], 0
    for value in values:
        known = filled if value is None else rule.turn(value)
        if known is not None:
            current = current + 1 if rule.is_beyond(known, bar) else 0
        lengths.append(float(current))
    return lengths


def list_trials(
    stretches: Sequence[Stretch], levels_of: Callable[[Sequence[float | None]], Sequence[float]], periods: int, warm_up: int
) -> list[Trial]:
    """The windows of so many periods, one after the other. `warm_up` is the number of periods that a guard needs before the
    first of them to know its state."""
    return [trial for stretch in stretches for trial in _cut_trials(stretch, levels_of(stretch.values), periods, warm_up)]


def _cut_trials(stretch: Stretch, levels: Sequence[float], periods: int, warm_up: int) -> Iterator[Trial]:
    for begin in range(warm_up, len(levels) - periods + 1, periods):
        yield Trial((stretch.start + begin * stretch.period) // _DAY, levels[begin - 1], max(levels[begin : begin + periods]))


def count_aborts(trials: Sequence[Trial], is_beyond: Callable[[float], bool]) -> Share | None:
    """The share of runs that a guard aborts if it fires at the levels for which `is_beyond` is true; None if no run
    could have started."""
    runs, aborted = Counter[int](), Counter[int]()
    for trial in trials:
        if not is_beyond(trial.before):
            runs[trial.day] += 1
            aborted[trial.day] += is_beyond(trial.worst)
    total, hits = runs.total(), aborted.total()
    if not total:
        return None
    return Share(total, hits, total / _design_effect(runs, aborted))


def _design_effect(runs: Counter[int], aborted: Counter[int]) -> float:
    """The variance of the share by its differences between days, divided by the variance that independent windows would
    have. Aborts that come together on few days make it large. At least 1."""
    total, days = runs.total(), len(runs)
    share = aborted.total() / total
    if days < 2 or not 0 < share < 1:
        return 1.0
    between = sum((aborted[day] - share * runs[day]) ** 2 for day in runs) * days / (days - 1)
    return max(1.0, between / (total * share * (1 - share)))


def binomial_interval(hits: float, trials: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson, each end with a confidence of 95 %. After no hit in n trials its upper end is
    about 3 / n. Fractions, as of an effective number of trials, are rounded towards the wider interval."""
    n, fewest, most = max(1, floor(trials)), floor(hits + 1e-9), ceil(hits - 1e-9)
    alpha = 1 - CONFIDENCE
    low = 0.0 if fewest == 0 else _find_root(lambda p: 1 - _at_most(min(fewest, n) - 1, n, p) - alpha)
    high = 1.0 if most >= n else _find_root(lambda p: alpha - _at_most(most, n, p))
    return low, high


def _at_most(hits: int, n: int, p: float) -> float:
    """The probability of at most so many hits in n independent trials."""
    return sum(exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p)) for k in range(hits + 1))


def _find_root(increasing: Callable[[float], float]) -> float:
    low, high = 1e-12, 1 - 1e-12
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if increasing(middle) > 0 else (middle, high)
    return (low + high) / 2
