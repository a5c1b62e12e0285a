"""Periods without requests where there had always been some. Nobody knows whether nobody asked or nobody was answered, so
they are never taken for good."""

from collections.abc import Sequence
from math import comb

from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series, Window
from squall.domain.judging.judge_input import JudgeInput
from squall.domain.judging.window_statistics import seen_points
from squall.domain.language.metric_table import METRICS
from squall.domain.metrics.series import missing_policy

CHANCE = 0.05
"""If chance alone makes a window as silent as this in fewer cases, its silence is not the workload's usual one."""


def find_silent_periods(binding: MetricBinding, points: Sequence[Point], window: Window, inputs: JudgeInput) -> frozenset[int]:
    """The start of each period of the window that says nothing about users, because nothing was counted in it and the
    baseline was not as silent. Empty where nothing is known of the baseline.

    Silent is a period without a value of a metric that has one whenever there are requests. An error count is zero in
    such a period; there the load balancer's requests decide. `points`: those of the metric in the window.
    """
    usual = inputs.window_of("baseline", binding)
    if usual is None or not usual.periods or not window.periods or binding.kind == "rate":
        return frozenset()
    read_until = max(own.end for own in (inputs.finer.get(window.period_seconds) or inputs.windows).values())
    if missing_policy(binding) == "breaching":
        of_run, hosts = inputs.run_series.get(binding.name, ()), inputs.run_series.get("healthy_hosts", ())
        before = seen_points(binding, of_run, hosts, usual)
        return _list_unusual(before, points, of_run, usual, window, read_until)
    row = METRICS.get(binding.name)
    requests = inputs.run_series.get("request_rate", ())
    if row is None or not row.felt or not requests:
        return frozenset()
    counted = [point for series in requests if series.period_seconds == window.period_seconds for point in series.points]
    return _list_unusual(counted, [*counted, *_list_events(inputs.run_series.get(binding.name, ()))], requests, usual, window, read_until)


def _list_events(series: Sequence[Series]) -> list[Point]:
    """A period in which errors were counted is not silent."""
    return [point for query_series in series for point in query_series.points]


def _list_unusual(
    before: Sequence[Point], points: Sequence[Point], of_run: Sequence[Series], usual: Window, window: Window, read_until: int
) -> frozenset[int]:
    """The silent periods of the window, if it has more than the baseline's share of them explains. A single silent period
    at the end of all that was read may not be published yet."""
    period, known = window.period_seconds, {point.at for point in points}
    newest = max((point.at for series in of_run for point in series.points), default=usual.start)
    end = min(window.end, read_until - period) if read_until - newest == 2 * period else window.end
    silent = frozenset(at for at in range(window.start, end, window.period_seconds) if at not in known)
    had = {point.at for point in before if usual.start <= point.at < usual.end}
    if not had:
        return frozenset()
    share = 1 - len(had) / usual.periods
    return silent if silent and _chance_of(len(silent), window.periods, share) < CHANCE else frozenset()


def _chance_of(least: int, of: int, share: float) -> float:
    """How likely at least so many of the periods are silent if each is silent with this probability."""
    return sum(comb(of, count) * share**count * (1 - share) ** (of - count) for count in range(least, of + 1))
