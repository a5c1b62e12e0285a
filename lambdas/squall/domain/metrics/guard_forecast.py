"""Forecasts the false aborts of a guard from the last days of its metric, and proposes conditions that abort less."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor, isfinite, log10
from statistics import median

from squall.domain.documents.false_aborts import ADVISED_PERCENT, FalseAborts
from squall.domain.documents.metrics.metric_models import MetricBinding, Point
from squall.domain.language.metric_table import measured_by_sentinel
from squall.domain.language.sentences import Threshold, render_sentence
from squall.domain.metrics.false_aborts import (
    FURTHER_PERIODS,
    Rule,
    Share,
    Stretch,
    Trial,
    count_aborts,
    list_levels,
    list_run_lengths,
    list_trials,
    split_history,
)
from squall.domain.metrics.periods import count_datapoints, format_length, pace_timing, period_of
from squall.domain.metrics.series import missing_policy
from squall.domain.metrics.timing_problems import find_timing_problems
from squall.domain.policy.environment import Timing

HISTORY_DAYS = 14
"""Two whole weeks. CloudWatch keeps one-minute periods for 15 days."""
MOST_POINTS = 100_000
"""The most data points that are read for one metric: what fits on one page of GetMetricData (100,800). A metric of many
queries gets fewer days."""
KEPT_BRIEFLY_UNDER = 60
"""CloudWatch keeps periods shorter than this, in seconds, for three hours only."""
FEWEST_WINDOWS = 20
"""The fewest windows. With fewer, even a guard that never fired may abort 14 % of the runs."""
SHORTEST_HISTORY = timedelta(days=1)
"""The shortest history. A shorter one says nothing about the other hours of a day."""
_BELOW, _INCLUSIVE = frozenset({"<", "<="}), frozenset({"<=", ">="})


@dataclass(frozen=True)
class GuardHistory:
    """The last days of a metric: the values of its periods over `span`, from its first data point on."""

    points: Sequence[Point]
    span: tuple[int, int]
    """Start and end in epoch seconds, whole periods."""
    left_out: Sequence[tuple[float, float]] = ()
    """The start and end of each disturbance by another experiment, in epoch seconds."""


def history_span(binding: MetricBinding, timing: Timing, end: int) -> tuple[int, int] | None:
    """Start and end (epoch seconds) of the history to read; None for a metric without any before the run."""
    period = period_of(binding, timing)
    if why_no_history(binding, timing):
        return None
    periods = min(HISTORY_DAYS * 86_400 // period, MOST_POINTS // len(binding.queries))
    return end - periods * period, end


def why_no_history(binding: MetricBinding, timing: Timing) -> str:
    """The reason why CloudWatch can't have a history of the metric; empty if it can."""
    period = period_of(binding, timing)
    if measured_by_sentinel(binding.name.partition(":")[0]):
        return "the sentinel's metrics begin with the run"
    return f"CloudWatch keeps periods of {period} s for three hours only" if period < KEPT_BRIEFLY_UNDER else ""


def forecast_false_aborts(
    threshold: Threshold, binding: MetricBinding, history: GuardHistory | None, timing: Timing, length: timedelta
) -> FalseAborts:
    """The share of healthy runs of this length that the guard would have aborted. `history` is None if the metric has none."""
    timing = pace_timing(timing, binding.period_seconds)
    period = period_of(binding, timing)
    periods = max(1, ceil(length.total_seconds() / period))
    blank = FalseAborts(condition=threshold.text, metric=binding.name, told="no_history", run_seconds=periods * period)
    if history is None:
        return blank.model_copy(update={"why": why_no_history(binding, timing) or "its metric has no history"})
    past = _Past(threshold, binding, split_history(history.points, history.span, period, history.left_out), timing, length, periods)
    trials = past.list_level_trials()
    days = sum(len(stretch.values) for stretch in past.stretches) * period / 86_400
    share = count_aborts(trials, past.is_beyond_threshold)
    runs = share.runs if share else 0
    counted = blank.model_copy(update={"days": round(days, 2), "runs": runs, "not_started": len(trials) - runs})
    if share is None or runs < FEWEST_WINDOWS or days < SHORTEST_HISTORY / timedelta(days=1):
        return counted.model_copy(update={"told": "too_little_history", "why": _explain_shortage(counted)})
    forecast = counted.model_copy(
        update={
            "told": "told",
            "aborted": share.aborted,
            "percent": round(share.percent, 3),
            "low": round(share.interval[0], 3),
            "high": round(share.interval[1], 3),
        }
    )
    return forecast if share.percent <= ADVISED_PERCENT else forecast.model_copy(update=_describe_proposals(past.propose(trials)))


def _explain_shortage(counted: FalseAborts) -> str:
    length = format_length(timedelta(seconds=counted.run_seconds))
    needed = f"a day of history and {FEWEST_WINDOWS} windows of {length} in which a run could have started are needed"
    breaching = f", and {counted.not_started} in which it already fired" if counted.not_started else ""
    return f"CloudWatch has {counted.days:.3g} days of its metric, with {counted.runs} of these windows{breaching}; {needed}"


@dataclass(frozen=True)
class _Proposal:
    threshold: Threshold
    high: float


