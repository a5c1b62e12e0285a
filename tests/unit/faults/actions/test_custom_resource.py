"""Faults of Chaos Mesh on pinned pods: the selector is Squall's own, and what an experiment may not say."""

import json
from datetime import timedelta
from typing import Any

import pytest

from squall.admission.experiment import parse_experiment
from squall.admission.policy import find_policy_problems
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.policy.environment import Environment
from squall.domain.resources.pods import EksPod
from squall.faults import registry
from tests.unit.builders import REL12, instance, workload
from tests.unit.faults.asking import compile_fault, injection, prerequisites
from tests.unit.faults.test_fis_actions import find_outcome
from tests.unit.resources import pod

CHAOS = registry.get_fault(FaultType.CUSTOM_RESOURCE, ResourceType.POD)
SPEC = {"action": "delay", "delay": {"latency": "200ms"}}
VALUES = {"kubernetesKind": "NetworkChaos", "kubernetesSpec": SPEC}
ONE, TWO = pod("web-1"), pod("web-2")
LENGTH = timedelta(minutes=10)
CLUSTER = ONE.cluster


def test_the_custom_resource_names_the_pinned_pods_and_ends_by_itself() -> None:
    targets, actions = compile_fault(CHAOS, CHAOS.parse(VALUES), [TWO, ONE], LENGTH)
    assert targets == {"Cluster": {"resourceType": "aws:eks:cluster", "resourceArns": [CLUSTER], "selectionMode": "ALL"}}
    (action,) = actions.values()
    spec = json.loads(action["parameters"].pop("kubernetesSpec"))
    assert action["parameters"] == {
        "kubernetesApiVersion": "chaos-mesh.org/v1alpha1",
        "kubernetesKind": "NetworkChaos",
        "kubernetesNamespace": "shop",
        "maxDuration": "PT11M",
    }
    assert spec == {**SPEC, "selector": {"pods": {"shop": ["web-1", "web-2"]}}, "mode": "all", "duration": "600s"}
    assert action["targets"] == {"Cluster": "Cluster"}


