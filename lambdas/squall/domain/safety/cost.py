"""Estimates the cost of a run at the list prices of us-east-1. Most of it are FIS's action-minutes."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from pydantic import TypeAdapter

from squall.domain.documents.guards import GuardSpec

_DURATION = TypeAdapter(timedelta)
FIS_USD_PER_ACTION_MINUTE = 0.10
"""The price for each action and target account, however many targets the action has. Squall uses one account."""
ALARM_USD_PER_METRIC_HOUR = 0.10 / 730
"""A standard-resolution alarm costs $0.10 per metric and month, prorated by the hour."""
USD_PER_TRANSITION = 0.025 / 1000
TRANSITIONS = 100
"""State transitions in a run, rounded up: 58 to 67 were counted (`make bench`, docs/bench.md), and polling adds a few."""
USD_PER_METRIC_READ = 0.01 / 1000
"""GetMetricData: for each metric in a call."""
HIGH_RESOLUTION_FACTOR = 3
"""An alarm on periods of less than a minute costs as much as three others."""
USD_PER_METRIC_PUT = 0.01 / 1000
"""PutMetricData: for each call. The sentinel makes one in each period of ten seconds."""
USD_PER_CUSTOM_METRIC_HOUR = 0.30 / 730
USD_PER_GB_SECOND = 0.0000166667
SENTINEL_METRICS = 3
SENTINEL_GB = 0.5
SENTINEL_MINUTES_AROUND = 45
"""How long a sentinel probes besides the fault: baseline, arming, recovery and settling at AWS's pace, rounded up."""
READS_BEFORE_AND_AFTER = 10
"""Reads of each metric for baseline, recovery and judgement. During the fault the pulse adds one a minute."""


def count_billed_metrics(guards: Iterable[GuardSpec]) -> int:
    """The metrics of the guards as they are billed: one with periods of less than a minute counts as three."""
    return sum(
        len(guard.metrics) * (HIGH_RESOLUTION_FACTOR if any(metric.period_seconds < 60 for metric in guard.metrics) else 1)
        for guard in guards
    )


def estimate_cost(
    body: Mapping[str, Any], elapsed: timedelta | None = None, *, alarm_metrics: int = 0, sentinel: bool = False
) -> dict[str, float]:
    """The estimate in US dollars, by part. `body` are the arguments of CreateExperimentTemplate.

    The keys are action_minutes (a count), fis_usd, alarms_usd, metrics_usd, transitions_usd, total_usd, and with a
    sentinel sentinel_usd. `elapsed` is how long the fault has run, which bounds each action; None takes the whole
    length of each, for an estimate before the run. An action without a duration (terminate) counts as one minute.
    """
    starts = _find_starts(body.get("actions", {}))
    planned = {name: _read_length(action) for name, action in body.get("actions", {}).items()}
    lengths = [_bound(planned[name], elapsed, start) for name, start in starts.items()]
    whole = [_bound(start + planned[name], elapsed, timedelta(0)) for name, start in starts.items()]
    longest = max((length.total_seconds() for length in whole), default=0)
    minutes = sum(ceil(length.total_seconds() / 60) for length in lengths)
    parts = {
        "fis_usd": round(minutes * FIS_USD_PER_ACTION_MINUTE, 2),
        "alarms_usd": round(alarm_metrics * max(1, ceil(longest / 3600)) * ALARM_USD_PER_METRIC_HOUR, 4),
        "metrics_usd": round(alarm_metrics * (READS_BEFORE_AND_AFTER + ceil(longest / 60)) * USD_PER_METRIC_READ, 4),
        "transitions_usd": round(TRANSITIONS * USD_PER_TRANSITION, 4),
    }
    if sentinel:
        parts["sentinel_usd"] = round((longest / 3600 + SENTINEL_MINUTES_AROUND / 60) * SENTINEL_USD_PER_HOUR, 4)
    return {"action_minutes": float(minutes), **parts, "total_usd": round(sum(parts.values()), 4)}


SENTINEL_USD_PER_HOUR = 3600 * SENTINEL_GB * USD_PER_GB_SECOND + 360 * USD_PER_METRIC_PUT + SENTINEL_METRICS * USD_PER_CUSTOM_METRIC_HOUR
"""A function that runs all the time, its custom metrics, and the calls that put them."""


def _find_starts(actions: Mapping[str, Mapping[str, Any]]) -> dict[str, timedelta]:
    """When each action begins, counted from the start of the FIS experiment: after those that it waits for."""
    starts: dict[str, timedelta] = {}

    def end_of(name: str) -> timedelta:
        starts[name] = max((end_of(earlier) for earlier in actions[name].get("startAfter", ())), default=timedelta(0))
        return starts[name] + _read_length(actions[name])

    for name in actions:
        end_of(name)
    return starts


def _read_length(action: Mapping[str, Any]) -> timedelta:
    duration = action.get("parameters", {}).get("duration")
    length: timedelta = _DURATION.validate_python(duration) if duration else timedelta(minutes=1)
    return length


def _bound(length: timedelta, elapsed: timedelta | None, start: timedelta) -> timedelta:
    """The part of a length that has passed if the experiment has run for `elapsed`."""
    return length if elapsed is None else max(timedelta(0), min(length, elapsed - start))
