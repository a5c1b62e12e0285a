"""Measures the seconds from the end of an execution, or from a halt, until its fault is over and nothing of it is
left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.account import Bench, MeasurementError
from bench.running import list_remains, wait_until_healthy
from bench.tables import Spread, Table, describe_load, read_load

EXPERIMENT = "network-latency"
LONG = "PT4M"
"""Longer than the slowest path, so that the fault does not end by itself first."""
EVENTS = ["aws.states", "aws.fis", "aws.cloudwatch"]
DEADLINE_SECONDS = 600.0
HALT = {"action": "halt", "reason": "measuring", "requested_by": "bench"}
RESUME = {"action": "resume", "reason": "measured"}


@dataclass(frozen=True)
class Path:
    """A way to end a run from outside."""

    name: str
    end: Callable[[Bench, str], None]
    off: dict[str, Any]


def _stop_execution(bench: Bench, arn: str) -> None:
    bench.workflow.stop_execution(executionArn=arn)


def _call_halt(bench: Bench, _: str) -> None:
    bench.invoke("Halt", HALT)


PATHS = (
    Path("execution stopped: status event → watchdog", _stop_execution, {"disable_schedules": True}),
    Path("execution stopped, all events lost: pulse, once a minute", _stop_execution, {"drop_all_events": EVENTS}),
    Path("squall halt", _call_halt, {}),
)


@dataclass(frozen=True)
class Ending:
    """One run; times in seconds after the call that ended it."""

    path: str
    stopped: float
    """The experiment's `endTime` in FIS."""
    clean: float
    """The time from which no fault, template, guard or lock existed any more."""


@dataclass(frozen=True)
class Endings:
    endings: tuple[Ending, ...]
    load: str


def measure_endings(bench: Bench, runs: int = 3, tick: Callable[[str], None] = lambda _: None) -> Endings:
    """Ends runs while their fault is running, by each path in turn."""
    at_start = read_load()
    endings: list[Ending] = []
    for _ in range(runs):
        for path in PATHS:
            ending = _end_run(bench, path)
            tick(f"{path.name}: fault over after {ending.stopped:.1f} s, nothing left after {ending.clean:.1f} s")
            endings.append(ending)
    return Endings(tuple(endings), describe_load(at_start))


def _end_run(bench: Bench, path: Path) -> Ending:
    wait_until_healthy(bench)
    name, arn = bench.start({"experiment": EXPERIMENT, "overrides": {"duration": LONG}})
    _wait_until(lambda: bench.running(name), f"a fault of {name}")
    with bench.switched(**path.off):
        began = time.time()
        try:
            path.end(bench, arn)
            _wait_until(lambda: not list_remains(bench), f"nothing left of {name}")
            clean = time.time()
        finally:
            bench.invoke("Resume", RESUME)
    return Ending(path.name, bench.experiment(**{"squall:execution": name})["endTime"].timestamp() - began, clean - began)


def _wait_until(condition: Callable[[], bool], event: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise MeasurementError(f"{event}: not within {DEADLINE_SECONDS:g} s")
        time.sleep(0.1)


def make_tables(result: Endings) -> list[Table]:
    """A table with one row per path."""
    rows = []
    for path in PATHS:
        endings = [ending for ending in result.endings if ending.path == path.name]
        if endings:
            stopped, clean = (Spread(tuple(getattr(ending, name) for ending in endings)) for name in ("stopped", "clean"))
            rows.append((path.name, str(len(endings)), str(stopped), str(clean)))
    note = (
        "Seconds after the call (StopExecution, or Invoke of the halt function) on a run whose fault was running: median (min to max). The "
        f"local account, {result.load}. `fault over` is FIS's `endTime`; `nothing left`: no experiment, template, guard or lock. A "
        "halted run looks after its recovery before it lets go. The pulse comes once a minute. The "
        "account delivers and stops at once: on AWS the status event takes about 2 s, when it comes, and FIS's stop about 30 s."
    )
    return [
        Table("From the end of an execution to nothing left", ("path", "runs", "fault over, s", "nothing left, s"), tuple(rows), (note,))
    ]
