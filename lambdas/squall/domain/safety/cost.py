"""What a run costs: FIS's action-minutes dominate, the rest is added for honesty. List prices of us-east-1, rounded by nobody."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from pydantic import TypeAdapter

from squall.domain.documents.guards import GuardSpec

_DURATION = TypeAdapter(timedelta)
FIS_USD_PER_ACTION_MINUTE = 0.10
"""Of each action and target account, however many targets the action has; always one account here."""
ALARM_USD_PER_METRIC_HOUR = 0.10 / 730
"""A standard-resolution alarm costs $0.10 a metric and month, prorated by the hour."""
USD_PER_TRANSITION = 0.025 / 1000
TRANSITIONS = 100
"""Of a run, rounded up: 58 to 67 were counted (`make bench`, docs/bench.md), and polling adds a few."""
USD_PER_METRIC_READ = 0.01 / 1000
"""GetMetricData, for each metric of a call."""
HIGH_RESOLUTION = 3
"""An alarm on periods of less than a minute costs as much as three."""
USD_PER_METRIC_PUT = 0.01 / 1000
"""PutMetricData, for each call: the sentinel's, one a period of ten seconds."""
USD_PER_OWN_METRIC_HOUR = 0.30 / 730
USD_PER_GB_SECOND = 0.0000166667
SENTINEL_METRICS = 3
SENTINEL_GB = 0.5
MINUTES_AROUND = 45
"""For which a sentinel probes besides the fault: baseline, arming, recovery and settling at AWS's pace, rounded up."""
READS_BEFORE_AND_AFTER = 10
"""Of each metric: baseline, recovery and judgement; the pulse reads once a minute beside them."""


def metrics_of(guards: Iterable[GuardSpec]) -> int:
    """Metrics of alarms, as they are billed: those of less than a minute count for three."""
    return sum(len(one.metrics) * (HIGH_RESOLUTION if any(m.period_seconds < 60 for m in one.metrics) else 1) for one in guards)


def of_template(
    body: Mapping[str, Any], elapsed: timedelta | None = None, *, alarm_metrics: int = 0, sentinel: bool = False
) -> dict[str, float]:
    """Keys: action_minutes, fis_usd, alarms_usd, metrics_usd, sentinel_usd (where there is one), transitions_usd, total_usd. `elapsed`
    bounds each action (None: full lengths, the preflight).

    An action without a duration (terminate) is billed as the minute it ends in.
    """
    lengths = [_length(action, elapsed) for action in body.get("actions", {}).values()]
    longest = max((length.total_seconds() for length in lengths), default=0)
    minutes = sum(ceil(length.total_seconds() / 60) for length in lengths)
    parts = {
        "fis_usd": round(minutes * FIS_USD_PER_ACTION_MINUTE, 2),
        "alarms_usd": round(alarm_metrics * max(1, ceil(longest / 3600)) * ALARM_USD_PER_METRIC_HOUR, 4),
        "metrics_usd": round(alarm_metrics * (READS_BEFORE_AND_AFTER + ceil(longest / 60)) * USD_PER_METRIC_READ, 4),
        "transitions_usd": round(TRANSITIONS * USD_PER_TRANSITION, 4),
    }
    if sentinel:
        parts["sentinel_usd"] = round((longest / 3600 + MINUTES_AROUND / 60) * SENTINEL_USD_PER_HOUR, 4)
    return {"action_minutes": float(minutes), **parts, "total_usd": round(sum(parts.values()), 4)}


SENTINEL_USD_PER_HOUR = 3600 * SENTINEL_GB * USD_PER_GB_SECOND + 360 * USD_PER_METRIC_PUT + SENTINEL_METRICS * USD_PER_OWN_METRIC_HOUR
"""A function that works all the time, its metrics, and putting them."""


def _length(action: Mapping[str, Any], elapsed: timedelta | None) -> timedelta:
    given = action.get("parameters", {}).get("duration")
    length = _DURATION.validate_python(given) if given else timedelta(minutes=1)
    return length if elapsed is None else max(timedelta(0), min(length, elapsed))
