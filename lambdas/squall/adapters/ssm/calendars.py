"""Systems Manager Change Calendars: whether changes are allowed at a time, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.domain.run.ssm_state import CalendarState
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence


class ChangeCalendars:
    def __init__(self, client: Any) -> None:
        self._client = client

    def state(self, names: Sequence[str], at: datetime) -> CalendarState:
        asked = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = call(self._client, "get_calendar_state", CalendarNames=list(names), AtTime=asked)
        return CalendarState(open=answer["State"] == "OPEN", changes_at=_parse_time(answer.get("NextTransitionTime")))


def _parse_time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unavailable("ssm", "GetCalendarState", "Unreadable", f"NextTransitionTime is {text!r}", retryable=False) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
