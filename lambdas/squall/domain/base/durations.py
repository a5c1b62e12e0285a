"""Durations, time zones and schedules as people write them.

A duration is ISO 8601 (`PT45S`) because a bare number has no unit; only fields that name the unit take a number.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from squall.domain.base.cron import explain_wrong_cron
from squall.domain.base.problems import require_pattern

LONGEST = timedelta(hours=12)
"""The longest duration of a FIS action and of an experiment."""

_RATE = re.compile(r"rate\((?P<number>[1-9]\d{0,5}) (?P<unit>minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\((?P<fields>(\S+ ){5}\S+)\)")
_AT = re.compile(r"at\((?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


def validation_error(message: str, expected: str = "", at: str = "") -> PydanticCustomError:
    """A validation error that says what was expected, for a field of the model. Without a field it is for the value
    being validated."""
    return PydanticCustomError("squall", "{message}", {"message": message, "expected": expected, "at": at})


def _require_iso(value: object) -> object:
    if isinstance(value, timedelta) or (isinstance(value, str) and re.match(r"[+-]?P", value)):
        return value
    raise validation_error(f"{value!r:.60} is not a duration", "ISO 8601, such as PT45S or PT10M")


def _require_whole_seconds(value: timedelta) -> timedelta:
    if value.microseconds:
        raise validation_error(f"{value.total_seconds()} s is not a whole number of seconds")
    return value


Span = Annotated[timedelta, Field(gt=timedelta(0), le=LONGEST), AfterValidator(_require_whole_seconds), BeforeValidator(_require_iso)]
"""A positive duration of whole seconds, at most 12 hours."""

Minutes = Annotated[float, Field(gt=0, le=720, allow_inf_nan=False, strict=True)]


def _require_known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise validation_error(f'"{value:.60}" is not a time zone', "an IANA name, such as UTC or Europe/Berlin") from None
    return value


Timezone = Annotated[
    str,
    Field(max_length=64),
    require_pattern(r"^[A-Za-z0-9_+/-]+$", "an IANA name, such as Europe/Berlin"),
    AfterValidator(_require_known_zone),
]


def check_schedule(expression: str) -> str:
    """The expression itself, if EventBridge Scheduler accepts its form. Raises a validation error otherwise."""
    if rate := _RATE.fullmatch(expression):
        if (rate["number"] == "1") == rate["unit"].endswith("s"):
            raise validation_error(f'"{expression}" mixes singular and plural', "rate(1 hour), rate(2 hours)")
        return expression
    if cron := _CRON.fullmatch(expression):
        if wrong := explain_wrong_cron(cron["fields"].split(" ")):
            raise validation_error(f'"{expression:.60}" is not a schedule: {wrong}', "such as cron(0 10 ? * MON-FRI *)")
        return expression
    if moment := _AT.fullmatch(expression):
        try:
            datetime.fromisoformat(moment["moment"])
        except ValueError:
            raise validation_error(f'"{expression}" is not a time', "at(2027-01-31T03:00:00)") from None
        return expression
    raise validation_error(f'"{expression:.60}" is not a schedule', "rate(n minutes), cron(with six fields) or at(2027-01-31T03:00:00)")
