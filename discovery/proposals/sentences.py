"""Writes criteria and abort conditions from the present level of a service, with a margin, and from its alarms and
SLOs."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from discovery.proposals.idea import choose_recovery_minutes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.proposals.idea import Idea, Users
    from discovery.things.alarms import Alarm, Objective
    from squall.domain.policy.environment import Timing

LEAST_ERROR_PERCENT = 1.0
"""The percentage of requests that even a service without errors may lose while something is broken."""
WORST_AVAILABILITY = 50.0
GUARDS = 5
"""The number of stop conditions that FIS accepts in a template."""
_PLAIN_NAME = re.compile(r"[^\"\x00-\x1f\x7f]{1,255}")
_COMPARATORS = {"LessThan": "<", "LessThanOrEqualTo": "<=", "GreaterThan": ">", "GreaterThanOrEqualTo": ">="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_UNITS = {"LATENCY": ("milliseconds", "ms"), "AVAILABILITY": ("percent", "%")}


def write_criteria(idea: Idea, users: Users, timing: Timing) -> list[Any]:
    """The success criteria. The first is on availability, and critical."""
    allowed = _allowed_percent(idea, users, timing)
    sentences: list[Any] = [{"text": f"System availability >= {_percent(100 - allowed)} %", "critical": True}]
    level = users.level
    if level.response_seconds is not None:
        bound = max(2 * level.response_seconds, level.response_seconds + 0.1) + 2 * idea.slower_seconds
        sentences.append(f"Response time < {format_time(bound)}")
    if level.response_p99_seconds is not None and not idea.slower_seconds and not idea.lost_share_percent:
        sentences.append(f"p99 response time < {format_time(max(2 * level.response_p99_seconds, level.response_p99_seconds + 0.5))}")
    sentences += idea.criteria
    sentences += [f"{_name_of(objective)} {bound}" for objective, bound, _ in _list_bounds(users)]
    minutes = _choose_recovery(users, timing)
    return [*sentences, f"System recovers within {minutes} minute{'s' if minutes > 1 else ''}"]


def write_guards(idea: Idea, users: Users, timing: Timing) -> list[str]:
    """The abort conditions: a level that no user should get because of an experiment."""
    allowed = _allowed_percent(idea, users, timing)
    floor = max(WORST_AVAILABILITY, 100 - max(5.0, 3 * allowed, 1.5 * _lost_in_a_period(idea, timing)))
    guards = [f"System availability < {_percent(floor)} %"]
    response = users.level.response_seconds
    if response is not None and not idea.lost_share_percent:
        guards.append(f"Response time > {format_time(max(5 * response, response + 1) + 3 * idea.slower_seconds)}")
    return guards


def choose_stop_alarms(users: Users, guards: int) -> list[str]:
    """Names of the service's own alarms that can stop the fault, as many as fit beside the guards."""
    usable = [alarm.name for alarm in users.alarms if is_usable(alarm)]
    return usable[: min(GUARDS - guards, 3)]


def is_usable(alarm: Alarm) -> bool:
    """Whether Squall accepts the alarm as a stop alarm under the default policy: it is OK now, has an action, looks back
    at most ten minutes, and does not ignore missing data of a metric that always has data."""
    counts_errors = all(watch.metric.startswith("HTTPCode_") for watch in alarm.watches)  # no data means no errors
    data_is_enough = counts_errors or alarm.missing_data not in {"notBreaching", "ignore"}
    return (
        alarm.state == "OK" and alarm.actions and data_is_enough and alarm.window_seconds <= 600 and bool(_PLAIN_NAME.fullmatch(alarm.name))
    )


def declare_metrics(users: Users) -> dict[str, Any]:
    """The metrics of the service's SLOs, by their names in criteria."""
    return {_name_of(objective): _declare_metric(objective) for objective, _, _ in _list_bounds(users)}


def _declare_metric(objective: Objective) -> dict[str, Any]:
    metric = objective.metric
    if metric is None:
        raise TypeError(f"{objective.name} has no metric")
    unit = _UNITS.get(objective.kind, ("none", ""))[0]
    names = {"namespace": metric.namespace, "metric_name": metric.metric, "dimensions": dict(metric.dimensions)}
    return {**names, "statistic": objective.statistic, "unit": unit}


def _list_bounds(users: Users) -> Iterator[tuple[Objective, str, str]]:
    """The SLOs on a single metric, each with its bound and the opposite bound, for example `< 300 ms` and
    `>= 300 ms`."""
    for objective in users.objectives[:2]:
        comparator = _COMPARATORS.get(objective.comparison)
        if objective.metric and objective.threshold is not None and comparator:
            amount = f"{objective.threshold:g} {_UNITS.get(objective.kind, ('', ''))[1]}".rstrip()
            yield objective, f"{comparator} {amount}", f"{_OPPOSITE[comparator]} {amount}"


def _name_of(objective: Objective) -> str:
    """A name that the language accepts: letters, digits and single spaces."""
    words = re.sub(r"[^A-Za-z0-9]+", " ", objective.name).strip()
    return f"SLO {words}"[:64].rstrip()


def _allowed_percent(idea: Idea, users: Users, timing: Timing) -> float:
    """The percentage of requests that may fail: three times as many as now, at least one percent, plus one and a half
    times what the fault loses in any case; never above 40."""
    now = 100 - users.level.availability_percent if users.level.availability_percent is not None else 0.0
    return min(max(LEAST_ERROR_PERCENT, 3 * now) + 1.5 * idea.lost_percent(timing), 40.0)


def _lost_in_a_period(idea: Idea, timing: Timing) -> float:
    """The percentage of requests lost in each of the periods that make a guard fire, in the worst case: what is lost in
    any case lies in them alone."""
    return idea.lost_share_percent * min(1.0, idea.lost_seconds / (timing.guard_datapoints_to_alarm * timing.metric_period_seconds))


def _choose_recovery(users: Users, timing: Timing) -> int:
    """The minutes within which the system has to recover: the recovery time objective, as far as recovery is watched; two
    thirds of that time if there is none."""
    watched = choose_recovery_minutes(timing)
    return max(1, min(watched, math.floor(users.recovery_seconds / 60)) if users.recovery_seconds else watched * 2 // 3)


def _percent(value: float) -> str:
    return f"{math.floor(value * 10) / 10:g}"


def format_time(seconds: float) -> str:
    """A duration, rounded up to two significant digits: `250 ms`, `1.3 seconds`."""
    if seconds < 1:
        milliseconds = seconds * 1000
        step = 10 ** max(0, math.floor(math.log10(max(milliseconds, 1))) - 1)
        return f"{math.ceil(milliseconds / step) * step:g} ms"
    return f"{math.ceil(seconds * 10) / 10:g} seconds"
