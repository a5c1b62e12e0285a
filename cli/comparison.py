"""Two runs beside each other: each metric during the fault by the judge's own ranks, with intervals; then what else became better or worse.

Which way is better is the experiment's own word: a criterion `availability > 99%` wants it high, an abort condition `error rate > 5%` low.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from squall.domain.documents.finding import FindingStatus
from squall.domain.documents.metric_models import Point, Window
from squall.domain.documents.result import Result
from squall.domain.documents.series import SeriesDocument
from squall.domain.experiment.sentences import Sentences
from squall.domain.judging.ranks import compare, holm
from squall.domain.metrics.bindings import binding_name

Change = Literal["better", "worse", "higher", "lower", "same", "unknown"]
Direction = Literal["up", "down"]
SIGNIFICANT = 0.05
_HIGH = frozenset({">", ">="})


@dataclass(frozen=True)
class MetricChange:
    """A metric during the fault of the first run and of the second."""

    metric: str
    unit: str
    before: float | None
    """Median of the periods."""
    after: float | None
    n: tuple[int, int]
    change: Change
    shift: float | None = None
    low: float | None = None
    high: float | None = None
    p_adjusted: float | None = None


@dataclass(frozen=True)
class Fact:
    """A number or a word of each run."""

    name: str
    before: str
    after: str
    change: Change


def directions(sentences: Sentences) -> dict[str, Direction]:
    """Metric to the way that is better, where the sentences agree."""
    wanted: dict[str, set[Direction]] = {}
    for _, threshold in (*sentences.threshold_criteria, *sentences.steady):
        wanted.setdefault(binding_name(threshold.metric, threshold.statistic), set()).add("up" if threshold.comparator in _HIGH else "down")
    for _, threshold in sentences.conditions:
        wanted.setdefault(binding_name(threshold.metric, threshold.statistic), set()).add("down" if threshold.comparator in _HIGH else "up")
    return {metric: next(iter(ways)) for metric, ways in wanted.items() if len(ways) == 1}


def metric_changes(before: SeriesDocument, after: SeriesDocument, better: Mapping[str, Direction]) -> list[MetricChange]:
    """Every metric both runs measured during their faults; p values corrected for asking about all of them at once (Holm)."""
    pairs = list(_pairs(before, after))
    compared = [(metric, unit, one, two, compare(one, two, period)) for metric, unit, period, one, two in pairs]
    adjusted = iter(holm([ranked.p_value for *_, ranked in compared if ranked]))
    found = []
    for metric, unit, one, two, ranked in compared:
        sizes, middles = (len(one), len(two)), (_median(one), _median(two))
        if ranked is None:
            found.append(MetricChange(metric, unit, *middles, sizes, "unknown"))
            continue
        p_value = next(adjusted)
        change = _change(ranked.shift, better.get(metric)) if p_value < SIGNIFICANT else "same"
        found.append(MetricChange(metric, unit, *middles, sizes, change, ranked.shift, ranked.low, ranked.high, p_value))
    return found


def facts(before: Result, after: Result) -> list[Fact]:
    """Verdict, criteria, recovery and findings of both."""
    verdicts = [(result.verdict or result.status).value for result in (before, after)]
    told = (before.hypothesis_validated, after.hypothesis_validated)
    change: Change = "same" if told[0] == told[1] else "better" if told[1] else "worse" if told[1] is False else "unknown"
    found = [Fact("verdict", verdicts[0], verdicts[1], change)]
    first, second = ({criterion.text: criterion.outcome.value for criterion in result.criteria} for result in (before, after))
    for text in dict.fromkeys([*first, *second]):
        one, two = first.get(text, "—"), second.get(text, "—")
        found.append(Fact(text, one, two, _outcome(one, two)))
    seconds = [result.recovery.seconds_to_recover if result.recovery else None for result in (before, after)]
    if seconds != [None, None]:
        one, two = ("—" if value is None else f"{value:.0f} s" for value in seconds)
        found.append(Fact("recovery", one, two, _shorter(*seconds)))
    gone, new = _titles(before) - _titles(after), _titles(after) - _titles(before)
    found += [Fact("finding", title, "not seen", "better") for title in sorted(gone)]
    found += [Fact("finding", "not seen", title, "worse") for title in sorted(new)]
    return found


def _pairs(before: SeriesDocument, after: SeriesDocument) -> Iterable[tuple[str, str, int, tuple[Point, ...], tuple[Point, ...]]]:
    faults = [next((window for window in document.windows if window.name == "fault"), None) for document in (before, after)]
    if faults[0] is None or faults[1] is None:
        return
    later = {series.metric: series for series in after.measured}
    for series in before.measured:
        other = later.get(series.metric)
        if other is not None and other.unit == series.unit:
            yield series.metric, series.unit, series.period_seconds, _during(series.points, faults[0]), _during(other.points, faults[1])


def _during(points: Sequence[tuple[int, float]], window: Window) -> tuple[Point, ...]:
    return tuple(Point(at=at, value=value) for at, value in points if window.start <= at < window.end)


def _median(points: Sequence[Point]) -> float | None:
    values = sorted(point.value for point in points)
    middle = len(values) // 2
    return None if not values else values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _change(shift: float, better: Direction | None) -> Change:
    if better is None:
        return "higher" if shift > 0 else "lower"
    return "better" if (shift > 0) == (better == "up") else "worse"


def _outcome(before: str, after: str) -> Change:
    order = {"not_met": 0, "cannot_tell": 1, "met": 2}
    if before not in order or after not in order:
        return "unknown"
    return "same" if before == after else "better" if order[after] > order[before] else "worse"


def _shorter(before: float | None, after: float | None) -> Change:
    if before is None or after is None:
        return "better" if before is None else "worse"
    return "same" if round(before) == round(after) else "better" if after < before else "worse"


def _titles(result: Result) -> set[str]:
    return {finding.title for finding in result.findings if finding.status is FindingStatus.OPEN}
