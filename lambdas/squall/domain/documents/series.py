"""`series.json` and `statistics.json`: what was measured, and the statistics of each window."""

from datetime import datetime

from squall.domain.documents.cut import Cut
from squall.domain.documents.metric_models import Series, Window
from squall.domain.documents.statistics import MeasuredSeries, MetricStatistics
from squall.domain.model import Model


class SeriesDocument(Model):
    """`series.json`, by Compare: the raw series everything is judged on, by window and metric."""

    windows: tuple[Window, ...]
    finer: tuple[Window, ...] = ()
    """Baseline, fault and recovery in the periods of metrics that have their own."""
    series: dict[str, dict[str, tuple[Series, ...]]]
    values: dict[str, dict[str, float | None]] = {}
    """Window name to metric to its value over the whole window."""
    measured: tuple[MeasuredSeries, ...] = ()
    """Each metric in its own unit from the beginning of the baseline to the end of the recovery, also between the windows."""


class StatisticsDocument(Model):
    """`statistics.json`, by Compare."""

    at: datetime
    statistics: tuple[MetricStatistics, ...]
    cut: tuple[Cut, ...] = ()
    """What of the same hour of earlier days is left out because of other experiments."""
