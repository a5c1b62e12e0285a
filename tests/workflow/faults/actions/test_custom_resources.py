"""Chaos Mesh disturbs pinned pods by a custom resource that FIS creates: whole runs, and what they end as."""

from __future__ import annotations

import json
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.resources.pods import EksPod
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.faults.test_described import SIGNAL
from tests.workflow.faults.test_pods import WEB
from tests.workflow.judging.test_disproof import QUIET, since_the_fault
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

ACTION = "aws:eks:inject-kubernetes-custom-resource"
VALUES = {"kubernetesKind": "NetworkChaos", "kubernetesSpec": {"action": "delay", "delay": {"latency": "300ms"}}}
LEFT = ("networkchaos.chaos-mesh.org/fis-1",)


def tell(world: FakeWorld, chaos: tuple[str, ...] | None, pods: tuple[str, ...] = ()) -> None:
    """What the cluster tells of custom resources in the namespace, and which pods each of them lists by name."""
    listed = dict.fromkeys(chaos or (), pods) if pods else {}
    for pod in world.fleet.clusters.pods():
        world.fleet.others[pod.arn] = pod.model_copy(update={"chaos": chaos, "chaos_pods": listed})


def list_selected(world: FakeWorld) -> tuple[str, ...]:
    """The pods that the custom resource of the only run lists."""
    (run,) = world.faults.runs.values()
    (action,) = [action for name, action in run.body["actions"].items() if name != "observe"]
    return tuple(json.loads(action["parameters"]["kubernetesSpec"])["selector"]["pods"]["shop"])


@pytest.fixture
def disturbed(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    policy = {"allowed_types": [ACTION], "eks_service_account": "fis", "chaos_mesh": {"NetworkChaos": ["shop"]}}
    environments["staging"] = environment("staging", inline_definitions=True, **policy)
    world.fleet.clusters.add(WEB)
    tell(world, ())
    world.metrics.set("Throttled", since_the_fault(world, QUIET + 50))
    kept = {key: value for key, value in experiment.items() if key not in {"rollback", "target_resources"}}
    return kept | {
        "type": ACTION,
        "target": {"arns": [WEB.cluster], "filters": {"namespace": ["shop"], "deployment": ["web"]}},
        "service": TARGET_GROUP,
        "parameters": VALUES,
        "success_criteria": ["System availability > 99%"],
        "fault_signal": {**SIGNAL, "dimensions": {"Pod": "$target"}},
    }


def test_one_pinned_pod_is_named_in_the_custom_resource_and_the_signal_proves_it(
    walk: Walk, world: FakeWorld, disturbed: dict[str, Any]
) -> None:
    walk.run({"definition": disturbed})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RESTORED
    pinned = [target["id"].split("/")[1] for target in result.targets]
    assert list(list_selected(world)) == pinned
    assert len(pinned) == 1
    nothing_is_left(world)


def test_it_is_invalid_where_the_signal_shows_nothing(walk: Walk, world: FakeWorld, disturbed: dict[str, Any]) -> None:
    world.metrics.set("Throttled", since_the_fault(world, QUIET))
    walk.run({"definition": disturbed})
    assert (result_of(world).status, result_of(world).verdict) == (Status.COMPLETED, Verdict.INVALID)
    nothing_is_left(world)


def test_an_abort_ends_it_and_a_custom_resource_that_stayed_is_found(walk: Walk, world: FakeWorld, disturbed: dict[str, Any]) -> None:
    def end(_: object) -> None:
        tell(world, LEFT, list_selected(world))
        world.clock.after(60, lambda: walk.quietly("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "me"}))

    walk.after["StartFault"] = end
    walk.run({"definition": disturbed})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.rollback.outcome) == (Status.ABORTED, RollbackOutcome.NOT_RESTORED)
    assert "kubectl -n shop delete networkchaos.chaos-mesh.org/fis-1" in result.rollback.leftovers[0]


@pytest.mark.parametrize(
    ("found", "pods", "outcome", "said"),
    [
        (LEFT, ("api-1",), RollbackOutcome.RESTORED, ""),
        (LEFT, (), RollbackOutcome.RESTORED, ""),
        (None, (), RollbackOutcome.NOT_RESTORED, "could not be listed"),
    ],
)
def test_resources_of_others_are_left_alone_and_what_cannot_be_listed_is_never_restored(
    walk: Walk, world: FakeWorld, disturbed: dict[str, Any], found: tuple[str, ...] | None, pods: tuple[str, ...],
    outcome: RollbackOutcome, said: str,
) -> None:  # fmt: skip
    walk.after["StartFault"] = lambda _: tell(world, found, pods)
    walk.run({"definition": disturbed})
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is outcome
    assert [said in leftover for leftover in result.rollback.leftovers] == ([True] if said else [])


def test_where_custom_resources_cannot_be_listed_nothing_is_created(walk: Walk, world: FakeWorld, disturbed: dict[str, Any]) -> None:
    tell(world, None)
    walk.run({"definition": disturbed})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "Squall may not list its resources" in "; ".join([result.reason, *(check.detail for check in result.safety_checks)])
    assert world.faults.runs == {}


def test_a_namespace_that_the_policy_does_not_list_is_refused_before_anything_is_read(
    walk: Walk, world: FakeWorld, disturbed: dict[str, Any]
) -> None:
    target = {"arns": [WEB.cluster], "filters": {"namespace": ["pay"], "labels": ["app=pay"]}}
    walk.run({"definition": {**disturbed, "target": target}})
    (problem,) = result_of(world).problems
    assert (problem.path, problem.expected) == ("definition.target.filters.namespace[0]", "shop")
    assert isinstance(next(iter(world.fleet.clusters.pods())), EksPod)
    assert world.faults.runs == {}
