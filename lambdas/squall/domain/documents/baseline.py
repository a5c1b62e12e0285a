"""`baseline.json`: the baseline window and the value of each metric in it."""

from squall.domain.documents.document import Document
from squall.domain.documents.metrics.cut import Cut
from squall.domain.documents.metrics.metric_models import Series, Window


class Baseline(Document):
    """`baseline.json`: history before the fault, and whether the steady state held."""

    NAME = "baseline"

    window: Window
    finer: tuple[Window, ...] = ()
    """The same window in the period of each metric that has one of its own."""
    cut: tuple[Cut, ...] = ()
    """Parts of the history that are left out because of other experiments on the same failure domains."""
    series: dict[str, tuple[Series, ...]]
    """Name of each metric to the series of its queries."""
    measurements: dict[str, float | None]
    steady: bool
    violations: tuple[str, ...] = ()
    requests_per_second: float | None = None

    def of_period(self, seconds: int | None) -> Window | None:
        """The window in periods of that length; `seconds` None means the environment's period. None if there is no such
        window."""
        if seconds is None:
            return self.window
        return next((window for window in self.finer if window.period_seconds == seconds), None)
