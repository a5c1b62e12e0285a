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
        (
            {"kubernetesSpec": {**SPEC, "delai": {}}},
            "parameters.kubernetesSpec",
            'has no such field, did you mean "delay"?',
        ),
        (
            {"kubernetesSpec": {**SPEC, "delay": {"latencie": "1s"}}},
            "parameters.kubernetesSpec",
            "delay.latencie: NetworkChaos has no such",
        ),
        ({"kubernetesSpec": {**SPEC, "xyz": 1}}, "parameters.kubernetesSpec", "xyz: NetworkChaos has no such field, but action, bandwidth"),
        ({"kubernetesSpec": {**SPEC, "delay": "1s"}}, "parameters.kubernetesSpec", 'delay: "1s" is refused, it has correlation, jitter'),
        ({"kubernetesSpec": {"action": "stop"}}, "parameters.kubernetesSpec", 'action: "stop" is refused, one of bandwidth, corrupt'),
        ({"kubernetesSpec": {"delay": {"latency": "1s"}}}, "parameters.kubernetesSpec", "action: NetworkChaos needs it, one of bandwidth"),
    ],
)
def test_what_would_hit_more_than_the_pinned_pods_is_refused_with_its_path(changes: dict[str, Any], path: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CHAOS.parse({**VALUES, **changes})
    (problem,) = caught.value.problems
    assert (problem.path, expected in problem.expected) == (path, True), problem


def stress(**stressors: dict[str, Any]) -> dict[str, Any]:
    return {"kubernetesKind": "StressChaos", "kubernetesSpec": {"stressors": stressors}}


def other(kind: str, **spec: Any) -> dict[str, Any]:
    return {"kubernetesKind": kind, "kubernetesSpec": spec}


CPU, MEMORY = {"workers": 2, "load": 80}, {"workers": 1, "size": "50%"}
ANSWERS = {"port": 80, "abort": True}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({**stress(cpu=CPU), "kubernetesSpec": {"stressngStressors": "--cpu 9"}}, "`stressors` says the same"),
        (stress(cpu={**CPU, "options": ["--vm 9"]}), "stressors.cpu.options: it is a command line"),
        (stress(memory={**MEMORY, "options": ["--hdd 9"]}), "stressors.memory.options: it is a command line"),
        (stress(memory={**MEMORY, "oomScoreAdj": -1000}), "stressors.memory.oomScoreAdj: -1000 is refused, it is 0 to 1000"),
        (stress(memory={**MEMORY, "oomScoreAdj": "-1000"}), 'stressors.memory.oomScoreAdj: "-1000" is refused'),
        (stress(), "stressors: {} is refused, it has cpu, memory"),
        (other("HTTPChaos", target="Request", **ANSWERS, tls={"secretName": "a"}), "tls: it would read a secret, in any namespace"),
        (other("HTTPChaos", **ANSWERS), "target: HTTPChaos needs it, one of Request, Response"),
        (other("HTTPChaos", target={"selector": {}}, **ANSWERS), "is refused, one of Request, Response"),
        (other("IOChaos", action="mistake", volumePath="/data", methods=["write"]), "methods: a `mistake` in anything but [read]"),
        (other("IOChaos", action="mistake", volumePath="/data"), "methods: a `mistake` in anything but [read]"),
        (other("TimeChaos", clockIds=["CLOCK_REALTIME"]), "timeOffset: TimeChaos needs it"),
        (other("DNSChaos", action="random", selector={}), "selector: Squall writes it"),
    ],
)
def test_fields_of_each_kind_that_reach_beyond_the_pods_or_are_missing_are_named(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CHAOS.parse(values)
    (problem,) = caught.value.problems
    assert (problem.path, expected in problem.expected) == ("parameters.kubernetesSpec", True), problem


@pytest.mark.parametrize(
    ("values", "takes", "told_by", "stirs"),
    [
        (VALUES, {"network"}, set(), set()),
        (other("HTTPChaos", target="Response", **ANSWERS, patch={"headers": [["a", "b"]]}), {"network"}, set(), set()),
        (other("DNSChaos", action="error", patterns=["shop.*"]), {"network"}, set(), set()),
        (other("IOChaos", action="mistake", volumePath="/data", methods=["READ"]), set(), set(), set()),
        (other("TimeChaos", timeOffset="-1h"), set(), set(), set()),
        (stress(cpu=CPU), {"cpu"}, {"cpu"}, {"cpu"}),
        (stress(memory={**MEMORY, "oomScoreAdj": 1000}), {"memory"}, {"memory"}, {"cpu", "memory"}),
        (stress(cpu=CPU, memory=MEMORY), {"cpu", "memory"}, {"cpu", "memory"}, {"cpu", "memory"}),
    ],
)
def test_what_a_kind_holds_and_stirs_on_its_pods(values: dict[str, Any], takes: set[str], told_by: set[str], stirs: set[str]) -> None:
    traits = CHAOS.traits(CHAOS.parse(values))
    assert (set(traits.takes), set(traits.told_by), set(traits.stirs)) == (takes, told_by, stirs)


@pytest.mark.parametrize(("type_", "raw"), [(FaultType.CPU_STRESS, {}), (FaultType.MEMORY_STRESS, {"memory_percent": 80})])
@pytest.mark.parametrize("values", [stress(cpu=CPU), stress(memory=MEMORY)])
def test_a_stress_of_chaos_mesh_never_proves_a_stress_of_fis_on_the_same_pod(
    type_: FaultType, raw: dict[str, Any], values: dict[str, Any]
) -> None:
    fault = registry.get_fault(type_, ResourceType.POD)
    chaos, stressed = CHAOS.traits(CHAOS.parse(values)), fault.traits(fault.parse(raw))
    told = (chaos.stirs & stressed.told_by) | (chaos.takes & stressed.takes) | (stressed.stirs & chaos.told_by)
    assert told, (chaos, stressed)


@pytest.mark.parametrize(
    ("targets", "values", "failed", "reason"),
    [
        ([ONE, TWO], {}, [], ""),
        ([ONE, pod("pay-1", namespace="pay")], {}, ["one_namespace"], "the pods are in main/pay, main/shop"),
        ([pod("web-1", chaos=None)], {}, ["custom_resources_readable"], "main/shop: Chaos Mesh is not installed, or Squall may not list"),
        ([pod("web-1", host_network=True)], {}, ["network_of_its_own"], "uses its node's network"),
        ([pod("web-1", host_network=True)], {"kubernetesKind": "TimeChaos", "kubernetesSpec": {"timeOffset": "-1h"}}, [], ""),
        ([pod("web-1", host_network=True)], other("HTTPChaos", target="Request", **ANSWERS), ["network_of_its_own"], "its node's network"),
        ([pod("web-1", host_network=True)], other("DNSChaos", action="error"), ["network_of_its_own"], "its node's network"),
        ([pod("web-1", fargate=True)], other("TimeChaos", timeOffset="-1h"), ["not_on_fargate"], "runs on Fargate"),
        ([pod("web-1", memory_limited=False)], stress(memory=MEMORY), ["memory_limited"], "without a memory limit"),
        ([pod("web-1", memory_limited=False)], stress(cpu=CPU), [], ""),
        ([pod("web-1", state="NotReady")], {}, ["pod_ready"], "is NotReady"),
        ([ONE], {"kubernetesSpec": {**SPEC, "device": "x" * 1024}}, ["spec_fits"], "of 1024 characters"),
    ],
)
def test_what_could_not_be_bounded_or_found_again_is_not_injected(
    targets: list[EksPod], values: dict[str, Any], failed: list[str], reason: str
) -> None:
    known = workload([instance("i-1")]).model_copy(update={"others": tuple(targets)})
    checks = {check.name: check for check in prerequisites(CHAOS, known, targets, CHAOS.parse({**VALUES, **values}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


OLD, NEW = "networkchaos.chaos-mesh.org/old", "networkchaos.chaos-mesh.org/fis-1"
PINNED = {NEW: ("web-1",)}
LISTING = "kubectl -n shop get dnschaos.chaos-mesh.org,httpchaos.chaos-mesh.org,iochaos.chaos-mesh.org,networkchaos.chaos-mesh.org"


@pytest.mark.parametrize(
    ("before", "now", "pods", "left"),
    [
        ((), (), {}, []),
        ((OLD,), (OLD,), {OLD: ("web-1",)}, []),
        ((), (NEW,), PINNED, [f"kubectl -n shop delete {NEW}"]),
        ((), (NEW,), {}, []),
        ((), (NEW,), {NEW: ("web-1", "web-2")}, []),
        ((), (NEW,), {NEW: ("api-1",)}, []),
        ((), None, {}, [f"{LISTING},stresschaos.chaos-mesh.org,timechaos.chaos-mesh.org"]),
        (None, (), {}, [f"{LISTING},stresschaos.chaos-mesh.org,timechaos.chaos-mesh.org"]),
    ],
)
def test_a_custom_resource_of_the_pinned_pods_that_was_not_there_before_is_left_over(
    before: tuple[str, ...] | None, now: tuple[str, ...] | None, pods: dict[str, tuple[str, ...]], left: list[str]
) -> None:
    found = pod("web-1", group=None, chaos=now, chaos_pods=pods)
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (found,)})
    report = find_outcome(CHAOS, pod("web-1", group=None, chaos=before), after)
    assert [remnant.rpartition("by hand: ")[2] for remnant in report.leftovers] == left
    assert report.outcome is (RollbackOutcome.NOT_RESTORED if left else RollbackOutcome.RESTORED)
    assert [(proof.proven, proof.kind) for proof in report.proofs] == [(True, "mechanism")]


def test_where_the_pods_are_gone_and_nothing_replaced_them_nobody_calls_it_restored() -> None:
    after = workload([instance("i-1"), instance("i-2")])
    report = find_outcome(CHAOS, pod("web-1", group=None, chaos=()), after)
    (left,) = report.leftovers
    assert "in shop could not be checked, since the pods are gone" in left
    assert f"by hand: {LISTING}" in left
    assert report.outcome is RollbackOutcome.NOT_RESTORED


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
