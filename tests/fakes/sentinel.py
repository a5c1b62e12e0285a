"""The sentinel without a network: leases, a function that is started, probes with the results that a test sets, and the
metrics put."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from squall.domain.sentinel.probes import LEASE, Lease, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from squall.domain.sentinel.config import Sentinel
    from squall.domain.sentinel.probes import Datum
    from tests.fakes.clock import FakeClock


class FakeSentinels:
    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}

    def take(self, execution_id: str, lease: Lease) -> None:
        self.leases[execution_id] = lease

    def renew(self, execution_id: str, owner: str, until: datetime) -> bool:
        lease = self.leases.get(execution_id)
        if lease is None or lease.owner != owner:
            return False
        self.leases[execution_id] = replace(lease, until=until)
        return True

    def get(self, execution_id: str) -> Lease | None:
        return self.leases.get(execution_id)

    def release(self, execution_id: str, owner: str) -> None:
        lease = self.leases.get(execution_id)
        if lease is not None and lease.owner == owner:
            del self.leases[execution_id]


class FakeProbes:
    """The sentinel function: it takes the lease, and holds it for as long as the test lets it."""

    def __init__(self, clock: FakeClock, sentinels: FakeSentinels) -> None:
        self._clock, self._sentinels = clock, sentinels
        self.started: list[str] = []
        self.not_ready = 0
        """How many calls find the function without its network."""
        self.lives = timedelta(days=1)
        """Run from start to death, for as long as its lease holds."""

    def start(self, execution_id: str) -> bool:
        if self.not_ready:
            self.not_ready -= 1
            return False
        self.started.append(execution_id)
        now = self._clock.now()
        self._sentinels.take(execution_id, Lease(f"function {len(self.started)}", now + self.lives, now + self.lives + 4 * LEASE))
        return True


class FakeProber:
    """One probe per second, with the result that `answers` has for its end."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.answers: Callable[[datetime], Sample] = lambda at: Sample(at, 0.05)
        self.running = 0
        self.asked: list[str] = []

    @contextmanager
    def probing(self, sentinel: Sentinel) -> Iterator[_Samples]:
        self.running += 1
        self.asked.append(sentinel.url)
        try:
            yield _Samples(self)
        finally:
            self.running -= 1

    def now(self) -> datetime:
        return self._clock.now()


class _Samples:
    def __init__(self, prober: FakeProber) -> None:
        self._prober, self._since = prober, prober.now()

    def drain(self) -> Sequence[Sample]:
        results = []
        while self._since + timedelta(seconds=1) <= self._prober.now():
            self._since += timedelta(seconds=1)
            results.append(self._prober.answers(self._since))
        return results


class FakeSentinelMetrics:
    def __init__(self) -> None:
        self.data: list[tuple[dict[str, str], Datum]] = []

    def put(self, dimensions: Mapping[str, str], data: Sequence[Datum]) -> None:
        self.data += [(dict(dimensions), entry) for entry in data]

    def of(self, metric: str) -> dict[int, float]:
        """By start of period, the sum of the values put."""
        results: dict[int, float] = {}
        for _, entry in self.data:
            if entry.metric == metric:
                results[entry.at] = results.get(entry.at, 0) + entry.total
        return results
