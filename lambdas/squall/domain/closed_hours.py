"""Hours in which an environment is closed, in its own time zone, across changes of the clock."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from squall.domain.environment import ClosedHours

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def first_closed(hours: ClosedHours, start: datetime, end: datetime) -> datetime | None:
    """The first moment of [start, end] that is closed, in the hours' zone; None if none is. KeyError for an unknown zone."""
    zone = ZoneInfo(hours.timezone)
    meeting = [max(opens, start) for opens, closes in _spans(hours, zone, start, end) if opens <= end and start < closes]
    return min(meeting).astimezone(zone) if meeting else None


def _spans(hours: ClosedHours, zone: ZoneInfo, start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime]]:
    """Closed spans in UTC of every local day around [start, end]. A span that passes midnight belongs to the day it starts on."""
    day = start.astimezone(zone).date() - timedelta(days=1)
    while day <= end.astimezone(zone).date():
        if _DAYS[day.weekday()] in hours.days:
            last_day = day if hours.start_hour <= hours.end_hour else day + timedelta(days=1)
            closes = (_local(last_day, hours.end_hour, zone) + timedelta(hours=1)).replace(fold=1)  # the later of two equal clock times
            yield _local(day, hours.start_hour, zone).astimezone(UTC), closes.astimezone(UTC)
        day += timedelta(days=1)


def _local(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=zone)