def test_pods_of_two_namespaces_are_never_one_custom_resource() -> None:
    with pytest.raises(ValueError, match="one namespace"):
        compile_fault(CHAOS, CHAOS.parse(VALUES), [ONE, pod("pay-1", namespace="pay")], LENGTH)


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"kubernetesKind": "AWSChaos"}, "parameters.kubernetesKind", "'DNSChaos', 'HTTPChaos', 'IOChaos'"),
        ({"kubernetesKind": "ChaosEngine"}, "parameters.kubernetesKind", "'NetworkChaos'"),
        ({"kubernetesSpec": {}}, "parameters.kubernetesSpec", ""),
        ({"kubernetesSpec": "{}"}, "parameters.kubernetesSpec", ""),
        ({"kubernetesNamespace": "kube-system"}, "parameters.kubernetesNamespace", "kubernetesKind or kubernetesSpec"),
        ({"kubernetesSpec": {**SPEC, "selector": {"namespaces": ["pay"]}}}, "parameters.kubernetesSpec", "selector: Squall writes it"),
        ({"kubernetesSpec": {**SPEC, "mode": "one"}}, "parameters.kubernetesSpec", "mode: Squall hits all pinned pods"),
        ({"kubernetesSpec": {**SPEC, "duration": "24h"}}, "parameters.kubernetesSpec", "duration: the experiment's"),
        ({"kubernetesSpec": {**SPEC, "target": {}, "direction": "both"}}, "parameters.kubernetesSpec", "direction: only `to`"),
        ({"kubernetesSpec": {**SPEC, "remoteCluster": "b"}}, "parameters.kubernetesSpec", "remoteCluster: it would name another cluster"),
        ({"kubernetesSpec": {"stressngStressors": "--cpu 9"}}, "parameters.kubernetesSpec", "`stressors` says the same"),
    ],
)
def test_what_would_hit_more_than_the_pinned_pods_is_refused_with_its_path(changes: dict[str, Any], path: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CHAOS.parse({**VALUES, **changes})
    (problem,) = caught.value.problems
    assert (problem.path, expected in problem.expected) == (path, True), problem


@pytest.mark.parametrize(
    ("targets", "values", "failed", "reason"),
    [
        ([ONE, TWO], {}, [], ""),
        ([ONE, pod("pay-1", namespace="pay")], {}, ["one_namespace"], "the pods are in main/pay, main/shop"),
        ([pod("web-1", chaos=None)], {}, ["custom_resources_readable"], "main/shop: Chaos Mesh is not installed, or Squall may not list"),
        ([pod("web-1", host_network=True)], {}, ["network_of_its_own"], "uses its node's network"),
        ([pod("web-1", host_network=True)], {"kubernetesKind": "TimeChaos", "kubernetesSpec": {"timeOffset": "-1h"}}, [], ""),
        ([pod("web-1", state="NotReady")], {}, ["pod_ready"], "is NotReady"),
        ([ONE], {"kubernetesSpec": {"note": "x" * 1024}}, ["spec_fits"], "of 1024 characters"),
    ],
)
def test_what_could_not_be_bounded_or_found_again_is_not_injected(
    targets: list[EksPod], values: dict[str, Any], failed: list[str], reason: str
) -> None:
    known = workload([instance("i-1")]).model_copy(update={"others": tuple(targets)})
    checks = {check.name: check for check in prerequisites(CHAOS, known, targets, CHAOS.parse({**VALUES, **values}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


@pytest.mark.parametrize(
    ("before", "now", "left"),
    [
        ((), (), []),
        (("networkchaos.chaos-mesh.org/old",), ("networkchaos.chaos-mesh.org/old",), []),
        ((), ("networkchaos.chaos-mesh.org/fis-1",), ["kubectl -n shop delete networkchaos.chaos-mesh.org/fis-1"]),
    ],
)
def test_a_custom_resource_that_was_not_there_before_is_left_over(before: tuple[str, ...], now: tuple[str, ...], left: list[str]) -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (pod("web-1", group=None, chaos=now),)})
    report = find_outcome(CHAOS, pod("web-1", group=None, chaos=before), after)
    assert [remnant.rpartition("by hand: ")[2] for remnant in report.leftovers] == left
    assert report.outcome is (RollbackOutcome.NOT_RESTORED if left else RollbackOutcome.RESTORED)
    assert [(proof.proven, proof.kind) for proof in report.proofs] == [(True, "mechanism")]


def test_templates_of_others_are_not_adopted() -> None:
    assert (CHAOS.reads_templates, CHAOS.needs_signal) == (False, True)
    assert CHAOS.lasts(CHAOS.parse(VALUES))
    assert CHAOS.narrow(injection(CHAOS.parse(VALUES), [ONE])).targets == (ONE,)


@pytest.mark.parametrize(
    ("listed", "message", "expected"),
    [
        ({"NetworkChaos": ["shop"]}, "", ""),
        ({"NetworkChaos": ["shp"]}, 'staging does not allow NetworkChaos in "shop", did you mean "shp"?', "shp"),
        ({"TimeChaos": ["shop"]}, "staging does not allow NetworkChaos in", "none: its policy's chaos_mesh has no NetworkChaos"),
        ({}, "staging does not allow NetworkChaos in", "none"),
    ],
)
def test_the_policy_lists_kinds_and_namespaces(listed: dict[str, Any], message: str, expected: str) -> None:
    target = {"arns": [CLUSTER], "filters": {"namespace": ["shop"], "labels": ["app=web"]}}
    signal = {"namespace": "Shop", "metric_name": "Slow", "dimensions": {"Pod": "$target"}, "by": 1.0}
    kept = {key: value for key, value in REL12.items() if key not in {"target_resources", "rollback"}}
    raw = {**kept, "type": CHAOS.type.value, "target": target, "parameters": VALUES, "fault_signal": signal}
    policy = Environment.model_validate(
        {"name": "staging", "allowed_types": [CHAOS.type.value], "eks_service_account": "fis", "chaos_mesh": listed}
    )
    problems = [problem for problem in find_policy_problems(parse_experiment(raw), policy) if "chaos" in f"{problem}".casefold()]
    assert [problem.path for problem in problems] == (["target.filters.namespace[0]"] if message else [])
    assert all(message in problem.message and expected in problem.expected for problem in problems), problems


@pytest.mark.parametrize("listed", [{"PodChaos": ["shop"]}, {"NetworkChaos": []}, {"NetworkChaos": ["*"]}, {"NetworkChaos": "shop"}])
def test_a_policy_lists_known_kinds_and_namespaces_without_patterns(listed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="chaos_mesh"):
        Environment.model_validate({"name": "staging", "chaos_mesh": listed})
