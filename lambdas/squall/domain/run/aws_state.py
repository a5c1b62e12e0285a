"""What AWS reports about the resources that a run created, as plain values. Dataclasses only, because the abort path
must start fast."""

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
    """A FIS experiment as GetExperiment describes it. One from ListExperiments has no actions."""

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
    """FIS's whole answer: what the experiment does to which targets, its role, and what stops it."""

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL_FIS_STATUSES

    @property
    def stoppable(self) -> bool:
        """Whether the experiment still has to be asked to stop."""
        return not self.terminal and self.status != "stopping"

    def belongs_to(self, stack: str, execution_id: str) -> bool:
        """Whether the tags say so. Nothing else says whose an experiment is."""
        return self.tags.get("squall:stack") == stack and self.tags.get("squall:execution") == execution_id


@dataclass(frozen=True)
class ResolvedTarget:
    """A resource that FIS resolved for a target of an experiment."""

    target: str
    """The target's name in the template."""
    names: frozenset[str]
    """Everything that FIS says about the resource, without AWS's undocumented keys."""


@dataclass(frozen=True)
class FisTemplate:
    """A FIS template with the tags of this stack."""

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
    """An alarm as DescribeAlarms describes it."""

    name: str
    state: str
    """OK, ALARM or INSUFFICIENT_DATA"""
    updated_at: datetime | None
    actions_enabled: bool
    description: str = ""
    configured_at: datetime | None = None
    """When the alarm was created or last changed."""
    watches: tuple[Watched, ...] = ()
    """The metrics it watches. Empty for a composite alarm, and for an expression that names no metric."""
    seconds_to_alarm: int = 0
    """Period × evaluation periods; 0 for a composite alarm."""
    missing_data: str = ""
    """missing, ignore, breaching or notBreaching; empty for a composite alarm."""
    members: tuple[str, ...] = ()
    """The alarms that the rule of a composite alarm names."""
    reason: str = ""
    """CloudWatch's StateReason: on what data it came into its state."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What decides when it fires, in the words of PutMetricAlarm or PutCompositeAlarm."""
    only_scales: bool = False
    """Whether each of its actions is a scaling policy. In ALARM it then says how much there is to do, not that
    something is wrong."""


@dataclass(frozen=True)
class AlarmHistory:
    """The states of an alarm from some time on."""

    states: tuple[tuple[datetime, str], ...]
    """When each state began, oldest first. The first entry is the state at the beginning of the history."""
    changed_at: datetime | None = None
    """When the alarm was created or last changed."""
    seconds_to_alarm: int = 0
    """Period × evaluation periods; 0 for a composite alarm."""


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


@dataclass(frozen=True)
class Held:
    """Who holds a lock, and until when."""

    key: str
    holder: str
    until: datetime
    expired: bool
