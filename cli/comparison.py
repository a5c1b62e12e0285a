"""The comparison of two runs: each metric during the fault, by the judge's own rank test; then verdict, criteria,
recovery, findings.

The experiment's sentences say which direction is better: the criterion `availability > 99%` means that a higher
availability is better, the abort condition `error rate > 5%` that a lower error rate is better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from squall.domain.documents.finding import FindingStatus
from squall.domain.documents.metrics.metric_models import Point, Window
from squall.domain.documents.result import Result
from squall.domain.documents.series import SeriesDocument
from squall.domain.experiment.sentences import Sentences
from squall.domain.judging.ranks import apply_holm, compare_samples
from squall.domain.metrics.bindings import binding_name

Change = Literal["better", "worse", "higher", "lower", "same", "unknown"]
Direction = Literal["up", "down"]
SIGNIFICANT = 0.05
_HIGH = frozenset({">", ">="})


@dataclass(frozen=True)
class MetricChange:
    """A metric during the fault of the first run and of the second, in its unit."""

    metric: str
    unit: str
    before: float | None
    """The median of the periods."""
    after: float | None
    n: tuple[int, int]
    """The number of periods of each run."""
    change: Change
    shift: float | None = None
    low: float | None = None
    high: float | None = None
    p_adjusted: float | None = None


@dataclass(frozen=True)
class Fact:
    """A fact about each run, as text: a verdict, an outcome or a time."""

    name: str
    before: str
    after: str
    change: Change


def find_directions(sentences: Sentences) -> dict[str, Direction]:
    """Metric to the direction that is better, for the metrics on which the sentences agree."""
    better: dict[str, set[Direction]] = {}
    for _, threshold in (*sentences.threshold_criteria, *sentences.steady):
        better.setdefault(binding_name(threshold.metric, threshold.statistic), set()).add("up" if threshold.comparator in _HIGH else "down")
    for _, threshold in sentences.conditions:
        better.setdefault(binding_name(threshold.metric, threshold.statistic), set()).add("down" if threshold.comparator in _HIGH else "up")
    return {metric: next(iter(directions)) for metric, directions in better.items() if len(directions) == 1}


def compare_metrics(before: SeriesDocument, after: SeriesDocument, better: Mapping[str, Direction]) -> list[MetricChange]:
    """Compares every metric that both runs measured during their faults; p values are corrected for the number of
    metrics (Holm).

    `better`: metric to the direction that is better, from `find_directions`.
    """
    pairs = list(_pair_series(before, after))
    compared = [(metric, unit, first, second, compare_samples(first, second, period)) for metric, unit, period, first, second in pairs]
    adjusted = iter(apply_holm([ranked.p_value for *_, ranked in compared if ranked]))
    changes = []
    for metric, unit, first, second, ranked in compared:
        sizes, medians = (len(first), len(second)), (_take_median(first), _take_median(second))
        if ranked is None:
            changes.append(MetricChange(metric, unit, *medians, sizes, "unknown"))
            continue
        p_value = next(adjusted)
        change = _rate_shift(ranked.shift, better.get(metric)) if p_value < SIGNIFICANT else "same"
        changes.append(MetricChange(metric, unit, *medians, sizes, change, ranked.shift, ranked.low, ranked.high, p_value))
    return changes


def compare_results(before: Result, after: Result) -> list[Fact]:
    """Compares verdict, criteria, recovery and findings."""
    verdicts = [(result.verdict or result.status).value for result in (before, after)]
    facts = [Fact("verdict", verdicts[0], verdicts[1], _rate_verdicts(before.hypothesis_validated, after.hypothesis_validated))]
    first, second = ({criterion.text: criterion.outcome.value for criterion in result.criteria} for result in (before, after))
    for text in dict.fromkeys([*first, *second]):
        outcomes = first.get(text, "—"), second.get(text, "—")
        facts.append(Fact(text, *outcomes, _rate_outcomes(*outcomes)))
    seconds = [result.recovery.seconds_to_recover if result.recovery else None for result in (before, after)]
    if seconds != [None, None]:
        times = ["—" if value is None else f"{value:.0f} s" for value in seconds]
        facts.append(Fact("recovery", times[0], times[1], _rate_recoveries(*seconds)))
    gone, new = _open_titles(before) - _open_titles(after), _open_titles(after) - _open_titles(before)
    facts += [Fact("finding", title, "not seen", "better") for title in sorted(gone)]
    facts += [Fact("finding", "not seen", title, "worse") for title in sorted(new)]
    return facts


def _pair_series(before: SeriesDocument, after: SeriesDocument) -> Iterable[tuple[str, str, int, tuple[Point, ...], tuple[Point, ...]]]:
    names = [{window.name: window for window in document.windows} for document in (before, after)]
    longer = all("observation" in windows for windows in names)
    faults = [windows.get("observation" if longer else "fault") for windows in names]
    if faults[0] is None or faults[1] is None:
        return
    later = {series.metric: series for series in after.measured}
    for series in before.measured:
        other = later.get(series.metric)
        if other is not None and other.unit == series.unit:
            yield (
                series.metric,
                series.unit,
                series.period_seconds,
                _points_in(series.points, faults[0]),
                _points_in(other.points, faults[1]),
            )


def _points_in(points: Sequence[tuple[int, float]], window: Window) -> tuple[Point, ...]:
    return tuple(Point(at=at, value=value) for at, value in points if window.start <= at < window.end)


def _take_median(points: Sequence[Point]) -> float | None:
    values = sorted(point.value for point in points)
    middle = len(values) // 2
    return None if not values else values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _rate_verdicts(before: bool | None, after: bool | None) -> Change:
    if before == after:
        return "same"
    return "unknown" if after is None else "better" if after else "worse"


def _rate_shift(shift: float, better: Direction | None) -> Change:
    if better is None:
        return "higher" if shift > 0 else "lower"
    return "better" if (shift > 0) == (better == "up") else "worse"


def _rate_outcomes(before: str, after: str) -> Change:
    order = {"not_met": 0, "cannot_tell": 1, "met": 2}
    if before not in order or after not in order:
        return "unknown"
    return "same" if before == after else "better" if order[after] > order[before] else "worse"


def _rate_recoveries(before: float | None, after: float | None) -> Change:
    if before is None or after is None:
        return "better" if before is None else "worse"
    return "same" if round(before) == round(after) else "better" if after < before else "worse"


def _open_titles(result: Result) -> set[str]:
    return {finding.title for finding in result.findings if finding.status is FindingStatus.OPEN}
