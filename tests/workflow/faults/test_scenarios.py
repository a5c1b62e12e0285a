"""Several faults in one run: one after the other in one FIS experiment, each proven by itself, ended by one stop."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.reports.run import collect_facts
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.rollback import RollbackReport
from squall.domain.run.timeline import EventName
from squall.reporting.story import write_story
from tests.fakes.workload import REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import GUARD, ID, ended, nothing_is_left, record_of, result_of
from tests.workflow.faults.test_databases import INSTANCE
from tests.workflow.rig import TARGET_GROUP
from tests.workflow.walk import Walk

STRESS = {"type": "memory_stress", "parameters": {"memory_percent": 50}}


@pytest.fixture
def scenario(experiment: dict[str, Any]) -> dict[str, Any]:
    """Memory, then less of it, two minutes later, on one of two instances."""
    candidates = {"target_resources": experiment["target_resources"]}
    shared = {key: value for key, value in experiment.items() if key not in {"type", "target_resources"}}
    faults = {
        "first": {**STRESS, **candidates},
        "second": {**STRESS, **candidates, "after": ["first"], "delay": "PT2M", "duration": "PT5M"},
    }
    return {**shared, "faults": faults, "success_criteria": ["System availability > 99%"]}


def test_two_faults_one_after_the_other_are_both_proven_and_validated(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    walk.run({"definition": scenario})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    result = result_of(world)
    assert result.experiment_type == "scenario"
    (run,) = world.faults.runs.values()
    assert list(run.body["actions"]) == ["first.memory", "second.wait", "second.memory"]
    assert run.body["actions"]["second.wait"]["startAfter"] == ["first.memory"]
    assert run.body["actions"]["second.memory"]["startAfter"] == ["second.wait"]
    rollback = world.documents.get(ID, RollbackReport)
    assert rollback is not None
    assert [(proof.fault, proof.proven) for proof in rollback.proofs] == [("first", True), ("second", True)]
    assert rollback.not_begun == ()
    first, second = (proof.at for proof in rollback.proofs)
    assert first is not None
    assert second is not None
    assert (second - first).total_seconds() == 13 * 60, "ten minutes, FIS's reserve of one, the delay of two"
    discovery = world.documents.get(ID, Discovery)
    assert discovery is not None
    assert discovery.faults["first"] == discovery.faults["second"] == discovery.pinned, "single_instance holds for both together"
    started = [event.detail for event in result.timeline if event.event == EventName.ACTION_STARTED]
    assert started == ["first: aws:ssm:send-command", "second: aws:fis:wait", "second: aws:ssm:send-command"]
    nothing_is_left(world)


def test_a_fis_that_takes_its_time_between_the_actions_does_not_cut_the_last_fault_short(
    walk: Walk, world: FakeWorld, scenario: dict[str, Any]
) -> None:
    """The last fault is to be over before it begins, and the document of the first one has long ended on the target."""
    scenario["faults"]["second"]["duration"] = "PT2M"
    world.faults.between_seconds = 130
    walk.run({"definition": scenario})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    rollback = world.documents.get(ID, RollbackReport)
    assert rollback is not None
    last = rollback.proofs[-1]
    assert last.at is not None
    assert last.until is not None
    assert (last.fault, (last.until - last.at).total_seconds()) == ("second", 120)
    nothing_is_left(world)


@pytest.mark.parametrize("idle", ["first", "second"])
def test_one_fault_that_does_nothing_makes_the_run_invalid_and_is_named(
    walk: Walk, world: FakeWorld, scenario: dict[str, Any], idle: str
) -> None:
    """Although FIS reports its action as done, and the other fault sent the same document to the same target."""
    world.faults.idle = {f"{idle}.memory"}
    walk.run({"definition": scenario})
    ended(world, Status.COMPLETED, Verdict.INVALID, None)
    result = result_of(world)
    (target,) = result.targets
    assert f"1 of 2 targets were not hit: {idle} on {target['id']}: no command" in result.reason
    (finding,) = (entry for entry in result.findings if entry.kind == "fault_unproven")
    assert finding.title == f"The fault {idle} is not proven on 1 of 2 targets"
    assert target["proven"] is False
    nothing_is_left(world)


def test_a_guard_that_fires_in_the_first_fault_stops_all_and_says_that_the_second_never_began(
    walk: Walk, world: FakeWorld, scenario: dict[str, Any]
) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(120, lambda: world.alarms.set_state(GUARD, "ALARM"))
    walk.run({"definition": scenario})
    ended(world, Status.ABORTED, Verdict.ABORTED, False)
    result = result_of(world)
    abort = record_of(world).abort
    assert abort is not None
    assert abort.source is AbortSource.GUARD
    assert len(world.commands.invocations) == 1, "the second fault sent nothing"
    rollback = world.documents.get(ID, RollbackReport)
    assert rollback is not None
    assert [(proof.fault, proof.proven) for proof in rollback.proofs] == [("first", True)]
    assert rollback.not_begun == ("second",)
    assert "fault_unproven" not in {finding.kind for finding in result.findings}, "what never began is not what did not work"
    assert "second never began: the run was aborted before" in result.observations
    story = write_story(collect_facts(world.wiring(), record_of(world)))
    assert "second never began, because the run was aborted before." in story
    assert "The fault is proven on every target" in story
    nothing_is_left(world)


def test_an_operator_s_end_of_the_second_fault_leaves_both_proven(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(15 * 60, lambda: world.alarms.set_state(GUARD, "ALARM"))
    walk.run({"definition": scenario})
    ended(world, Status.ABORTED, Verdict.ABORTED, False)
    rollback = world.documents.get(ID, RollbackReport)
    assert rollback is not None
    assert [(proof.fault, proof.proven) for proof in rollback.proofs] == [("first", True), ("second", True)]
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"second": {"after": []}}, "first (memory_stress) and second (memory_stress) are the same fault on"),
        ({"second": {"type": "instance_termination", "parameters": {}}}, "nothing would tell which of the two"),
    ],
)
def test_faults_that_can_not_meet_are_refused_before_anything(
    walk: Walk, world: FakeWorld, scenario: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    faults = {name: {**fault, **changes.get(name, {})} for name, fault in scenario["faults"].items()}
    walk.run({"definition": {**scenario, "faults": faults}})
    reason = ended(world, Status.REJECTED, None, None).reason
    assert "faults.second" in reason
    assert said in reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_type_that_the_policy_does_not_allow_is_refused_in_a_scenario_too(
    walk: Walk, world: FakeWorld, scenario: dict[str, Any], known: Any
) -> None:
    known.environments["staging"]["allowed_types"] = ["memory_stress"]
    scenario["faults"]["second"] |= {"type": "cpu_stress", "parameters": {}}
    walk.run({"definition": scenario})
    reason = ended(world, Status.REJECTED, None, None).reason
    assert "environment_allows_type: staging allows memory_stress; this is scenario of first (memory_stress), second (cpu_stress)" in reason


@pytest.fixture
def zone(experiment: dict[str, Any], world: FakeWorld) -> dict[str, Any]:
    """An instance and the writer of a database go together."""
    world.fleet.add_other(INSTANCE)
    shared = {key: value for key, value in experiment.items() if key not in {"type", "target_resources"}}
    faults = {
        "instance": {"type": "instance_termination", "target_resources": experiment["target_resources"][:1]},
        "database": {"type": "database_failure", "target_resources": [INSTANCE.arn]},
    }
    return {**shared, "faults": faults, "blast_radius": "single_region", "service": TARGET_GROUP}


def test_resources_of_several_types_are_hit_together_and_only_what_is_gone_is_replaced(
    walk: Walk, world: FakeWorld, zone: dict[str, Any]
) -> None:
    walk.run({"definition": zone})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    result, discovery = result_of(world), world.documents.get(ID, Discovery)
    assert discovery is not None
    assert len(discovery.parts) == 2
    assert discovery.failure_domains == ("asg/web", "rds/db/orders", "tg/web/0123456789abcdef")
    assert [(target["type"], target["proven"]) for target in result.targets] == [("aws:ec2:instance", True), ("aws:rds:db", True)]
    assert result.recovery is not None
    assert len(result.recovery.replacement_ids) == 1
    (run,) = world.faults.runs.values()
    assert set(run.body["targets"]) == {"instance.Instances", "database.DBInstances"}
    story = write_story(collect_facts(world.wiring(), record_of(world)))
    lost = zone["faults"]["instance"]["target_resources"][0]
    assert f"Squall terminated {lost} in {REGION}a and failed over orders in {REGION}a (2 of " in story, "each fault with its own targets"
    nothing_is_left(world)


def test_a_failover_that_did_not_happen_is_named_beside_what_did(walk: Walk, world: FakeWorld, zone: dict[str, Any]) -> None:
    world.faults.idle = {"database.failover"}
    walk.run({"definition": zone})
    ended(world, Status.COMPLETED, Verdict.INVALID, None)
    result = result_of(world)
    assert "1 of 2 targets were not hit: database" in result.reason
    assert [(target["id"], target["proven"]) for target in result.targets] == [
        (zone["faults"]["instance"]["target_resources"][0], True),
        ("orders", False),
    ]
    nothing_is_left(world)
