"""Pods of a Deployment are deleted or disturbed: whole runs, and what refuses them or leaves them without proof."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.pods import EksPod
from tests.fakes.clusters import FakeDeployment
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

WEB = FakeDeployment("main/shop/deployment/web", 3, ACCOUNT, REGION, {"squall:environment": "staging"})
STRESS = {"type": "cpu_stress", "success_criteria": ["System availability > 99%"], "parameters": {"load_percent": 70}}


@pytest.fixture
def pods(world: FakeWorld, known: deployed.DeployedDefinitions) -> list[EksPod]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, eks_service_account="fis")
    return world.fleet.clusters.add(WEB)


@pytest.fixture
def delete(experiment: dict[str, Any], pods: list[EksPod]) -> dict[str, Any]:
    target = {"arns": [WEB.cluster], "filters": {"namespace": ["shop"], "deployment": ["web"]}}
    kept = {key: value for key, value in experiment.items() if key not in {"rollback", "target_resources"}}
    return {**kept, "target": target, "service": TARGET_GROUP}


def change(world: FakeWorld, **changes: Any) -> None:
    for pod in world.fleet.clusters.pods():
        world.fleet.others[pod.arn] = pod.model_copy(update=changes)


def test_a_deleted_pod_is_proven_replaced_and_leaves_nothing(walk: Walk, world: FakeWorld, delete: dict[str, Any]) -> None:
    walk.run({"definition": delete})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.recovery is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RECOVERED, ["state"])
    assert len(result.recovery.replacement_ids) == 1
    discovery = world.documents.get(ID, Discovery)
    assert discovery is not None
    assert discovery.failure_domains == ("eks/main/shop/deployment/web",)
    assert "fault_prerequisites.service_account" in {check.name for check in result.safety_checks if check.outcome == "warned"}
    (run,) = world.faults.runs.values()
    assert {target["parameters"]["selectorType"] for target in run.body["targets"].values()} == {"podName"}
    assert {action["parameters"].get("kubernetesServiceAccount") for name, action in run.body["actions"].items() if name != "observe"} == {
        "fis"
    }
    nothing_is_left(world)


def test_a_deployment_that_starts_no_other_pod_is_refuted_and_not_restored(
    walk: Walk, world: FakeWorld, delete: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.fleet.clusters.deployments[WEB.name], "replaces_after", None)
    walk.run({"definition": delete})
    result = result_of(world)
    assert (result.verdict, result.rollback and result.rollback.outcome) == (Verdict.REFUTED, RollbackOutcome.NOT_RESTORED), result.reason
    assert result.rollback is not None
    assert "main/shop/deployment/web has 2 of 3 pods in service" in result.rollback.differences


def test_a_pod_that_fis_did_not_reach_proves_nothing(walk: Walk, world: FakeWorld, delete: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(world.fleet.clusters, "delete", lambda pod: None)
    walk.run({"definition": delete})
    assert (result_of(world).status, result_of(world).verdict) == (Status.COMPLETED, Verdict.INVALID)


def test_a_stressed_pod_is_proven_by_the_action_on_it(walk: Walk, world: FakeWorld, delete: dict[str, Any]) -> None:
    walk.run({"definition": {**delete, **STRESS}})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["mechanism"])
    nothing_is_left(world)


def test_a_pod_of_fis_that_stays_is_told_with_what_takes_it_away(
    walk: Walk, world: FakeWorld, delete: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.faults), "_on_pods", lambda self, run, action: change(world, helpers=("fispod-1",)))
    walk.run({"definition": {**delete, **STRESS}})
    rollback = result_of(world).rollback
    assert rollback is not None
    assert rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert "FIS's pod fispod-1 is still in shop; by hand: kubectl -n shop delete pod fispod-1" in rollback.differences


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"cluster_state": "UPDATING"}, "fault_prerequisites.cluster_active"),
        ({"read_only_root": True}, "fault_prerequisites.root_writable"),
        ({"group": None}, "fault_prerequisites.in_workload"),
    ],
)
def test_what_fis_can_not_disturb_or_nothing_replaces_is_refused(
    walk: Walk, world: FakeWorld, delete: dict[str, Any], changes: dict[str, Any], check: str
) -> None:
    change(world, **changes)
    walk.run({"definition": delete})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert check in {outcome.name for outcome in result.safety_checks if outcome.outcome == "failed"}
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_cluster_that_lets_nobody_look_rejects_the_run_with_the_reason(walk: Walk, world: FakeWorld, delete: dict[str, Any]) -> None:
    world.fleet.clusters.unreadable = ("main lets nobody with this role look (Forbidden)",)
    walk.run({"definition": delete})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "main lets nobody with this role look (Forbidden)" in str(result.reason)
    assert world.faults.runs == {}


def test_a_pod_of_another_environment_is_never_hit(walk: Walk, world: FakeWorld, delete: dict[str, Any]) -> None:
    change(world, tags={"squall:environment": "production"})
    walk.run({"definition": delete})
    assert result_of(world).status is Status.REJECTED
    assert world.faults.runs == {}


def test_a_zone_of_pods_is_bounded_by_the_share_that_must_stay(walk: Walk, world: FakeWorld, delete: dict[str, Any]) -> None:
    walk.run({"definition": {**delete, "blast_radius": "single_az"}})
    discovery = world.documents.get(ID, Discovery)
    assert discovery is not None
    assert len(discovery.pinned) == 1, "two of three would leave a third, half is asked for"


def test_without_a_service_account_in_the_policy_nothing_is_admitted(
    walk: Walk, world: FakeWorld, delete: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True)
    walk.run({"definition": delete})
    assert "the service account with which FIS may disturb pods" in str(result_of(world).reason)
    assert world.faults.runs == {}
