"""Faults on ECS tasks: what each compiles to, what must be true of a task, what proves it, and what counts as back."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.bindings import bind_metrics
from squall.domain.policy.environment import Timing
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.workload import TargetGroup
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.run.ssm_state import CommandState
from squall.domain.targets.failure_domains import failure_domains, list_capacities, list_lost_members
from squall.faults import registry
from tests.unit.builders import ACCOUNT, LB_ARN, NOW, REGION, REL12, TG_ARN, experiment
from tests.unit.faults.asking import compile_fault, expected_signals, prerequisites, prove, verify
from tests.unit.resources import others, service_of, task

SERVICE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/shop/web"
ONE, TWO, THREE = task("a" * 32), task("b" * 32, f"{REGION}b", private_ip="10.0.2.8"), task("c" * 32, private_ip="10.0.1.9")


def compiled(kind: FaultType, **parameters: Any) -> dict[str, Any]:
    fault = registry.get_fault(kind, ResourceType.ECS_TASK)
    targets, actions = compile_fault(fault, fault.parse(parameters), [ONE], timedelta(minutes=5), region=REGION, partition="aws")
    assert targets == {"Tasks": {"resourceType": "aws:ecs:task", "resourceArns": [ONE.arn], "selectionMode": "ALL"}}
    assert all(action.get("targets") == {"Tasks": "Tasks"} for name, action in actions.items() if name != "observe")
    return {name: (action["actionId"], action.get("parameters")) for name, action in actions.items()}


NETWORK = {"installDependencies": "true", "duration": "PT5M", "useEcsFaultInjectionEndpoints": "true"}
GOLDEN: list[tuple[FaultType, dict[str, Any], dict[str, Any]]] = [
    (
        FaultType.INSTANCE_TERMINATION,
        {},
        {"stop": ("aws:ecs:stop-task", None), "observe": ("aws:fis:wait", {"duration": "PT5M"})},
    ),
    (
        FaultType.CPU_STRESS,
        {"load_percent": 70, "cpus": 2},
        {"cpu": ("aws:ecs:task-cpu-stress", {"percent": "70", "workers": "2", "installDependencies": "true", "duration": "PT5M"})},
    ),
    (
        FaultType.DISK_FILL,
        {},
        {"disk": ("aws:ecs:task-io-stress", {"percent": "80", "workers": "1", "installDependencies": "true", "duration": "PT5M"})},
    ),
    (
        FaultType.NETWORK_LATENCY,
        {"latency_ms": 300, "sources": "10.0.0.0/16", "flows_percent": 50},
        {
            "latency": (
                "aws:ecs:task-network-latency",
                {"delayMilliseconds": "300", "jitterMilliseconds": "10", "sources": "10.0.0.0/16", "flowsPercent": "50", **NETWORK},
            )
        },
    ),
    (
        FaultType.SERVICE_UNAVAILABLE,
        {"port": 80},
        {
            "unavailable": (
                "aws:ecs:task-network-blackhole-port",
                {"protocol": "tcp", "port": "80", "trafficType": "ingress", **NETWORK},
            )
        },
    ),
    (
        FaultType.SERVICE_UNAVAILABLE,
        {"process": "nginx", "signal": "SIGKILL"},
        {
            "unavailable": ("aws:ecs:task-kill-process", {"processName": "nginx", "signal": "SIGKILL", "installDependencies": "true"}),
            "observe": ("aws:fis:wait", {"duration": "PT5M"}),
        },
    ),
    (
        FaultType.DEPENDENCY_TIMEOUT,
        {"dependency": "db.example.com"},
        {"dependency": ("aws:ecs:task-network-packet-loss", {"lossPercent": "100", "sources": "db.example.com", **NETWORK})},
    ),
    (
        FaultType.DEPENDENCY_TIMEOUT,
        {"dependency": "10.9.0.7", "latency_ms": 4000},
        {
            "dependency": (
                "aws:ecs:task-network-latency",
                {"delayMilliseconds": "4000", "jitterMilliseconds": "10", "sources": "10.9.0.7", **NETWORK},
            )
        },
    ),
    (
        FaultType.DEPENDENCY_TIMEOUT,
        {"port": 5432},
        {"dependency": ("aws:ecs:task-network-blackhole-port", {"protocol": "tcp", "port": "5432", "trafficType": "egress", **NETWORK})},
    ),
]


@pytest.mark.parametrize(("kind", "parameters", "expected"), GOLDEN, ids=[f"{kind.value}-{len(inputs)}" for kind, inputs, _ in GOLDEN])
def test_each_fault_is_its_action(kind: FaultType, parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    assert compiled(kind, **parameters) == expected


def test_memory_of_a_task_can_not_be_taken_and_the_error_lists_what_can_be_done() -> None:
    raw = {**REL12, "type": "memory_stress", "target_resources": [ONE.arn], "parameters": {"memory_percent": 80}}
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(raw)
    (problem,) = (result for result in caught.value.problems if result.path == "type")
    assert "memory_stress can't be injected into an ECS task: there is instance_termination" in problem.message
    assert "cpu_stress" in problem.message
    assert problem.expected == "targets it can be injected into: EC2 instance (aws:ec2:instance), EKS pod (aws:eks:pod)"


@pytest.mark.parametrize(
    ("parameters", "path", "expected_text"),
    [
        ({}, "process", "exactly one of port"),
        ({"port": 80, "process": "nginx"}, "process", "exactly one of port"),
        ({"process": "amazon-ssm-agent"}, "process", "the Systems Manager agent"),
        ({"process": "nginx; reboot"}, "process", "match"),
        ({"process": "-9"}, "process", "match"),
        ({"port": 40000}, "port", "answers to the Systems Manager agent"),
        ({"port": 68, "protocol": "udp"}, "port", "would lose its address"),
    ],
)
def test_what_would_take_the_agent_along_or_means_nothing_is_refused(parameters: dict[str, Any], path: str, expected_text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        registry.get_fault(FaultType.SERVICE_UNAVAILABLE, ResourceType.ECS_TASK).parse(parameters)
    assert [problem.path for problem in caught.value.problems] == [f"parameters.{path}"]
    assert expected_text in caught.value.problems[0].expected


def failed(kind: FaultType, ecs_task: EcsTask, **parameters: Any) -> set[str]:
    fault = registry.get_fault(kind, ResourceType.ECS_TASK)
    checks = prerequisites(fault, others(ecs_task), [ecs_task], fault.parse(parameters))
    return {check.name for check in checks if check.outcome is CheckOutcome.FAILED}


@pytest.mark.parametrize(
    ("changes", "unmet"),
    [
        ({}, set()),
        ({"registers": False}, {"agent_container"}),
        ({"managed": False}, {"systems_manager_online"}),
        ({"exec_enabled": True}, {"ecs_exec_off"}),
        ({"platform": "Windows"}, {"linux"}),
        ({"pid_mode": ""}, {"pid_mode"}),
        ({"fault_injection": False}, {"fault_injection_enabled"}),
        ({"network_mode": "host"}, {"network_of_its_own"}),
        ({"network_mode": "bridge"}, {"network_of_its_own"}),
        ({"private_ip": "100.64.0.9"}, {"sources_reach_vpc"}),
    ],
)
def test_a_task_that_can_not_be_disturbed_is_refused_before_anybody_is_asked(changes: dict[str, Any], unmet: set[str]) -> None:
    assert failed(FaultType.NETWORK_LATENCY, ONE.model_copy(update=changes)) == unmet


def test_stress_needs_neither_the_tasks_network_nor_its_processes() -> None:
    bare = ONE.model_copy(update={"pid_mode": "", "fault_injection": False, "network_mode": "bridge", "private_ip": None})
    assert failed(FaultType.CPU_STRESS, bare) == set()
    assert failed(FaultType.SERVICE_UNAVAILABLE, bare, process="nginx") == {"pid_mode"}


def test_what_is_checked_is_the_task_as_it_is_now() -> None:
    fault = registry.get_fault(FaultType.CPU_STRESS, ResourceType.ECS_TASK)
    now = others(ONE.model_copy(update={"managed": False}))
    assert CheckOutcome.FAILED in {check.outcome for check in prerequisites(fault, now, [ONE], fault.parse({}))}


def test_only_a_task_that_something_replaces_is_stopped() -> None:
    assert failed(FaultType.INSTANCE_TERMINATION, ONE) == set()
    assert failed(FaultType.INSTANCE_TERMINATION, ONE.model_copy(update={"group": None})) == {"in_ecs_service"}


def test_a_service_that_is_being_deployed_is_left_alone() -> None:
    moving = others(ONE, TWO)
    moving = moving.model_copy(update={"groups": tuple(group.model_copy(update={"rolling_out": True}) for group in moving.groups)})
    for kind in (FaultType.INSTANCE_TERMINATION, FaultType.CPU_STRESS):
        fault = registry.get_fault(kind, ResourceType.ECS_TASK)
        unmet = {check.name: check.detail for check in prerequisites(fault, moving, [ONE], fault.parse({})) if check.outcome == "failed"}
        assert unmet == {"no_rollout": "shop/web is being deployed"}


STOP = registry.get_fault(FaultType.INSTANCE_TERMINATION, ResourceType.ECS_TASK)
FORGOTTEN = FisExperiment("EXP1", "EXT1", "completed", actions=(ActionState("stop", "aws:ecs:stop-task", "completed"),), started_at=NOW)


@pytest.mark.parametrize(
    ("state", "code", "proven"),
    [
        ("STOPPED", "UserInitiated", True),
        ("DEPROVISIONING", "UserInitiated", True),
        ("STOPPED", "ServiceSchedulerInitiated", False),
        ("STOPPED", "", False),
        ("RUNNING", "", False),
    ],
)
def test_a_task_is_proven_stopped_by_its_state_and_by_who_asked(state: str, code: str, proven: bool) -> None:
    after = others(ONE.model_copy(update={"state": state, "stop_code": code}), TWO)
    (proof,) = prove(STOP, [ONE], after, {}, None)
    assert (proof.proven, proof.kind) == (proven, "state")
    assert ONE.id in proof.detail


def test_of_a_task_ecs_has_forgotten_fis_has_the_word() -> None:
    (proof,) = prove(STOP, [ONE], others(TWO), {}, FORGOTTEN)
    assert (proof.proven, proof.kind, proof.at) == (True, "mechanism", NOW)
    failed_ = FisExperiment("EXP1", "EXT1", "failed", actions=(ActionState("stop", "aws:ecs:stop-task", "failed"),))
    for fis in (None, failed_):
        (proof,) = prove(STOP, [ONE], others(TWO), {}, fis)
        assert not proof.proven


def before(*tasks: EcsTask) -> tuple[TargetBefore, ...]:
    return tuple(TargetBefore(resource=entry, healthy_in=(TG_ARN,)) for entry in tasks)


def served(*tasks: EcsTask) -> TargetGroup:
    healthy = tuple(entry.private_ip or "" for entry in tasks if entry.usable)
    return TargetGroup(
        arn=TG_ARN, load_balancer=LB_ARN, load_balancer_groups=1, protocol="HTTP", ports=(80,), healthy=healthy, unhealthy=()
    )


def workload_of(*tasks: EcsTask, desired: int = 2) -> Any:
    update = {"groups": service_of(tasks, desired=desired), "target_groups": (served(*tasks),)}
    return others(*tasks).model_copy(update=update)


def test_the_service_is_back_when_it_runs_as_many_healthy_tasks_as_before() -> None:
    stopped = ONE.model_copy(update={"state": "STOPPED", "stop_code": "UserInitiated"})
    then = workload_of(ONE, TWO)
    report = verify(STOP, before(ONE), then, workload_of(stopped, TWO, THREE), {}, None, NOW)
    assert (report.outcome, report.differences) == (RollbackOutcome.RECOVERED, ())
    report = verify(STOP, before(ONE), then, workload_of(stopped, TWO), {}, None, NOW)
    assert report.outcome is RollbackOutcome.NOT_RESTORED
    assert report.differences == (
        "shop/web has 1 of 2 tasks in service",
        f"{TG_ARN.partition('targetgroup/')[2]} has 1 healthy targets, it had 2",
    )


CPU = registry.get_fault(FaultType.CPU_STRESS, ResourceType.ECS_TASK)


def sent(status: str, **changes: Any) -> dict[str, list[CommandState]]:
    inputs = {"started_at": NOW, **changes}
    return {ONE.id: [CommandState("command-1", ONE.managed_id or "", "AWSFIS-Run-CPU-Stress", status, NOW, **inputs)]}


def test_a_command_that_fis_cancelled_at_the_end_of_its_time_has_run() -> None:
    then = workload_of(ONE, TWO)
    report = verify(CPU, before(ONE), then, then, sent("Cancelled"), None, NOW, timedelta(minutes=5))
    assert ([proof.proven for proof in report.proofs], report.outcome) == ([True], RollbackOutcome.RESTORED)
    assert report.could_have_lasted_until == NOW + timedelta(minutes=5)


def test_a_command_that_never_reached_its_agent_proves_nothing() -> None:
    (proof,) = prove(CPU, [ONE], others(ONE), sent("Cancelled", started_at=None), None)
    assert not proof.proven


def test_a_command_that_still_runs_is_left_over_and_one_whose_task_is_gone_is_not() -> None:
    then = workload_of(ONE, TWO)
    report = verify(CPU, before(ONE), then, then, sent("InProgress"), None, NOW)
    assert report.leftovers == (f"command command-1 is still InProgress on {ONE.id}",)
    stopped = ONE.model_copy(update={"state": "STOPPED"})
    report = verify(CPU, before(ONE), then, workload_of(stopped, TWO, THREE), sent("InProgress"), None, NOW)
    assert (report.leftovers, report.outcome) == ((), RollbackOutcome.RECOVERED)


def test_the_failure_domains_are_the_service_and_its_target_group_and_their_shares_count_tasks_by_both_names() -> None:
    load = workload_of(ONE, TWO)
    assert failure_domains(load, [ONE]) == ("ecs/shop/web", f"tg/{TG_ARN.partition('targetgroup/')[2]}")
    assert [capacity.after(list_lost_members(load, [ONE], capacity)) for capacity in list_capacities(load, [ONE])] == [1, 1]
    assert failure_domains(others(ONE), [ONE.model_copy(update={"group": None})]) == (f"ecs/shop/{ONE.id}",)


def test_the_cpu_that_is_measured_is_the_services() -> None:
    exp = experiment(target_resources=[SERVICE], success_criteria=["CPU utilization < 90%"])
    parsed = parse_sentences(exp)
    result, problems = bind_metrics(parsed.metrics, {}, {}, workload_of(ONE, TWO), Timing(), pinned=[ONE, TWO], paths=parsed.paths)
    assert problems == []
    query = next(binding for binding in result if binding.name == "cpu_utilization").queries[0]
    assert (query.namespace, query.dimensions) == ("AWS/ECS", (("ClusterName", "shop"), ("ServiceName", "web")))


def test_a_service_whose_targets_are_registered_elsewhere_is_refused() -> None:
    other = f"{TG_ARN}-other"
    load = workload_of(ONE, TWO)
    groups = (*load.target_groups, load.target_groups[0].model_copy(update={"arn": other, "healthy": ()}))
    load = load.model_copy(update={"target_groups": groups, "service": other})
    parsed = parse_sentences(experiment())
    _, problems = bind_metrics(parsed.metrics, {}, {}, load, Timing(), pinned=[ONE], paths=parsed.paths)
    assert "service names another" in problems[0].message


def test_filters_that_nobody_would_apply_are_refused_by_name() -> None:
    target = {"resource_type": "aws:ecs:task", "tags": {"app": "web"}, "filters": {"cluster": ["shop"], "servise": ["web"]}}
    with pytest.raises(InvalidInput) as caught:
        parse_experiment({**REL12, "target_resources": [], "target": target})
    assert [(problem.path, problem.expected) for problem in caught.value.problems] == [
        ("target.filters.servise", "availability-zone, cluster, service")
    ]


def test_cpu_stress_of_all_cpus_has_to_be_seen_in_the_tasks_own_metric() -> None:
    fault = registry.get_fault(FaultType.CPU_STRESS, ResourceType.ECS_TASK)
    (signal,) = expected_signals(fault, fault.parse({"load_percent": 70}), others(ONE), [ONE])
    assert (signal.namespace, signal.metric_name, signal.targets) == ("ECS/ContainerInsights", "TaskCpuUtilization", (ONE.id,))
    assert dict(signal.dimensions) == {"ClusterName": ONE.cluster, "TaskDefinitionFamily": "web", "TaskId": ONE.id}
    assert signal.least(10.0) == 15.0
    assert expected_signals(fault, fault.parse({"cpus": 2}), others(ONE), [ONE]) == ()
