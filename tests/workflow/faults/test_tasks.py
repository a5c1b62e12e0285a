"""Tasks of an ECS service are stopped or disturbed: whole runs, and what refuses them or leaves them without proof."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.tasks import EcsTask
from tests.fakes.services import FakeService
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.rig import LOAD_BALANCER
from tests.workflow.walk import Walk

SHOP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/shop/1123456789abcdef"
SERVICE = FakeService("shop/web", 3, ACCOUNT, REGION, {"squall:environment": "staging"}, target_groups=(SHOP,))


@pytest.fixture
def tasks(world: FakeWorld) -> list[EcsTask]:
    world.fleet.target_groups[SHOP] = LOAD_BALANCER.replace("/web/", "/shop/")
    return world.fleet.services.add(SERVICE)


@pytest.fixture
def stop(experiment: dict[str, Any], tasks: list[EcsTask]) -> dict[str, Any]:
    return {key: value for key, value in experiment.items() if key != "rollback"} | {"target_resources": [SERVICE.arn]}


def change(world: FakeWorld, **changes: Any) -> None:
    for task in world.fleet.services.tasks("shop/web"):
        world.fleet.others[task.arn] = task.model_copy(update=changes)


def test_a_stopped_task_is_proven_replaced_and_leaves_nothing(walk: Walk, world: FakeWorld, stop: dict[str, Any]) -> None:
    walk.run({"definition": stop})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.recovery is not None
    assert (result.rollback.outcome, [proof.proven for proof in result.rollback.proofs]) == (RollbackOutcome.RECOVERED, [True])
    assert len(result.recovery.replacement_ids) == 1
    assert [(target["type"], target["group"]) for target in result.targets] == [("aws:ecs:task", "shop/web")]
    discovery = world.documents.get(ID, Discovery)
    assert discovery is not None
    assert discovery.failure_domains == ("ecs/shop/web", "tg/shop/1123456789abcdef")
    nothing_is_left(world)


def test_a_service_that_starts_no_other_task_is_refuted_and_not_restored(
    walk: Walk, world: FakeWorld, stop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.fleet.services.services["shop/web"], "replaces_after", None)
    walk.run({"definition": stop})
    result = result_of(world)
    assert (result.verdict, result.rollback and result.rollback.outcome) == (Verdict.REFUTED, RollbackOutcome.NOT_RESTORED), result.reason
    assert result.rollback is not None
    assert "shop/web has 2 of 3 tasks in service" in result.rollback.differences
    (finding,) = (entry for entry in result.findings if entry.kind == "not_replaced")
    assert finding.evidence.mechanism == "ECS service shop/web"


@pytest.mark.parametrize(
    ("sentence", "replaces_after", "expected"),
    [
        ("3 tasks run within 5 minutes", 40.0, (Verdict.VALIDATED, "3 tasks of ECS service shop/web run from ", [])),
        ("3 tasks run within 20 seconds", 40.0, (Verdict.REFUTED, "3 tasks of ECS service shop/web run from ", ["slow_recovery"])),
        ("3 tasks run within 5 minutes", None, (Verdict.REFUTED, "2 of 3 tasks of ECS service shop/web run", ["capacity_lost"])),
        ("2 tasks run within 5 minutes", None, (Verdict.VALIDATED, "2 tasks of ECS service shop/web run ever since the fault", [])),
    ],
)
def test_a_number_of_tasks_is_judged_by_what_the_service_runs(
    walk: Walk,
    world: FakeWorld,
    stop: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    sentence: str,
    replaces_after: float | None,
    expected: tuple[Verdict, str, list[str]],
) -> None:
    verdict, reason, kinds = expected
    monkeypatch.setattr(world.fleet.services.services["shop/web"], "replaces_after", replaces_after)
    walk.run({"definition": {**stop, "success_criteria": [sentence]}})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, verdict), result.reason
    assert result.criteria[0].reason.startswith(reason)
    assert [one.kind for one in result.findings if one.kind in {"slow_recovery", "capacity_lost"}] == kinds


def test_a_number_of_members_that_the_targets_do_not_have_is_refused(walk: Walk, world: FakeWorld, stop: dict[str, Any]) -> None:
    walk.run({"definition": {**stop, "success_criteria": ["3 instances run within 5 minutes"]}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "they belong to ECS service shop/web, which has tasks" in result.reason


def test_tasks_with_health_checks_are_not_counted_by_a_limit_that_ends_before_anybody_looks(
    walk: Walk, world: FakeWorld, stop: dict[str, Any]
) -> None:
    change(world, health_checked=True)
    walk.run({"definition": {**stop, "success_criteria": ["3 tasks run within 5 minutes"]}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "ECS service shop/web has container health checks" in result.reason


def test_a_task_that_something_else_stopped_proves_nothing(walk: Walk, world: FakeWorld, stop: dict[str, Any], monkeypatch: Any) -> None:
    services = world.fleet.services
    real = services.stop
    monkeypatch.setattr(services, "stop", lambda arn: real(arn, "ServiceSchedulerInitiated"))
    walk.run({"definition": stop})
    assert (result_of(world).status, result_of(world).verdict) == (Status.COMPLETED, Verdict.INVALID)


def test_a_stressed_task_is_proven_by_the_command_of_its_own_agent(walk: Walk, world: FakeWorld, stop: dict[str, Any]) -> None:
    stress = {**stop, "type": "cpu_stress", "success_criteria": ["System availability > 99%"], "parameters": {"load_percent": 70}}
    walk.run({"definition": stress})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["mechanism"])
    (command,) = world.commands.invocations
    assert (command.instance_id[:3], command.document, command.status) == ("mi-", "AWSFIS-Run-CPU-Stress", "Cancelled")
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"managed_tags": {}}, "opt_in_tag"),
        ({"managed_tags": {"squall:environment": "production"}}, "opt_in_tag"),
        ({"managed": False}, "fault_prerequisites.systems_manager_online"),
        ({"registers": False}, "fault_prerequisites.agent_container"),
    ],
)
def test_an_agent_that_has_not_opted_in_or_is_not_there_refuses_the_run(
    walk: Walk, world: FakeWorld, stop: dict[str, Any], changes: dict[str, Any], check: str
) -> None:
    change(world, **changes)
    walk.run({"definition": {**stop, "type": "cpu_stress", "success_criteria": ["System availability > 99%"]}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert check in {outcome.name for outcome in result.safety_checks if outcome.outcome != "passed"}
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_stopping_a_task_asks_nothing_of_its_agent(walk: Walk, world: FakeWorld, stop: dict[str, Any]) -> None:
    change(world, managed_tags={}, managed=False, registers=False)
    walk.run({"definition": stop})
    assert result_of(world).verdict is Verdict.VALIDATED


def test_a_task_of_another_environment_is_never_hit(walk: Walk, world: FakeWorld, stop: dict[str, Any]) -> None:
    change(world, tags={"squall:environment": "production"})
    walk.run({"definition": stop})
    assert result_of(world).status is Status.REJECTED
    assert world.faults.runs == {}


def test_a_zone_of_tasks_is_bounded_by_the_share_that_must_stay(walk: Walk, world: FakeWorld, stop: dict[str, Any]) -> None:
    walk.run({"definition": {**stop, "blast_radius": "single_az"}})
    discovery = world.documents.get(ID, Discovery)
    assert discovery is not None
    zones = {target.zone for target in discovery.pinned}
    assert len(zones) == 1
    assert len(discovery.pinned) == 1, "two of three would leave a third, half is asked for"
