"""Periods of time from the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line

LONGEST_DAYS = 3660


def parse_period(days: int, start: str | None, end: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Start and end in UTC: the whole days from `start` to `end`, both included; without them the last `days` until
    now.

    Raises CommandError.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise CommandError(f"--days {days} is out of range.", f"It takes 1 to {LONGEST_DAYS}.", code=Exit.REFUSED)
    until = _parse_day("--to", end) + timedelta(days=1) if end else now
    since = _parse_day("--from", start) if start else until - timedelta(days=days)
    if since >= until:
        raise CommandError(
            f"The period from {since:%Y-%m-%d} to {until:%Y-%m-%d} is empty.", "--from must come before --to.", code=Exit.REFUSED
        )
    return since, until


def _parse_day(option: str, value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise CommandError(
            f"{option} {clean_line(value, 40)} is not a day.", "Write a day as 2026-11-30, in UTC.", code=Exit.REFUSED
        ) from None
