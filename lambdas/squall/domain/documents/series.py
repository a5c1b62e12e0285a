"""`series.json` and `statistics.json`: what was measured, and the statistics of each window."""

from datetime import datetime

from squall.domain.documents.cut import Cut
from squall.domain.documents.document import Document
from squall.domain.documents.metric_models import Series, Window
from squall.domain.documents.statistics import MeasuredSeries, MetricStatistics


class SeriesDocument(Document):
    """`series.json`, by Compare: the raw series everything is judged on, by window and metric."""

    NAME = "series"

    windows: tuple[Window, ...]
    finer: tuple[Window, ...] = ()
    """Baseline, fault and recovery in the periods of metrics that have their own."""
    series: dict[str, dict[str, tuple[Series, ...]]]
    values: dict[str, dict[str, float | None]] = {}
    """Window name to metric to its value over the whole window."""
    measured: tuple[MeasuredSeries, ...] = ()
    """Each metric in its own unit from the beginning of the baseline to the end of the recovery, also between the windows."""


class StatisticsDocument(Document):
    """`statistics.json`, by Compare."""

    NAME = "statistics"

    at: datetime
    statistics: tuple[MetricStatistics, ...]
    cut: tuple[Cut, ...] = ()
    """What of the same hour of earlier days is left out because of other experiments."""
