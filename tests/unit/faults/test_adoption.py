"""A FIS template of somebody else's: what it says becomes the experiment's; what disagrees is refused, each thing by its path."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.admission.adopted_template import adopt_template
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import ResourceType
from squall.domain.experiment.experiment import Experiment
from squall.faults import registry
from squall.faults.adoption import template as adoption
from squall.faults.base import AnyFault
from tests.unit.builders import ACCOUNT, REGION, REL12, TG_ARN, definition, environment, instance
from tests.unit.faults.asking import compile_fault
from tests.unit.faults.test_faults import PARAMETERS
from tests.unit.faults.test_resource_faults import named, parameters_of
from tests.unit.resources import BUILDERS, cluster, database, function, task

ARN = instance("i-1").arn
PAGER = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:pager"
TARGET = {"resourceType": "aws:ec2:instance", "resourceArns": [ARN], "selectionMode": "ALL"}
STATE = {"path": "State.Name", "values": ["running"]}
CPU = {"DurationSeconds": "600", "CPU": "2"}


def experiment(kind: str = "cpu_stress", **changes: Any) -> Experiment:
    inputs = {**REL12, "type": kind, "fis_template_id": "EXT1", **changes}
    return Experiment.model_validate({key: value for key, value in inputs.items() if key != "target_resources" or key in changes})


def apply_template(own: Experiment, found: dict[str, Any]) -> Experiment:
    return adoption.apply_template(definition(own, environment(eks_service_account="fis")), found)


def command(document: str = "AWSFIS-Run-CPU-Stress", told: object = None, **changes: Any) -> dict[str, Any]:
    parameters = {
        "documentArn": f"arn:aws:ssm:eu-west-1::document/{document}",
        "documentParameters": json.dumps(CPU if told is None else told),
        "duration": "PT11M",
    }
    return {"actionId": "aws:ssm:send-command", "parameters": parameters, "targets": {"Instances": "Web"}, **changes}


def template(*actions: dict[str, Any], target: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    named = {f"a{number}": action for number, action in enumerate(actions or [command()])}
    return {"id": "EXT1", "actions": named, "targets": {"Web": target or TARGET}, "roleArn": "arn:aws:iam::1:role/theirs", **changes}


def refused(result: dict[str, Any], kind: str = "cpu_stress", **changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        apply_template(experiment(kind, **changes), result)
    return {problem.path: f"{problem.message} / {problem.expected}" for problem in caught.value.problems}


def test_targets_and_parameters_are_the_template_s_with_the_document_s_own_defaults() -> None:
    adopted = apply_template(experiment(), template())
    assert adopted.parameters == {"cpus": 2, "load_percent": 100}, "the document's default, not ours"
    assert adopted.target is not None
    assert (adopted.target.arns, adopted.target.select) == ((ARN,), "all")
    assert adopted.fis_template_id == "EXT1"


def test_targets_by_tags_and_filters_become_candidates_of_which_the_radius_pins_one() -> None:
    by_tag = {
        "resourceType": "aws:ec2:instance",
        "resourceTags": {"app": "web"},
        "filters": [{"path": "State.Name", "values": ["running"]}, {"path": "Placement.AvailabilityZone", "values": ["eu-west-1a"]}],
        "selectionMode": "COUNT(1)",
    }
    target = apply_template(experiment(), template(target=by_tag)).target
    assert target is not None
    assert (target.tags, target.select) == ({"app": "web"}, "radius")
    assert target.filters == {"instance-state-name": ("running",), "availability-zone": ("eu-west-1a",)}


def test_a_termination_with_its_wait_is_adopted() -> None:
    result = template(
        {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "Web"}},
        {"actionId": "aws:fis:wait", "parameters": {"duration": "PT10M"}},
    )
    assert apply_template(experiment("instance_termination"), result).parameters == {}


@pytest.mark.parametrize(
    ("result", "path", "expected_text"),
    [
        (template(command("AWSFIS-Run-Disk-Fill")), "actions.a0.actionId", "type: disk_fill"),
        (template(command("AWS-RunShellScript")), "actions.a0.actionId", "AWS-RunShellScript: Squall does not know what it does"),
        (
            template(command(parameters={"documentArn": "arn:aws:ssm:eu-west-1:666666666666:document/AWSFIS-Run-CPU-Stress"})),
            "actions.a0.parameters.documentArn",
            "is a document of the account 666666666666",
        ),
        (
            template({"actionId": "aws:elasticache:interrupt-cluster-az-power", "targets": {"ReplicationGroups": "Web"}}),
            "actions.a0.actionId",
            "is no action that AWS documents for FIS",
        ),
        (
            template({"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "Web"}}),
            "actions.a0.actionId",
            "type: instance_termination",
        ),
        (template({"actionId": "aws:fis:wait", "parameters": {"duration": "PT10M"}}), "actions", "nothing is injected"),
        (template(command(startAfter=["a9"])), "actions.a0.startAfter", "never starts"),
        (
            template(command(told={**CPU, "DurationSeconds": "300"})),
            "actions.a0.parameters.documentParameters.DurationSeconds",
            "lasts 5 min, the experiment 10 min",
        ),
        (
            template(command(), {"actionId": "aws:fis:wait", "parameters": {"duration": "an hour"}}),
            "actions.a1.parameters.duration",
            "lasts an hour",
        ),
        (template(command(told=[1])), "actions.a0.parameters.documentParameters", "is not understood"),
        (template(command(told={**CPU, "LoadPercent": "500"})), "actions.a0.parameters.documentParameters.parameters.load_percent", "100"),
        (
            template(command(told={**CPU, "Workers": "5"})),
            "actions.a0.parameters.documentParameters.Workers",
            "not known of AWSFIS-Run-CPU-Stress",
        ),
        (
            template(command(told={**CPU, "InstallDependencies": "False"})),
            "actions.a0.parameters.documentParameters.InstallDependencies",
            "it is True",
        ),
        (template(target={**TARGET, "selectionMode": "HALF"}), "targets.Web.selectionMode", "COUNT(n) or PERCENT(n)"),
        (
            template(target={**TARGET, "resourceType": "aws:eks:nodegroup"}),
            "targets.Web.resourceType",
            "cpu_stress can't be injected into aws:eks:nodegroup",
        ),
        (template(target={**TARGET, "filters": [{"path": "Tenancy", "values": ["x"]}]}), "targets.Web.filters[0]", "'Tenancy'"),
        (template(command(targets={})), "targets", "there is none"),
        (template(target={"resourceType": "aws:ec2:instance", "selectionMode": "ALL"}), "targets.Web", "says nothing about which"),
        (
            template(target={**TARGET, "filters": [STATE, {**STATE, "values": ["stopped"]}]}),
            "targets.Web.filters[1]",
            "instance-state-name is to be running, and also stopped",
        ),
        (template(target={**TARGET, "resourceArns": [ARN, "arn:aws:rds:eu-west-1:1:db:x"]}), "target_resources", "the targets are"),
        (
            template(stopConditions=[{"source": "aws:cloudwatch:alarm", "value": PAGER}]),
            "stopConditions[0]",
            "stop_alarms with pager",
        ),
        (template(experimentOptions={"accountTargeting": "multi-account"}), "experimentOptions.accountTargeting", "other accounts"),
    ],
)
def test_every_disagreement_is_named(result: dict[str, Any], path: str, expected_text: str) -> None:
    answer = refused(result)
    assert list(answer) == [f"fis_template_id.{path}"], answer
    assert expected_text in answer[f"fis_template_id.{path}"]


def test_all_disagreements_are_told_at_once() -> None:
    result = template(command(startAfter=["x"], told={**CPU, "Workers": "5"}), target={**TARGET, "selectionMode": "PERCENT(0)"})
    assert len(refused(result, parameters={"cpus": 1}, target_resources=["i-1"])) == 5


def test_a_stop_alarm_the_experiment_has_too_is_no_disagreement() -> None:
    alarm = {"source": "aws:cloudwatch:alarm", "value": PAGER}
    adopted = apply_template(experiment(stop_alarms=["pager"]), template(stopConditions=[{"source": "none"}, alarm]))
    assert adopted.stop_alarms == ("pager",)


REBOOT = {"actionId": "aws:rds:reboot-db-instances", "parameters": {"forceFailover": "true"}, "targets": {"DBInstances": "Web"}}


def databases(*arns: str, **changes: Any) -> dict[str, Any]:
    return {"resourceType": "aws:rds:db", "resourceArns": arns or (database().arn,), "selectionMode": "ALL", **changes}


def test_a_template_of_databases_is_adopted_with_the_service_that_would_notice() -> None:
    adopted = apply_template(experiment("database_failure", service=TG_ARN), template(REBOOT, target=databases()))
    assert (adopted.plan[0].resource_type, adopted.named, adopted.service) == (ResourceType.DATABASE, (database().arn,), TG_ARN)


@pytest.mark.parametrize(("inputs", "adopted"), [({}, {}), ({"forceFailover": "false"}, {"forceFailover": False})])
def test_a_reboot_without_a_failover_is_adopted_under_its_id(inputs: dict[str, str], adopted: dict[str, Any]) -> None:
    given = template({**REBOOT, "parameters": inputs}, target=databases())
    result = apply_template(experiment("aws:rds:reboot-db-instances", service=TG_ARN), given)
    assert (result.parameters, result.named, result.plan[0].resource_type) == (adopted, (database().arn,), ResourceType.DATABASE)
    answer = refused(template(REBOOT, target=databases()), "aws:rds:reboot-db-instances")
    assert "database_failure is the reboot with a failover" in next(iter(answer.values()))


@pytest.mark.parametrize(
    ("result", "path", "expected_text"),
    [
        (
            template({**REBOOT, "parameters": {}}, target=databases()),
            "actions.a0.parameters.forceFailover",
            "is not given, in database_failure it is true / true; or type: aws:rds:reboot-db-instances, the same without a failover",
        ),
        (
            template(REBOOT, target=databases(filters=[STATE])),
            "targets.Web.filters[0]",
            "'State.Name' is not understood / AvailabilityZone",
        ),
        (template({**REBOOT, "actionId": "aws:rds:failover-db-cluster"}, target=databases()), "actions.a0.actionId", "on aws:rds:cluster"),
    ],
)
def test_what_a_template_of_databases_says_otherwise_is_named(result: dict[str, Any], path: str, expected_text: str) -> None:
    answer = refused(result, "database_failure")
    assert list(answer) == [f"fis_template_id.{path}"], answer
    assert expected_text in answer[f"fis_template_id.{path}"]


def test_an_action_on_two_targets_of_different_types_is_refused_for_both_reasons() -> None:
    targets = {"Web": databases(), "Other": {**databases(cluster().arn), "resourceType": "aws:rds:cluster"}}
    told = refused(template({**REBOOT, "targets": {"DBInstances": "Web", "Clusters": "Other"}}, targets=targets), "database_failure")
    assert "one target for each action" in told["fis_template_id.actions.a0.targets"]
    assert "aws:rds:cluster beside aws:rds:db" in told["fis_template_id.targets.Other.resourceType"]


INVOKED = {"resourceType": "aws:lambda:function", "resourceArns": [function("orders").arn], "selectionMode": "ALL"}
TASKS = {"resourceType": "aws:ecs:task", "resourceArns": [task("t1").arn], "selectionMode": "ALL"}


def disturbed(action_id: str, inputs: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    parameters = {"duration": "PT10M", **(inputs or {})}
    return {"actionId": action_id, "parameters": parameters, "targets": {"Functions": "Web"}, **changes}


@pytest.mark.parametrize(
    ("kind", "action", "inputs", "adopted"),
    [
        ("network_latency", "add-delay", {}, {"latency_ms": 1000, "invocation_percent": 100}),
        (
            "dependency_timeout",
            "add-delay",
            {"startupDelayMilliseconds": "30000", "invocationPercentage": "20"},
            {"latency_ms": 30_000, "invocation_percent": 20},
        ),
        (
            "service_unavailable",
            "error",
            {"preventExecution": "false", "invocationPercentage": "40"},
            {"prevent_execution": False, "invocation_percent": 40},
        ),
        (
            "service_unavailable",
            "http-integration-response",
            {"preventExecution": "true", "statusCode": "503", "contentTypeHeader": "text/plain"},
            {"prevent_execution": True, "invocation_percent": 100, "status_code": 503, "content_type": "text/plain"},
        ),
    ],
)
def test_a_template_of_functions_is_adopted_with_the_actions_own_defaults(
    kind: str, action: str, inputs: dict[str, str], adopted: dict[str, Any]
) -> None:
    result = apply_template(
        experiment(kind, service=TG_ARN), template(disturbed(f"aws:lambda:invocation-{action}", inputs), target=INVOKED)
    )
    assert (result.plan[0].resource_type, result.parameters) == (ResourceType.FUNCTION, adopted)


NETWORK = {"useEcsFaultInjectionEndpoints": "true"}


@pytest.mark.parametrize(
    ("kind", "action", "inputs", "adopted"),
    [
        ("cpu_stress", "cpu-stress", {}, {"load_percent": 100, "cpus": 0}),
        ("disk_fill", "io-stress", {"percent": "50", "installDependencies": "True"}, {"disk_percent": 50, "workers": 1}),
        (
            "network_latency",
            "network-latency",
            {**NETWORK, "sources": "10.0.0.0/8"},
            {"latency_ms": 200, "jitter_ms": 10, "sources": "10.0.0.0/8", "flows_percent": 100},
        ),
        (
            "service_unavailable",
            "network-blackhole-port",
            {**NETWORK, "port": "80", "trafficType": "ingress"},
            {"port": 80, "protocol": "tcp"},
        ),
        (
            "dependency_timeout",
            "network-blackhole-port",
            {**NETWORK, "port": "5432", "trafficType": "egress"},
            {"port": 5432, "protocol": "tcp"},
        ),
        (
            "dependency_timeout",
            "network-packet-loss",
            {**NETWORK, "lossPercent": "100", "sources": "10.1.2.3"},
            {"loss_percent": 100, "dependency": "10.1.2.3", "flows_percent": 100},
        ),
    ],
)
def test_a_template_of_tasks_is_adopted_with_the_actions_own_defaults(
    kind: str, action: str, inputs: dict[str, str], adopted: dict[str, Any]
) -> None:
    result = apply_template(experiment(kind), template(disturbed(f"aws:ecs:task-{action}", inputs, targets={"Tasks": "Web"}), target=TASKS))
    assert (result.plan[0].resource_type, result.parameters) == (ResourceType.ECS_TASK, adopted)


def test_a_process_that_is_killed_has_no_duration_and_tasks_are_stopped_with_a_wait() -> None:
    kill = {"actionId": "aws:ecs:task-kill-process", "parameters": {"processName": "nginx"}, "targets": {"Tasks": "Web"}}
    assert apply_template(experiment("service_unavailable"), template(kill, target=TASKS)).parameters == {
        "process": "nginx",
        "signal": "SIGTERM",
    }
    stop = {"actionId": "aws:ecs:stop-task", "parameters": {}, "targets": {"Tasks": "Web"}}
    wait = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT10M"}}
    assert (
        apply_template(experiment("instance_termination"), template(stop, wait, target=TASKS)).plan[0].resource_type
        is ResourceType.ECS_TASK
    )


def test_the_cluster_and_service_of_tasks_by_tags_narrow_them() -> None:
    by_tag = {"resourceType": "aws:ecs:task", "resourceTags": {"app": "web"}, "parameters": {"cluster": "shop", "service": "web"}}
    result = apply_template(
        experiment(), template(disturbed("aws:ecs:task-cpu-stress", targets={"Tasks": "Web"}), target={**by_tag, "selectionMode": "ALL"})
    )
    assert result.target is not None
    assert (result.target.tags, result.target.filters) == ({"app": "web"}, {"cluster": ("shop",), "service": ("web",)})


@pytest.mark.parametrize(
    ("kind", "action", "target", "path", "expected_text"),
    [
        ("service_unavailable", disturbed("aws:lambda:invocation-error"), INVOKED, "parameters.preventExecution", "must be given"),
        (
            "service_unavailable",
            disturbed("aws:lambda:invocation-error", {"preventExecution": "yes"}),
            INVOKED,
            "parameters.parameters.prevent_execution",
            "valid boolean",
        ),
        (
            "service_unavailable",
            disturbed(
                "aws:lambda:invocation-http-integration-response",
                {"preventExecution": "true", "statusCode": "200", "contentTypeHeader": "a/b"},
            ),
            INVOKED,
            "parameters.parameters.status_code",
            "400",
        ),
        (
            "network_latency",
            disturbed("aws:lambda:invocation-add-delay", {"startupDelay": "5"}),
            INVOKED,
            "parameters.startupDelay",
            "not known of this action",
        ),
        (
            "network_latency",
            disturbed("aws:lambda:invocation-add-delay", {"duration": "PT5M"}),
            INVOKED,
            "parameters.duration",
            "lasts 5 min",
        ),
        (
            "network_latency",
            disturbed("aws:ecs:task-network-latency", {"sources": "10.0.0.0/8"}, targets={"Tasks": "Web"}),
            TASKS,
            "parameters.useEcsFaultInjectionEndpoints",
            "is false, in network_latency it is true",
        ),
        (
            "network_latency",
            disturbed("aws:ecs:task-network-latency", NETWORK, targets={"Tasks": "Web"}),
            TASKS,
            "parameters.parameters.sources",
            "ALL",
        ),
        (
            "dependency_timeout",
            disturbed("aws:ecs:task-network-packet-loss", NETWORK, targets={"Tasks": "Web"}),
            TASKS,
            "parameters.parameters.dependency",
            "ALL",
        ),
        (
            "service_unavailable",
            disturbed("aws:ecs:task-network-blackhole-port", {**NETWORK, "port": "80", "trafficType": "egress"}, targets={"Tasks": "Web"}),
            TASKS,
            "parameters.trafficType",
            "is egress, in service_unavailable it is ingress",
        ),
    ],
)
def test_what_a_template_of_functions_or_tasks_says_otherwise_is_named(
    kind: str, action: dict[str, Any], target: dict[str, Any], path: str, expected_text: str
) -> None:
    answer = refused(template(action, target=target), kind)
    assert list(answer) == [f"fis_template_id.actions.a0.{path}"], answer
    assert expected_text in answer[f"fis_template_id.actions.a0.{path}"]


@pytest.mark.parametrize("fault", [fault for fault in registry.list_faults() if fault.reads_templates], ids=named)
@settings(max_examples=60)
@given(data=st.data(), count=st.integers(1, 7))
def test_what_squall_compiles_it_also_reads(fault: AnyFault, data: st.DataObject, count: int) -> None:
    instances = fault.resource_type is ResourceType.INSTANCE
    parsed = fault.parse(data.draw(PARAMETERS[fault.type] if instances else parameters_of(fault)))
    pinned = [BUILDERS[fault.resource_type](f"i-{number}") for number in range(count)]
    targets, actions = compile_fault(fault, parsed, pinned, timedelta(minutes=10), region="eu-west-1", partition="aws")
    adopted = apply_template(experiment(fault.type.value), {"targets": targets, "actions": actions})
    again = compile_fault(fault, fault.parse(adopted.parameters), pinned, timedelta(minutes=10), region="eu-west-1", partition="aws")
    assert again == (targets, actions)
    assert adopted.target is not None
    if fault.resource_type is ResourceType.POD:  # named in their cluster, because FIS takes no ARN of a pod
        assert adopted.target.filters["pod"] == tuple(pod.name for pod in pinned)
    else:
        assert list(adopted.target.arns) == [target.arn for target in pinned]
    assert adopted.plan[0].resource_type is fault.resource_type


def test_what_is_promoted_is_what_the_template_says_and_not_which_template_said_it() -> None:
    policy = environment(fis_templates=["EXT1", "EXT2"], inline_definitions=True)

    def hashes(template_id: str, cpus: str) -> tuple[str, str]:
        result = definition(experiment(fis_template_id=template_id), policy)
        promoted = adopt_template(result, template(command(told={**CPU, "CPU": cpus})))
        return promoted.promotion_hash, promoted.definition_hash

    (first, of_first), (second, of_second), (other, _) = hashes("EXT1", "2"), hashes("EXT2", "2"), hashes("EXT1", "4")
    assert first == second
    assert first != other
    assert of_first != of_second


def test_a_parameter_beyond_what_the_policy_allows_is_refused_also_where_the_template_says_it() -> None:
    result = definition(experiment(), environment(fis_templates=["EXT1"], parameter_ranges={"load_percent": (1, 50)}))
    with pytest.raises(InvalidInput, match=r"fis_template_id\.parameters\.load_percent: 100"):
        adopt_template(result, template())
