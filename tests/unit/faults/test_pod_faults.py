"""Faults of EKS pods: what they compile to, what they ask for, what proves them and what they leave."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import FaultTemplate, TargetBefore
from squall.domain.judging.fault_signals import Signal
from squall.domain.resources.pods import EksPod
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.faults import registry
from tests.unit.builders import ACCOUNT, NOW, REGION, REL12, environment, experiment, instance, pin_targets
from tests.unit.faults.asking import compile_fault, expected_signals, prerequisites, prove, verify
from tests.unit.resources import others, pod, service_of

ONE, TWO = pod("web-1"), pod("web-2", f"{REGION}b", pod_ip="10.0.1.8")
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main"
LENGTH = timedelta(minutes=5)


def compiled(kind: FaultType, **parameters: Any) -> dict[str, Any]:
    fault = registry.get_fault(kind, ResourceType.POD)
    targets, actions = compile_fault(fault, fault.parse(parameters), [ONE], LENGTH, region=REGION, partition="aws")
    name = {"clusterIdentifier": CLUSTER, "namespace": "shop", "selectorType": "podName", "selectorValue": "web-1"}
    assert targets == {f"Pods-{ONE.short}": {"resourceType": "aws:eks:pod", "selectionMode": "ALL", "parameters": name}}
    assert all(entry.get("targets") == {"Pods": f"Pods-{ONE.short}"} for key, entry in actions.items() if key != "observe")
    return {key.removesuffix(f"-{ONE.short}"): (action["actionId"], action.get("parameters")) for key, action in actions.items()}


LASTS = {"duration": "PT5M", "kubernetesServiceAccount": "fis"}
DELAY = {"delayMilliseconds": "300", "jitterMilliseconds": "10", "sources": "10.0.0.0/16", **LASTS}
LATE = {"delayMilliseconds": "5000", "jitterMilliseconds": "10", "sources": "10.0.3.9", **LASTS}
DEAF = {"protocol": "tcp", "port": "8080", "trafficType": "ingress", **LASTS}
CUT_OFF = {"protocol": "tcp", "port": "5432", "trafficType": "egress", **LASTS}
GOLDEN: list[tuple[FaultType, dict[str, Any], dict[str, Any]]] = [
    (
        FaultType.INSTANCE_TERMINATION,
        {},
        {"delete": ("aws:eks:pod-delete", {"kubernetesServiceAccount": "fis"}), "observe": ("aws:fis:wait", {"duration": "PT5M"})},
    ),
    (
        FaultType.INSTANCE_TERMINATION,
        {"grace_period_seconds": 0},
        {
            "delete": ("aws:eks:pod-delete", {"kubernetesServiceAccount": "fis", "gracePeriodSeconds": "0"}),
            "observe": ("aws:fis:wait", {"duration": "PT5M"}),
        },
    ),
    (
        FaultType.CPU_STRESS,
        {"load_percent": 70, "cpus": 2},
        {"cpu": ("aws:eks:pod-cpu-stress", {"percent": "70", "workers": "2", **LASTS})},
    ),
    (
        FaultType.MEMORY_STRESS,
        {"memory_percent": 60},
        {"memory": ("aws:eks:pod-memory-stress", {"percent": "60", "workers": "1", **LASTS})},
    ),
    (FaultType.NETWORK_LATENCY, {"latency_ms": 300, "sources": "10.0.0.0/16"}, {"latency": ("aws:eks:pod-network-latency", DELAY)}),
    (FaultType.SERVICE_UNAVAILABLE, {"port": 8080}, {"unavailable": ("aws:eks:pod-network-blackhole-port", DEAF)}),
    (FaultType.DEPENDENCY_TIMEOUT, {"port": 5432}, {"dependency": ("aws:eks:pod-network-blackhole-port", CUT_OFF)}),
    (
        FaultType.DEPENDENCY_TIMEOUT,
        {"dependency": "db.example.com"},
        {"dependency": ("aws:eks:pod-network-packet-loss", {"lossPercent": "100", "sources": "db.example.com", **LASTS})},
    ),
    (
        FaultType.DEPENDENCY_TIMEOUT,
        {"dependency": "10.0.3.9", "latency_ms": 5000},
        {"dependency": ("aws:eks:pod-network-latency", LATE)},
    ),
]


@pytest.mark.parametrize(("kind", "parameters", "expected"), GOLDEN)
def test_templates(kind: FaultType, parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    assert compiled(kind, **parameters) == expected


def test_each_pod_is_a_target_and_an_action_of_its_own() -> None:
    fault = registry.get_fault(FaultType.CPU_STRESS, ResourceType.POD)
    targets, actions = compile_fault(fault, fault.parse({}), [ONE, TWO], LENGTH, region=REGION, partition="aws")
    assert [target["parameters"]["selectorValue"] for target in targets.values()] == ["web-1", "web-2"]
    assert sorted(action["targets"]["Pods"] for action in actions.values()) == sorted(targets)


GIVEN: dict[FaultType, dict[str, Any]] = {
    FaultType.INSTANCE_TERMINATION: {},
    FaultType.CPU_STRESS: {},
    FaultType.MEMORY_STRESS: {"memory_percent": 60},
    FaultType.NETWORK_LATENCY: {"sources": "10.0.0.0/16"},
    FaultType.DEPENDENCY_TIMEOUT: {"dependency": "10.0.3.9"},
}


def failed(kind: FaultType, eks_pod: EksPod, workload: Workload | None = None) -> set[str]:
    fault = registry.get_fault(kind, ResourceType.POD)
    checks = prerequisites(fault, workload or others(eks_pod, TWO), [eks_pod], fault.parse(GIVEN[kind]))
    assert all(check.detail for check in checks)
    return {check.name for check in checks if check.outcome == "failed"}


@pytest.mark.parametrize("kind", GIVEN)
def test_a_pod_that_is_fit_fails_no_prerequisite(kind: FaultType) -> None:
    assert failed(kind, ONE) == set()


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"cluster_state": "UPDATING"}, "cluster_active"),
        ({"state": "NotReady"}, "pod_ready"),
        ({"read_only_root": True}, "root_writable"),
        ({"service_account": ""}, "service_account"),
    ],
)
def test_what_fis_asks_of_any_pod(kind: FaultType, changes: dict[str, Any], check: str) -> None:
    bad = ONE.model_copy(update=changes)
    load = others(bad, TWO).model_copy(update={"groups": others(ONE, TWO).groups})
    assert failed(kind, bad, load) == {check}


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"fargate": True}, "not_on_fargate"),
        ({"unprivileged": True}, "root_allowed"),
        ({"pod_security": "baseline"}, "privileged_allowed"),
        ({"pod_security": "restricted"}, "privileged_allowed"),
    ],
)
def test_what_fis_asks_of_a_pod_whose_network_it_disturbs(changes: dict[str, Any], check: str) -> None:
    bad = ONE.model_copy(update=changes)
    assert failed(FaultType.NETWORK_LATENCY, bad) == {check}
    assert failed(FaultType.CPU_STRESS, bad) == set()


def test_a_pod_in_its_nodes_network_is_refused_where_the_network_is_disturbed() -> None:
    assert "network_of_its_own" in failed(FaultType.NETWORK_LATENCY, ONE.model_copy(update={"host_network": True}))


def test_a_pod_security_standard_that_kubernetes_does_not_have_is_refused() -> None:
    strange = ONE.model_copy(update={"pod_security": "strict"})
    assert failed(FaultType.CPU_STRESS, strange) == {"pod_security"}
    assert failed(FaultType.NETWORK_LATENCY, strange) == {"pod_security", "privileged_allowed"}


@pytest.mark.parametrize("kind", [FaultType.CPU_STRESS, FaultType.MEMORY_STRESS, FaultType.INSTANCE_TERMINATION])
@pytest.mark.parametrize(
    ("levels", "policy"),
    [
        (("privileged", "privileged"), None),
        (("baseline", "privileged"), "baseline"),
        (("baseline", "restricted"), "restricted"),
    ],
)
def test_fis_pods_conform_to_the_strictest_standard_that_a_namespace_enforces(
    kind: FaultType, levels: tuple[str, str], policy: str | None
) -> None:
    fault = registry.get_fault(kind, ResourceType.POD)
    pods = [entry.model_copy(update={"pod_security": level}) for entry, level in zip((ONE, TWO), levels, strict=True)]
    _, actions = compile_fault(fault, fault.parse(GIVEN[kind]), pods, LENGTH, region=REGION, partition="aws")
    on_pods = [action["parameters"].get("fisPodSecurityPolicy") for action in actions.values() if action["actionId"].startswith("aws:eks:")]
    assert on_pods == [policy, policy]


def test_memory_is_taken_only_of_what_has_a_limit() -> None:
    assert failed(FaultType.MEMORY_STRESS, ONE.model_copy(update={"memory_limited": False})) == {"memory_limited"}


def test_a_rollout_and_a_pod_nothing_replaces_are_refused() -> None:
    moving = others(ONE, TWO)
    moving = moving.model_copy(update={"groups": tuple(group.model_copy(update={"rolling_out": True}) for group in moving.groups)})
    assert failed(FaultType.CPU_STRESS, ONE, moving) == {"no_rollout"}
    assert failed(FaultType.INSTANCE_TERMINATION, ONE.model_copy(update={"group": None})) == {"in_workload"}


def run(action: str, status: str = "completed") -> FisExperiment:
    action_id = {"delete": "aws:eks:pod-delete", "cpu": "aws:eks:pod-cpu-stress"}[action]
    ran = ActionState(f"{action}-{ONE.short}", action_id, status, started_at=NOW)
    return FisExperiment("EXP1", "EXT1", "completed", actions=(ran,), started_at=NOW)


@pytest.mark.parametrize(
    ("after", "fis", "proven"),
    [
        (others(TWO), run("delete"), True),
        (others(ONE.model_copy(update={"state": "Terminating"}), TWO), run("delete"), True),
        (others(ONE, TWO), run("delete"), False),
        (others(TWO), run("delete", "failed"), False),
        (others(TWO), None, False),
        (others(pod("web-1", id="shop/web-1/ffffffff", uid="f" * 32), TWO), run("delete"), True),
    ],
)
def test_a_deletion_is_proven_by_the_uid_that_is_gone_and_by_fis(after: Workload, fis: FisExperiment | None, proven: bool) -> None:
    (proof,) = prove(registry.get_fault(FaultType.INSTANCE_TERMINATION, ResourceType.POD), [ONE], after, {}, fis)
    assert (proof.proven, proof.kind) == (proven, "state")


def test_each_pod_has_the_word_of_its_own_action() -> None:
    fault = registry.get_fault(FaultType.CPU_STRESS, ResourceType.POD)
    proofs = prove(fault, [ONE, TWO], others(ONE, TWO), {}, run("cpu"))
    assert [proof.proven for proof in proofs] == [True, False], "the other's action never ran"
    assert [proof.proven for proof in prove(fault, [ONE], others(ONE), {}, run("cpu", "failed"))] == [False]


def verified(kind: FaultType, after: Workload, fis: FisExperiment | None) -> tuple[RollbackOutcome, tuple[str, ...]]:
    fault = registry.get_fault(kind, ResourceType.POD)
    report = verify(fault, [TargetBefore(resource=ONE, healthy_in=())], others(ONE, TWO), after, {}, fis, NOW, LENGTH)
    return report.outcome, report.differences


def test_what_became_of_the_pods() -> None:
    cpu, delete = FaultType.CPU_STRESS, FaultType.INSTANCE_TERMINATION
    third = pod("web-3")
    assert verified(cpu, others(ONE, TWO), run("cpu")) == (RollbackOutcome.RESTORED, ())
    assert verified(cpu, others(ONE, TWO), None) == (RollbackOutcome.NOT_NEEDED, ())
    assert verified(cpu, others(TWO, third), run("cpu")) == (RollbackOutcome.RECOVERED, ()), "killed, and replaced by another"
    outcome, differences = verified(cpu, others(ONE.model_copy(update={"state": "NotReady"}), TWO), run("cpu"))
    assert outcome is RollbackOutcome.NOT_RESTORED
    assert f"{ONE.id} is NotReady, it was Ready" in differences
    assert verified(delete, others(TWO, third), run("delete")) == (RollbackOutcome.RECOVERED, ())
    short = others(TWO).model_copy(update={"groups": service_of([TWO], desired=2)})
    lacking = ("main/shop/deployment/web has 1 of 2 pods in service",)
    assert verified(delete, short, run("delete")) == (RollbackOutcome.NOT_RESTORED, lacking)


def test_what_fis_left_is_told_with_the_command_that_takes_it_away() -> None:
    fault = registry.get_fault(FaultType.CPU_STRESS, ResourceType.POD)
    before = (TargetBefore(resource=ONE.model_copy(update={"helpers": ("fispod-others",)}), healthy_in=()),)
    now = others(ONE.model_copy(update={"helpers": ("fispod-ours", "fispod-others"), "injecting": ("fis-1",)}))
    assert fault.find_remnants(FaultTemplate(body={}, before=before, guards=()), lambda: now) == (
        (f"the ephemeral container fis-1 still runs in {ONE.id}", "kubectl -n shop delete pod web-1"),
        ("FIS's pod fispod-ours is still in shop", "kubectl -n shop delete pod fispod-ours"),
    )


FILTERS = {"namespace": ["shop"], "deployment": ["web"]}
HOSTILE = ("../x", "a/../b", "a b", "a\nb", "a?limit=1", "a%2f", "\u0430", "", "-a", "a" * 400, "$(id)", "a;b", "a&b", "a#b", "web\n")


def refusals(target: dict[str, Any]) -> list[tuple[str, str]]:
    raw = {key: value for key, value in REL12.items() if key != "target_resources"}
    with pytest.raises(InvalidInput) as caught:
        parse_experiment({**raw, "target": target})
    return [(problem.path, str(problem)) for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["cluster", "namespace", "deployment", "pod", "labels"])
@pytest.mark.parametrize("value", HOSTILE)
def test_what_is_no_name_of_kubernetes_is_refused(name: str, value: str) -> None:
    assert f"target.filters.{name}" in dict(refusals({"arns": [CLUSTER], "filters": {**FILTERS, name: [value]}}))


@pytest.mark.parametrize(
    ("target", "expected_text"),
    [
        ({"arns": [CLUSTER]}, "in which namespace"),
        ({"arns": [CLUSTER], "filters": {"namespace": ["shop"]}}, "all pods of a namespace"),
        ({"resource_type": "aws:eks:pod", "tags": {"a": "b"}, "filters": {"namespace": ["shop"], "pod": ["x"]}}, "in which cluster"),
        ({"arns": [CLUSTER], "filters": {**FILTERS, "pods": ["x"]}}, "there is no such filter"),
    ],
)
def test_pods_are_chosen_by_cluster_namespace_and_more(target: dict[str, Any], expected_text: str) -> None:
    assert any(expected_text in words for _, words in refusals(target))


def test_the_policy_says_as_whom_and_a_pod_without_a_zone_is_in_none() -> None:
    exp = experiment(target_resources=[CLUSTER])
    (chosen,), problems = pin_targets(others(ONE), exp, environment(eks_service_account="chaos", minimum_healthy_percent=0), "seed")
    assert isinstance(chosen, EksPod)
    assert (chosen.service_account, problems) == ("chaos", [])
    zonal = experiment(target_resources=[CLUSTER], blast_radius="single_az")
    pinned, problems = pin_targets(others(ONE.model_copy(update={"zone": ""})), zonal, environment(), "seed")
    assert (pinned, [problem.path for problem in problems]) == ((), ["blast_radius"])


def test_a_cluster_nobody_may_look_into_pins_nothing_and_says_why() -> None:
    closed = others(ONE).model_copy(update={"unreadable": ("main lets nobody look",)})
    pinned, problems = pin_targets(closed, experiment(target_resources=[CLUSTER]), environment(), "seed")
    assert (pinned, [problem.message for problem in problems]) == ((), ["main lets nobody look"])


def signals(kind: FaultType, **parameters: Any) -> tuple[Signal, ...]:
    fault = registry.get_fault(kind, ResourceType.POD)
    return expected_signals(fault, fault.parse(parameters), Workload(at=NOW, instances=(), others=(ONE,)), [ONE])


def test_a_pods_own_metrics_contradict_a_fault_that_did_nothing_and_none_are_known_of_single_cpus() -> None:
    (cpu,), (memory,) = signals(FaultType.CPU_STRESS, load_percent=60), signals(FaultType.MEMORY_STRESS, memory_percent=80)
    for signal, least in ((cpu, 0.25 * 50), (memory, 0.2 * 90)):
        assert (signal.targets, signal.dimensions, signal.partly) == ((ONE.id,), (("FullPodName", ONE.name),), True)
        assert signal.least(10) == pytest.approx(least)
    assert signals(FaultType.CPU_STRESS, cpus=1) == ()


def test_metrics_know_a_pod_by_its_name_and_an_instance_by_its_id() -> None:
    assert (ONE.measured_as, instance("i-1").measured_as) == ("web-1", "i-1")
