"""Windows of whole metric periods, aligned to the period, in epoch seconds. Partial periods are left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, floor

from squall.domain.documents.metrics.metric_models import MetricBinding, Window
from squall.domain.documents.rollback import Proof
from squall.domain.policy.environment import Timing


@dataclass(frozen=True)
class EffectSpan:
    """The times at which a fault was in effect on the targets."""

    first: datetime
    """When it took effect on the first target."""
    all: datetime
    """When it took effect on the last target, so that it hits all."""
    no_longer_all: datetime
    """When it ended on the first target."""
    over: datetime
    """When it ended on the last target."""


@dataclass(frozen=True)
class PacedWindow:
    """The same window in every period length that metrics have."""

    usual: Window
    """The window in the environment's metric period."""
    finer: Mapping[int, Window] = field(default_factory=dict)
    """The windows in other periods, by period in seconds."""

    def of(self, binding: MetricBinding) -> Window:
        """The window in the metric's own period."""
        return self.finer.get(binding.period_seconds or 0, self.usual)


def list_own_periods(bindings: Iterable[MetricBinding]) -> tuple[int, ...]:
    """The periods, in seconds, of metrics that have one of their own."""
    return tuple(sorted({binding.period_seconds for binding in bindings if binding.period_seconds is not None}))


def find_effect_span(
    proofs: Iterable[Proof], length: timedelta, *, stopped_at: datetime | None, lasting_until: datetime | None
) -> EffectSpan | None:
    """The times at which the fault was in effect, by the proofs of its mechanism; None if there is no such proof.

    A mechanism whose end is unknown ended after `length`, or when FIS stopped it. `lasting_until` is the end (now) of
    mechanisms that still last; None if all have ended.
    """
    known = [(proof.at, proof.until) for proof in proofs if proof.kind == "mechanism" and proof.proven and proof.at]
    if not known:
        return None
    starts = [at for at, _ in known]
    ends = [until or lasting_until or min(at + length, stopped_at or at + length) for at, until in known]
    return EffectSpan(min(starts), max(starts), min(ends), max(ends))


def baseline_window(now: datetime, timing: Timing, lag_seconds: int) -> Window:
    """The last `baseline_periods` whole periods that are complete in CloudWatch at `now`."""
    lag = timing.metric_lag_seconds if timing.metric_lag_seconds is not None else lag_seconds
    end = last_complete_end(now, timing, lag)
    period = timing.metric_period_seconds
    return Window(name="baseline", start=end - timing.baseline_periods * period, end=end, period_seconds=period)


def fault_window(effect_at: datetime, length: timedelta, timing: Timing, *, ended_at: datetime | None = None, name: str = "") -> Window:
    """The whole periods from the effect of the fault for its length, or until `ended_at` if it ended early. FIS's
    status does not matter. `name`: of a scenario's fault."""
    end = effect_at + length
    return _whole_periods(name or "fault", effect_at, min(end, ended_at) if ended_at else end, timing)


def observation_window(effect_at: datetime, length: timedelta, timing: Timing, *, ended_at: datetime | None = None) -> Window:
    """The whole periods from the effect of the fault for `length`, which may be longer than the fault, or until `ended_at`
    if FIS ended the experiment, and with it the stop conditions, earlier."""
    end = effect_at + length
    return _whole_periods("observation", effect_at, min(end, ended_at) if ended_at else end, timing)


def recovery_window(fault_end: datetime, until: datetime, timing: Timing) -> Window:
    """Whole periods after the fault, until `until`. If the run is still observed when the fault is over, the window begins
    within the observation."""
    return _whole_periods("recovery", fault_end, until, timing)


def join_windows(windows: Sequence[Window]) -> Window:
    """One window from the start of the first to the end of the last, including any gaps."""
    return windows[0].model_copy(update={"start": min(w.start for w in windows), "end": max(w.end for w in windows)})


def last_complete_end(now: datetime, timing: Timing, lag_seconds: int) -> int:
    """The end of the newest period that is complete in CloudWatch, in epoch seconds."""
    period = timing.metric_period_seconds
    return floor((now.timestamp() - lag_seconds) / period) * period


def _whole_periods(name: str, start: datetime, end: datetime, timing: Timing) -> Window:
    period = timing.metric_period_seconds
    first = ceil(start.timestamp() / period) * period
    last = floor(end.timestamp() / period) * period
    return Window(name=name, start=first, end=max(first, last), period_seconds=period)
