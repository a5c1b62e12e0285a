"""The schedules of published experiments and campaigns in EventBridge Scheduler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.domain.experiment.scheduling import MAXIMUM_EVENT_AGE_SECONDS, RETRY_ATTEMPTS, make_schedule_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squall.domain.experiment.experiment import Schedule
    from squall.domain.experiment.scheduling import Kind


@dataclass(frozen=True)
class Target:
    """What the schedules start, and how."""

    group: str
    machines: Mapping[Kind, str]
    """The ARN of the state machine that runs each kind."""
    role_arn: str
    """The role with which Scheduler starts executions."""
    dead_letter_arn: str


class EventBridgeSchedules:
    def __init__(self, client: Any, target: Target) -> None:
        self._client, self._target = client, target

    def list_names(self) -> Sequence[str]:
        found = list_items(self._client, "list_schedules", "Schedules", GroupName=self._target.group)
        return [entry["Name"] for entry in found]

    def put(self, name: str, kind: Kind, schedule: Schedule) -> None:
        wanted = self._describe(name, kind, schedule)
        key = {field: wanted[field] for field in ("Name", "GroupName")}
        current = call(self._client, "get_schedule", absent={"ResourceNotFoundException"}, **key)
        if current is None:
            # ConflictException: another pass has just made it, from the same catalogue.
            call(self._client, "create_schedule", absent={"ConflictException"}, refusable=True, **wanted)
        elif not _is_same(wanted, current):
            call(self._client, "update_schedule", refusable=True, **wanted)

    def remove(self, name: str) -> None:
        call(self._client, "delete_schedule", absent={"ResourceNotFoundException"}, Name=name, GroupName=self._target.group)

    def _describe(self, name: str, kind: Kind, schedule: Schedule) -> dict[str, Any]:
        minutes = schedule.flexible_minutes
        return {
            "Name": name,
            "GroupName": self._target.group,
            "Description": f"Starts the published {kind} {name}",
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes} if minutes else {"Mode": "OFF"},
            "State": "ENABLED" if schedule.enabled else "DISABLED",
            "Target": {
                "Arn": self._target.machines[kind],
                "RoleArn": self._target.role_arn,
                "Input": json.dumps(make_schedule_input(name, kind)),
                "DeadLetterConfig": {"Arn": self._target.dead_letter_arn},
                "RetryPolicy": {"MaximumEventAgeInSeconds": MAXIMUM_EVENT_AGE_SECONDS, "MaximumRetryAttempts": RETRY_ATTEMPTS},
            },
        }


def _is_same(wanted: Any, current: Any) -> bool:
    """Whether Scheduler has what is wanted. It answers with more fields."""
    if not isinstance(wanted, dict):
        return bool(wanted == current)
    return isinstance(current, dict) and all(_is_same(value, current.get(name)) for name, value in wanted.items())
