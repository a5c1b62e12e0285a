"""A FIS template without targets of its own, whose Automation document the policy lists: whole runs, aborted ones and killed ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from squall.application.admission.deployed import DeployedDefinitions
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.unit.admission.test_listed_templates import IMPAIR
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, ended, is_settled, nothing_is_left, once, record_of, result_of
from tests.workflow.stopping.test_aborts import ABORTED, breach, in_the_fault
from tests.workflow.walk import Walk

ROLE = f"arn:aws:iam::{ACCOUNT}:role/impair"


def impair(world: FakeWorld, **changes: Any) -> dict[str, Any]:
    """The entry: users of one instance feel the queue."""
    touched = {"arns": [world.fleet.members("web")[0].arn]}
    return {**IMPAIR, "resource_type": "aws:ec2:instance", "assume_role": ROLE, "touches": touched, **changes}


@pytest.fixture
def adopting(world: FakeWorld, experiment: dict[str, Any], known: DeployedDefinitions) -> dict[str, Any]:
    """The action of the template; the experiment adopts it."""
    parameters = {
        "documentArn": f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Impair-Queue",
        "documentParameters": json.dumps({"queue": "orders"}),
        "maxDuration": f"PT{experiment['duration_minutes']}M",
    }
    action = {"actionId": "aws:ssm:start-automation-execution", "parameters": parameters}
    world.faults.foreign["EXTtheirs"] = {
        "id": "EXTtheirs",
        "targets": {},
        "actions": {"impair": action},
        "stopConditions": [{"source": "none"}],
    }
    known.environments["staging"] |= {"fis_templates": ["EXTtheirs"], "custom_actions": {"impair": impair(world)}}
    del experiment["target_resources"]
    experiment |= {"type": "custom", "fis_template_id": "EXTtheirs", "success_criteria": ["System availability > 99%"]}
    return action


def test_the_reviewed_document_runs_as_its_own_role_and_what_it_touches_is_judged(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any]
) -> None:
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (run,) = world.faults.runs.values()
    assert run.body["targets"] == {}
    parameters = run.body["actions"]["custom"]["parameters"]
    assert (parameters["documentArn"], parameters["documentVersion"]) == (adopting["parameters"]["documentArn"], "3")
    assert json.loads(parameters["documentParameters"]) == {"queue": ["orders"], "AutomationAssumeRole": [ROLE]}
    result = result_of(world)
    assert [target["arn"] for target in result.targets] == [world.fleet.members("web")[0].arn]
    nothing_is_left(world)


def test_a_document_that_is_told_its_length_has_time_to_undo(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], known: DeployedDefinitions
) -> None:
    length = {"parameter": "Length", "unit": "iso", "undoing_minutes": 7}
    known.environments["staging"]["custom_actions"] = {"impair": impair(world, length=length)}
    told = {"queue": "orders", "Length": adopting["parameters"]["maxDuration"]}
    adopting["parameters"] |= {"documentParameters": json.dumps(told), "maxDuration": "PT3H"}
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (run,) = world.faults.runs.values()
    parameters = run.body["actions"]["custom"]["parameters"]
    assert json.loads(parameters["documentParameters"])["Length"] == [told["Length"]]
    assert parameters["maxDuration"] == f"PT{int(told['Length'][2:-1]) + 7}M"
    nothing_is_left(world)


def test_a_document_is_not_stopped_while_it_undoes_what_it_did(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], known: DeployedDefinitions
) -> None:
    length = {"parameter": "Length", "unit": "iso", "undoing_minutes": 7}
    known.environments["staging"]["custom_actions"] = {"impair": impair(world, length=length)}
    told = {"queue": "orders", "Length": adopting["parameters"]["maxDuration"]}
    adopting["parameters"] |= {"documentParameters": json.dumps(told), "maxDuration": "PT3H"}
    world.faults.automation_seconds = (int(told["Length"][2:-1]) + 6) * 60
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert [run.experiment.status for run in world.faults.runs.values()] == ["completed"]
    nothing_is_left(world)


def test_a_guard_on_its_users_ends_it(walk: Walk, world: FakeWorld, adopting: dict[str, Any]) -> None:
    assert adopting["parameters"]["maxDuration"]
    in_the_fault(walk, world, lambda: breach(world))
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = ended(world, *ABORTED, False)
    assert record.abort is not None
    assert record.abort.source is AbortSource.GUARD
    assert [run.experiment.status for run in world.faults.runs.values()] == ["stopped"]
    nothing_is_left(world)
    walk.pulses(4)
    is_settled(world)


def test_an_operator_ends_it(walk: Walk, world: FakeWorld, adopting: dict[str, Any]) -> None:
    assert adopting["parameters"]["maxDuration"]
    in_the_fault(walk, world, lambda: walk.quietly("Abort", {"execution_id": ID}))
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = record_of(world)
    assert (record.status, record.verdict) == ABORTED
    assert [run.experiment.status for run in world.faults.runs.values()] == ["stopped"]
    nothing_is_left(world)


@pytest.mark.parametrize("state", ["StartFault", "WatchFault", "VerifyRollback"])
@pytest.mark.parametrize("closer", ["watchdog", "pulse"])
def test_a_run_that_is_killed_leaves_no_document_running(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], state: str, closer: str
) -> None:
    assert adopting["parameters"]["maxDuration"]
    walk.enter[state] = once(walk.kill)
    done = walk.run({"experiment": "seed"})
    assert done.status == "ABORTED", f"{state} was never entered"
    walk.enter.clear()
    if closer == "watchdog":
        walk.pulse = False
        walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    else:
        walk.pulses(2)
    nothing_is_left(world)
    assert {run.experiment.status for run in world.faults.runs.values()} <= {"stopped", "completed"}
    walk.pulses(4)
    is_settled(world)


def test_a_document_whose_entry_is_gone_when_the_fault_is_to_begin_does_not_begin(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], known: DeployedDefinitions
) -> None:
    assert adopting["parameters"]["maxDuration"]
    walk.before["FinalCheck"] = lambda _: known.environments["staging"].update(custom_actions={})
    walk.run({"experiment": "seed"})
    assert record_of(world).status is Status.REJECTED
    assert "policy_unchanged" in str(record_of(world).reason)
    assert world.faults.runs == {}
    nothing_is_left(world)
