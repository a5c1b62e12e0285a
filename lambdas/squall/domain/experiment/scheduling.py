"""What EventBridge Scheduler is given for an experiment or a campaign, whether it is deployed or published."""

from typing import Literal

Kind = Literal["experiment", "campaign"]
"""What a schedule starts."""

MAXIMUM_EVENT_AGE_SECONDS = 900
"""Scheduler gives up a later start, which Admit would refuse as stale."""
RETRY_ATTEMPTS = 10


def name_published_group(stack: str) -> str:
    """The group of the schedules of published experiments and campaigns, each with the name of what it starts. No other stack's
    group has this name: a stack's name has no dot."""
    return f"squall-{stack}.published"


def make_schedule_input(name: str, kind: Kind = "experiment") -> dict[str, object]:
    """The execution input of a schedule: a duplicate or late start is recognized by the scheduled time."""
    # Scheduler replaces the words in angle brackets when it starts the execution.
    trigger = {"schedule_arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"}
    return {kind: name, "trigger": trigger}
