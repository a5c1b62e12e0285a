"""When an environment may be touched: hours of the week, blackouts and freezes in their own time zones, across changes of the clock.

A clock time that the night of a change has twice, or not at all, is read the careful way: as what opens later and closes earlier where
hours are open, as what closes earlier and opens later where they are closed.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from squall.domain.policy.environment import ClosedHours, Freeze, Hours

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
Span = tuple[datetime, datetime]
"""From, to, in UTC; the end is no part of it."""


def first_closed(hours: ClosedHours, start: datetime, end: datetime) -> datetime | None:
    """The first moment of [start, end] that is closed, in the hours' zone; None if none is. KeyError for an unknown zone."""
    closed = Hours(
        timezone=hours.timezone, days=hours.days, since=f"{hours.start_hour:02}:00", until=f"{hours.end_hour + 1:02}:00"
    )  # its last hour is closed too
    return first_blackout(closed, start, end)


def first_blackout(hours: Hours, start: datetime, end: datetime) -> datetime | None:
    """The first moment of [start, end] within the hours, in their zone; None if none is. KeyError for an unknown zone."""
    return _first_of(_spans(hours, start, end, closed=True), start, end, hours.timezone)


def first_frozen(freeze: Freeze, start: datetime, end: datetime) -> datetime | None:
    """The first moment of [start, end] on a day of the freeze, in its zone; None if none is. KeyError for an unknown zone."""
    zone = ZoneInfo(freeze.timezone)
    span = min(_moments(freeze.first, "00:00", zone)), max(_moments(freeze.last or freeze.first, "24:00", zone))
    return _first_of([span], start, end, freeze.timezone)


def open_until(windows: Sequence[Hours], start: datetime, end: datetime) -> datetime | None:
    """Until when it is open without a break from `start` on, in UTC, as far as `end` asks; None: it is closed at `start`.

    Windows that follow each other are one. KeyError for an unknown zone."""
    reached = None
    for opens, closes in sorted(chain.from_iterable(_spans(window, start, end, closed=False) for window in windows)):
        if opens <= (reached or start) < closes:
            reached = closes
    return reached


def _first_of(spans: Iterable[Span], start: datetime, end: datetime, zone: str) -> datetime | None:
    meeting = [max(since, start) for since, until in spans if since <= end and start < until]
    return min(meeting).astimezone(ZoneInfo(zone)) if meeting else None


def _spans(hours: Hours, start: datetime, end: datetime, *, closed: bool) -> Iterator[Span]:
    """The hours of every local day around [start, end]. Hours that pass midnight belong to the day they start on."""
    zone = ZoneInfo(hours.timezone)
    wide, narrow = (min, max) if closed else (max, min)
    day = start.astimezone(zone).date() - _DAY
    while day <= end.astimezone(zone).date():
        if _DAYS[day.weekday()] in hours.days:
            last = day if hours.since < hours.until else day + _DAY
            since, until = wide(_moments(day, hours.since, zone)), narrow(_moments(last, hours.until, zone))
            if since < until:
                yield since, until
        day += _DAY


def _moments(day: date, clock: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both readings of a clock time, in UTC: the same but in the hour that a change of the clock repeats or leaves out."""
    if clock == "24:00":
        day, clock = day + _DAY, "00:00"
    local = datetime.combine(day, time.fromisoformat(clock), tzinfo=zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
