"""CloudWatch alarms as CloudWatch reports them, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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
    members: "tuple[tuple[str, AlarmHistory | None], ...]" = ()
    """The alarms that the rule of a composite alarm names, each with its history; None for one that is not there."""


@dataclass(frozen=True)
class Firing:
    """A change of an alarm to ALARM."""

    at: datetime
    reason: str = ""
    """CloudWatch's StateReason; empty if it is not known."""
