"""Metrics that a fault must move, so that a command which reports success without effect is noticed.

A signal can contradict a fault but never prove it. If the metric is missing, sparse or late, or had no room to move,
the mechanism's own report counts. Signals that are `required` are the exception: without a value they contradict.
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor
from statistics import median
from typing import Literal

from squall.domain.base.model import Model
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.documents.metrics.signal_reading import Reading, SignalReading

FEWEST_PERIODS = 2
"""The fewest whole periods within the fault. A single period may have been measured before or after the fault."""
PUBLISHED_EVERY = (60, 300)
"""Publication periods in seconds: of the CloudWatch agent and detailed monitoring, then of basic monitoring. An
environment may have shorter ones."""
SHARE = 0.25
"""The share of the way to the fault's value by which a metric must move. Less than all, because resources are shared
and throttled, and metrics are averages."""


class Signal(Model):
    """What the mechanism must do to a metric of its targets.

    The metric must move by a fixed amount, or by a share of the way to the value to which the fault takes it. It is
    never a metric of what users experience.
    """

    targets: tuple[str, ...]
    """Ids of the targets that the metric describes."""
    namespace: str
    metric_name: str
    dimensions: tuple[tuple[str, str], ...]
    partly: bool = False
    """Whether the metric is published with more dimensions than these, which must first be looked up in CloudWatch."""
    statistic: str = "Maximum"
    direction: Literal["up", "down"] = "up"
    by: float | None = None
    """The least amount by which the metric must move, in its own unit. Either this or `toward` is given."""
    toward: float | None = None
    """The value to which the fault takes the metric: it must move by `share` of the way there from its usual value."""
    share: float = SHARE
    required: bool = False
    """Whether the metric must show the fault. It must if the mechanism reports only that it delivered the fault, not
    that it was applied."""
    after_seconds: int = 0
    """How long after the beginning of the fault the metric must show it, in seconds."""

    def least(self, usual: float) -> float:
        """The least amount by which the metric must move from its usual value; 0 if there is no room."""
        if self.by is not None:
            return self.by
        way = (self.toward or 0.0) - usual
        return max(0.0, self.share * (way if self.direction == "up" else -way))


def list_spans(signal: Signal, window: Window) -> Iterator[Window]:
    """The fault's window in each period in which the metric may be published, the shortest period first.

    Periods of which the window holds too few are left out.
    """
    for period in sorted({window.period_seconds, *PUBLISHED_EVERY}):
        if period >= window.period_seconds:
            inside = fit_periods(window, period)
            shown = fit_periods(window.model_copy(update={"start": window.start + signal.after_seconds}), period)
            if shown.periods >= FEWEST_PERIODS:
                yield inside


def fit_periods(window: Window, period: int) -> Window:
    """The whole periods of this length inside the window."""
    start, end = ceil(window.start / period) * period, floor(window.end / period) * period
    return window.model_copy(update={"start": start, "end": max(start, end), "period_seconds": period})


def read_signal(signal: Signal, before: Sequence[float], during: Sequence[float]) -> SignalReading:
    """The reading from the values during the fault (one for each period) and those before it."""
    named = f"{signal.namespace} {signal.metric_name} of {', '.join(signal.targets)}"
    usual = median(before)
    least = signal.least(usual)
    up = signal.direction == "up"
    reached = max(during) if up else min(during)
    movement = f"was {reached:.3g} at {'most' if up else 'least'}, after {usual:.3g}"
    if not least:
        return _make_reading(signal, "not_told", f"{named} had no room to {'rise' if up else 'fall'}: it was {usual:.3g} before")
    if (reached - usual if up else usual - reached) >= least:
        return _make_reading(signal, "moved", f"{named} {movement}")
    return _make_reading(
        signal,
        "contradicted",
        f"the fault did nothing to {', '.join(signal.targets)}: its mechanism ran, but {signal.metric_name} {movement}, "
        f"and should have {'risen' if up else 'fallen'} by {least:.3g} at least",
    )


def must_show(signal: Signal, before: Sequence[float], during: Sequence[float], periods: int) -> SignalReading:
    """The reading of a required signal, from the values that there are in the fault's window of `periods` periods."""
    if periods < FEWEST_PERIODS:
        return not_told(signal, "could not show it yet: the fault was too short")
    if not during:
        named = f"{signal.namespace} {signal.metric_name}"
        why = f"nothing shows that the fault reached {', '.join(signal.targets)}: {named} has no value in all the time it lasted"
        return _make_reading(signal, "contradicted", why)
    return read_signal(signal, before or [0.0], during)


def not_told(signal: Signal, why: str) -> SignalReading:
    """The reading of a metric that decides nothing."""
    return _make_reading(signal, "not_told", f"{signal.namespace} {signal.metric_name} of {', '.join(signal.targets)} {why}")


def of_several(signal: Signal, readings: Sequence[SignalReading]) -> SignalReading:
    """The reading of several series of one metric: contradicted only if every series that decides anything
    contradicts."""
    for reading in ("moved", "contradicted"):
        if decisive := next((candidate for candidate in readings if candidate.reading == reading), None):
            return decisive
    return readings[0] if readings else not_told(signal, "is not published")


def _make_reading(signal: Signal, reading: Reading, detail: str) -> SignalReading:
    return SignalReading(targets=signal.targets, metric=f"{signal.namespace} {signal.metric_name}", reading=reading, detail=detail)
