"""Samples that a sentinel takes, the metric data made from them, and the lease that keeps one function probing for a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from typing import Literal

from squall.domain.language.metric_table import ATTEMPTS, FAILURES, RESPONSE_TIME

LEASE = timedelta(seconds=45)
"""Of a probe that works: the pulse starts another when nobody holds it."""
CHECK_EVERY = timedelta(seconds=10)
"""How often a working probe asks whether its run still lives."""
HAND_OVER_WITHIN = timedelta(seconds=150)
"""Of a function's end the pulse starts its successor: two pulses at least."""
STATES_WITHOUT_PROBING = frozenset({"Admit", "Compare", "Judge", "Record", "Notify", "Release"})
"""States in which nothing is measured any more, or not yet."""


@dataclass(frozen=True)
class Sample:
    """One probe."""

    at: datetime
    """When it ended."""
    seconds: float
    """How long a client waited for an answer: the whole limit where there was none, however soon that was known."""
    failure: str = ""
    """Why it is no good answer; empty: it is."""


@dataclass(frozen=True)
class Datum:
    """What CloudWatch is given of one metric and period."""

    metric: Literal["Attempts", "Failures", "ResponseTime"]
    at: int
    """Start of the period, epoch seconds."""
    count: float
    total: float
    least: float
    greatest: float


def build_data(samples: Iterable[Sample], period_seconds: int) -> tuple[Datum, ...]:
    """Attempts and failures as sums, response times as a statistic set, a period each: CloudWatch adds up what comes later of the same."""
    found: dict[int, list[Sample]] = {}
    for sample in samples:
        found.setdefault(floor(sample.at.timestamp() / period_seconds) * period_seconds, []).append(sample)
    return tuple(datum for at in sorted(found) for datum in _data(at, found[at]))


def _data(at: int, samples: Sequence[Sample]) -> Iterable[Datum]:
    failed = sum(bool(sample.failure) for sample in samples)
    times = [sample.seconds for sample in samples]
    yield Datum(ATTEMPTS, at, 1, len(samples), len(samples), len(samples))
    yield Datum(FAILURES, at, 1, failed, failed, failed)
    yield Datum(RESPONSE_TIME, at, len(times), sum(times), min(times), max(times))


def commonest_failures(samples: Iterable[Sample], most: int = 3) -> Mapping[str, int]:
    """The commonest failures and how often they were, for the log."""
    counted: dict[str, int] = {}
    for sample in samples:
        if sample.failure:
            counted[sample.failure] = counted.get(sample.failure, 0) + 1
    return dict(sorted(counted.items(), key=lambda pair: -pair[1])[:most])


@dataclass(frozen=True)
class Lease:
    """Which function probes for a run."""

    owner: str
    until: datetime
    """Renewed while it works."""
    ends_at: datetime
    """When the function gives up for lack of time."""


def why_start_probe(lease: Lease | None, now: datetime) -> str:
    """Why the pulse has to start a probe; empty while one works that has time left."""
    if lease is None:
        return "nobody probes"
    if lease.until <= now:
        return f"the probe has been silent since {lease.until - LEASE:%H:%M:%S} UTC"
    return "handed over" if lease.ends_at - now < HAND_OVER_WITHIN else ""
