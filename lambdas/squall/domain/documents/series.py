"""`series.json` and `statistics.json`: what was measured, and the statistics of each window."""

from datetime import datetime

from squall.domain.documents.document import Document
from squall.domain.documents.metrics.cut import Cut
from squall.domain.documents.metrics.metric_models import Series, Window
from squall.domain.documents.metrics.statistics import MeasuredSeries, MetricStatistics


class SeriesDocument(Document):
    """`series.json`, by Compare: the raw series by window and metric. Every judgement rests on them."""

    NAME = "series"

    windows: tuple[Window, ...]
    finer: tuple[Window, ...] = ()
    """The same windows in the period of each metric that has one of its own."""
    series: dict[str, dict[str, tuple[Series, ...]]]
    values: dict[str, dict[str, float | None]] = {}
    """Name of each window to metric to its value over the whole window."""
    measured: tuple[MeasuredSeries, ...] = ()
    """Each metric in its own unit, from the start of the baseline to the end of the recovery without gaps."""


class StatisticsDocument(Document):
    """`statistics.json`, by Compare: statistics of each metric, and how its windows compare."""

    NAME = "statistics"

    at: datetime
    statistics: tuple[MetricStatistics, ...]
    cut: tuple[Cut, ...] = ()
    """Parts of the same hour of earlier days that are left out because of other experiments."""
