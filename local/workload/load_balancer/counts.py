"""Counts of a balancer in one metric period, without AWS names, which `metrics.py` adds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Counters of one period. `hosts` adds samples, so that a host lost for a second shows in the minimum."""

    routed: int = 0
    times_ms: Counter[int] = field(default_factory=Counter)
    target_statuses: Counter[str] = field(default_factory=Counter)
    balancer_statuses: Counter[str] = field(default_factory=Counter)
    connection_errors: int = 0
    healthy: Counter[int] = field(default_factory=Counter)
    unhealthy: Counter[int] = field(default_factory=Counter)

    def answered(self, status: int, seconds: float) -> None:
        """Count a request that a target answered. Only such requests have a response time."""
        self.routed += 1
        self.times_ms[round(seconds * 1000)] += 1
        self.target_statuses[f"{status // 100}XX"] += 1

    def unanswered(self, status: int, connection_error: bool = False) -> None:
        """Count a request for which a target was chosen that did not answer."""
        self.routed += 1
        self.balancer_statuses[str(status)] += 1
        self.connection_errors += connection_error

    def unrouted(self, status: int) -> None:
        """Count a request for which no target could be chosen. AWS does not include these in the request count."""
        self.balancer_statuses[str(status)] += 1

    def hosts(self, healthy: int, unhealthy: int) -> None:
        self.healthy[healthy] += 1
        self.unhealthy[unhealthy] += 1

    def as_dict(self) -> dict[str, object]:
        return {
            "routed": self.routed,
            "times_ms": dict(self.times_ms),
            "target_statuses": dict(self.target_statuses),
            "balancer_statuses": dict(self.balancer_statuses),
            "connection_errors": self.connection_errors,
            "healthy": dict(self.healthy),
            "unhealthy": dict(self.unhealthy),
        }
