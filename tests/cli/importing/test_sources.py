"""What becomes of a FIS template, of CloudFormation, Terraform and Chaos Toolkit: whole, with losses that are all named,
or refused."""

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import find

from cli.importing.experiment import Imported, Refused
from cli.importing.values import REPLACE
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import ResourceType
from squall.faults import registry
from squall.faults.adoption.template import ABOUT_ITSELF, REPLACED
from squall.faults.base import AnyFault
from tests.cli.importing.importing import FILES, FOLDER, import_document, only, read, show_import, walk
from tests.unit.faults.asking import compile_fault
from tests.unit.faults.test_faults import PARAMETERS
from tests.unit.faults.test_resource_faults import named, parameters_of
from tests.unit.resources import BUILDERS

WHOLE = {"fis-terminate.json", "terraform-state.json"}
REFUSED = {"fis-unknown-action.json", "chaos-unknown.json"}
ROLE = {"roleArn": "arn:aws:iam::111122223333:role/fis", "stopConditions": [{"source": "none"}]}


@pytest.mark.parametrize("name", FILES)
def test_a_source_is_whole_or_its_losses_are_named_or_it_is_refused(name: str) -> None:
    made = import_document(read(name))
    kinds = {"refused" if isinstance(each, Refused) else "lost" if each.losses else "whole" for each in made}
    assert kinds == {"whole" if name in WHOLE else "refused" if name in REFUSED else "lost"}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_was_carried_over_whole_is_valid(name: str) -> None:
    (planned,) = parse_experiment(only(import_document(read(name))).document).plan
    assert planned.target is not None


@pytest.mark.parametrize("name", FILES)
def test_an_experiment_with_a_mark_is_not_valid_until_somebody_decides(name: str) -> None:
    for each in import_document(read(name)):
        if isinstance(each, Imported) and REPLACE in str(each.document):
            assert each.losses
            with pytest.raises(InvalidInput, match=REPLACE):
                parse_experiment(each.document)


_SKIPPED = {
    *ABOUT_ITSELF,
    *REPLACED,
    "RoleArn",
    "LogConfiguration",
    "role_arn",
    "log_configuration",
    "Metadata",
    "contributions",
    "tags_all",
}
"""Keys that are named as a whole."""
_OF_TERRAFORM, _OF_STACK = "aws_fis_experiment_template", "AWS::FIS::ExperimentTemplate"


def _list_objects(document: Any) -> list[dict[str, Any]]:
    """The objects of the source that are its templates' own: other resources of a stack are no part of an experiment."""
    everything = list(walk(document))
    own = [inner for inner in everything if inner.get("Type") == _OF_STACK]
    own += [inner["values"] for inner in everything if inner.get("type") == _OF_TERRAFORM and "values" in inner]
    objects = [inner for template in own or [document] for inner in walk(template, _SKIPPED)]
    return [inner for inner in objects if not (len(inner) == 1 and str(next(iter(inner))).startswith(("Ref", "Fn::")))]


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_nothing_is_dropped_in_silence(name: str) -> None:
    """A key that nobody knows, in each object of the source in turn, is carried over or named."""
    dropped = []
    for number, _ in enumerate(_list_objects(read(name))):
        document = read(name)
        inner = _list_objects(document)[number]
        inner["strange"] = "marker-of-nobody"
        if "marker-of-nobody" not in show_import(document):
            dropped.append(inner)
    assert dropped == []


@pytest.mark.parametrize("fault", [fault for fault in registry.list_faults() if fault.reads_templates], ids=named)
def test_what_squall_compiles_is_imported_whole(fault: AnyFault) -> None:
    strategy = PARAMETERS[fault.type] if fault.resource_type is ResourceType.INSTANCE else parameters_of(fault)
    parsed = fault.parse(find(strategy, lambda _: True))
    pinned = [BUILDERS[fault.resource_type]("i-0")]
    targets, actions = compile_fault(fault, parsed, pinned, timedelta(minutes=10))
    imported = only(
        import_document({"description": "x", "targets": targets, "actions": actions, **ROLE}, "eu-west-1", eks_service_account="fis")
    )
    assert imported.losses == ()
    experiment = parse_experiment(imported.document)
    (planned,) = experiment.plan
    again = registry.find_fault(planned)
    assert (again.resource_type, planned.length) == (fault.resource_type, timedelta(minutes=10))
    _, compiled = compile_fault(again, again.parse(planned.parameters), pinned, timedelta(minutes=10))
    assert [_without_words(action) for action in compiled.values()] == [_without_words(action) for action in actions.values()]


