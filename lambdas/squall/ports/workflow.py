"""The workflow around an execution: Step Functions, lifecycle events, the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the abort path loads no pydantic
    from datetime import datetime

    from squall.domain.run.record import ExecutionRecord


class Clock(Protocol):
    """The time. Tests set it."""

    def now(self) -> datetime:
        """The time in UTC, with its time zone."""

    def sleep(self, seconds: float) -> None:
        """Wait inside a function: the watchdog waits some seconds for FIS to stop, the sentinel for the end of a
        period."""


class Workflow(Protocol):
    """Executions of the state machine: their status, and waking one that waits."""

    def status(self, execution_arn: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE; None if Step Functions does not know the
        execution."""

    def wake(self, task_token: str) -> bool:
        """Complete the task that waits with this token. False if the token was used already, or if the task timed
        out."""


class Lifecycle(Protocol):
    """Lifecycle events, on the event bus."""

    def emit(self, record: ExecutionRecord, reason: str = "") -> None:
        """Put a `Squall Execution State Change` event on the bus."""
