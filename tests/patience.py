"""How long tests wait. The only home of deadlines in `tests/`.

A busy machine delays everything. A wait ends as soon as its condition holds, so that a generous deadline costs time only in a test that
fails anyway.
"""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 240.0
"""Seconds after which a test gives up on what takes a few seconds on an idle machine."""
LONGEST_TEST = 3600.0
"""Seconds after which pytest ends a test against a deployed stack."""
SAMPLE_SECONDS = 0.1
"""CPU time spent on one measurement of the machine."""

T = TypeVar("T")


def until(look: Callable[[], T | None], what: str = "the condition", *, seconds: float = PATIENCE, interval: float = 0.1) -> T:
    """Call `look` until its answer is truthy, and return that answer. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(interval)


def slowness() -> float:
    """Seconds of wall-clock time that a second of CPU time takes at this moment: 1 on an idle machine, more where processes share a CPU."""
    wall, cpu = time.perf_counter(), time.thread_time()
    while time.thread_time() - cpu < SAMPLE_SECONDS:
        pass
    return max(1.0, (time.perf_counter() - wall) / (time.thread_time() - cpu))


def stretched(bound: float) -> float:
    """An upper bound that the product promises on an idle machine, as long as this machine needs for the same work at this moment."""
    return bound * slowness()
