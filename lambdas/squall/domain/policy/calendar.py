"""When runs are allowed in an environment: hours of the week, blackouts and freezes, each in its own time zone.

In the night of a clock change, a local time may exist twice or not at all. It is then read the careful way: open hours
start at the later reading and end at the earlier one, closed hours start at the earlier and end at the later one.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from squall.domain.policy.environment import ClosedHours, Freeze, Hours

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
Span = tuple[datetime, datetime]
"""The start and the end in UTC, without the end itself."""


def first_closed(hours: ClosedHours, start: datetime, end: datetime) -> datetime | None:
    """The first moment of [start, end] that is closed, in the hours' zone; None if none is. KeyError for an unknown zone."""
    closed = Hours(
        timezone=hours.timezone, days=hours.days, since=f"{hours.start_hour:02}:00", until=f"{hours.end_hour + 1:02}:00"
    )  # `end_hour` is closed, too
    return first_blackout(closed, start, end)


def first_blackout(hours: Hours, start: datetime, end: datetime) -> datetime | None:
    """The first moment of [start, end] within the hours, in their zone; None if none is. KeyError for an unknown zone."""
    return _find_first_moment(_list_spans(hours, start, end, closed=True), start, end, hours.timezone)


def first_frozen(freeze: Freeze, start: datetime, end: datetime) -> datetime | None:
    """The first moment of [start, end] on a day of the freeze, in its zone; None if none is. KeyError for an unknown zone."""
    zone = ZoneInfo(freeze.timezone)
    span = min(_read_both_ways(freeze.first, "00:00", zone)), max(_read_both_ways(freeze.last or freeze.first, "24:00", zone))
    return _find_first_moment([span], start, end, freeze.timezone)


def open_until(windows: Sequence[Hours], start: datetime, end: datetime) -> datetime | None:
    """The end, in UTC, of the time from `start` on in which the windows are open without a break; None if they are
    closed at `start`.

    Windows that follow each other count as one. Windows that open after `end` may be left out. KeyError for an unknown
    zone.
    """
    reached = None
    for opens, closes in sorted(chain.from_iterable(_list_spans(window, start, end, closed=False) for window in windows)):
        if opens <= (reached or start) < closes:
            reached = closes
    return reached


def _find_first_moment(spans: Iterable[Span], start: datetime, end: datetime, zone: str) -> datetime | None:
    moments = [max(since, start) for since, until in spans if since <= end and start < until]
    return min(moments).astimezone(ZoneInfo(zone)) if moments else None


def _list_spans(hours: Hours, start: datetime, end: datetime, *, closed: bool) -> Iterator[Span]:
    """The spans of the hours on every local day around [start, end]. Hours past midnight belong to the day on which they
    start."""
    zone = ZoneInfo(hours.timezone)
    choose_start, choose_end = (min, max) if closed else (max, min)
    day = start.astimezone(zone).date() - _DAY
    while day <= end.astimezone(zone).date():
        if _DAYS[day.weekday()] in hours.days:
            last = day if hours.since < hours.until else day + _DAY
            since, until = choose_start(_read_both_ways(day, hours.since, zone)), choose_end(_read_both_ways(last, hours.until, zone))
            if since < until:
                yield since, until
        day += _DAY


def _read_both_ways(day: date, clock: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both readings of a local time, in UTC. They differ only in the hour that a clock change repeats or leaves out."""
    if clock == "24:00":
        day, clock = day + _DAY, "00:00"
    local = datetime.combine(day, time.fromisoformat(clock), tzinfo=zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
