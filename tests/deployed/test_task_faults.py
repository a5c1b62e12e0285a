"""A network fault on an ECS task, stopped in the console while it runs: the task's traffic flows, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from local.deploy import ROOT
from tests.deployed.rig import Json, Rig
from tests.patience import LONGEST_TEST, stretched, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

GONE = 60.0
"""Seconds until nothing is left: some five on an idle machine, with FIS's own slowness."""


@pytest.fixture
def tasks(rig: Rig) -> Iterator[Rig]:
    """With the ECS service, which no other test wants."""
    rig.settings(tasks=True)
    until(lambda: rig.workload["parts_whole"], "three tasks with their agents")
    yield rig
    rig.settings(tasks=False)
    until(lambda: rig.workload["parts_whole"], "the service has ended")


def calls(rig: Rig, task: str) -> tuple[int, int]:
    """How often a task has asked the inventory, and how often in vain."""
    (counts,) = [container["counts"] for container in rig.workload["tasks"]["containers"] if container["id"] == task]
    return counts.get("dependency_calls", 0), counts.get("dependency_errors", 0)


def commands(rig: Rig, node: str) -> list[Json]:
    result: list[Json] = rig.client("ssm").list_command_invocations(InstanceId=node, Details=True)["CommandInvocations"]
    return result


def test_a_task_reaches_its_dependency_again(tasks: Rig) -> None:
    rig = tasks
    definition: dict[str, Any] = yaml.safe_load((ROOT / "local" / "experiments" / "ecs-slow-dependency.yaml").read_text())
    rig.forget()  # what earlier tests did to availability is no baseline
    run = rig.run({**definition, "duration": "PT2M"})
    experiment = run.watched()
    (arn,) = [arn for target in rig.fault(experiment)["targets"].values() for arn in target["resourceArns"]]
    task = arn.rpartition("/")[2]
    (node,) = [entry["node"] for entry in rig.workload["tasks"]["tasks"] if entry["id"] == task]
    until(lambda: [command["Status"] for command in commands(rig, node)] == ["InProgress"], "the command runs")
    before = calls(rig, task)
    until(lambda: calls(rig, task)[1] > before[1], "the task asks the inventory in vain")

    rig.profile(disable_schedules=True)  # on a busy machine the pulse may come by before the watchdog
    run.stop()
    rig.clean(stretched(GONE))
    assert rig.fault(experiment)["state"]["status"] == "stopped"
    record = run.done()
    assert (record["status"], record["verdict"], record["closed_by"]) == ("aborted", "aborted", "watchdog")
    assert run.id in run.message()["Message"]
    assert [command["Status"] for command in commands(rig, node)] == ["Cancelled"]
    (faults,) = [container["faults"] for container in rig.workload["tasks"]["containers"] if container["id"] == task]
    assert [fault["status"] for fault in faults] == ["cancelled"]
    asked, failed = calls(rig, task)
    until(lambda: calls(rig, task)[0] >= asked + 20, "it asks the inventory as often as before")
    assert calls(rig, task)[1] - failed <= 1, "one call may have been on its way"
