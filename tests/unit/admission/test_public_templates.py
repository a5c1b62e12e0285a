"""FIS templates in the shapes in which people publish them: each is adopted as what it says, or refused with a sentence
that says what works."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from squall.admission.adopted_template import adopt_template
from squall.admission.execution_input import Place, admit_input
from squall.domain.base.problems import InvalidInput
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.target import Selection
from squall.faults import registry
from tests.unit.builders import ACCOUNT, NOW, REGION, REL12, TG_ARN
from tests.unit.faults.asking import compile_fault
from tests.unit.resources import BUILDERS

CASES = Path(__file__).parents[2] / "data" / "fis_templates"
ACCOUNT_TASKS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
INSTANCES_BY_TAG = {"resource_type": "aws:ec2:instance", "tags": {"app": "web"}}
POLICY = {"name": "staging", "fis_templates": ["EXTcase"], "eks_service_account": "fis"}


def load(number: str) -> dict[str, Any]:
    (path,) = CASES.glob(f"{number}-*.json")
    case: dict[str, Any] = json.loads(path.read_text())
    return case


def admit(case: dict[str, Any], policy: dict[str, Any] | None = None) -> Experiment:
    """The experiment that would run. Raises InvalidInput."""
    written = {**REL12, "success_criteria": REL12["success_criteria"][:2], **case["experiment"], "fis_template_id": "EXTcase"}
    del written["target_resources"]
    catalogue, environments = {"case": written}, {"staging": {**POLICY, **(policy or {})}}
    definition = admit_input({"experiment": "case"}, "run-1", catalogue, environments, place=Place(ACCOUNT, REGION, "aws"), now=NOW)
    return adopt_template(definition, case["template"]).experiment


def refuse(case: dict[str, Any], policy: dict[str, Any] | None = None) -> dict[str, str]:
    """The problems by path, each with what was expected."""
    with pytest.raises(InvalidInput) as caught:
        admit(case, policy)
    return {problem.path: f"{problem.message} / {problem.expected}" for problem in caught.value.problems}


def change(case: dict[str, Any], *, action: dict[str, Any] | None = None, target: dict[str, Any] | None = None) -> dict[str, Any]:
    """The case with other values in its first action's parameters and in its first target."""
    changed: dict[str, Any] = json.loads(json.dumps(case))
    first = next(iter(changed["template"]["actions"].values()))
    first["parameters"] = {name: value for name, value in {**first["parameters"], **(action or {})}.items() if value is not None}
    name, old = next(iter(changed["template"]["targets"].items()))
    changed["template"]["targets"][name] = {key: value for key, value in {**old, **(target or {})}.items() if value is not None}
    return changed


