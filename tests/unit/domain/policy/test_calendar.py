"""Open hours, blackouts and freezes: over midnight, across zones, and on the nights on which the clock changes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.policy.calendar import first_blackout, first_closed, first_frozen, open_until
from squall.domain.policy.environment import ClosedHours, Freeze, Hours
from squall.domain.run.ssm_state import CalendarState
from tests.unit.builders import definition, environment
from tests.unit.domain.safety.test_safety import failed, outcome, safe

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "UTC")
"""Changes of an hour and of half an hour, north and south of the equator, a zone over the date line, and two without any."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin, spring
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Berlin, autumn
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, by half an hour
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
]
MINUTE = timedelta(minutes=1)


def utc(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@st.composite
def clock(draw: st.DrawFn, *, end: bool = False) -> str:
    if end and draw(st.integers(0, 9)) == 0:
        return "24:00"
    return f"{draw(st.integers(0, 23)):02}:{draw(st.sampled_from([0, 15, 30, 45])):02}"


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
    inputs: dict[str, Any] = {
        "timezone": draw(st.sampled_from(ZONES)),
        "days": days,
        "since": draw(clock()),
        "until": draw(clock(end=True)),
    }
    return Hours.model_validate(inputs)


@st.composite
def runs(draw: st.DrawFn) -> tuple[datetime, datetime]:
    """Near a change of some clock, of up to five hours."""
    start = draw(st.sampled_from(CHANGES)) + draw(st.integers(-240, 240)) * MINUTE
    return start, start + draw(st.integers(1, 300)) * MINUTE


def shown_by_the_clock(hours: Hours, moment: datetime) -> bool:
    """Whether the clock on the wall shows a time of the hours, by nothing but what it shows."""
    local = moment.astimezone(ZoneInfo(hours.timezone))
    now, today = f"{local:%H:%M}", DAYS[local.weekday()]
    yesterday = DAYS[(local.weekday() - 1) % 7]
    if hours.since < hours.until:
        return today in hours.days and hours.since <= now < hours.until
    return (today in hours.days and now >= hours.since) or (yesterday in hours.days and now < hours.until)


def minutes(start: datetime, end: datetime) -> list[datetime]:
    return [start + n * MINUTE for n in range(int((end - start) / MINUTE) + 1)]


@given(st.lists(hours(), min_size=1, max_size=4), runs())
def test_a_run_that_fits_is_open_by_the_wall_clock_at_every_minute(windows: list[Hours], run: tuple[datetime, datetime]) -> None:
    start, end = run
    until = open_until(windows, start, end)
    if until is not None and end <= until:
        assert all(any(shown_by_the_clock(window, moment) for window in windows) for moment in minutes(start, end - MINUTE))


@given(hours(), runs())
def test_a_blackout_that_the_wall_clock_shows_at_any_minute_is_met(blackout: Hours, run: tuple[datetime, datetime]) -> None:
    start, end = run
    met = first_blackout(blackout, start, end)
    shown = [moment for moment in minutes(start, end) if shown_by_the_clock(blackout, moment)]
    if shown:
        assert met is not None
        assert start <= met <= shown[0]


@given(hours(), runs())
def test_no_moment_is_open_and_blacked_out_by_the_same_hours(same: Hours, run: tuple[datetime, datetime]) -> None:
    start, end = run
    if open_until([same], start, end) is not None:
        met = first_blackout(same, start, start)
        assert met is not None
        assert met.astimezone(UTC) == start


@given(st.dates(date(2026, 1, 1), date(2026, 12, 28)), st.integers(0, 3), st.sampled_from(ZONES), st.integers(-600, 600))
def test_a_freeze_is_whole_days_of_its_zone(first: date, more: int, zone: str, offset: int) -> None:
    last = first + timedelta(days=more)
    moment = datetime.combine(first, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC) + offset * MINUTE
    frozen = first_frozen(Freeze(first=first, last=last, timezone=zone), moment, moment) is not None
    assert frozen is (first <= moment.astimezone(ZoneInfo(zone)).date() <= last)


NIGHT = Hours(timezone="Europe/Berlin", days=("sat",), since="22:00", until="04:00")


@pytest.mark.parametrize(
    ("start", "length", "open_"),
    [
        (utc(7, 20, 59), 5, False),  # Saturday 21:59 CET
        (utc(7, 21, 0), 60, True),
        (utc(8, 2, 30), 30, True),  # Sunday 03:30, to the end exactly
        (utc(8, 2, 30), 31, False),
        (utc(8, 21, 30), 5, False),  # Sunday night is not Saturday's
        (utc(28, 21, 0), 300, True),  # summer time begins that night: it is an hour shorter
        (utc(28, 21, 0), 301, False),
    ],
)
def test_hours_over_midnight(start: datetime, length: int, open_: bool) -> None:
    end = start + length * MINUTE
    until = open_until([NIGHT], start, end)
    assert (until is not None and end <= until) is open_


def test_hours_that_follow_each_other_are_one_also_across_zones() -> None:
    day = Hours(since="06:00", until="18:00")
    evening = Hours(timezone="Europe/Berlin", since="19:00", until="24:00")  # 18:00 to 23:00 UTC in winter
    assert open_until([evening, day], utc(2, 17), utc(2, 20)) == utc(2, 23)
    assert open_until([day], utc(2, 17), utc(2, 20)) == utc(2, 18)
    assert open_until([evening], utc(2, 17), utc(2, 20)) is None


def test_every_day_all_day_never_closes() -> None:
    assert (open_until([Hours()], utc(1, 0), utc(4, 12)) or utc(1, 0)) >= utc(4, 12)


def test_the_hour_that_comes_twice_opens_late_and_closes_early() -> None:
    window = Hours(timezone="Europe/Berlin", since="02:15", until="03:30")  # 25 October: 02:15 is 00:15 and 01:15 UTC
    assert open_until([window], utc(25, 0, 30, 10), utc(25, 1, 0, 10)) is None
    assert open_until([window], utc(25, 1, 15, 10), utc(25, 1, 30, 10)) == utc(25, 2, 30, 10)
    assert first_blackout(window, utc(25, 0, 15, 10), utc(25, 0, 20, 10)) is not None


def test_the_hour_that_is_left_out_opens_nothing() -> None:
    window = Hours(timezone="Europe/Berlin", since="02:00", until="03:00")  # 29 March has no such hour
    assert all(open_until([window], moment, moment) is None for moment in minutes(utc(29, 0), utc(29, 3)))
    assert first_blackout(window, utc(29, 0, 30), utc(29, 0, 35)) is not None, "what is closed then is closed an hour earlier"


def test_closed_hours_close_their_last_hour_too_and_the_day_around() -> None:
    whole = ClosedHours(start_hour=0, end_hour=23)
    assert first_closed(whole, utc(2, 23, 59), utc(2, 23, 59)) == utc(2, 23, 59)
    around = ClosedHours(start_hour=9, end_hour=8)
    assert first_closed(around, utc(2, 8, 59), utc(2, 8, 59)) is not None


# as safety checks: builders.NOW is Monday 2 March 2026, 20:00 UTC; ten minutes of fault, fifteen of recovery


def check(name: str, **policy: Any) -> tuple[CheckOutcome, str]:
    value = safe(definition=definition(env=environment(**policy)))
    return outcome(value, name), failed(value).get(name, "")


@pytest.mark.parametrize(
    ("until", "expected"),
    [("20:25", CheckOutcome.PASSED), ("20:24", CheckOutcome.FAILED), ("20:00", CheckOutcome.FAILED)],
)
def test_the_whole_run_has_to_fit_into_the_open_hours(until: str, expected: CheckOutcome) -> None:
    assert check("open_hours", open_hours=[{"days": ["mon"], "since": "19:00", "until": until}])[0] is expected


def test_a_closed_window_is_said_with_its_hours() -> None:
    result, text = check("open_hours", open_hours=[{"days": ["tue"], "since": "19:00", "until": "23:00", "reason": "deploy day"}])
    assert result is CheckOutcome.FAILED
    assert "19:00 to 23:00 UTC on tue (deploy day): closed now" in text


def test_a_blackout_later_in_the_run_refuses_it() -> None:
    sale = {"days": ["mon"], "since": "20:24", "until": "21:00", "reason": "flash sale"}
    result, text = check("blackouts", blackouts=[{"since": "01:00", "until": "02:00"}, sale])
    assert result is CheckOutcome.FAILED
    assert "flash sale" in text
    assert "closed at 2026-03-02 20:24 UTC" in text
    assert check("blackouts", blackouts=[{**sale, "since": "20:26"}])[0] is CheckOutcome.PASSED


def test_a_freeze_refuses_its_last_day_and_not_the_next() -> None:
    freeze = {"first": "2026-02-20", "last": "2026-03-02", "reason": "audit"}
    result, text = check("freezes", freezes=[freeze])
    assert (result, "the freeze of 2026-02-20 to 2026-03-02 UTC (audit)" in text) == (CheckOutcome.FAILED, True)
    assert check("freezes", freezes=[{**freeze, "last": "2026-03-01"}])[0] is CheckOutcome.PASSED
    assert check("freezes", freezes=[{"first": "2026-03-03", "timezone": "Pacific/Apia"}])[0] is CheckOutcome.FAILED, "it is Tuesday there"


@pytest.mark.parametrize("field", ["open_hours", "blackouts"])
def test_a_zone_nobody_knows_is_not_evaluated(field: str) -> None:
    lost = Hours().model_copy(update={"timezone": "Middle/Earth"})
    policy = environment().model_copy(update={field: (lost,)})
    assert outcome(safe(definition=definition(env=policy)), field) is CheckOutcome.NOT_EVALUATED


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CalendarState(open=True, changes_at=None), CheckOutcome.PASSED),
        (CalendarState(open=True, changes_at=utc(2, 20, 25)), CheckOutcome.PASSED),
        (CalendarState(open=True, changes_at=utc(2, 20, 24)), CheckOutcome.FAILED),
        (CalendarState(open=False, changes_at=utc(2, 20, 1)), CheckOutcome.FAILED),
        (CalendarState(open=False, changes_at=None), CheckOutcome.FAILED),
        (None, CheckOutcome.NOT_EVALUATED),
    ],
)
def test_change_calendars_have_to_stay_open_for_the_whole_run(state: CalendarState | None, expected: CheckOutcome) -> None:
    policy = definition(env=environment(change_calendars=["Releases"]))
    assert outcome(safe(definition=policy, calendars=state), "change_calendars") is expected
    assert outcome(safe(calendars=state), "change_calendars") is CheckOutcome.PASSED, "named by no policy"