def _describe_proposals(proposals: Sequence[_Proposal]) -> dict[str, object]:
    return {
        "instead": tuple(_write_condition(proposal.threshold) for proposal in proposals),
        "instead_high": round(max(proposal.high for proposal in proposals), 3) if proposals else None,
    }


def _write_condition(threshold: Threshold) -> str:
    """The sentence of a guard. It names no window, because a guard watches as long as the run is observed."""
    return render_sentence(threshold.model_copy(update={"window": "observation"}))


@dataclass(frozen=True)
class _Past:
    """A guard and the undisturbed stretches of its metric's history."""

    threshold: Threshold
    binding: MetricBinding
    stretches: Sequence[Stretch]
    timing: Timing
    length: timedelta
    periods: int
    """Length of the fault in periods."""

    @property
    def rule(self) -> Rule:
        wanted, evaluated = count_datapoints(self.threshold, self.timing)
        comparator = self.threshold.comparator
        return Rule(comparator in _BELOW, comparator in _INCLUSIVE, wanted, evaluated, missing_policy(self.binding))

    def is_beyond_threshold(self, level: float) -> bool:
        return self.rule.is_beyond(level, self.rule.turn(self.threshold.value))

    def list_level_trials(self) -> list[Trial]:
        rule = self.rule
        return list_trials(self.stretches, lambda values: list_levels(values, rule), self.periods, rule.evaluated + FURTHER_PERIODS)

    def propose(self, trials: Sequence[Trial]) -> list[_Proposal]:
        """The nearest threshold, and the shortest `for`, under which the guard aborts at most 1 % of the runs."""
        proposals = (self._propose_threshold(trials), self._propose_longer())
        return [proposal for proposal in proposals if proposal is not None]

    def _propose_threshold(self, trials: Sequence[Trial]) -> _Proposal | None:
        rule = self.rule
        current = rule.turn(self.threshold.value)
        worst = sorted({trial.worst for trial in trials if isfinite(trial.worst) and trial.worst > current})
        bar = _find_first(worst, lambda candidate: count_aborts(trials, lambda level: level > candidate))
        if bar is None:
            return None
        known = [value for stretch in self.stretches for value in stretch.values if value is not None]
        value = rule.turn(_round_outwards(bar, abs(bar - rule.turn(median(known))), strictly=rule.inclusive))
        share = count_aborts(trials, lambda level: rule.is_beyond(level, rule.turn(value)))
        if share is None or not _can_be_reached(value, self.threshold):
            return None
        return _Proposal(self.threshold.model_copy(update={"value": value}), share.interval[1])

    def _propose_longer(self) -> _Proposal | None:
        rule, bar, period = self.rule, self.rule.turn(self.threshold.value), period_of(self.binding, self.timing)
        lengths = [count for count in range(rule.datapoints, self.periods) if self._is_quick_enough(count * period)]
        if not lengths:
            return None
        trials = list_trials(self.stretches, lambda values: list_run_lengths(values, rule, bar), self.periods, max(lengths))
        count = _find_first(lengths, lambda least: count_aborts(trials, lambda run: run >= least))
        if count is None or count * period == self.threshold.for_seconds:
            return None
        share = count_aborts(trials, lambda run: run >= count)
        return _Proposal(self.threshold.model_copy(update={"for_seconds": int(count) * period}), share.interval[1]) if share else None

    def _is_quick_enough(self, seconds: int) -> bool:
        """Whether the guard, with a `for` of this length, still reacts within a fault of this length."""
        longer = self.threshold.model_copy(update={"for_seconds": seconds})
        return not find_timing_problems(self.length, [("abort_conditions", longer)], self.timing, lambda _: self.binding.lag_seconds)


def _find_first(candidates: Iterable[float], count: Callable[[float], Share | None]) -> float | None:
    """The first candidate, of growing ones, with which at most 1 % of the runs are aborted, with 95 % confidence. Where the
    history is too short to be that sure of anything: the first with which none was aborted."""
    first_without: float | None = None
    for candidate in candidates:
        share = count(candidate)
        if share is None or share.percent > ADVISED_PERCENT:
            continue
        if share.interval[1] <= ADVISED_PERCENT:
            return candidate
        if share.aborted == 0 and first_without is None:
            first_without = candidate
    return first_without


def _round_outwards(bar: float, distance: float, *, strictly: bool) -> float:
    """The bar rounded up to a number as people write them, by at most a tenth of its distance from the median. `strictly`:
    above it, not on it."""
    tenth = (distance or abs(bar) or 1.0) / 10
    power = floor(log10(tenth))
    step = max(number for number in (1, 2, 5) if number * 10.0**power <= tenth * (1 + 1e-9)) * 10.0**power
    steps = floor(bar / step) + 1 if strictly else ceil(bar / step - 1e-9)
    return round(steps * step, max(0, -power))


def _can_be_reached(value: float, threshold: Threshold) -> bool:
    """Whether the metric can be beyond the value at all: a guard that can't fire protects nobody."""
    if threshold.unit == "none":
        return True
    return value > 0 if threshold.comparator in _BELOW else threshold.unit != "percent" or value < 100
