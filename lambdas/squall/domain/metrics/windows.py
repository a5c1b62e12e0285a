"""Windows of whole metric periods: never a partial one, always aligned, epoch seconds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Literal

from squall.domain.documents.metric_models import MetricBinding, Window
from squall.domain.documents.rollback import Proof
from squall.domain.policy.environment import Timing

DEFAULT_LAG_SECONDS = 180


@dataclass(frozen=True)
class InEffect:
    """From the first target to all of them, and until the last is free again."""

    first: datetime
    all: datetime
    no_longer_all: datetime
    over: datetime


@dataclass(frozen=True)
class Paced:
    """One window in every period that metrics have."""

    usual: Window
    """In the environment's."""
    finer: Mapping[int, Window] = field(default_factory=dict)

    def of(self, binding: MetricBinding) -> Window:
        """In the metric's own period."""
        return self.finer.get(binding.period_seconds or 0, self.usual)


def finer_periods(bindings: Iterable[MetricBinding]) -> tuple[int, ...]:
    """Periods that metrics have beside the environment's."""
    return tuple(sorted({binding.period_seconds for binding in bindings if binding.period_seconds is not None}))


def in_effect(
    proofs: Iterable[Proof], length: timedelta, *, stopped_at: datetime | None, lasting_until: datetime | None
) -> InEffect | None:
    """When the fault was in effect, as its mechanism tells; None for faults that have none.

    A mechanism that told no end ended by itself after `length`, or when FIS stopped it; one that still lasts has none
    (`lasting_until`: now).
    """
    told = [(proof.at, proof.until) for proof in proofs if proof.kind == "mechanism" and proof.proven and proof.at]
    if not told:
        return None
    starts = [at for at, _ in told]
    ends = [until or lasting_until or min(at + length, stopped_at or at + length) for at, until in told]
    return InEffect(min(starts), max(starts), min(ends), max(ends))


def baseline_window(now: datetime, timing: Timing, lag_seconds: int = DEFAULT_LAG_SECONDS) -> Window:
    """The last `baseline_periods` whole periods that are complete in CloudWatch at `now`."""
    lag = timing.metric_lag_seconds if timing.metric_lag_seconds is not None else lag_seconds
    end = last_complete(now, timing, lag)
    period = timing.metric_period_seconds
    return Window(name="baseline", start=end - timing.baseline_periods * period, end=end, period_seconds=period)


def fault_window(effect_at: datetime, length: timedelta, timing: Timing, *, ended_at: datetime | None = None) -> Window:
    """Whole periods of [effect, effect + length], whatever FIS's status says; cut at `ended_at` when the fault ended early."""
    end = effect_at + length
    return _inside("fault", effect_at, min(end, ended_at) if ended_at else end, timing)


def recovery_window(fault_end: datetime, until: datetime, timing: Timing) -> Window:
    """Whole periods after the fault, until `until`."""
    return _inside("recovery", fault_end, until, timing)


def spanning(windows: Sequence[Window]) -> Window:
    """From the start of the first to the end of the last, whatever lies between them."""
    return windows[0].model_copy(update={"start": min(w.start for w in windows), "end": max(w.end for w in windows)})


def last_complete(now: datetime, timing: Timing, lag_seconds: int) -> int:
    """End of the newest period that is complete in CloudWatch, epoch seconds."""
    period = timing.metric_period_seconds
    return floor((now.timestamp() - lag_seconds) / period) * period


def _inside(name: Literal["baseline", "fault", "recovery"], start: datetime, end: datetime, timing: Timing) -> Window:
    period = timing.metric_period_seconds
    first = ceil(start.timestamp() / period) * period
    last = floor(end.timestamp() / period) * period
    return Window(name=name, start=first, end=max(first, last), period_seconds=period)
