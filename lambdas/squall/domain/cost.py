"""What a run costs: FIS's action-minutes dominate, the guards are added for honesty. List prices, as documented in docs."""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from pydantic import TypeAdapter

_DURATION = TypeAdapter(timedelta)
FIS_USD_PER_ACTION_MINUTE = 0.10
ALARM_USD_PER_METRIC_HOUR = 0.10 / 730
"""A standard-resolution alarm costs $0.10 a metric and month, prorated by the hour."""


def of_template(body: Mapping[str, Any], elapsed: timedelta | None = None, *, alarm_metrics: int = 0) -> dict[str, float]:
    """Keys: action_minutes, fis_usd, alarms_usd, total_usd. `elapsed` bounds each action (None: full lengths, the preflight).

    An action without a duration (terminate) is billed as the minute it ends in.
    """
    lengths = [_length(action, elapsed) for action in body.get("actions", {}).values()]
    minutes = sum(ceil(length.total_seconds() / 60) for length in lengths)
    hours = max(1, ceil(max((length.total_seconds() for length in lengths), default=0) / 3600))
    fis = round(minutes * FIS_USD_PER_ACTION_MINUTE, 2)
    alarms = round(alarm_metrics * hours * ALARM_USD_PER_METRIC_HOUR, 4)
    return {"action_minutes": float(minutes), "fis_usd": fis, "alarms_usd": alarms, "total_usd": round(fis + alarms, 4)}


def _length(action: Mapping[str, Any], elapsed: timedelta | None) -> timedelta:
    given = action.get("parameters", {}).get("duration")
    length = _DURATION.validate_python(given) if given else timedelta(minutes=1)
    return length if elapsed is None else max(timedelta(0), min(length, elapsed))
