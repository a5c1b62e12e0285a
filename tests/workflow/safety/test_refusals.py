"""What must not run: each is a `rejected` record with the reason, an execution that SUCCEEDED, and no FIS call that makes anything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import Status
from squall.domain.documents.result import Result
from tests.fakes.world import FakeWorld
from tests.unit.builders import record
from tests.workflow.endings import is_settled, nothing_is_left, record_of, result_of, told, unavailable
from tests.workflow.walk import Walk

CREATING = {"faults.create_template", "faults.start", "alarms.put"}
LATENCY = {"type": "network_latency", "parameters": {"latency_ms": 200}}


def refused(world: FakeWorld, *words: str) -> None:
    (execution_id,) = world.records.items
    record = record_of(world, execution_id)
    assert record.status is Status.REJECTED, record.reason
    assert (record.verdict, record.hypothesis_validated) == (None, None)
    result = result_of(world, execution_id)
    for word in words:
        assert word.lower() in record.reason.lower(), record.reason
        assert word.lower() in world.notifier.endings[0].body.lower()
    assert result.problems or [check for check in result.safety_checks if check.outcome != "passed"]
    assert not CREATING & set(world.calls)
    nothing_is_left(world, execution_id)
    is_settled(world)


BAD_DEFINITIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown type": ({"type": "earthquake"}, ("type", "earthquake")),
    "unknown key": ({"colour": "red"}, ("colour",)),
    "empty criteria": ({"success_criteria": []}, ("success_criteria",)),
    "negative duration": ({"duration_minutes": -1}, ("duration_minutes",)),
    "sentence not understood": ({"success_criteria": ["Users are happy"]}, ("success_criteria[0]", "Users are happy")),
    "guard not understood": ({"abort_conditions": ["when it hurts"]}, ("abort_conditions[0]",)),
    "targets that don't exist": (
        {"target_resources": ["i-1234567890abcdef0", "i-0987654321fedcba0"]},
        ("i-1234567890abcdef0", "i-0987654321fedcba0"),
    ),
    "target without tag": ({"target_resources": ["i-000000000000none"]}, ("i-000000000000none",)),
    "target of production": ({"target_resources": ["i-0000000000prod00"]}, ("i-0000000000prod00", "production")),
    "no rollback plan": ({"rollback_plan": ""}, ("rollback_plan",)),
    "blank rollback plan": ({"rollback_plan": "  "}, ("rollback",)),
    "too short to be judged": ({"duration_minutes": 2}, ("at least",)),
    "longer than the policy": ({"duration_minutes": 600}, ("4 h",)),
    "unknown environment": ({"environment": "moon"}, ("moon",)),
    "two things wrong": ({"type": "earthquake", "duration_minutes": -1}, ("earthquake", "duration_minutes")),
}


@pytest.mark.parametrize(("changes", "words"), BAD_DEFINITIONS.values(), ids=BAD_DEFINITIONS)
@pytest.mark.parametrize("source_text", ["by name", "inline"])
def test_bad_definitions(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], changes: dict[str, Any], words: tuple[str, ...], source_text: str
) -> None:
    if source_text == "by name":
        experiment.update(changes)
    done = walk.run({"experiment": "seed"} if source_text == "by name" else {"definition": {**experiment, **changes}})
    assert done.status == "SUCCEEDED"
    refused(world, *words)


BAD_INPUTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "5": (5, ("object",)),
    "[]": ([], ("object",)),
    "null": (None, ("object",)),
    "a string": ("seed", ("object",)),
    "true": (True, ("object",)),
    "{}": ({}, ("experiment",)),
    "unknown experiment": ({"experiment": "nope"}, ("nope", "seed")),
    "unknown key": ({"experiment": "seed", "force": True}, ("force",)),
    "both": ({"experiment": "seed", "definition": {}}, ("definition",)),
    "unknown mode": ({"experiment": "seed", "mode": "really"}, ("mode",)),
    "override of targets": ({"experiment": "seed", "overrides": {"target_resources": ["i-1"]}}, ("target_resources",)),
    "too large": ({"experiment": "seed", "requested_by": "x" * 70_000}, ("bytes",)),
    "too deep": ({"experiment": "seed", "overrides": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}, ("deep",)),
    "a name that is an object": ({"experiment": {"a": 1}}, ("experiment",)),
    "control characters": ({"experiment": "se\u0000ed\n\x1b[31m"}, ("catalogue",)),
}


@pytest.mark.parametrize(("payload", "words"), BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_bad_inputs(walk: Walk, world: FakeWorld, payload: Any, words: tuple[str, ...]) -> None:
    done = walk.run(payload)
    assert done.status == "SUCCEEDED"
    refused(world, *words)


def test_an_inline_definition_where_the_policy_forbids_it(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    known.environments["staging"]["inline_definitions"] = False
    assert walk.run({"definition": experiment}).status == "SUCCEEDED"
    refused(world, "catalogue only")


@pytest.mark.parametrize("name", ["a.b", "../x", "a=b", "a@b", "größe", "a:b"])
def test_illegal_execution_names(walk: Walk, world: FakeWorld, name: str) -> None:
    assert walk.run({"experiment": "seed"}, name).status == "SUCCEEDED"
    refused(world, "execution")
    (execution_id,) = world.records.items
    assert execution_id.startswith("illegal-")
    assert all(path.startswith(f"results/{execution_id}/") for path in world.documents.files)


def test_a_name_used_again_gets_a_record_of_its_own(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed"})
    first, result = record_of(world), world.documents.files["results/run-1/result.json"]
    world.clock.advance(90 * 86_400)
    walk.pulse = False
    walk.run({"experiment": "nope"})
    assert record_of(world) == first
    assert world.documents.files["results/run-1/result.json"] == result
    (second,) = set(world.records.items) - {"run-1"}
    assert record_of(world, second).status is Status.REJECTED
    told(world, second)


def trigger(world: FakeWorld, age: float = 0) -> dict[str, str]:
    due = world.clock.now() - timedelta(seconds=age)
    arn = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/seed"
    return {"schedule_arn": arn, "scheduled_time": due.isoformat().replace("+00:00", "Z")}


def test_a_stale_trigger(walk: Walk, world: FakeWorld) -> None:
    assert walk.run({"experiment": "seed", "trigger": trigger(world, age=1000)}).status == "SUCCEEDED"
    refused(world, "stale")


def test_one_firing_of_a_schedule_runs_once(walk: Walk, world: FakeWorld) -> None:
    payload = {"experiment": "seed", "trigger": trigger(world)}

    def fire_again(_: object) -> None:
        walk.run(payload, "again")

    walk.after["StartFault"] = fire_again
    walk.run(payload)
    assert record_of(world).status is Status.COMPLETED
    assert "already runs" in record_of(world, "again").reason
    assert record_of(world, "again").status is Status.REJECTED
    told(world, "again")
    assert len(world.faults.runs) == 1
    nothing_is_left(world)


def test_a_plan_leaves_the_firing_of_a_schedule_to_the_run(walk: Walk, world: FakeWorld) -> None:
    payload = {"experiment": "seed", "trigger": trigger(world)}
    walk.run({**payload, "mode": "plan"}, "plan")
    assert record_of(world, "plan").status is Status.PLANNED
    walk.run({**payload, "trigger": payload["trigger"]})
    assert record_of(world).status is Status.COMPLETED, record_of(world).reason


def test_an_environment_takes_only_so_many_runs_without_a_fault(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    known.environments["staging"]["maximum_waiting"] = 2
    for number in range(2):
        world.records.create(record(id=f"waits-{number}", environment="staging"))
    payload = {"experiment": "seed", "trigger": trigger(world)}
    walk.run(payload, "late")
    assert "2 runs of staging are open and have had no fault yet (expected fewer than 2)" in record_of(world, "late").reason
    assert record_of(world, "late").status is Status.REJECTED
    world.records.in_open_index -= {"waits-0"}
    walk.run(payload, "again")
    assert record_of(world, "again").status is Status.COMPLETED, "the refused run left the firing to others"


def test_admit_tried_again_keeps_its_own_firing(walk: Walk, world: FakeWorld) -> None:
    payload = {"experiment": "seed", "trigger": trigger(world)}
    lost = iter([True])

    def lose(_: Any) -> None:
        if next(lost, False):
            raise TimeoutError

    walk.after["Admit"] = lose
    walk.run(payload)
    assert record_of(world).status is Status.COMPLETED


def test_a_target_that_is_stopped(walk: Walk, world: FakeWorld) -> None:
    for member in world.fleet.members("web"):
        member.state = "stopped"
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    refused(world, "stopped")


def test_a_group_that_cannot_replace(walk: Walk, world: FakeWorld) -> None:
    world.fleet.groups["web"].suspended = ("Launch",)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    refused(world, "Launch")


def test_a_workload_that_cannot_be_described(walk: Walk, world: FakeWorld) -> None:
    world.failing["inventory.describe"] = unavailable("inventory.describe")
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    assert record_of(world).status is Status.FAILED
    assert not CREATING & set(world.calls)
    nothing_is_left(world)


def test_every_check_is_on_the_record_of_a_refusal(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    experiment["target_resources"] = ["i-0000000000prod00"]
    walk.run({"experiment": "seed"})
    refused_result, first = result_of(world), len(result_of(world).safety_checks)
    assert isinstance(refused_result, Result)
    assert first >= 16
