"""Measures the seconds from a guard's alarm to the end of the fault, with all abort paths and with each of them
alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.account import Bench, MeasurementError
from bench.tables import Spread, Table, describe_load, read_load
from squall.domain.run.timeline import EventName

EXPERIMENT = "abort-demo"
NO_EVENTS = ["aws.cloudwatch"]


@dataclass(frozen=True)
class Path:
    """A way from the alarm to FIS, with the deliveries that are switched off so that nothing else can stop the
    fault."""

    name: str
    off: dict[str, Any]
    duration: str | None = None
    """Set where the experiment's own duration is too short for the path."""
    runs: int | None = None
    """Set to fewer runs where a run takes long."""


ALARMS_OFF = {"disable_alarm_actions": True, "drop_all_events": NO_EVENTS}
PATHS = (
    Path("all together", {}),
    Path("FIS stop condition alone", {**ALARMS_OFF, "disable_schedules": True}),
    Path("alarm action → abort function alone", {"disable_stop_conditions": True, "drop_all_events": NO_EVENTS, "disable_schedules": True}),
    Path("EventBridge → abort function alone", {"disable_stop_conditions": True, "disable_alarm_actions": True, "disable_schedules": True}),
    Path("pulse alone, once a minute", {**ALARMS_OFF, "disable_stop_conditions": True}, duration="PT110S", runs=1),
)


@dataclass(frozen=True)
class Stop:
    """One aborted run; times in seconds after the alarm's evaluation."""

    path: str
    asked: float | None
    """When FIS had answered StopExperiment; None if FIS's own stop condition was first."""
    ended: float
    """The experiment's `endTime` in FIS."""


@dataclass(frozen=True)
class Stops:
    stops: tuple[Stop, ...]
    load: str


def measure_stops(bench: Bench, runs: int = 3, tick: Callable[[str], None] = lambda _: None) -> Stops:
    """Aborts runs by each path in turn; the first run only warms the functions up."""
    at_start = read_load()
    stops: list[Stop] = []
    _stop_run(bench, PATHS[0])
    tick("warmed up")
    for turn in range(runs):
        for path in PATHS:
            if path.runs is None or turn < path.runs:
                stop = _stop_run(bench, path)
                tick(f"{path.name}: {stop.ended:.1f} s" if stop else f"{path.name}: stopped before any alarm")
                stops += [stop] if stop else []
    return Stops(tuple(stops), describe_load(at_start))


def _stop_run(bench: Bench, path: Path) -> Stop | None:
    """Returns None if no guard fired: the pulse reads the metrics itself, and may stop the fault before the alarm."""
    overrides = {"overrides": {"duration": path.duration}} if path.duration else {}
    with bench.switched(**path.off):
        run = bench.run({"experiment": EXPERIMENT, **overrides})
    if run.result["status"] != "aborted":
        raise MeasurementError(f"{path.name}: {run.id} is {run.result['status']}: {run.result['reason']}")
    guards = [f"squall-{bench.account.stack_name}-{run.id}-{number}" for number in range(1, 6)]
    alarm = bench.fired_at(guards)
    if alarm is None:
        return None
    asked = run.at(EventName.STOP_REQUESTED)
    ended = bench.experiment(**{"squall:execution": run.id})["endTime"].timestamp()
    return Stop(path.name, None if asked is None else asked - alarm, ended - alarm)


def make_tables(result: Stops) -> list[Table]:
    """A table with one row per path."""
    rows = []
    for path in PATHS:
        stops = [stop for stop in result.stops if stop.path == path.name]
        if stops:
            asked = Spread(tuple(stop.asked for stop in stops if stop.asked is not None), 2)
            rows.append((path.name, str(len(stops)), str(asked), str(Spread(tuple(stop.ended for stop in stops), 2))))
    notes = (
        (
            "Seconds after the evaluation that put the guard into ALARM (its `queryDate` in CloudWatch's history): median (min to max). "
            f"The local account, functions warm, {result.load}. The third column is when StopExperiment had been answered, from the run's "
            "timeline; a dash means FIS's stop condition was there first. The fourth is FIS's `endTime`, when the fault was gone. The "
            "account stops at once and delivers events at once: on AWS add CloudWatch's and FIS's own seconds. The pulse comes once a "
            "minute, so alone it takes 0 to 60 s, wherever in its minute the alarm falls."
        ),
    )
    columns = ("path", "runs", "StopExperiment, s", "fault ended, s")
    return [Table("From alarm to the end of the fault", columns, tuple(rows), notes)]
