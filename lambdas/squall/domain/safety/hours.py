"""When: the whole run, fault and recovery, must fit into what the policy leaves open."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from squall.domain.policy.calendar import first_blackout, first_closed, first_frozen, open_until
from squall.domain.policy.environment import ClosedHours, Freeze, Hours
from squall.domain.safety.inputs import Answer, Check, SafetyInput

T = TypeVar("T", ClosedHours, Hours, Freeze)


def _closed_hours(given: SafetyInput) -> Answer:
    hours = given.definition.environment.closed_hours
    return _none_met(given, [hours] if hours else [], first_closed, _said_of_closed, "closed hours")


def _blackouts(given: SafetyInput) -> Answer:
    return _none_met(given, given.definition.environment.blackouts, first_blackout, _said_of_hours, "blackouts")


def _freezes(given: SafetyInput) -> Answer:
    return _none_met(given, given.definition.environment.freezes, first_frozen, _said_of_freeze, "freezes")


def _none_met(
    given: SafetyInput, closed: Sequence[T], first: Callable[[T, datetime, datetime], datetime | None], say: Callable[[T], str], what: str
) -> Answer:
    if not closed:
        return True, f"{given.definition.environment.name} has no {what}"
    try:
        met = [(moment, one) for one in closed if (moment := first(one, given.now, given.end))]
    except (KeyError, ValueError) as error:
        return None, f"the {what} can't be evaluated: {error}"
    if not met:
        return True, f"{_length(given)}, lies outside the {what}: {'; '.join(map(say, closed))}"
    return False, f"{_length(given)}, meets " + "; ".join(f"{say(one)}: closed at {moment:%Y-%m-%d %H:%M %Z}" for moment, one in met)


def _open_hours(given: SafetyInput) -> Answer:
    policy = given.definition.environment
    if not policy.open_hours:
        return True, f"{policy.name} has no open hours: it is open at any time that is not closed"
    said = f"{_length(given)}; {policy.name} is open {'; '.join(map(_said_of_hours, policy.open_hours))}"
    try:
        until = open_until(policy.open_hours, given.now, given.end)
    except (KeyError, ValueError) as error:
        return None, f"the open hours can't be evaluated: {error}"
    if until is None:
        return False, f"{said}: closed now"
    return given.end <= until, f"{said}: open until {until:%Y-%m-%d %H:%M} UTC"


def _change_calendars(given: SafetyInput) -> Answer:
    policy, state = given.definition.environment, given.calendars
    if not policy.change_calendars:
        return True, f"{policy.name} names no change calendar"
    names = ", ".join(policy.change_calendars)
    if state is None:
        return None, f"the state of {names} could not be asked"
    if not state.open:
        return False, f"{names} is closed" + (f" until {state.changes_at:%Y-%m-%d %H:%M} UTC" if state.changes_at else "")
    if state.changes_at is None:
        return True, f"{_length(given)}; {names} is open, and no change is planned"
    return given.end <= state.changes_at, f"{_length(given)}; {names} is open until {state.changes_at:%Y-%m-%d %H:%M} UTC"


def _length(given: SafetyInput) -> str:
    return f"{given.now:%Y-%m-%d %H:%M} to {given.end:%Y-%m-%d %H:%M} UTC, fault and recovery"


def _said_of_closed(hours: ClosedHours) -> str:
    return f"hours that are closed from {hours.start_hour}:00 to {hours.end_hour}:59 {hours.timezone} on {', '.join(hours.days)}"


def _said_of_hours(hours: Hours) -> str:
    return f"{hours.since} to {hours.until} {hours.timezone} on {', '.join(hours.days)}" + _because(hours.reason)


def _said_of_freeze(freeze: Freeze) -> str:
    days = f"{freeze.first}" + (f" to {freeze.last}" if freeze.last else "")
    return f"the freeze of {days} {freeze.timezone}" + _because(freeze.reason)


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


ALWAYS: Mapping[str, Check] = {
    "closed_hours": _closed_hours,
    "open_hours": _open_hours,
    "blackouts": _blackouts,
    "freezes": _freezes,
    "change_calendars": _change_calendars,
}