def _without_words(action: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in action.items() if key != "description"}


def test_a_template_of_an_account_is_carried_over_with_its_targets_alarm_and_length() -> None:
    imported = only(import_document(read("fis-answer.json")))
    document = imported.document
    assert document["target"] == {
        "resource_type": "aws:ec2:instance",
        "tags": {"tier": "web"},
        "filters": {"instance-state-name": ["running"], "vpc-id": ["vpc-0a1b2c3d"]},
        "select": {"percent": 50},
    }
    assert (document["type"], document["duration"], document["blast_radius"]) == ("cpu_stress", "PT10M", "single_region")
    assert document["stop_alarms"] == ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:shop-errors"]
    assert (document["name"], document["tags"]["team"]) == ("web-cpu", "shop")
    assert document["description"] == "CPU stress on the web tier; Keep every CPU busy"
    assert [loss.path for loss in imported.losses] == ["actions.stress.parameters.documentVersion"]


def test_several_faults_are_one_scenario_with_their_order_waits_and_targets() -> None:
    imported = only(import_document(read("fis-sequence.json"), "eu-west-1"))
    document = imported.document
    assert imported.losses == ()
    slow, fewer = document["faults"]["slow"], document["faults"]["fewer"]
    assert (slow["type"], slow["duration"], "after" in slow) == ("network_latency", "PT15M", False)
    assert (fewer["type"], fewer["after"], fewer["delay"]) == ("instance_termination", ["slow"], "PT5M")
    assert fewer["target"]["select"] == {"count": 2}
    assert (document["blast_radius"], "type" in document, "target" in document) == ("single_region", False, False)
    parsed = parse_experiment(document)
    assert [(fault.name, fault.start) for fault in parsed.plan] == [("slow", timedelta(0)), ("fewer", timedelta(minutes=20))]


def wait(minutes: int, *after: str) -> dict[str, Any]:
    return {"actionId": "aws:fis:wait", "parameters": {"duration": f"PT{minutes}M"}, "startAfter": list(after)}


def test_a_wait_after_all_faults_is_the_observation_of_the_scenario() -> None:
    document = read("fis-sequence.json")
    document["actions"] |= {"calm": wait(5), "watch": wait(20, "fewer")}
    document["actions"]["slow"]["startAfter"] = ["calm"]
    made = only(import_document(document, "eu-west-1")).document
    assert made["observation"] == "PT40M", "from the beginning of the first fault: a wait before it is the baseline"
    assert parse_experiment(made).observes_longer


def test_a_wait_after_one_fault_is_its_observation() -> None:
    document = read("fis-sequence.json")
    del document["actions"]["fewer"]
    del document["targets"]["Few"]
    imported = only(import_document(document, "eu-west-1"))
    assert (imported.document["duration"], imported.document["observation"], imported.losses) == ("PT15M", "PT20M", ())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"startAfter": ["breathe", "other"]}, "begins after several actions, one of which is a wait"),
        ({"startAfter": ["nobody"]}, "never starts"),
    ],
)
def test_an_order_that_no_scenario_says_is_lost_by_name_and_each_fault_is_an_experiment(change: dict[str, Any], said: str) -> None:
    document = read("fis-sequence.json")
    document["actions"]["other"] = {**document["actions"]["slow"], "targets": {"Tasks": "Few"}}
    document["actions"]["fewer"] |= change
    made = import_document(document, "eu-west-1")
    assert len(made) == 3
    for each in made:
        assert isinstance(each, Imported)
        assert any(said in str(loss) for loss in each.losses)
        assert any("is one of several faults of the template" in str(loss) for loss in each.losses)


PUBLIC = FOLDER.parent / "fis_templates"
"""Templates in the shapes of public ones."""


def read_public(number: str) -> dict[str, Any]:
    (path,) = PUBLIC.glob(f"{number}-*.json")
    template: dict[str, Any] = json.loads(path.read_text())["template"]
    return template


