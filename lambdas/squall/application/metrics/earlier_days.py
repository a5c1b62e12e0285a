"""Reads the same hours of earlier days, without times that other experiments disturbed, to see what a metric does
without a fault.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from squall.application.metrics.disturbances import read_disturbances
from squall.application.metrics.read import SeriesByMetric, read_series
from squall.application.step import Step
from squall.domain.documents.metrics.cut import Cut
from squall.domain.documents.metrics.metric_models import MetricBinding, Window
from squall.domain.metrics.disturbances import drop_disturbed_points

EARLIER_DAYS = 3
"""How many earlier days are read, with one request each."""
KEPT_BRIEFLY_UNDER = 60
"""CloudWatch keeps periods shorter than this for only three hours, so they have no earlier days."""


def read_earlier_days(
    step: Step, bindings: Sequence[MetricBinding], window: Window, around: Window
) -> tuple[list[tuple[Window, SeriesByMetric]], tuple[Cut, ...]]:
    """The earlier days for which CloudWatch has data in `window`, each as that window on the day and the series over
    all of `around`; and what was cut from them because it was disturbed.
    """
    if window.period_seconds < KEPT_BRIEFLY_UNDER or not window.periods:
        return [], ()
    bound = [binding for binding in bindings if binding.period_seconds is None]  # the others are of this run, or have too few points
    days, cuts = [], list[Cut]()
    for number in range(1, EARLIER_DAYS + 1):
        then, span = (_days_before(original, number) for original in (window, around))
        until = datetime.fromtimestamp(span.end, UTC)
        series, cut = drop_disturbed_points(read_series(step.w.metrics, bound, span), span, read_disturbances(step, span.start, until))
        if any(
            then.start <= point.at < then.end for several in series.values() for query_series in several for point in query_series.points
        ):
            days.append((then, series))
        cuts += cut
    return days, tuple(cuts)


def _days_before(window: Window, days: int) -> Window:
    seconds = days * int(timedelta(days=1).total_seconds())
    return window.model_copy(update={"start": window.start - seconds, "end": window.end - seconds})
