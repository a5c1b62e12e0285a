"""Schedules of published experiments and campaigns: the same promises from the fake and from EventBridge Scheduler."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.scheduler import EventBridgeSchedules, Target
from squall.domain.experiment.experiment import Schedule
from squall.errors import Refused
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.catalogue import Schedules
    from tests.fakes.world import FakeWorld

TARGET = Target(
    group="squall-Squall.published",
    machines={
        "experiment": "arn:aws:states:eu-west-1:123456789012:stateMachine:Squall-Experiment",
        "campaign": "arn:aws:states:eu-west-1:123456789012:stateMachine:Squall-Campaign",
    },
    role_arn="arn:aws:iam::123456789012:role/published",
    dead_letter_arn="arn:aws:sqs:eu-west-1:123456789012:letters",
)
NIGHTLY = Schedule(expression="cron(0 3 ? * TUE *)", timezone="Europe/Berlin", flexible_minutes=15)


@pytest.fixture
def schedules(kind: str, request: pytest.FixtureRequest) -> Schedules:
    if kind == "fake":
        world: FakeWorld = request.getfixturevalue("world")
        return world.schedules
    aws: Callable[[str], Any] = request.getfixturevalue("aws")
    aws("scheduler").create_schedule_group(Name=TARGET.group)
    return EventBridgeSchedules(aws("scheduler"), TARGET)


def test_what_is_put_is_listed_and_what_is_removed_is_not(schedules: Schedules) -> None:
    schedules.put("web", "experiment", NIGHTLY)
    schedules.put("shop", "campaign", NIGHTLY)
    schedules.put("web", "experiment", NIGHTLY)
    assert sorted(schedules.list_names()) == ["shop", "web"]
    schedules.remove("web")
    schedules.remove("web")
    assert schedules.list_names() == ["shop"]


def test_a_schedule_starts_the_experiment_by_its_name_as_declared(aws: Callable[[str], Any]) -> None:
    aws("scheduler").create_schedule_group(Name=TARGET.group)
    EventBridgeSchedules(aws("scheduler"), TARGET).put("web", "experiment", NIGHTLY)
    stored = aws("scheduler").get_schedule(Name="web", GroupName=TARGET.group)
    assert (stored["ScheduleExpression"], stored["ScheduleExpressionTimezone"], stored["State"]) == (*_timing(NIGHTLY), "ENABLED")
    assert stored["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    target = stored["Target"]
    assert (target["Arn"], target["RoleArn"]) == (TARGET.machines["experiment"], TARGET.role_arn)
    trigger = {"schedule_arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"}
    assert json.loads(target["Input"]) == {"experiment": "web", "trigger": trigger}


def test_a_schedule_of_a_campaign_starts_its_machine_also_where_the_name_was_an_experiment(aws: Callable[[str], Any]) -> None:
    aws("scheduler").create_schedule_group(Name=TARGET.group)
    schedules = EventBridgeSchedules(aws("scheduler"), TARGET)
    schedules.put("web", "experiment", NIGHTLY)
    schedules.put("web", "campaign", NIGHTLY)
    target = aws("scheduler").get_schedule(Name="web", GroupName=TARGET.group)["Target"]
    assert target["Arn"] == TARGET.machines["campaign"]
    assert json.loads(target["Input"])["campaign"] == "web"


def _timing(schedule: Schedule) -> tuple[str, str]:
    return schedule.expression, schedule.timezone


@pytest.mark.parametrize(
    ("changed", "updates"), [({}, 0), ({"expression": "rate(7 days)"}, 1), ({"enabled": False}, 1), ({"flexible_minutes": 0}, 1)]
)
def test_only_a_change_is_written(aws: Callable[[str], Any], changed: dict[str, Any], updates: int) -> None:
    aws("scheduler").create_schedule_group(Name=TARGET.group)
    EventBridgeSchedules(aws("scheduler"), TARGET).put("web", "experiment", NIGHTLY)
    stored = aws("scheduler").get_schedule(Name="web", GroupName=TARGET.group)
    client = Scripted("scheduler", get_schedule=[stored], update_schedule=[{}])
    EventBridgeSchedules(client, TARGET).put("web", "experiment", NIGHTLY.model_copy(update=changed))
    assert len(client.arguments("update_schedule")) == updates


def test_a_schedule_that_scheduler_does_not_take_is_refused() -> None:
    client = Scripted(
        "scheduler", get_schedule=[error("ResourceNotFoundException")], create_schedule=[error("ValidationException", "cron")]
    )
    with pytest.raises(Refused, match="cron"):
        EventBridgeSchedules(client, TARGET).put("web", "experiment", NIGHTLY)


def test_a_schedule_that_another_pass_has_made_is_there() -> None:
    client = Scripted("scheduler", get_schedule=[error("ResourceNotFoundException")], create_schedule=[error("ConflictException")])
    EventBridgeSchedules(client, TARGET).put("web", "experiment", NIGHTLY)
    assert len(client.arguments("create_schedule")) == 1