def test_public_templates_with_several_faults_are_scenarios() -> None:
    sequence = only(import_document(read_public("02"), "eu-west-1"))
    faults = sequence.document["faults"]
    assert (faults["lat"]["type"], faults["lat"]["duration"], faults["stop"]["after"]) == ("network_latency", "PT10M", ["lat"])
    assert parse_experiment(sequence.document).length == timedelta(minutes=20)
    pair = only(import_document(read_public("17"), "eu-west-1")).document
    assert {name: fault["target"]["select"] for name, fault in pair["faults"].items()} == {"x": {"count": 1}, "y": {"count": 1}}
    assert pair["blast_radius"] == "single_region", "two targets of FIS are two resources"
    assert [fault.start for fault in parse_experiment(pair).plan] == [timedelta(0)] * 2


def test_a_public_template_that_waits_after_a_termination_is_observed_for_as_long() -> None:
    document = only(import_document(read_public("03"), "eu-west-1")).document
    assert (document["duration"], "observation" in document, "faults" in document) == ("PT10M", False, False)


@pytest.mark.parametrize("number", sorted(path.name[:2] for path in PUBLIC.iterdir()))
def test_public_templates_are_imported_or_refused_by_path(number: str) -> None:
    for each in import_document(read_public(number), "eu-west-1"):
        if isinstance(each, Refused):
            assert all(problem.path.startswith(("actions.", "targets.")) for problem in each.problems)
        else:
            assert each.losses or parse_experiment(each.document).plan


def test_a_fault_that_squall_does_not_know_leaves_the_others_and_says_what_they_lack() -> None:
    document = read("fis-sequence.json")
    document["actions"]["slow"]["actionId"] = "aws:ecs:drain-container-instances"
    refused, fewer = import_document(document, "eu-west-1")
    assert isinstance(refused, Refused)
    assert isinstance(fewer, Imported)
    assert "without slow, breathe and their order" in str(fewer.losses[0])


def test_what_would_narrow_the_targets_stays_to_be_decided() -> None:
    imported = only(import_document(read("fis-narrow.json")))
    assert imported.document["target"]["filters"] == {"functionQualifier": {REPLACE: "live"}}
    lost = {"experimentOptions.accountTargeting", "targets.Live.parameters.functionQualifier", "targets.Idle"}
    assert {loss.path for loss in imported.losses} == lost


def test_blanks_of_public_templates_are_marked_where_they_belong() -> None:
    imported = only(import_document(read("fis-blanks.json")))
    assert imported.document["target"]["filters"] == {"availability-zone": [{REPLACE: "<ZONE>"}]}
    assert imported.document["parameters"]["dependency"] == {REPLACE: "<DEPENDENCY CIDR>"}


def test_functions_of_cloudformation_are_resolved_as_far_as_they_are_constants() -> None:
    slow, cut = import_document(read("cloudformation.yaml"))
    assert isinstance(slow, Imported)
    assert isinstance(cut, Imported)
    assert slow.document["parameters"]["latency_ms"] == 250
    assert (slow.document["duration"], slow.document["stop_alarms"]) == ("PT10M", ["shop-errors"])
    assert [loss.path for loss in slow.losses] == ["Parameters.Latency"]
    subnet = "arn:aws:ec2:${AWS::Region}:${AWS::AccountId}:subnet/${Subnet}"
    assert cut.document["target"]["arns"] == [{REPLACE: subnet}]
    assert "CutOff.Condition" in {loss.path for loss in cut.losses}


def test_what_terraform_does_not_know_yet_is_marked() -> None:
    imported = only(import_document(read("terraform-plan.json")))
    (arn,) = imported.document["target"]["arns"]
    assert "target[0].resource_arns" in arn[REPLACE]
    assert (imported.document["name"], imported.document["type"]) == ("orders-failover", "database_failure")


def test_a_chaos_toolkit_experiment_becomes_sentinel_alarm_fault_and_restart() -> None:
    document = only(import_document(read("chaos-stop-instance.json"))).document
    assert document["sentinel"] == {"url": "https://shop.example.com/health", "expect": {"status": 200, "within_ms": 3000}}
    assert document["success_criteria"] == ["Sentinel availability > 99 %", 'alarm "shop errors" is OK']
    assert document["steady_state"] == ['alarm "shop errors" is OK']
    assert (document["parameters"], document["duration"]) == ({"mode": "stop_and_start"}, "PT10M")
    assert document["hypothesis"] == "The shop answers"
    assert parse_experiment(document).target is not None


