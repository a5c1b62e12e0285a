"""What AWS says about the things a run created, as plain values. Dataclasses: the abort path imports this and must start fast."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TERMINAL_FIS_STATUSES = frozenset({"completed", "stopped", "failed", "cancelled"})
"""Every terminal status of a FIS experiment; each maps to an outcome."""

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
class ActionState:
    name: str
    action_id: str
    status: str
    """pending initiating running completed cancelled stopping stopped failed skipped"""
    reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class FisExperiment:
    """A FIS experiment as GetExperiment tells it (from ListExperiments: without actions)."""

    id: str
    template_id: str
    status: str
    reason: str = ""
    error_code: str | None = None
    actions: tuple[ActionState, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    """FIS's whole answer: what the experiment does to which targets, as which role, and what stops it."""

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL_FIS_STATUSES

    @property
    def stoppable(self) -> bool:
        """Whether it still has to be asked to stop."""
        return not self.terminal and self.status != "stopping"


@dataclass(frozen=True)
class FisTemplate:
    """A template that carries our tags."""

    id: str
    execution_id: str
    created_at: datetime


@dataclass(frozen=True)
class Watched:
    """A metric that an alarm watches."""

    namespace: str
    metric_name: str
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class AlarmState:
    """An alarm as DescribeAlarms tells it."""

    name: str
    state: str
    """OK, ALARM or INSUFFICIENT_DATA"""
    updated_at: datetime | None
    actions_enabled: bool
    description: str = ""
    configured_at: datetime | None = None
    """When it was made or last changed."""
    watches: tuple[Watched, ...] = ()
    """Empty: a composite alarm, or an expression over no metric by name."""
    seconds_to_alarm: int = 0
    """Period × evaluation periods; 0 of a composite alarm."""
    missing_data: str = ""
    """missing, ignore, breaching or notBreaching; empty of a composite alarm."""
    members: tuple[str, ...] = ()
    """Of a composite alarm: the alarms its rule names."""
    only_scales: bool = False
    """Its every action is a scaling policy: in ALARM it says that there is little or much to do, not that something is wrong."""


@dataclass(frozen=True)
class CalendarState:
    """Change Calendars taken together at one moment: open only if all of them are."""

    open: bool
    changes_at: datetime | None
    """When that changes next; None: no change is planned."""


@dataclass(frozen=True)
class CommandState:
    """A Systems Manager command's invocation on one instance."""

    id: str
    instance_id: str
    document: str
    status: str
    """Pending InProgress Delayed Success Cancelled TimedOut Failed Cancelling"""
    requested_at: datetime
    ended_at: datetime | None = None
    detail: str = ""
    started_at: datetime | None = None
    """When the agent began with the part of it that lasts longest, which is the fault: a document installs what it needs first."""

    @property
    def active(self) -> bool:
        return self.status in {"Pending", "InProgress", "Delayed", "Cancelling"}


@dataclass(frozen=True)
class AutomationState:
    """A Systems Manager Automation execution as GetAutomationExecution tells it."""

    id: str
    status: str
    detail: str = ""
    """Why it failed, in Systems Manager's words."""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def over(self) -> bool:
        return self.status in TERMINAL_AUTOMATION_STATUSES


@dataclass(frozen=True)
class Held:
    """Who holds a lock, until when."""

    key: str
    holder: str
    until: datetime
    expired: bool
