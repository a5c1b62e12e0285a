"""What the status of a Step Functions execution means: whether it has ended, and how."""

from datetime import datetime, timedelta

RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
BROKEN_OFF = frozenset({"FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"})
"""The execution ended before its last states."""
UNKNOWN_AFTER = timedelta(minutes=10)
"""DescribeExecution is eventually consistent. An execution it does not know counts as ended only after this time from
its start."""


def is_broken_off(status: str | None, started_at: datetime, now: datetime) -> bool:
    """Whether the execution can no longer reach its last states. `status` is None if Step Functions does not know the
    execution."""
    return status in BROKEN_OFF or (status is None and now - started_at > UNKNOWN_AFTER)


def has_ended(status: str | None, started_at: datetime, now: datetime) -> bool:
    """Whether no state of the execution can run any more, however it ended."""
    return status == SUCCEEDED or is_broken_off(status, started_at, now)