def test_a_cloudwatch_probe_becomes_a_metric_with_its_range_and_a_rollback_its_document() -> None:
    imported = only(import_document(read("chaos-tasks.yaml")))
    metric = imported.document["metrics"]["queue stays short"]
    assert (metric["metric_name"], metric["statistic"]) == ("ApproximateNumberOfMessagesVisible", "Maximum")
    assert imported.document["success_criteria"] == ['"queue stays short" >= 0', '"queue stays short" <= 80']
    assert imported.document["rollback"] == {"document": "Restore-Orders"}
    assert imported.document["target"]["select"] == {"percent": 50}
    assert {"controls", "method[0]"} <= {loss.path for loss in imported.losses}


@pytest.mark.parametrize(
    ("tolerance", "criteria"),
    [
        (0, ['"m" = 0']),
        ({"type": "range", "range": [0.5, 2]}, ['"m" >= 0.5', '"m" <= 2']),
        (True, None),
        ({"type": "jsonpath", "path": "$.x"}, None),
        (None, None),
    ],
)
def test_only_numbers_are_a_tolerance_of_a_metric(tolerance: Any, criteria: list[str] | None) -> None:
    document = read("chaos-stop-instance.json")
    arguments = {"namespace": "Shop", "metric_name": "m", "statistic": "Sum"}
    provider = {"type": "python", "module": "chaosaws.cloudwatch.probes", "func": "get_metric_data", "arguments": arguments}
    document["steady-state-hypothesis"]["probes"] = [{"type": "probe", "name": "m", "tolerance": tolerance, "provider": provider}]
    imported = only(import_document(document))
    if criteria is None:
        assert any(loss.path.startswith("steady-state-hypothesis.probes") for loss in imported.losses)
    else:
        assert imported.document["success_criteria"] == criteria


def test_an_unknown_action_beside_a_known_one_is_named_and_refused() -> None:
    document = read("fis-terminate.json")
    action_id = "aws:elasticache:interrupt-cluster-az-power"
    document["actions"]["pause"] = {"actionId": action_id, "targets": {"ReplicationGroups": "Shop"}}
    known, unknown = import_document(document)
    assert isinstance(known, Imported)
    assert isinstance(unknown, Refused)
    assert f"{action_id} is no action that AWS documents for FIS" in str(unknown.problems[0])


@pytest.mark.parametrize("name", FILES)
def test_a_source_with_anything_anywhere_is_imported_or_refused(name: str) -> None:
    """Each time one value is replaced by something that does not belong there."""
    choose = random.Random(name)
    values = [None, True, 0, 1.5, "", "x", "⟪0⟫", "<BLANK>", [], {}, [None], {"Ref": "X"}, {"a": {"b": 1}}, "PT999H", "COUNT(0)"]
    for _ in range(25):
        document = read(name)
        inner = choose.choice([inner for inner in walk(document) if inner])
        inner[choose.choice(list(inner))] = choose.choice(values)
        assert show_import(document)


def import_action(action_id: str, key: str, target: dict[str, Any], parameters: dict[str, str]) -> Any:
    action = {"actionId": action_id, "parameters": parameters, "targets": {key: "Hit"}}
    return only(import_document({"targets": {"Hit": {**target, "selectionMode": "ALL"}}, "actions": {"hit": action}, **ROLE}))


@pytest.mark.parametrize(
    ("inputs", "kind", "parameters"),
    [
        ({"forceFailover": "true"}, "database_failure", {}),
        ({"forceFailover": "false"}, "aws:rds:reboot-db-instances", {"forceFailover": False}),
        ({}, "aws:rds:reboot-db-instances", {}),
    ],
)
def test_a_reboot_of_databases_is_imported_as_the_fault_that_it_is(inputs: dict[str, str], kind: str, parameters: dict[str, Any]) -> None:
    target = {"resourceType": "aws:rds:db", "resourceArns": ["arn:aws:rds:eu-west-1:111122223333:db:orders"]}
    document = import_action("aws:rds:reboot-db-instances", "DBInstances", target, inputs).document
    assert (document["type"], document.get("parameters", {})) == (kind, parameters)


def test_a_share_of_nodes_is_imported_with_the_tags_of_its_node_groups() -> None:
    target = {"resourceType": "aws:eks:nodegroup", "resourceTags": {"app": "shop"}}
    inputs = {"instanceTerminationPercentage": "40"}
    document = import_action("aws:eks:terminate-nodegroup-instances", "Nodegroups", target, inputs).document
    assert (document["type"], document["parameters"]) == ("aws:eks:terminate-nodegroup-instances", {"instanceTerminationPercentage": 40})
    assert (document["target"]["resource_type"], document["target"]["tags"]) == ("aws:eks:nodegroup", {"app": "shop"})
