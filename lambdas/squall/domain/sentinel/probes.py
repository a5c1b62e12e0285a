"""The samples of a sentinel, the metric data made from them, and the lease by which one function probes for a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from typing import Literal

from squall.domain.language.metric_table import ATTEMPTS, FAILURES, RESPONSE_TIME

LEASE = timedelta(seconds=45)
"""How long a working sentinel function keeps its lease without renewing it. The pulse starts another function when
nobody holds it."""
CHECK_EVERY = timedelta(seconds=10)
"""How often a sentinel function asks whether its run is still measured."""
HAND_OVER_WITHIN = timedelta(seconds=150)
"""How long before a function's time is over the pulse starts its successor: time for at least two pulses."""
STATES_WITHOUT_PROBING = frozenset({"Admit", "Compare", "Judge", "Record", "Notify", "Release"})
"""States in which nothing is measured: not yet, or no longer."""


@dataclass(frozen=True)
class Sample:
    """The result of one probe."""

    at: datetime
    """When the probe ended."""
    seconds: float
    """How long a client waited for the answer. Without an answer it is the whole limit, however early the probe
    failed."""
    failure: str = ""
    """Why the answer is not the expected one; empty if it is."""


@dataclass(frozen=True)
class Datum:
    """The statistics for one metric and one period, as they are put to CloudWatch."""

    metric: Literal["Attempts", "Failures", "ResponseTime"]
    at: int
    """Start of the period, epoch seconds."""
    count: float
    total: float
    least: float
    greatest: float


def build_data(samples: Iterable[Sample], period_seconds: int) -> tuple[Datum, ...]:
    """The metric data of the samples, by period. CloudWatch adds up what is put for the same metric and period."""
    by_period: dict[int, list[Sample]] = {}
    for sample in samples:
        by_period.setdefault(floor(sample.at.timestamp() / period_seconds) * period_seconds, []).append(sample)
    return tuple(datum for at in sorted(by_period) for datum in _build_period(at, by_period[at]))


def _build_period(at: int, samples: Sequence[Sample]) -> Iterable[Datum]:
    failed = sum(bool(sample.failure) for sample in samples)
    times = [sample.seconds for sample in samples]
    yield Datum(ATTEMPTS, at, 1, len(samples), len(samples), len(samples))
    yield Datum(FAILURES, at, 1, failed, failed, failed)
    yield Datum(RESPONSE_TIME, at, len(times), sum(times), min(times), max(times))


def commonest_failures(samples: Iterable[Sample], most: int = 3) -> Mapping[str, int]:
    """The most frequent failures with their counts, for the log."""
    counted: dict[str, int] = {}
    for sample in samples:
        if sample.failure:
            counted[sample.failure] = counted.get(sample.failure, 0) + 1
    return dict(sorted(counted.items(), key=lambda pair: -pair[1])[:most])


@dataclass(frozen=True)
class Lease:
    """Which function probes for a run, and until when."""

    owner: str
    until: datetime
    """The end of the lease. The function renews it while it works."""
    ends_at: datetime
    """When the time of the function is over."""


def why_start_probe(lease: Lease | None, now: datetime) -> str:
    """Why the pulse has to start a sentinel function; empty while a function is working and has time left."""
    if lease is None:
        return "nobody probes"
    if lease.until <= now:
        return f"the probe has been silent since {lease.until - LEASE:%H:%M:%S} UTC"
    return "handed over" if lease.ends_at - now < HAND_OVER_WITHIN else ""
