"""The workload's users: an open-loop load generator, which sends requests at its rate however slow the answers are."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter, deque
from typing import Any

from local.workload.processes import http1
from local.workload.processes.lifeline import die_with_parent, receive_commands, send_event

TIMEOUT_SECONDS = 10.0
MAX_IN_FLIGHT = 500
_KEPT_LATENCIES = 3000


class Client:
    """Sends requests to the balancer and counts what its users see."""

    def __init__(self, port: int, seed: int) -> None:
        self._pool = http1.Pool(port)
        self._rng = random.Random(seed)
        self._rate = 50.0
        self._on = False
        self._outcomes: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=_KEPT_LATENCIES)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        send_event(event="ready")
        await asyncio.gather(self._generate(), self._report(), receive_commands(self._obey))

    def _obey(self, order: dict[str, Any]) -> None:
        self._on, self._rate = order["load"], order["load_rps"]

    async def _generate(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self._rng.uniform(0.5, 1.5) / self._rate, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._on and len(self._tasks) < MAX_IN_FLIGHT:
                task = asyncio.create_task(self._ask())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _ask(self) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await self._pool.get("/")
        except TimeoutError:
            self._outcomes["timeout"] += 1
        except OSError:
            self._outcomes["refused"] += 1
        else:
            self._outcomes[answer.second] += 1
            self._latencies.append(time.monotonic() - started)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            total = sum(self._outcomes.values())
            ordered = sorted(self._latencies)
            send_event(
                event="load",
                requests=total,
                failed=total - self._outcomes["200"],
                outcomes=dict(self._outcomes),
                p50_ms=_find_percentile(ordered, 0.50),
                p95_ms=_find_percentile(ordered, 0.95),
            )


def _find_percentile(ordered: list[float], share: float) -> float | None:
    return round(ordered[int(share * (len(ordered) - 1))] * 1000, 1) if ordered else None


def main() -> None:
    """Run until the manager is gone."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(Client(arguments.port, arguments.seed).run())


if __name__ == "__main__":
    main()
