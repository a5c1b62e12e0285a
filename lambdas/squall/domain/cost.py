"""What a run costs: FIS's action-minutes dominate, the rest is added for honesty. List prices of us-east-1, rounded by nobody."""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from pydantic import TypeAdapter

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
READS_BEFORE_AND_AFTER = 10
"""Of each metric: baseline, recovery and judgement; the pulse reads once a minute beside them."""


def of_template(body: Mapping[str, Any], elapsed: timedelta | None = None, *, alarm_metrics: int = 0) -> dict[str, float]:
    """Keys: action_minutes, fis_usd, alarms_usd, metrics_usd, transitions_usd, total_usd. `elapsed` bounds each action (None: full
    lengths, the preflight).

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
    return {"action_minutes": float(minutes), **parts, "total_usd": round(sum(parts.values()), 4)}


def _length(action: Mapping[str, Any], elapsed: timedelta | None) -> timedelta:
    given = action.get("parameters", {}).get("duration")
    length = _DURATION.validate_python(given) if given else timedelta(minutes=1)
    return length if elapsed is None else max(timedelta(0), min(length, elapsed))
