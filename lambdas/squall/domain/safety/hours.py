"""Checks that the policy is open for the whole run, fault and recovery."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from squall.domain.policy.calendar import first_blackout, first_closed, first_frozen, open_until
from squall.domain.policy.environment import ClosedHours, Freeze, Hours
from squall.domain.safety.inputs import Answer, Check, SafetyInput

T = TypeVar("T", ClosedHours, Hours, Freeze)


def _check_closed_hours(inputs: SafetyInput) -> Answer:
    hours = inputs.definition.environment.closed_hours
    return _check_closures(inputs, [hours] if hours else [], first_closed, _show_closed_hours, "closed hours")


def _check_blackouts(inputs: SafetyInput) -> Answer:
    return _check_closures(inputs, inputs.definition.environment.blackouts, first_blackout, _show_hours, "blackouts")


def _check_freezes(inputs: SafetyInput) -> Answer:
    return _check_closures(inputs, inputs.definition.environment.freezes, first_frozen, _show_freeze, "freezes")


def _check_closures(
    inputs: SafetyInput,
    closures: Sequence[T],
    find_first: Callable[[T, datetime, datetime], datetime | None],
    show: Callable[[T], str],
    noun: str,
) -> Answer:
    if not closures:
        return True, f"{inputs.definition.environment.name} has no {noun}"
    try:
        met = [(moment, closure) for closure in closures if (moment := find_first(closure, inputs.now, inputs.end))]
    except (KeyError, ValueError) as error:
        return None, f"the {noun} can't be evaluated: {error}"
    if not met:
        return True, f"{_show_run(inputs)}, lies outside the {noun}: {'; '.join(map(show, closures))}"
    return False, f"{_show_run(inputs)}, meets " + "; ".join(
        f"{show(closure)}: closed at {moment:%Y-%m-%d %H:%M %Z}" for moment, closure in met
    )


def _check_open_hours(inputs: SafetyInput) -> Answer:
    policy = inputs.definition.environment
    if not policy.open_hours:
        return True, f"{policy.name} has no open hours: it is open at any time that is not closed"
    detail = f"{_show_run(inputs)}; {policy.name} is open {'; '.join(map(_show_hours, policy.open_hours))}"
    try:
        until = open_until(policy.open_hours, inputs.now, inputs.end)
    except (KeyError, ValueError) as error:
        return None, f"the open hours can't be evaluated: {error}"
    if until is None:
        return False, f"{detail}: closed now"
    return inputs.end <= until, f"{detail}: open until {until:%Y-%m-%d %H:%M} UTC"


def _check_change_calendars(inputs: SafetyInput) -> Answer:
    policy, state = inputs.definition.environment, inputs.calendars
    if not policy.change_calendars:
        return True, f"{policy.name} names no change calendar"
    names = ", ".join(policy.change_calendars)
    if state is None:
        return None, f"the state of {names} could not be read"
    if not state.open:
        return False, f"{names} is closed" + (f" until {state.changes_at:%Y-%m-%d %H:%M} UTC" if state.changes_at else "")
    if state.changes_at is None:
        return True, f"{_show_run(inputs)}; {names} is open, and no change is planned"
    return inputs.end <= state.changes_at, f"{_show_run(inputs)}; {names} is open until {state.changes_at:%Y-%m-%d %H:%M} UTC"


def _show_run(inputs: SafetyInput) -> str:
    return f"{inputs.now:%Y-%m-%d %H:%M} to {inputs.end:%Y-%m-%d %H:%M} UTC, fault and recovery"


def _show_closed_hours(hours: ClosedHours) -> str:
    return f"hours that are closed from {hours.start_hour}:00 to {hours.end_hour}:59 {hours.timezone} on {', '.join(hours.days)}"


def _show_hours(hours: Hours) -> str:
    return f"{hours.since} to {hours.until} {hours.timezone} on {', '.join(hours.days)}" + _show_reason(hours.reason)


def _show_freeze(freeze: Freeze) -> str:
    days = f"{freeze.first}" + (f" to {freeze.last}" if freeze.last else "")
    return f"the freeze of {days} {freeze.timezone}" + _show_reason(freeze.reason)


def _show_reason(reason: str) -> str:
    return f" ({reason})" if reason else ""


ALWAYS: Mapping[str, Check] = {
    "closed_hours": _check_closed_hours,
    "open_hours": _check_open_hours,
    "blackouts": _check_blackouts,
    "freezes": _check_freezes,
    "change_calendars": _check_change_calendars,
}
