"""A FIS template that sends a Run Command document of its own, which the policy lists: whole runs, aborted ones, killed ones, and
commands that do not end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from squall.application.admission.deployed import DeployedDefinitions
from squall.domain.base.vocabulary import AbortSource, RollbackOutcome, Status, Verdict
from squall.domain.documents.rollback import RollbackReport
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.unit.domain.policy.test_commands import STRESS
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, ended, is_settled, nothing_is_left, once, record_of, result_of
from tests.workflow.stopping.test_aborts import ABORTED, breach, in_the_fault
from tests.workflow.walk import Walk


@pytest.fixture
def adopting(world: FakeWorld, experiment: dict[str, Any], known: DeployedDefinitions) -> dict[str, Any]:
    """The action of the template, on the experiment's own targets; the experiment adopts it."""
    seconds = experiment["duration_minutes"] * 60
    parameters = {
        "documentArn": f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Our-Stress",
        "documentParameters": json.dumps({"Load": "80", "DurationSeconds": str(seconds)}),
        "duration": f"PT{seconds + 60}S",
    }
    action = {"actionId": "aws:ssm:send-command", "parameters": parameters, "targets": {"Instances": "web"}}
    arns = [member.arn for member in world.fleet.members("web")][:1]
    world.faults.foreign["EXTtheirs"] = {
        "id": "EXTtheirs",
        "targets": {"web": {"resourceType": "aws:ec2:instance", "resourceArns": arns, "selectionMode": "ALL"}},
        "actions": {"stress": action},
        "stopConditions": [{"source": "none"}],
    }
    known.environments["staging"] |= {"fis_templates": ["EXTtheirs"], "custom_actions": {"stress": STRESS}}
    del experiment["target_resources"]
    experiment |= {"type": "custom", "fis_template_id": "EXTtheirs", "success_criteria": ["System availability > 99%"]}
    return action


def end_all(world: FakeWorld, status: str) -> None:
    for command in list(world.commands.invocations):
        world.commands.end(command.id, status)


def change_entry(known: DeployedDefinitions, **changes: Any) -> None:
    known.environments["staging"]["custom_actions"] = {"stress": {**STRESS, **changes}}


def test_the_reviewed_document_is_sent_to_the_pinned_instance_and_its_command_proves_it(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any]
) -> None:
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (run,) = world.faults.runs.values()
    assert run.body["actions"]["custom"]["parameters"]["documentVersion"] == "4"
    (command,) = world.commands.invocations
    result = result_of(world)
    assert [target["id"] for target in result.targets] == [command.instance_id]
    report = world.documents.get(ID, RollbackReport)
    assert report is not None
    assert [(proof.kind, proof.proven, proof.detail) for proof in report.proofs] == [
        ("mechanism", True, f"command {command.id} is Success on {command.instance_id}")
    ]
    assert adopting["targets"]
    nothing_is_left(world)


@pytest.mark.parametrize("how", ["Failed", "never sent"])
def test_a_command_that_did_nothing_makes_the_run_invalid(walk: Walk, world: FakeWorld, adopting: dict[str, Any], how: str) -> None:
    assert adopting["targets"]
    if how == "Failed":
        in_the_fault(walk, world, lambda: end_all(world, "Failed"))
    else:
        world.faults.idle.add("custom")
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.INVALID, None)
    nothing_is_left(world)


def test_success_that_says_nothing_is_refused_without_a_signal(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], known: DeployedDefinitions
) -> None:
    assert adopting["targets"]
    change_entry(known, success_is_proof=False)
    walk.run({"experiment": "seed"})
    assert record_of(world).status is Status.REJECTED
    assert world.faults.runs == {}


@pytest.mark.parametrize("who", [AbortSource.GUARD, AbortSource.OPERATOR])
def test_an_abort_cancels_the_command(walk: Walk, world: FakeWorld, adopting: dict[str, Any], who: AbortSource) -> None:
    assert adopting["targets"]
    act = {AbortSource.GUARD: lambda: breach(world), AbortSource.OPERATOR: lambda: walk.quietly("Abort", {"execution_id": ID})}
    in_the_fault(walk, world, act[who])
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    record = record_of(world)
    assert (record.status, record.verdict) == ABORTED
    assert record.abort is not None
    assert record.abort.source is who
    assert [command.status for command in world.commands.invocations] == ["Cancelled"]
    nothing_is_left(world)


@pytest.mark.parametrize("length", [STRESS["length"], None])
def test_a_command_that_does_not_end_keeps_the_lock_until_it_has_and_people_are_told(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], known: DeployedDefinitions, length: dict[str, Any] | None
) -> None:
    world.faults.lingering_commands = True
    if length is None:  # a document that nobody tells its length, and that runs on
        change_entry(known, length=None, parameters={**STRESS["parameters"], "DurationSeconds": r"\d+"})
        adopting["parameters"]["duration"] = f"PT{known.catalogue['seed']['duration_minutes']}M"
        adopting["parameters"]["documentParameters"] = json.dumps({"Load": "80", "DurationSeconds": "7200"})
    in_the_fault(walk, world, lambda: breach(world))
    walk.run({"experiment": "seed"})
    report = world.documents.get(ID, RollbackReport)
    assert report is not None
    if length is None:
        assert report.outcome is RollbackOutcome.NOT_RESTORED
        assert world.locks.leases, "the next experiment could start on a target that is still disturbed"
        assert any("aws ssm cancel-command" in message.body for message in world.notifier.sent)
        end_all(world, "Cancelled")
    walk.pass_time(900)
    walk.pulses(4)
    nothing_is_left(world, twice=True)
    assert not any(command.active for command in world.commands.invocations)


@pytest.mark.parametrize("state", ["StartFault", "WatchFault", "StopFault", "VerifyRollback", "Release"])
@pytest.mark.parametrize("closer", ["watchdog", "pulse"])
def test_a_run_that_is_killed_leaves_no_command_running(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], state: str, closer: str
) -> None:
    assert adopting["targets"]
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
    assert not any(command.active for command in world.commands.invocations)
    walk.pulses(4)
    is_settled(world)
