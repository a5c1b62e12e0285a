"""A run goes by the definition and the policy that were admitted: whoever overwrites a document in S3 starts nothing by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.permissions.documents import DOCUMENTS
from squall.application.admission import deployed
from squall.domain.base.vocabulary import Mode, Status
from squall.domain.documents.definition import Definition
from squall.domain.experiment.hashes import definition_hash
from squall.domain.policy.environment import Environment
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, ended, is_settled, nothing_is_left, record_of, result_of
from tests.workflow.rig import environment
from tests.workflow.voting import ask_people, vote_in
from tests.workflow.walk import Walk

INPUT = {"experiment": "seed"}
BEFORE_THE_FAULT = (
    "Discover", "CheckSafety", "AcquireLock", "AcquireSlot", "CaptureBaseline", "ArmGuards", "CreateTemplate", "FinalCheck", "StartFault",
)  # fmt: skip


def overwrite(world: FakeWorld, **changes: Any) -> None:
    """As somebody would who may write the bucket: with hashes that fit what is written."""
    definition = world.documents.get(ID, Definition)
    assert definition is not None
    other = definition.model_copy(update=changes)
    other = other.model_copy(update={"definition_hash": definition_hash(other.experiment)})
    world.documents.put(ID, other)


def production(world: FakeWorld) -> dict[str, Any]:
    """The run of staging becomes one of production, which asks nobody."""
    definition = world.documents.get(ID, Definition)
    assert definition is not None
    policy = Environment.model_validate({**environment("production"), "approval": None, "closed_hours": None})
    experiment = definition.experiment.model_copy(update={"environment": "production", "target_resources": ("i-0000000000prod00",)})
    return {"experiment": experiment, "environment": policy}


@pytest.mark.parametrize("state", BEFORE_THE_FAULT)
def test_a_definition_that_was_overwritten_starts_nothing(walk: Walk, world: FakeWorld, state: str) -> None:
    walk.before[state] = lambda _: overwrite(world, **production(world))
    walk.run(INPUT)
    record = record_of(world)
    assert record.status in {Status.FAILED, Status.REJECTED}, record.reason
    assert world.faults.runs == {}
    assert result_of(world).environment in ("staging", ""), "the record says what was admitted"
    nothing_is_left(world, twice=True)
    walk.pulses(4)
    is_settled(world)


def test_the_reason_is_told(walk: Walk, world: FakeWorld) -> None:
    walk.before["Discover"] = lambda _: overwrite(world, **production(world))
    walk.run(INPUT)
    reason = ended(world, Status.FAILED, None, None).reason
    assert f"results/{ID}/definition.json is not the definition that was admitted" in reason
    assert reason in world.notifier.sent[-1].body


def test_a_plan_does_not_become_a_run(walk: Walk, world: FakeWorld) -> None:
    walk.before["FinalCheck"] = lambda _: overwrite(world, mode=Mode.RUN)
    walk.run({**INPUT, "mode": "plan"})
    assert record_of(world).status is not Status.COMPLETED
    assert world.faults.runs == {}


def test_the_copy_of_the_policy_does_not_become_milder(walk: Walk, world: FakeWorld) -> None:
    ask_people()
    walk.before["CheckSafety"] = lambda _: overwrite(world, environment=Environment.model_validate(environment("staging")))
    walk.run(INPUT)
    assert record_of(world).status in {Status.FAILED, Status.REJECTED}
    assert world.faults.runs == {}


def test_a_definition_that_is_overwritten_while_the_fault_runs_ends_it_and_validates_nothing(walk: Walk, world: FakeWorld) -> None:
    def easier() -> None:
        definition = world.documents.get(ID, Definition)
        assert definition is not None
        experiment = definition.experiment.model_copy(update={"success_criteria": ("System availability > 1%",)})
        overwrite(world, experiment=experiment)

    walk.after["StartFault"] = lambda _: easier()
    walk.run(INPUT)
    record = record_of(world)
    assert record.hypothesis_validated is None
    assert record.status in {Status.FAILED, Status.ABORTED}, record.reason
    assert not world.faults.active()


@pytest.mark.parametrize("state", ["CheckSafety", "FinalCheck"])
def test_a_policy_that_was_deployed_since_refuses(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, state: str) -> None:
    def deploy() -> None:
        known.environments["staging"] = {**known.environments["staging"], "maximum_risk": "low"}

    walk.before[state] = lambda _: deploy()
    walk.run(INPUT)
    reason = ended(world, Status.REJECTED, None, None).reason
    assert "policy_unchanged: the policy of staging has changed since this run was admitted" in reason
    assert world.faults.runs == {}


def test_a_policy_that_is_gone_refuses(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    walk.before["CheckSafety"] = lambda _: known.environments.pop("staging")
    walk.run(INPUT)
    assert "no policy is deployed for staging" in ended(world, Status.REJECTED, None, None).reason


def test_a_record_of_the_version_before_is_compared_by_the_hash_it_has(walk: Walk, world: FakeWorld) -> None:
    def forget() -> None:
        world.records.items[ID] = replace(record_of(world), admitted_hash="")

    walk.before["Discover"] = lambda _: forget()
    walk.before["FinalCheck"] = lambda _: overwrite(world, **production(world))
    walk.run(INPUT)
    assert record_of(world).status in {Status.FAILED, Status.REJECTED}
    assert world.faults.runs == {}


def test_every_state_writes_what_it_is_granted(walk: Walk, world: FakeWorld) -> None:
    """What it is not granted, a walk denies it in every test."""
    ask_people()
    vote_in(walk, world, 60)
    walk.run(INPUT)
    rarely = {"refusal.json", "rollback.json", "automation.json", "fault.json", "series.json", "safety.json", "result.json"}
    of_campaigns = {"campaign.json", "campaign_result.json"}  # tests/workflow/campaign: by the machine of campaigns
    granted = {(name, file) for name, files in DOCUMENTS.items() for file in files if name != "Report"}
    assert {(name, file) for name, file in granted - walk.wrote if file not in rarely | of_campaigns} == set()
