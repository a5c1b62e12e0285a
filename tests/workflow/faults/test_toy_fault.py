"""A fault is one module: one that is registered as Squall's own are goes all the way, and nothing else has to know it."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import Environment as Place
from aws_cdk.assertions import Template

from infra.code import UPLOT
from infra.permissions.fis_roles import FisRoles
from scripts import faults_page, schemas
from squall.domain.base.vocabulary import FaultType, ResourceType, RollbackOutcome, Status, Verdict
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.recovery import Recovery
from squall.domain.policy.environment import Environment
from squall.faults import registry
from squall.handlers import report
from squall.reporting import page
from tests.fakes.world import FakeWorld
from tests.infra.template import Resources
from tests.workflow.endings import ID, nothing_is_left, record_of, result_of
from tests.workflow.faults.toy_fault import ADVICE, DatabaseHostStop
from tests.workflow.reports.test_report import files, last_event
from tests.workflow.walk import Walk


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> DatabaseHostStop:
    """Registered for one test, as the registry registers Squall's own faults."""
    fault = DatabaseHostStop()
    monkeypatch.setattr(registry, "_FAULTS", dict(registry._FAULTS))
    registry.register_fault(fault)
    return fault


def stop(experiment: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An execution's input: the experiment with the toy as its fault."""
    return {"definition": {**experiment, "name": "Unplug", "type": "database_failure", "parameters": {"restart_minutes": 90}, **changes}}


def problems_of(world: FakeWorld) -> dict[str, str]:
    return {problem.path: f"{problem.message}: {problem.expected}" for problem in result_of(world).problems}


def test_admission_knows_its_parameters_and_ranges(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk.run(stop(experiment, parameters={"restart": 5}), "run-1")
    refusal = 'there is no such parameter, did you mean "restart_minutes"?: restart_minutes'
    assert problems_of(world)["definition.parameters.restart"] == refusal
    walk.run(stop(experiment, parameters={"restart_minutes": 10}), "run-2")
    assert [problem.expected for problem in result_of(world, "run-2").problems] == ["30 to 720"]
    assert world.faults.runs == {}


def test_a_run_of_it_is_compiled_injected_proven_verified_and_judged(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk.run(stop(experiment))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    (target,) = (instance for instance in world.fleet.instances.values() if instance.state == "terminated")

    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    assert template.body["targets"] == {
        "Instances": {"resourceType": "aws:ec2:instance", "resourceArns": [target.arn], "selectionMode": "ALL"}
    }
    assert template.body["actions"]["unplug"] == {
        "actionId": "aws:ec2:stop-instances",
        "description": "Stop the pinned instances",
        "parameters": {"startInstancesAfterDuration": "PT90M"},
        "targets": {"Instances": "Instances"},
    }
    assert template.body["actions"]["observe"]["parameters"] == {"duration": "PT10M"}

    passed = {check.name: check.detail for check in result.safety_checks if check.outcome == "passed"}
    assert passed["fault_prerequisites.replaced_by_group"] == "a group replaces every target"
    assert "web can replace them" in passed["replacement_possible"]
    assert result.rollback is not None
    assert [(proof.target, proof.kind, proof.detail) for proof in result.rollback.proofs] == [
        (target.id, "state", f"{target.id} is terminated")
    ]
    assert result.rollback.outcome is RollbackOutcome.RECOVERED
    recovery = world.documents.get(ID, Recovery)
    assert recovery is not None
    assert recovery.replacement_ids, "its targets are replaced, so recovery waits for those that took over"
    nothing_is_left(world)


def test_recovery_from_it_counts_from_its_effect_as_it_ends_at_once(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk.run(stop(experiment, success_criteria=["Response time < 2 seconds", "Response time recovers within 5 minutes"]))
    (criterion,) = (entry for entry in result_of(world).criteria if entry.kind == "recovery")
    assert criterion.reason.endswith("s after the fault took effect")


def test_a_metric_it_moves_itself_makes_no_guard(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk.run(stop(experiment, abort_conditions=["System availability < 95%", "Healthy hosts < 1"]))
    failed = {check.name: check.detail for check in result_of(world).safety_checks if check.outcome == "failed"}
    assert any("healthy_hosts" in detail or "Healthy hosts" in detail for detail in failed.values()), failed
    assert world.faults.runs == {}


def test_what_users_noticed_becomes_a_finding_with_its_own_advice(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk.after["StartFault"] = lambda _: world.metrics.set("TargetResponseTime", 3.0)
    walk.run(stop(experiment, success_criteria=["Response time < 2 seconds"]))
    result = result_of(world)
    assert result.verdict is Verdict.REFUTED, result.reason
    assert ADVICE in result.improvements_identified


def test_its_report_tells_what_it_did(walk: Walk, world: FakeWorld, experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "VENDOR", UPLOT / "dist")
    walk.run(stop(experiment))
    report.handler(last_event(world), None)
    (target,) = (instance for instance in world.fleet.instances.values() if instance.state == "terminated")
    assert f"Squall pulled the plug of {target.id} in {target.zone}" in files(world)["report.md"]
    assert "watched for 10 min" in files(world)["report.md"]


def test_an_operator_who_aborts_it_is_told_what_became_of_it(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    walk.run(stop(experiment))
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.ABORTED, Verdict.ABORTED)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RECOVERED
    assert record_of(world).final
    nothing_is_left(world)


@pytest.mark.xdist_group("infra")
def test_the_fis_role_gets_what_it_declares_on_tagged_instances_only() -> None:
    stack = Stack(App(), "S", env=Place(account="123456789012", region="eu-central-1"))
    policy = Environment.model_validate({"name": "staging", "allowed_types": ["database_failure"]})
    roles = FisRoles(stack, {"staging": policy}, "squall:environment")
    result = Resources(dict(Template.from_stack(stack).to_json()))
    granted = {statement.actions: (statement.resources, statement.conditions) for statement in result.statements()}
    (resources, conditions) = granted["ec2:StopInstances",]
    assert resources[0].endswith(":ec2:eu-central-1:123456789012:instance/*")
    assert conditions == {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}}
    assert "aws:ec2:stop-instances" in roles.actions, "a template may hold its action"


def test_editors_and_readers_are_told_of_it(toy: DatabaseHostStop) -> None:
    assert "Parameters of database_failure on aws:ec2:instance" in schemas.write_text("experiment")
    row = next(row for row in faults_page.render_table().splitlines() if "aws:ec2:stop-instances" in row and "database_failure" in row)
    assert "`restart_minutes` 1–720 (60)" in row
    assert registry.get_fault(FaultType.DATABASE_FAILURE, ResourceType.INSTANCE) is toy
