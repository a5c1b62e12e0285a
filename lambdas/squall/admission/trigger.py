"""The schedule's firing that started an execution: its key, and whether it comes in time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from squall.domain.base.problems import Problem, show_value
from squall.domain.experiment.execution_input import Trigger
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics import periods
from squall.domain.policy.environment import Environment


def make_trigger_key(trigger: Trigger) -> str:
    """The key of one firing of one schedule, as `Definition.trigger` holds it: the ARN, `#`, the scheduled time in
    UTC."""
    scheduled_at = _parse_time(trigger.scheduled_time)
    return f"{trigger.schedule_arn}#{scheduled_at.isoformat() if scheduled_at else trigger.scheduled_time}"


def find_trigger_problems(
    trigger: Trigger | None, experiment: Experiment | None, environment: Environment, now: datetime
) -> Iterator[Problem]:
    """Whether the scheduled time is a time, and near enough to now. `experiment` is None if it could not be parsed."""
    if trigger is None:
        return
    scheduled_at = _parse_time(trigger.scheduled_time)
    if scheduled_at is None:
        message = f"{show_value(trigger.scheduled_time)} is not a time"
        yield Problem(path="trigger.scheduled_time", message=message, expected="ISO 8601, such as 2027-01-31T03:00:00Z")
        return
    flexible = _get_flexible_window(experiment)
    slack = timedelta(seconds=environment.stale_trigger_seconds)
    if not -slack <= now - scheduled_at <= slack + flexible:
        message = f"stale: was due at {scheduled_at:%Y-%m-%d %H:%M:%S} UTC, it is {now:%Y-%m-%d %H:%M:%S}"
        window = f" and its window of {periods.format_length(flexible)}" if flexible else ""
        expected = f"within {environment.stale_trigger_seconds} s of the schedule{window}"
        yield Problem(path="trigger.scheduled_time", message=message, expected=expected)


def _get_flexible_window(experiment: Experiment | None) -> timedelta:
    """How much later than scheduled EventBridge Scheduler may fire."""
    schedule = experiment.schedule if experiment else None
    return timedelta(minutes=schedule.flexible_minutes if schedule else 0)


def _parse_time(text: str) -> datetime | None:
    """The time in UTC; a time without a zone is UTC. None if the text is not a time."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
