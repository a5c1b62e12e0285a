"""The schedule's firing that started an execution: its key, and whether it comes in time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from squall.domain.base.problems import Problem, show_value
from squall.domain.experiment.execution_input import Trigger
from squall.domain.experiment.experiment import Schedule
from squall.domain.metrics import periods


def make_trigger_key(trigger: Trigger) -> str:
    """The key of one firing of one schedule, as `Definition.trigger` holds it: the ARN, `#`, the scheduled time in
    UTC."""
    scheduled_at = _parse_time(trigger.scheduled_time)
    return f"{trigger.schedule_arn}#{scheduled_at.isoformat() if scheduled_at else trigger.scheduled_time}"


def find_trigger_problems(trigger: Trigger | None, schedule: Schedule | None, slack_seconds: int, now: datetime) -> Iterator[Problem]:
    """Whether the scheduled time is a time, and near enough to now. `schedule` is None if it is not known."""
    if trigger is None:
        return
    scheduled_at = _parse_time(trigger.scheduled_time)
    if scheduled_at is None:
        message = f"{show_value(trigger.scheduled_time)} is not a time"
        yield Problem(path="trigger.scheduled_time", message=message, expected="ISO 8601, such as 2027-01-31T03:00:00Z")
        return
    # EventBridge Scheduler may fire this much later than scheduled.
    flexible = timedelta(minutes=schedule.flexible_minutes if schedule else 0)
    slack = timedelta(seconds=slack_seconds)
    if not -slack <= now - scheduled_at <= slack + flexible:
        message = f"stale: was due at {scheduled_at:%Y-%m-%d %H:%M:%S} UTC, it is {now:%Y-%m-%d %H:%M:%S}"
        window = f" and its window of {periods.format_length(flexible)}" if flexible else ""
        yield Problem(path="trigger.scheduled_time", message=message, expected=f"within {slack_seconds} s of the schedule{window}")


def _parse_time(text: str) -> datetime | None:
    """The time in UTC; a time without a zone is UTC. None if the text is not a time."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
