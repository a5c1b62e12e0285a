"""Systems Manager commands of an instance: the fake and the adapter agree on what counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from squall.adapters.ssm.commands import SsmCommands
from squall.errors import Unavailable
from tests.adapters.conftest import MINUTES, NOW
from tests.adapters.scripted import Scripted, error
from tests.fakes.world import FakeWorld

DOCUMENT = "AWSFIS-Run-CPU-Stress"
ARN = f"arn:aws:ssm:eu-west-1::document/{DOCUMENT}"


def _invocation(number: int, document: str = DOCUMENT, **more: Any) -> dict[str, Any]:
    at = NOW + number * MINUTES
    answer = {"CommandId": f"c{number}", "InstanceId": "i-1", "DocumentName": document, "RequestedDateTime": at, "Status": "Success"}
    return {**answer, "StatusDetails": "Success", **more}


def _commands(*pages: list[dict[str, Any]]) -> tuple[SsmCommands, Scripted]:
    client = Scripted("ssm", list_command_invocations=[{"CommandInvocations": page} for page in pages])
    return SsmCommands(client), client


def test_invocations_of_the_document_newest_first() -> None:
    commands, client = _commands([_invocation(0), _invocation(1, "AWS-RunShellScript")], [_invocation(2, ARN), _invocation(-1)])
    assert [command.id for command in commands.on("i-1", [ARN], NOW)] == ["c2", "c0"]
    assert client.arguments("list_command_invocations")[0]["Filters"] == [{"key": "InvokedAfter", "value": "2030-01-07T09:59:59Z"}]


def test_the_end_and_what_failed_come_from_the_plugins() -> None:
    plugins = [
        {"Name": "install", "Status": "Success", "ResponseFinishDateTime": NOW},
        {"Name": "stress", "Status": "Failed", "ResponseFinishDateTime": NOW + MINUTES},
    ]
    commands, _ = _commands([_invocation(0, CommandPlugins=plugins, Status="Failed", StatusDetails="Failed")])
    (command,) = commands.on("i-1", [DOCUMENT], NOW)
    assert (command.status, command.ended_at, command.detail, command.active) == ("Failed", NOW + MINUTES, "Failed in stress", False)


def _plugin(name: str, start: int | None, finish: int | None) -> dict[str, Any]:
    def at(second: int | None) -> datetime:
        return datetime.fromtimestamp(0, UTC) if second is None else NOW + timedelta(seconds=second)

    return {"Name": name, "Status": "Success", "ResponseStartDateTime": at(start), "ResponseFinishDateTime": at(finish)}


@pytest.mark.parametrize(
    ("plugins", "started"),
    [
        ([_plugin("install", 20, 50), _plugin("delay", 50, 350)], 50),
        ([_plugin("install", 20, 50), _plugin("delay", 50, None)], 50),
        ([_plugin("install", 20, 50), _plugin("delay", 50, 350), _plugin("clean", 350, 351)], 50),
        ([_plugin("install", None, None), _plugin("delay", None, None)], None),
        ([], None),
    ],
)
def test_the_fault_began_with_the_plugin_that_lasts_longest(plugins: list[dict[str, Any]], started: int | None) -> None:
    commands, _ = _commands([_invocation(0, CommandPlugins=plugins)])
    (command,) = commands.on("i-1", [DOCUMENT], NOW)
    assert command.started_at == (None if started is None else NOW + timedelta(seconds=started))


def test_an_instance_systems_manager_does_not_know_has_none() -> None:
    class Unknown(Scripted):
        def get_paginator(self, method: str) -> Any:
            raise error("InvalidInstanceId")

    assert list(SsmCommands(Unknown("ssm", list_command_invocations=[])).on("i-1", [DOCUMENT], NOW)) == []


def test_a_denial_is_not_an_absence() -> None:
    class Denied(Scripted):
        def get_paginator(self, method: str) -> Any:
            raise error("AccessDeniedException")

    with pytest.raises(Unavailable):
        SsmCommands(Denied("ssm", list_command_invocations=[])).on("i-1", [DOCUMENT], NOW)


def test_the_fake_takes_names_and_arns_too() -> None:
    world = FakeWorld()
    sent = world.commands.send("i-1", DOCUMENT)
    now = world.clock.now()
    assert [command.id for command in world.commands.on("i-1", [ARN], now)] == [sent]
    assert list(world.commands.on("i-1", [ARN], now + timedelta(seconds=1))) == []
    assert list(world.commands.on("i-2", [DOCUMENT], now)) == []


def test_a_fake_command_takes_its_time_to_start() -> None:
    world = FakeWorld()
    world.commands.dispatch_seconds = 30
    requested = world.clock.now()
    sent = world.commands.send("i-1", DOCUMENT)
    world.clock.advance(29)
    (waiting,) = world.commands.on("i-1", [DOCUMENT], requested)
    world.clock.advance(1)
    (running,) = world.commands.on("i-1", [DOCUMENT], requested)
    assert (waiting.id, waiting.status, waiting.started_at) == (sent, "Pending", None)
    assert (running.status, running.started_at) == ("InProgress", requested + timedelta(seconds=30))
