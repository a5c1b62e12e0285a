"""Metrics of the mechanism: what a fault must do to them, and what it says of a command that reports success when it didn't.

A signal contradicts and never proves: a metric that is missing, sparse or late, or had no room to move, leaves the mechanism its word;
unless that word is too little by itself (`Signal.required`).
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor
from statistics import median
from typing import Literal

from squall.domain.documents.metric_models import Window
from squall.domain.documents.signal_reading import Reading, SignalReading
from squall.domain.model import Model

FEWEST_PERIODS = 2
"""Whole ones, within the fault: of a single one it isn't known whether it was seen while the fault lasted."""
PUBLISHED_EVERY = (60, 300)
"""Seconds: the CloudWatch agent and detailed monitoring, then basic monitoring. An environment's own periods may be shorter."""
SHARE = 0.25
"""Of the way to where a fault takes a metric: resources are shared, throttled and measured in averages."""


class Signal(Model):
    """What the mechanism must do to a metric of its targets, by so much or by a share of the way to where it takes it. Never a metric that
    users feel."""

    targets: tuple[str, ...]
    """Ids of those it is about."""
    namespace: str
    metric_name: str
    dimensions: tuple[tuple[str, str], ...]
    partly: bool = False
    """Whether it is published with more dimensions than these, which CloudWatch has to be asked for."""
    statistic: str = "Maximum"
    direction: Literal["up", "down"] = "up"
    by: float | None = None
    """At least so much, in the metric's own unit …"""
    toward: float | None = None
    """… or `share` of the way from its usual value to this one."""
    share: float = SHARE
    required: bool = False
    """Whether it has to be seen: where the mechanism's own word is only that the fault was left for somebody to find, silence is none."""
    after_seconds: int = 0
    """How long the fault lasts before this metric must show it."""

    def least(self, usual: float) -> float:
        """How much it must move from there, at least; 0 where there is no room."""
        if self.by is not None:
            return self.by
        way = (self.toward or 0.0) - usual
        return max(0.0, self.share * (way if self.direction == "up" else -way))


def spans(signal: Signal, window: Window) -> Iterator[Window]:
    """The fault's window in the periods that the metric may be published in, the shortest first, as far as it holds enough of them."""
    for period in sorted({window.period_seconds, *PUBLISHED_EVERY}):
        if period >= window.period_seconds:
            inside = within(window, period)
            shown = within(window.model_copy(update={"start": window.start + signal.after_seconds}), period)
            if shown.periods >= FEWEST_PERIODS:
                yield inside


def within(window: Window, period: int) -> Window:
    """The whole periods of that length inside the window."""
    start, end = ceil(window.start / period) * period, floor(window.end / period) * period
    return window.model_copy(update={"start": start, "end": max(start, end), "period_seconds": period})


def read(signal: Signal, before: Sequence[float], during: Sequence[float]) -> SignalReading:
    """The reading from a value for every period of the fault, and those of before."""
    named = f"{signal.namespace} {signal.metric_name} of {', '.join(signal.targets)}"
    usual = median(before)
    least = signal.least(usual)
    up = signal.direction == "up"
    reached = max(during) if up else min(during)
    said = f"was {reached:.3g} at {'most' if up else 'least'}, after {usual:.3g}"
    if not least:
        return _reading(signal, "not_told", f"{named} had no room to {'rise' if up else 'fall'}: it was {usual:.3g} before")
    if (reached - usual if up else usual - reached) >= least:
        return _reading(signal, "moved", f"{named} {said}")
    return _reading(
        signal,
        "contradicted",
        f"the fault did nothing to {', '.join(signal.targets)}: its mechanism ran, but {signal.metric_name} {said}, "
        f"and should have {'risen' if up else 'fallen'} by {least:.3g} at least",
    )


def must_show(signal: Signal, before: Sequence[float], during: Sequence[float], periods: int) -> SignalReading:
    """The reading of a required signal from whatever values the fault's window has, in so many periods."""
    if periods < FEWEST_PERIODS:
        return not_told(signal, "could not show it yet: the fault was too short")
    if not during:
        named = f"{signal.namespace} {signal.metric_name}"
        why = f"nothing shows that the fault reached {', '.join(signal.targets)}: {named} has no value in all the time it lasted"
        return _reading(signal, "contradicted", why)
    return read(signal, before or [0.0], during)


def not_told(signal: Signal, why: str) -> SignalReading:
    """The reading of a metric that says nothing."""
    return _reading(signal, "not_told", f"{signal.namespace} {signal.metric_name} of {', '.join(signal.targets)} {why}")


def of_several(signal: Signal, readings: Sequence[SignalReading]) -> SignalReading:
    """The reading of several series of one metric: contradicted only if all that tell are."""
    for reading in ("moved", "contradicted"):
        if found := next((one for one in readings if one.reading == reading), None):
            return found
    return readings[0] if readings else not_told(signal, "is not published")


def _reading(signal: Signal, reading: Reading, detail: str) -> SignalReading:
    return SignalReading(targets=signal.targets, metric=f"{signal.namespace} {signal.metric_name}", reading=reading, detail=detail)
