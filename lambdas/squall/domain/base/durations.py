"""Durations, time zones and schedules as people write them.

A duration is `45s`, `10m`, `1h30m`, or ISO 8601 (`PT45S`). A bare number has no unit, so only fields that name the
unit take one.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from squall.domain.base.cron import explain_wrong_cron
from squall.domain.base.problems import require_pattern

LONGEST = timedelta(hours=12)
"""The longest duration of a FIS action and of an experiment."""

_SHORT = re.compile(r"(?=\d)(?:(?P<hours>\d{1,6})h)?(?:(?P<minutes>\d{1,6})m)?(?:(?P<seconds>\d{1,6})s)?")
_SCHEMA = {"type": "string", "pattern": r"^(P.+|(?=\d)(\d+h)?(\d+m)?(\d+s)?)$", "examples": ["45s", "10m", "PT10M"]}

_RATE = re.compile(r"rate\((?P<number>[1-9]\d{0,5}) (?P<unit>minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\((?P<fields>(\S+ ){5}\S+)\)")
_AT = re.compile(r"at\((?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


def validation_error(message: str, expected: str = "", at: str = "") -> PydanticCustomError:
    """A validation error that says what was expected, for a field of the model. Without a field it is for the value
    being validated."""
    return PydanticCustomError("squall", "{message}", {"message": message, "expected": expected, "at": at})


def _read_duration(value: object) -> object:
    """A short form as a timedelta; ISO 8601 as it is, for pydantic."""
    if isinstance(value, timedelta) or (isinstance(value, str) and re.match(r"[+-]?P", value)):
        return value
    if isinstance(value, str) and (match := _SHORT.fullmatch(value)):
        return timedelta(**{unit: int(number) for unit, number in match.groupdict(default="0").items()})
    raise validation_error(f"{value!r:.60} is not a duration", "45s, 10m, 1h30m, or ISO 8601, such as PT45S")


def _require_whole_seconds(value: timedelta) -> timedelta:
    if value.microseconds:
        raise validation_error(f"{value.total_seconds()} s is not a whole number of seconds")
    return value


Span = Annotated[
    timedelta,
    Field(gt=timedelta(0), le=LONGEST),
    AfterValidator(_require_whole_seconds),
    BeforeValidator(_read_duration),
    WithJsonSchema(_SCHEMA),
]
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
