"""Criteria and abort conditions from the present level of a service, with a margin; guards from its alarms and SLOs."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.proposals.idea import Idea, Users
    from discovery.things.alarms import Alarm, Objective

LEAST_ERROR_PERCENT = 1.0
"""Even a service that never fails is allowed to lose so many requests while something is broken."""
WORST_AVAILABILITY = 50.0
GUARDS = 5
"""Stop conditions that FIS takes."""
_PLAIN_NAME = re.compile(r"[^\"\x00-\x1f\x7f]{1,255}")
_COMPARATORS = {"LessThan": "<", "LessThanOrEqualTo": "<=", "GreaterThan": ">", "GreaterThanOrEqualTo": ">="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_UNITS = {"LATENCY": ("milliseconds", "ms"), "AVAILABILITY": ("percent", "%")}


def write_criteria(idea: Idea, users: Users) -> list[Any]:
    """The success criteria: availability first, which is critical."""
    allowed = _allowed_percent(idea, users)
    sentences: list[Any] = [{"text": f"System availability >= {_percent(100 - allowed)} %", "critical": True}]
    level = users.level
    if level.response_seconds is not None:
        bound = max(2 * level.response_seconds, level.response_seconds + 0.1) + 2 * idea.slower_seconds
        sentences.append(f"Response time < {format_time(bound)}")
    if level.response_p99_seconds is not None and not idea.slower_seconds and not idea.lost_percent:
        sentences.append(f"p99 response time < {format_time(max(2 * level.response_p99_seconds, level.response_p99_seconds + 0.5))}")
    sentences += idea.criteria
    sentences += [f"{_name_of(objective)} {bound}" for objective, bound, _ in _list_bounds(users)]
    return [*sentences, f"System recovers within {_minutes(users)} minutes"]


def write_guards(idea: Idea, users: Users) -> list[str]:
    """The abort conditions: what no user should have to bear for an experiment."""
    allowed = _allowed_percent(idea, users)
    floor = max(WORST_AVAILABILITY, 100 - max(5.0, 3 * allowed))
    guards = [f"System availability < {_percent(floor)} %"]
    response = users.level.response_seconds
    if response is not None and not idea.lost_percent:
        guards.append(f"Response time > {format_time(max(5 * response, response + 1) + 3 * idea.slower_seconds)}")
    return guards


def choose_stop_alarms(users: Users, guards: int) -> list[str]:
    """Names of the service's own alarms that can stop the fault: OK now, telling somebody, and not deaf to silence."""
    usable = [alarm.name for alarm in users.alarms if is_usable(alarm)]
    return usable[: min(GUARDS - guards, 3)]


def is_usable(alarm: Alarm) -> bool:
    """Whether Squall accepts it as a stop alarm by the default policy."""
    silent = all(watch.metric.startswith("HTTPCode_") for watch in alarm.watches)
    hears = silent or alarm.missing_data not in {"notBreaching", "ignore"}
    return alarm.state == "OK" and alarm.actions and hears and alarm.window_seconds <= 600 and bool(_PLAIN_NAME.fullmatch(alarm.name))


def declare_metrics(users: Users) -> dict[str, Any]:
    """The metrics of the service's SLOs, by the name that criteria use."""
    return {_name_of(objective): _declare(objective) for objective, _, _ in _list_bounds(users)}


def _declare(objective: Objective) -> dict[str, Any]:
    metric = objective.metric
    if metric is None:
        raise TypeError(f"{objective.name} has no metric")
    unit = _UNITS.get(objective.kind, ("none", ""))[0]
    names = {"namespace": metric.namespace, "metric_name": metric.metric, "dimensions": dict(metric.dimensions)}
    return {**names, "statistic": objective.statistic, "unit": unit}


def _list_bounds(users: Users) -> Iterator[tuple[Objective, str, str]]:
    """The SLOs on a single metric, with the sentence's end that holds, and the one that does not."""
    for objective in users.objectives[:2]:
        comparator = _COMPARATORS.get(objective.comparison)
        if objective.metric and objective.threshold is not None and comparator:
            amount = f"{objective.threshold:g} {_UNITS.get(objective.kind, ('', ''))[1]}".rstrip()
            yield objective, f"{comparator} {amount}", f"{_OPPOSITE[comparator]} {amount}"


def _name_of(objective: Objective) -> str:
    """A name of the language: letters, digits and single spaces."""
    words = re.sub(r"[^A-Za-z0-9]+", " ", objective.name).strip()
    return f"SLO {words}"[:64].rstrip()


def _allowed_percent(idea: Idea, users: Users) -> float:
    """How many of the requests may fail: three times as many as now, at least one percent, and what is lost anyway."""
    now = 100 - users.level.availability_percent if users.level.availability_percent is not None else 0.0
    return min(max(LEAST_ERROR_PERCENT, 3 * now) + 1.5 * idea.lost_percent, 40.0)


def _minutes(users: Users) -> int:
    return max(1, min(15, math.floor(users.recovery_seconds / 60))) if users.recovery_seconds else 10


def _percent(value: float) -> str:
    return f"{math.floor(value * 10) / 10:g}"


def format_time(seconds: float) -> str:
    """A time with two significant digits, rounded up: `250 ms`, `1.3 seconds`."""
    if seconds < 1:
        milliseconds = seconds * 1000
        step = 10 ** max(0, math.floor(math.log10(max(milliseconds, 1))) - 1)
        return f"{math.ceil(milliseconds / step) * step:g} ms"
    return f"{math.ceil(seconds * 10) / 10:g} seconds"
