"""`baseline.json`: the baseline window and the value of each metric in it."""

from squall.domain.documents.cut import Cut
from squall.domain.documents.document import Document
from squall.domain.documents.metric_models import Series, Window


class Baseline(Document):
    """`baseline.json`: history before the fault, and whether the steady state held."""

    NAME = "baseline"

    window: Window
    finer: tuple[Window, ...] = ()
    """The same in the periods of metrics that have their own."""
    cut: tuple[Cut, ...] = ()
    """What of the history is left out because of other experiments on the same failure domains."""
    series: dict[str, tuple[Series, ...]]
    """Metric name to the series of its queries."""
    measurements: dict[str, float | None]
    steady: bool
    violations: tuple[str, ...] = ()
    requests_per_second: float | None = None

    def of_period(self, seconds: int | None) -> Window | None:
        """The window in periods of that length; None: the environment's, which there always is."""
        if seconds is None:
            return self.window
        return next((window for window in self.finer if window.period_seconds == seconds), None)
