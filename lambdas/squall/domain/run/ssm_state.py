"""What Systems Manager reports: commands, Automation executions and Change Calendars, as plain values."""

from dataclasses import dataclass
from datetime import datetime

TERMINAL_AUTOMATION_STATUSES = frozenset(
    {
        "Success",
        "TimedOut",
        "Cancelled",
        "Failed",
        "Rejected",
        "ChangeCalendarOverrideRejected",
        "CompletedWithSuccess",
        "CompletedWithFailure",
        "Exited",
    }
)


@dataclass(frozen=True)
class CalendarState:
    """The state of several Change Calendars at one moment: open only if all of them are open."""

    open: bool
    changes_at: datetime | None
    """When that changes next; None if no change is planned."""


@dataclass(frozen=True)
class CommandState:
    """One invocation of a Systems Manager command, on one instance."""

    id: str
    instance_id: str
    document: str
    status: str
    """Pending InProgress Delayed Success Cancelled TimedOut Failed Cancelling"""
    requested_at: datetime
    ended_at: datetime | None = None
    detail: str = ""
    started_at: datetime | None = None
    """When the agent began the step that lasts longest, which is the fault. A document first installs what the fault
    needs."""

    @property
    def active(self) -> bool:
        return self.status in {"Pending", "InProgress", "Delayed", "Cancelling"}


@dataclass(frozen=True)
class AutomationState:
    """A Systems Manager Automation execution as GetAutomationExecution describes it."""

    id: str
    status: str
    detail: str = ""
    """Why the execution failed, in Systems Manager's words."""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def over(self) -> bool:
        return self.status in TERMINAL_AUTOMATION_STATUSES