@pytest.mark.parametrize(
    ("number", "target", "parameters"),
    [
        ("01", {**INSTANCES_BY_TAG, "select": {"percent": 50}}, {}),
        ("03", INSTANCES_BY_TAG, {}),
        (
            "05",
            {**INSTANCES_BY_TAG, "filters": {"instance-state-name": ["running"], "vpc-id": ["vpc-0a1b2c3d"]}},
            {"cpus": 0, "load_percent": 100},
        ),
        (
            "08",
            {
                "resource_type": "aws:ecs:task",
                "arns": [f"{ACCOUNT_TASKS}:service/shop/web"],
                "filters": {"cluster": ["shop"], "service": ["web"]},
            },
            {},
        ),
        ("10", INSTANCES_BY_TAG, {"mode": "stop_and_start"}),
        ("11", INSTANCES_BY_TAG, {"latency_ms": 100, "interface": "eth0", "sources": "INTERFACE"}),
        (
            "14",
            {
                "resource_type": "aws:eks:pod",
                "arns": [f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main"],
                "filters": {"namespace": ["shop"], "labels": ["app=web"]},
            },
            {"load_percent": 100},
        ),
        ("16", INSTANCES_BY_TAG, {"cpus": 0, "load_percent": 80}),
        (
            "22",
            {"resource_type": "aws:ec2:autoscaling-group", "tags": {"app": "web"}, "select": "all"},
            {"zones": "euw1-az1, euw1-az2", "percent": 100},
        ),
        (
            "23",
            INSTANCES_BY_TAG,
            {"loss_percent": 15, "dependency": "eu-west-1b", "traffic_type": "egress", "flows_percent": 100},
        ),
    ],
)
def test_a_template_in_a_public_shape_is_adopted_as_what_it_says(number: str, target: dict[str, Any], parameters: dict[str, Any]) -> None:
    adopted = admit(load(number))
    assert adopted.target is not None
    assert adopted.target.model_dump(mode="json", exclude_defaults=True) == target
    assert adopted.parameters == parameters


@pytest.mark.parametrize(
    ("number", "path", "said"),
    [
        (
            "13",
            "actions.a.actionId",
            '{"custom_actions": {"impair-queue": {"description": "REPLACE: what it does", "document": "Impair-Queue"',
        ),
        ("15", "actions.a.parameters.documentVersion", "version 4 of the document would be lost"),
        ("20", "target_resources", "lambda_fault_configuration in its policy"),
    ],
)
def test_a_template_that_would_lose_something_is_refused_in_one_sentence(number: str, path: str, said: str) -> None:
    problems = refuse(load(number))
    assert list(problems) == [f"fis_template_id.{path}"], problems
    assert said in problems[f"fis_template_id.{path}"]


def test_five_minutes_are_refused_with_a_longer_fault_and_the_sentinel_as_ways_out() -> None:
    problems = refuse(load("18"))
    (problem,) = (text for path, text in problems.items() if path.rpartition(".")[2].startswith("duration"))
    assert "at least 8 min, or 110 s with metrics of a `sentinel`" in problem
    assert "or an `observation` of at least 8 min" in problem


def test_five_minutes_are_adopted_with_an_observation_where_the_policy_accepts_that_no_guard_ends_them() -> None:
    case = load("18")
    case["experiment"]["observation"] = "PT10M"
    refused = refuse(case)["catalogue.case.duration_minutes"]
    assert "its harm can last 5 min by itself" in refused
    assert "staging allows no such fault" in refused
    adopted = admit(case, {"short_faults": "warn"})
    assert (adopted.length, adopted.observed_length) == (timedelta(minutes=5), timedelta(minutes=10))
    strict = {"short_faults": {"response": "warn", "longest": "4m"}}
    assert "staging allows at most 4 min of such harm" in "".join(refuse(case, strict).values())


def test_five_minutes_are_adopted_with_a_sentinel() -> None:
    case = load("18")
    case["experiment"] |= {
        "success_criteria": ["Sentinel availability > 99 %"],
        "abort_conditions": ["Sentinel availability < 90 %"],
        "sentinel": {"url": "https://shop.example.com/"},
    }
    adopted = admit(case, {"sentinel": {"hosts": ["shop.example.com"]}})
    assert adopted.observed_length == timedelta(minutes=5)


def test_faults_one_after_the_other_are_a_scenario_in_the_same_order() -> None:
    adopted = admit(load("02"))
    assert adopted.type is None
    first, second = adopted.plan
    assert (first.name, first.type.value, first.length) == ("lat", "network_latency", timedelta(minutes=10))
    assert (second.name, second.type.value, second.after, second.delay) == ("stop", "instance_termination", ("lat",), timedelta(0))
    assert second.start == first.end
    assert {fault.resource_type.value for fault in adopted.plan} == {"aws:ecs:task"}
    assert [fault.target.tags for fault in adopted.plan if fault.target] == [{"app": "web"}] * 2


def test_one_of_each_of_two_targets_are_two_faults() -> None:
    case = load("17")
    case["experiment"]["blast_radius"] = "single_region"
    adopted = admit(case)
    assert [(fault.name, len(fault.named), fault.target.select) for fault in adopted.plan if fault.target] == [
        ("x", 1, Selection(count=1)),
        ("y", 2, Selection(count=1)),
    ]


def wait(minutes: int, *after: str) -> dict[str, Any]:
    return {"actionId": "aws:fis:wait", "parameters": {"duration": f"PT{minutes}M"}, "startAfter": list(after)}


def test_waits_between_faults_are_kept_and_one_before_all_is_the_baseline() -> None:
    case = load("02")
    actions = case["template"]["actions"]
    actions |= {"calm": wait(5), "pause": wait(3, "lat")}
    actions["lat"]["startAfter"], actions["stop"]["startAfter"] = ["calm"], ["pause"]
    first, second = admit(case).plan
    assert (first.start, second.start) == (timedelta(0), timedelta(minutes=13))


@pytest.mark.parametrize(
    ("more", "path", "said"),
    [
        ({"stop": {"startAfter": ["stop"]}}, "actions.stop.startAfter", "never starts"),
        ({"lat": {"startAfter": ["stop"]}, "stop": {"startAfter": []}}, "actions.lat.startAfter", "begins as soon as stop is over"),
        ({"lat": {"actionId": "aws:ec2:reboot-instance"}}, "actions.lat.actionId", 'did you mean "aws:ec2:reboot-instances"'),
    ],
)
def test_what_a_scenario_would_lose_of_a_template_is_refused(more: dict[str, Any], path: str, said: str) -> None:
    case = load("02")
    for name, action in more.items():
        case["template"]["actions"][name] = {**case["template"]["actions"].get(name, {}), **action}
    assert said in refuse(case)[f"fis_template_id.{path}"]


def test_a_wait_after_the_faults_is_the_observation_of_the_scenario() -> None:
    case = load("02")
    case["template"]["actions"]["after"] = wait(20, "stop")
    assert admit(case).observation == timedelta(minutes=30), "from the beginning of the first fault"
    case["experiment"]["observation"] = "PT30M"
    assert admit(case).observation == timedelta(minutes=30)
    case["experiment"]["observation"] = "PT40M"
    assert "a wait ends 30 min after the first fault began" in refuse(case)["fis_template_id.actions"]


def test_a_stop_alarm_of_that_name_elsewhere_is_not_taken_for_the_one_here() -> None:
    assert "another account or Region" in refuse(load("21"))["catalogue.case.stop_alarms[0]"]
    theirs = load("21")
    theirs["experiment"]["stop_alarms"] = ["pager"]
    assert admit(theirs).stop_alarms == ("pager",)
    theirs["template"]["stopConditions"][0]["value"] = "arn:aws:cloudwatch:us-east-1:999999999999:alarm:pager"
    assert "an alarm of another account or Region" in refuse(theirs)["fis_template_id.stopConditions[0]"]


def test_a_function_is_admitted_where_the_policy_names_the_folder() -> None:
    case = load("20")
    case["experiment"]["service"] = TG_ARN
    assert admit(case, {"lambda_fault_configuration": "arn:aws:s3:::faults/staging/"}).parameters["prevent_execution"] is True


def test_a_count_is_taken_over_and_one_that_the_radius_never_allows_is_refused() -> None:
    case = change(load("01"), target={"selectionMode": "COUNT(2)"})
    adopted = admit(case).target
    assert adopted is not None
    assert adopted.select == Selection(count=2)
    case["experiment"]["blast_radius"] = "single_instance"
    assert "1, or a wider blast_radius" in refuse(case)["fis_template_id.target.select.count"]


def by_path(path: str, *values: str) -> dict[str, Any]:
    return {"filters": [{"path": path, "values": list(values)}]}


@pytest.mark.parametrize(
    ("target", "filters"),
    [
        (by_path("SubnetId", "subnet-0a", "subnet-0b"), {"subnet-id": ["subnet-0a", "subnet-0b"]}),
        (by_path("Placement.AvailabilityZone", "eu-west-1a"), {"availability-zone": ["eu-west-1a"]}),
        (by_path("Placement.AvailabilityZoneId", "euw1-az1"), {"availability-zone-id": ["euw1-az1"]}),
        (by_path("NetworkInterfaces.Groups.GroupId", "sg-1", "sg-2"), {"network-interface.group-id": ["sg-1", "sg-2"]}),
        (
            {"filters": [{"path": "VpcId", "values": ["vpc-1", "vpc-2"]}, {"path": "VpcId", "values": ["vpc-2", "vpc-3"]}]},
            {"vpc-id": ["vpc-2"]},
        ),
    ],
)
def test_filters_are_those_of_the_service_s_description(target: dict[str, Any], filters: dict[str, list[str]]) -> None:
    adopted = admit(change(load("05"), target=target)).target
    assert adopted is not None
    assert {name: list(values) for name, values in adopted.filters.items()} == filters


@pytest.mark.parametrize(
    ("target", "path", "said"),
    [
        (by_path("vpcId", "vpc-1"), "filters[0]", "'vpcId' is not understood"),
        (by_path("VpcId", "vpc-*"), "filters[0]", "letter by letter"),
        (by_path("Placement.AvailabilityZone", "euw1-az1"), "filters[0]", "the id of a zone"),
        (
            {"filters": [{"path": "VpcId", "values": ["vpc-1"]}, {"path": "VpcId", "values": ["vpc-2"]}]},
            "filters[1]",
            "vpc-id is to be vpc-1, and also vpc-2",
        ),
        ({"filters": [{"path": "SecurityGroups.GroupId", "values": ["sg-1"]}] * 2}, "filters[1]", "has to match twice"),
        ({"filters": [{"path": "VpcId", "values": ["vpc-1"], "not": ["vpc-2"]}]}, "filters[0].not", "would not be carried over"),
        ({"priority": "first"}, "priority", "would not be carried over"),
        ({"parameters": {"cluster": "shop"}}, "parameters.cluster", "is not understood"),
        ({"resourceTags": {}}, None, "means every EC2 instance of this State.Name and VpcId, whether it has opted in or not"),
        ({"resourceTags": {}, "filters": []}, None, "says nothing about which resources"),
    ],
)
def test_a_target_that_would_mean_other_resources_is_refused(target: dict[str, Any], path: str | None, said: str) -> None:
    problems = refuse(change(load("05"), target=target))
    assert list(problems) == [".".join(["fis_template_id.targets.t", *([path] if path else [])])], problems
    assert said in "".join(problems.values())


POD = {"clusterIdentifier": "main", "namespace": "shop", "selectorType": "labelSelector", "selectorValue": "app=web"}


@pytest.mark.parametrize(
    ("parameters", "filters"),
    [
        ({"selectorType": "deploymentName", "selectorValue": "web"}, {"deployment": ["web"]}),
        ({"selectorType": "podName", "selectorValue": "web-1"}, {"pod": ["web-1"]}),
        ({"selectorValue": "app=web, tier==front"}, {"labels": ["app=web", "tier=front"]}),
        ({"availabilityZoneIdentifier": "eu-west-1a"}, {"labels": ["app=web"], "availability-zone": ["eu-west-1a"]}),
    ],
)
def test_pods_are_chosen_as_their_selector_says(parameters: dict[str, str], filters: dict[str, list[str]]) -> None:
    adopted = admit(change(load("14"), target={"parameters": {**POD, **parameters}})).target
    assert adopted is not None
    assert {name: list(values) for name, values in adopted.filters.items()} == {"namespace": ["shop"], **filters}


@pytest.mark.parametrize(
    ("action", "target", "said"),
    [
        ({}, {"targetContainerName": "app"}, "takes the first container|take the first container"),
        ({}, {"selectorValue": "app in (web)"}, "is no label with its value"),
        ({}, {"selectorType": "nodeName"}, "'nodeName' is not understood"),
        ({}, {"namespace": "Shop"}, "is refused"),
        ({"maxErrorsPercent": "50"}, {}, "is 50, in cpu_stress it is 0"),
        ({"fisPodLabels": "a=b"}, {}, "not known of aws:eks:pod-cpu-stress"),
    ],
)
def test_what_a_template_of_pods_would_lose_is_refused(action: dict[str, str], target: dict[str, str], said: str) -> None:
    problems = refuse(change(load("14"), action=action, target={"parameters": {**POD, **target}}))
    assert len(problems) == 1, problems
    assert any(words in "".join(problems.values()) for words in said.split("|"))


def test_the_environment_decides_as_whom_fis_acts_on_pods() -> None:
    path = "fis_template_id.actions.a.parameters.kubernetesServiceAccount"
    theirs = change(load("14"), action={"kubernetesServiceAccount": "theirs"})
    problems = refuse(theirs)
    assert list(problems) == [path]
    assert 'FIS would act as the service account "theirs"; Squall acts as fis, which the policy names / fis' in problems[path]
    assert list(refuse(theirs, {"eks_service_account": None})) == [path]
    assert admit(theirs, {"eks_service_account": "theirs"}).parameters == {"load_percent": 100}


@pytest.mark.parametrize(
    ("kind", "action", "parameters", "adopted"),
    [
        ("memory_stress", "memory-stress", {}, {"memory_percent": 80}),
        (
            "dependency_timeout",
            "network-packet-loss",
            {"sources": "10.0.0.0/8", "flowsPercent": "20"},
            {"loss_percent": 7, "dependency": "10.0.0.0/8", "flows_percent": 20},
        ),
        (
            "network_latency",
            "network-latency",
            {"sources": "10.1.0.0/16"},
            {"latency_ms": 200, "jitter_ms": 10, "sources": "10.1.0.0/16", "flows_percent": 100},
        ),
        (
            "service_unavailable",
            "network-blackhole-port",
            {"port": "80", "protocol": "tcp", "trafficType": "ingress"},
            {"port": 80, "protocol": "tcp"},
        ),
        ("dependency_timeout", "network-blackhole-port", {"port": "5432", "trafficType": "egress"}, {"port": 5432, "protocol": "tcp"}),
    ],
)
def test_each_fault_of_pods_is_read_with_fis_s_defaults(
    kind: str, action: str, parameters: dict[str, str], adopted: dict[str, Any]
) -> None:
    case = change(load("14"), action=parameters)
    case["experiment"]["type"] = kind
    case["template"]["actions"]["a"]["actionId"] = f"aws:eks:pod-{action}"
    assert admit(case).parameters == adopted


@pytest.mark.parametrize(
    ("document", "told", "kind", "adopted"),
    [
        ("Network-Packet-Loss", {}, "dependency_timeout", {"loss_percent": 7, "dependency": "INTERFACE"}),
        (
            "Network-Packet-Loss-Sources",
            {"Sources": "S3", "LossPercent": ["100"], "FlowsPercent": "10"},
            "dependency_timeout",
            {"loss_percent": 100, "dependency": "S3", "traffic_type": "ingress", "flows_percent": 10},
        ),
        ("Network-Latency", {}, "network_latency", {"latency_ms": 200, "sources": "INTERFACE"}),
    ],
)
def test_documents_are_read_with_their_own_defaults_and_run_as_they_are(
    document: str, told: dict[str, Any], kind: str, adopted: dict[str, Any]
) -> None:
    given = {"documentArn": f"arn:aws:ssm:{REGION}::document/AWSFIS-Run-{document}"}
    case = change(load("11"), action={**given, "documentParameters": json.dumps({"DurationSeconds": "600", **told})})
    case["experiment"]["type"] = kind
    found = admit(case)
    assert found.parameters == adopted
    fault = registry.find_fault(found.plan[0])
    pinned = [BUILDERS[fault.resource_type]("i-1")]
    _, actions = compile_fault(fault, fault.parse(found.parameters), pinned, timedelta(minutes=10), region=REGION, partition="aws")
    assert [action["parameters"]["documentArn"] for action in actions.values()] == [given["documentArn"]]


@pytest.mark.parametrize(
    ("told", "path", "said"),
    [
        ({"DelayMilliseconds": ["100", "200"]}, "DelayMilliseconds", "is not one value"),
        ({"Sources": "10.0.0.0/8"}, "Sources", "not known of AWSFIS-Run-Network-Latency"),
        ({"DelayMilliseconds": "3000"}, "parameters.sources", "at most 2000 ms with INTERFACE"),
    ],
)
def test_a_document_is_never_given_what_it_does_not_know(told: dict[str, Any], path: str | None, said: str) -> None:
    case = change(load("11"), action={"documentParameters": json.dumps({"DurationSeconds": "600", **told})})
    problems = refuse(case)
    assert list(problems) == [".".join(["fis_template_id.actions.a.parameters.documentParameters", *([path] if path else [])])], problems
    assert said in "".join(problems.values())


@pytest.mark.parametrize(("loss", "dependency"), [(31, "eu-west-1b"), (100, "10.0.0.0/8")])
def test_a_loss_that_would_cut_off_the_agent_is_refused(loss: int, dependency: str) -> None:
    told = {"DurationSeconds": "600", "Sources": dependency, "LossPercent": str(loss), "TrafficType": "egress"}
    assert "parameters.dependency" in "".join(refuse(change(load("23"), action={"documentParameters": json.dumps(told)})))


def test_a_loss_on_a_whole_interface_is_bounded_as_well() -> None:
    told = json.dumps({"DurationSeconds": "600", "LossPercent": "31"})
    document = f"arn:aws:ssm:{REGION}::document/AWSFIS-Run-Network-Packet-Loss"
    problems = refuse(change(load("23"), action={"documentArn": document, "documentParameters": told}))
    assert "a loss_percent of at most 30" in "".join(problems.values())


def test_a_wait_before_the_fault_is_its_baseline_and_one_after_a_termination_its_observation() -> None:
    case = load("03")
    case["template"]["actions"]["before"] = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT5M"}, "targets": {}}
    case["template"]["actions"]["a"]["startAfter"] = ["before"]
    assert admit(case).length == timedelta(minutes=10)
    assert admit(case).observation is None, "as long as the experiment says"
    case["template"]["actions"]["w"]["parameters"]["duration"] = "PT15M"
    assert admit(case).observed_length == timedelta(minutes=15)
    case["template"]["actions"]["w"]["parameters"]["duration"] = "PT5M"
    assert "ends 5 min after the fault began, the experiment lasts 10 min" in refuse(case)["fis_template_id.actions.w.parameters.duration"]


def test_a_wait_and_the_experiment_s_own_observation_must_agree() -> None:
    case = load("03")
    case["experiment"] |= {"duration_minutes": 1, "observation": "PT12M"}
    assert "its observation lasts 12 min" in refuse(case)["fis_template_id.actions.w.parameters.duration"]
    case["experiment"]["observation"] = "PT10M"
    assert admit(case).observed_length == timedelta(minutes=10)
    del case["experiment"]["observation"]
    assert (admit(case).length, admit(case).observed_length) == (timedelta(minutes=1), timedelta(minutes=10))


@pytest.mark.parametrize(
    ("parameters", "adopted"),
    [
        ({"startInstancesAfterDuration": None}, {"mode": "stop"}),
        ({"completeIfInstancesTerminated": "true"}, {"mode": "stop_and_start"}),
    ],
)
def test_instances_are_stopped_with_and_without_a_restart(parameters: dict[str, Any], adopted: dict[str, str]) -> None:
    assert admit(change(load("10"), action=parameters)).parameters == adopted


def test_a_restart_after_another_time_than_the_experiment_s_is_refused() -> None:
    problems = refuse(change(load("10"), action={"startInstancesAfterDuration": "PT5M"}))
    assert "lasts 5 min, the experiment 10 min" in problems["fis_template_id.actions.a.parameters.startInstancesAfterDuration"]


def test_a_wait_after_a_stop_with_a_restart_is_observation() -> None:
    case = load("10")
    case["template"]["actions"]["w"] = {
        "actionId": "aws:fis:wait", "parameters": {"duration": "PT10M"}, "targets": {}, "startAfter": ["a"],
    }  # fmt: skip
    assert admit(case).observed_length == timedelta(minutes=20)


def test_a_wait_after_a_fault_that_lasts_is_observation() -> None:
    case = load("16")
    wait = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT5M"}, "targets": {}, "startAfter": ["a"]}
    case["template"]["actions"]["w"] = wait
    adopted = admit(case)
    assert (adopted.length, adopted.observed_length) == (timedelta(minutes=10), timedelta(minutes=16)), "the action takes 11 minutes"
    case["template"]["actions"]["w"]["parameters"]["duration"] = "PT13H"
    assert "fis_template_id.observation" in refuse(case)


def test_a_key_that_nobody_knows_is_refused_by_its_path_at_each_level() -> None:
    case = load("16")
    case["template"]["schedule"] = "daily"
    case["template"]["actions"]["a"]["retries"] = "3"
    case["template"]["experimentOptions"]["dryRun"] = "true"
    case["template"]["actions"]["a"]["parameters"]["timeout"] = "60"
    assert set(refuse(case)) == {
        "fis_template_id.schedule",
        "fis_template_id.experimentOptions.dryRun",
        "fis_template_id.actions.a.retries",
        "fis_template_id.actions.a.parameters.timeout",
    }
