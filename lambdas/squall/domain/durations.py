"""Times as people write them: lengths, time zones and schedules.

A length is ISO 8601 (`PT45S`) or a number of minutes; a bare number elsewhere would not say of what.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from squall.domain.problems import pattern

LONGEST = timedelta(hours=12)
"""The longest FIS action and experiment."""

_RATE = re.compile(r"rate\((?P<number>[1-9]\d{0,5}) (?P<unit>minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")
_AT = re.compile(r"at\((?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


def refused(message: str, expected: str = "", at: str = "") -> PydanticCustomError:
    """A validation error with what was expected, at a field of the model (default: where it is raised)."""
    return PydanticCustomError("squall", "{message}", {"message": message, "expected": expected, "at": at})


def _iso(value: object) -> object:
    if isinstance(value, timedelta) or (isinstance(value, str) and re.match(r"[+-]?P", value)):
        return value
    raise refused(f"{value!r:.60} is no duration", "ISO 8601, such as PT45S or PT10M")


def _whole(value: timedelta) -> timedelta:
    if value.microseconds:
        raise refused(f"{value.total_seconds()} s is no whole number of seconds")
    return value


Span = Annotated[timedelta, Field(gt=timedelta(0), le=LONGEST), AfterValidator(_whole), BeforeValidator(_iso)]
"""A positive length of whole seconds, at most 12 hours."""

Minutes = Annotated[float, Field(gt=0, le=720, allow_inf_nan=False, strict=True)]


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise refused(f'"{value:.60}" is no time zone', "an IANA name, such as UTC or Europe/Berlin") from None
    return value


Timezone = Annotated[
    str, Field(max_length=64), pattern(r"^[A-Za-z0-9_+/-]+$", "an IANA name, such as Europe/Berlin"), AfterValidator(_known_zone)
]


def check_schedule(expression: str) -> str:
    """The expression, if EventBridge Scheduler would take it as far as can be told without asking."""
    if rate := _RATE.fullmatch(expression):
        if (rate["number"] == "1") == rate["unit"].endswith("s"):
            raise refused(f'"{expression}" mixes singular and plural', "rate(1 hour), rate(2 hours)")
        return expression
    if _CRON.fullmatch(expression):
        return expression
    if moment := _AT.fullmatch(expression):
        try:
            datetime.fromisoformat(moment["moment"])
        except ValueError:
            raise refused(f'"{expression}" is no moment', "at(2027-01-31T03:00:00)") from None
        return expression
    raise refused(f'"{expression:.60}" is no schedule', "rate(n minutes), cron(with six fields) or at(2027-01-31T03:00:00)")
