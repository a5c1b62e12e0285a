"""The baseline: whether there is enough history before the fault, and whether the steady state holds in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, isfinite
from statistics import fmean

from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.metrics.cut import Cut
from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.experiment.sentences import Sentences, parse_sentences
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.periods import count_datapoints
from squall.domain.metrics.series import counts_events, points_over, value_over
from squall.domain.metrics.windows import PacedWindow
from squall.domain.policy.environment import Timing

SeriesByMetric = Mapping[str, Sequence[Series]]
FEWEST_DISTANT = 3
"""Data points, none of them in adjoining periods, that show how often a metric is published."""
FEWEST_DAYS = 2
"""Earlier days that must agree before an hour is known for something."""


def assess_baseline(
    definition: Definition,
    discovery: Discovery,
    window: PacedWindow,
    series: SeriesByMetric,
    values: Mapping[str, float | None],
    cut: Sequence[Cut] = (),
    daily: Sequence[str] = (),
) -> Baseline:
    """The baseline, with every violation of the steady state, over the whole window and over its newest periods.

    `series` and `values` are by binding name. `cut` is what other experiments disturbed, which the window no longer
    contains. `daily` are abort conditions that come true without a fault at these hours (`find_daily_breaches`).
    """
    parsed = parse_sentences(definition.experiment)
    rate = values.get("request_rate")
    measured = any(binding.name == "request_rate" for binding in discovery.bindings)
    violations = [
        *_traffic_violations(rate, definition.environment.minimum_requests_per_second if measured else None),
        *_length_violations(parsed, definition, discovery, window, series, cut),
        *_steady_state_violations(parsed, _History(definition, discovery, window, series, values)),
        *daily,
    ]
    return Baseline(
        window=window.usual,
        finer=tuple(window.finer.values()),
        cut=tuple(cut),
        series={name: tuple(several) for name, several in series.items()},
        measurements=dict(values),
        steady=not violations,
        violations=tuple(violations),
        requests_per_second=rate,
    )


def find_daily_breaches(definition: Definition, discovery: Discovery, days: Sequence[tuple[Window, SeriesByMetric]]) -> tuple[str, ...]:
    """Abort conditions that came true in the hours of the fault on every earlier day: their guards would fire without a
    fault.

    `days`: those hours of each earlier day, with their series. At least two days are needed, because a single day may
    have had an incident.
    """
    daily_breaches = []
    for _, threshold in parse_sentences(definition.experiment).conditions:
        binding = binding_of(discovery.bindings, threshold)
        if binding is None or binding.period_seconds is not None:
            continue
        known = [(points_over(binding, series.get(binding.name, ()), window), window) for window, series in days]
        breaches = [_has_breached(threshold, points, window, definition.environment.timing) for points, window in known if points]
        if len(breaches) >= FEWEST_DAYS and all(breaches):
            daily_breaches.append(f'abort condition "{threshold.text}" came true at this hour on each of the last {len(breaches)} days')
    return tuple(daily_breaches)


def _has_breached(threshold: Threshold, points: Sequence[Point], window: Window, timing: Timing) -> bool:
    """Whether a guard would have fired: M of N consecutive periods breached."""
    wanted, evaluated = count_datapoints(threshold, timing)
    true = [point.at for point in points if threshold.holds(point.value)]
    span = evaluated * window.period_seconds
    return any(sum(at <= other < at + span for other in true) >= wanted for at in true)


def trim_to_first_point(window: Window, series: SeriesByMetric) -> Window:
    """The window from its first data point on. Nothing was published before it, so the periods before it do not count
    as periods with zero requests."""
    of_period = (
        query_series for several in series.values() for query_series in several if query_series.period_seconds == window.period_seconds
    )
    first = min((point.at for query_series in of_period for point in query_series.points), default=window.start)
    return window.model_copy(update={"start": max(window.start, min(first, window.end))})


def missing_seconds(definition: Definition, discovery: Discovery, window: PacedWindow, series: SeriesByMetric) -> int:
    """How many seconds CaptureBaseline should wait for the periods that the baseline still lacks; 0 if it has
    enough."""
    least = definition.environment.timing.minimum_baseline_periods
    needed = [(binding, window.of(binding)) for binding in _needed_bindings(parse_sentences(definition.experiment), discovery)]
    lacking = ((least - len(points_over(binding, series.get(binding.name, ()), own))) * own.period_seconds for binding, own in needed)
    return max(0, *lacking, 0)


def _needed_bindings(parsed: Sentences, discovery: Discovery) -> list[MetricBinding]:
    """The bindings that sentences are measured by, each once. Only these can make a baseline too short."""
    bindings = [binding_of(discovery.bindings, threshold) for _, threshold in parsed.thresholds]
    return list({binding.name: binding for binding in bindings if binding is not None}.values())


def _traffic_violations(rate: float | None, minimum: float | None) -> list[str]:
    if minimum is None:
        return []
    if rate is None:
        return ["there is no traffic: CloudWatch counted no request in the baseline, so nothing can be judged"]
    if rate < minimum:
        return [f"there is too little traffic: {rate:.3g} requests per second in the baseline, {minimum:g} are needed"]
    return []


def _length_violations(
    parsed: Sentences, definition: Definition, discovery: Discovery, window: PacedWindow, series: SeriesByMetric, cut: Sequence[Cut]
) -> Iterable[str]:
    least = definition.environment.timing.minimum_baseline_periods
    short = []
    for binding in _needed_bindings(parsed, discovery):
        own = window.of(binding)
        minimum = least if cut else min(least, own.periods)
        points = points_over(binding, series.get(binding.name, ()), own)
        have = len(points)
        if distance := _find_distance(binding, points, own):
            short.append(_explain_distance(binding, distance, own.period_seconds))
        elif have < minimum:
            short.append(f"{binding.name} has {have} of {own.periods} periods in the baseline, {minimum} are needed")
    return [*short, *(part.said for part in cut)] if short else []


def _find_distance(binding: MetricBinding, points: Sequence[Point], window: Window) -> int | None:
    """The distance between data points, in seconds, if no two of them are in adjoining periods: the metric is published
    less often than it is judged. None if it is published as often, or if silence means something."""
    if len(points) < FEWEST_DISTANT or any(query.published != "always" for query in binding.queries):
        return None
    distance = min(after.at - before.at for before, after in pairwise(points))
    return distance if distance > window.period_seconds else None


def _explain_distance(binding: MetricBinding, distance: int, period: int) -> str:
    return (
        f"CloudWatch has a point of {binding.name} every {distance} s at most, and periods of {period} s are judged: "
        f"publish it more often, or judge it under a policy with timing.metric_period_seconds of {distance}"
    )


@dataclass(frozen=True)
class _History:
    """The metrics before the fault, from which the value of each sentence is read."""

    definition: Definition
    discovery: Discovery
    window: PacedWindow
    series: SeriesByMetric
    values: Mapping[str, float | None]

    @property
    def timing(self) -> Timing:
        return self.definition.environment.timing

    def length_of(self, threshold: Threshold) -> int | None:
        """Length in seconds of the window in which the criterion will be judged; None if that is the baseline
        itself."""
        if threshold.window == "baseline":
            return None
        return int(self.definition.experiment.judged_length(threshold.window).total_seconds())

    def looks(self, threshold: Threshold, length: int | None) -> list[tuple[str, float | None]]:
        """The value over the whole baseline and over its newest periods, each with its name for messages.

        A count grows with the window, so it is converted to a window of `length` seconds (None: not converted), because
        a threshold on a count refers to the window in which it is judged.
        """
        binding = binding_of(self.discovery.bindings, threshold)
        if binding is None:
            return [("before the fault", None)]
        own = self.window.of(binding)
        whole, counted = self.values.get(binding.name), counts_events(binding)
        newest = min(self.timing.minimum_periods, own.periods)
        if counted and length is not None:
            whole = None if whole is None or not own.periods else whole * length / (own.end - own.start)
            newest = min(max(self.timing.minimum_periods, length // own.period_seconds), own.periods)
        recent = _newest_value(binding, self.series.get(binding.name, ()), own.end - newest * own.period_seconds, own)
        if counted and length is not None and recent is not None and newest:
            recent *= length / (newest * own.period_seconds)
        looks = [("over the baseline", _finite_or_none(whole))]
        return looks if recent is None else [*looks, ("now", recent)]

    def breaches(self, threshold: Threshold) -> list[tuple[str, float]]:
        """The periods in which an abort condition is already true, as its guard sees it: single periods, or for as long
        as the sentence says."""
        binding = binding_of(self.discovery.bindings, threshold)
        if binding is None:
            return []
        own = self.window.of(binding)
        if not threshold.for_seconds:
            looks = self.looks(threshold, own.period_seconds)
            return [(name, value) for name, value in looks if value is not None and threshold.holds(value)]
        points = points_over(binding, self.series.get(binding.name, ()), own)
        wanted = ceil(threshold.for_seconds / own.period_seconds)
        newest = own.end - max(self.timing.minimum_periods, wanted) * own.period_seconds
        run: list[Point] = []
        for point in (point for point in points if point.at >= newest):
            adjoins = bool(run) and point.at - run[-1].at == own.period_seconds
            run = [*(run if adjoins else ()), point] if threshold.holds(point.value) else []
            if len(run) >= wanted:
                return [("now", fmean(point.value for point in run))]
        return []


def _steady_state_violations(parsed: Sentences, history: _History) -> Iterable[str]:
    for _, threshold in (*parsed.threshold_criteria, *parsed.steady):
        if threshold.relative is None and threshold.window != "recovery":
            for name, value in history.looks(threshold, history.length_of(threshold)):
                if value is None:
                    yield f'"{threshold.text}" can\'t be told {name}: CloudWatch has no value'
                elif not threshold.holds(value):
                    yield f'"{threshold.text}" does not hold {name}: {value:.4g} {threshold.unit}'
    for _, threshold in parsed.conditions:
        if threshold.relative is None:
            for name, value in history.breaches(threshold):
                yield f'abort condition "{threshold.text}" is already true {name}: {value:.4g} {threshold.unit}'


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _newest_value(binding: MetricBinding, series: Sequence[Series], start: int, window: Window) -> float | None:
    """The value over the periods from `start` (epoch seconds) on: exact for counts, ratios and rates, the mean of the
    periods for gauges."""
    newest = window.model_copy(update={"start": start})
    if binding.kind == "gauge":
        points = [point.value for point in points_over(binding, series, newest)]
        if not points:
            return None
        return sum(points) if counts_events(binding) else fmean(points)
    totals: dict[str, float | None] = {}
    for query_series in series:
        inside = [point.value for point in query_series.points if start <= point.at < window.end and isfinite(point.value)]
        totals[query_series.key] = sum(inside) if inside else None
    return value_over(binding, totals, window.end - start)
