"""FIS templates whose actions the environment's policy lists, or would have to list, and actions by their ids."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.importing.experiment import Imported, Refused
from tests.cli.conftest import Squall
from tests.cli.importing.importing import import_document, only
from tests.unit.admission.test_listed_templates import IMPAIR, PAUSE
from tests.unit.builders import ACCOUNT
from tests.unit.domain.policy.test_commands import STRESS

AUTOMATION = "aws:ssm:start-automation-execution"
BY_TAG = {"resourceType": "aws:ec2:instance", "resourceTags": {"app": "web"}, "selectionMode": "ALL"}
HERE = "arn:aws:ssm:eu-west-1:111122223333:document/Impair-Queue"


def document(arn: str = HERE, told: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    told = told or {"queue": "orders", "AutomationAssumeRole": IMPAIR["assume_role"]}
    parameters = {"documentArn": arn, "documentParameters": json.dumps(told), "maxDuration": "PT10M"}
    return {"actionId": AUTOMATION, "parameters": parameters, **more}


def template(targets: dict[str, Any] | None = None, **actions: dict[str, Any]) -> dict[str, Any]:
    role = "arn:aws:iam::111122223333:role/fis"
    return {
        "description": "A queue waits",
        "targets": targets or {},
        "actions": actions,
        "stopConditions": [{"source": "none"}],
        "roleArn": role,
    }


def listed(**changes: Any) -> dict[str, Any]:
    return {"impair": {**IMPAIR, **changes}}


@pytest.mark.parametrize(
    "arn",
    [
        HERE,
        "arn:aws:ssm:{{ aws:region }}:${ACCOUNT_ID}:document/Impair-Queue",
        "arn:aws:ssm:<YOUR REGION>:<YOUR ACCOUNT>:document/Impair-Queue",
        "arn:aws:ssm:eu-west-1:<ACCOUNT>:document/Impair-Queue",
    ],
)
def test_a_document_that_the_policy_lists_is_imported_with_what_it_touches(arn: str) -> None:
    made = only(import_document(template(impair=document(arn)), listed=listed()))
    assert made.losses == ()
    wanted = {"type": "custom", "parameters": {"action": "impair", "values": {"queue": "orders"}}, "duration": "PT10M"}
    assert {key: made.document[key] for key in wanted} == wanted
    assert made.document["target"] == {"resource_type": "aws:ec2:autoscaling-group", "tags": {"app": "web"}, "select": "all"}


@pytest.mark.parametrize(
    ("told", "entry", "path"),
    [
        ({"queue": "stock"}, {}, "parameters.documentParameters.queue"),
        ({"queue": "orders", "AutomationAssumeRole": "arn:aws:iam::111122223333:role/another"}, {}, "AutomationAssumeRole"),
        ({"queue": "orders", "depth": "2"}, {"fixed": {"depth": "1"}}, "parameters.documentParameters.depth"),
    ],
)
def test_what_the_entry_does_not_allow_is_named(told: dict[str, Any], entry: dict[str, Any], path: str) -> None:
    made = only(import_document(template(impair=document(told=told)), listed=listed(**entry)))
    assert any(loss.path.endswith(path) for loss in made.losses), made.losses


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({}, '"parameters": {"queue": "orders"}'),
        ({"impair": {**IMPAIR, "touches": None}}, "does not say what it touches"),
        ({"impair": {**IMPAIR, "document": "arn:aws:ssm:eu-west-1:999999999999:document/Impair-Queue"}}, '"document": "Impair-Queue"'),
    ],
)
def test_a_document_is_refused_with_the_entry_that_the_policy_would_need(entries: dict[str, Any], says: str) -> None:
    (refused,) = import_document(template(impair=document()), listed=entries)
    assert isinstance(refused, Refused)
    assert says in str(refused.problems[0])


def test_another_action_is_imported_by_the_entry_of_its_targets_or_refused_with_it() -> None:
    action = {"actionId": PAUSE["action"], "parameters": {"duration": "PT10M", "depth": "4"}, "targets": {"Instances": "Web"}}
    made = only(import_document(template({"Web": BY_TAG}, freeze=action), listed={"pause": PAUSE}))
    assert (made.document["type"], made.document["parameters"]) == ("custom", {"action": "pause", "values": {"depth": "4"}})
    assert made.document["target"]["tags"] == {"app": "web"}
    (refused,) = import_document(template({"Web": BY_TAG}, freeze=action))
    assert isinstance(refused, Refused)
    assert "aws:ec2:freeze-instances is no action that AWS documents for FIS" in str(refused.problems[0])


@pytest.mark.parametrize(
    ("action", "resource_type", "key", "says"),
    [
        (
            "aws:elasticache:interrupt-cluster-az-power",
            "aws:elasticache:replicationgroup",
            "ReplicationGroups",
            "is no action that AWS documents for FIS",
        ),
        ("aws:ec2:reboot-instance", "aws:ec2:instance", "Instances", 'did you mean "aws:ec2:reboot-instances"?'),
    ],
)
def test_an_action_that_no_entry_can_list_is_refused_with_what_works(action: str, resource_type: str, key: str, says: str) -> None:
    target = {"resourceType": resource_type, "resourceTags": {"app": "web"}, "selectionMode": "ALL"}
    (refused,) = import_document(template({"Some": target}, hit={"actionId": action, "parameters": {}, "targets": {key: "Some"}}))
    assert isinstance(refused, Refused)
    assert says in str(refused.problems[0])
    assert "custom_actions with action" not in str(refused.problems[0])


def test_an_action_by_its_id_is_a_type_of_its_own() -> None:
    made = only(import_document(template({"Web": BY_TAG}, again={"actionId": "aws:ec2:reboot-instances", "targets": {"Instances": "Web"}})))
    assert (made.document["type"], made.losses) == ("aws:ec2:reboot-instances", ())


@pytest.mark.parametrize(
    ("action", "resource_type", "key", "parameters"),
    [
        (
            "aws:arc:start-zonal-autoshift",
            "aws:arc:zonal-shift-managed-resource",
            "ManagedResources",
            {"availabilityZoneIdentifier": "us-east-1a", "managedResourceTypes": "ASG,ALB", "zonalAutoshiftStatus": "ANY"},
        ),
        ("aws:network:disrupt-vpc-endpoint", "aws:ec2:vpc-endpoint", "VPCEndpoints", {}),
        ("aws:network:route-table-disrupt-cross-region-connectivity", "aws:ec2:subnet", "Subnets", {"region": "eu-west-1"}),
        (
            "aws:network:transit-gateway-disrupt-cross-region-connectivity",
            "aws:ec2:transit-gateway",
            "TransitGateways",
            {"region": "eu-west-1"},
        ),
    ],
)
def test_network_actions_of_awss_own_scenarios_are_imported_by_their_ids(
    action: str, resource_type: str, key: str, parameters: dict[str, str]
) -> None:
    target = {"resourceType": resource_type, "resourceTags": {"app": "web"}, "selectionMode": "ALL"}
    hit = {"actionId": action, "parameters": {"duration": "PT30M", **parameters}, "targets": {key: "Some"}}
    made = only(import_document(template({"Some": target}, hit=hit)))
    assert (made.document["type"], made.losses) == (action, ())
    assert made.document.get("parameters", {}) == {name: value for name, value in parameters.items() if value != "ENABLED"}
    assert (made.document["target"]["resource_type"], made.document["target"]["tags"]) == (resource_type, {"app": "web"})


def test_what_follows_a_document_is_imported_beside_it_and_what_is_lost_is_said() -> None:
    stop = {"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "Web"}, "startAfter": ["impair"]}
    made = import_document(template({"Web": BY_TAG}, impair=document(), stop=stop), listed=listed())
    assert [each.document["type"] for each in made if isinstance(each, Imported)] == ["custom", "instance_termination"]
    for each in made:
        assert isinstance(each, Imported)
        assert any("begins when the document of impair has ended" in str(loss) for loss in each.losses)


def test_the_policy_is_the_one_beside_the_folder_of_the_files(squall: Squall, tmp_path: Path) -> None:
    source, out, folder = tmp_path / "template.json", tmp_path / "experiments", tmp_path / "environments"
    source.write_text(json.dumps(template(impair=document())))
    folder.mkdir()
    policy = folder / "staging.yaml"
    policy.write_text(yaml.safe_dump({"name": "staging", "custom_actions": listed(), "fis_templates": []}))
    done = squall("import", str(source), "--out", str(out), "--environment", "staging")
    assert done.exit_code == 0, done.output
    policy.write_text("name: staging\ncustom_actions: 5\n")
    refused = squall("import", str(source), "--out", str(tmp_path / "experiments"), "--environment", "staging", "--force")
    assert refused.exit_code == 3
    assert "is not valid" in refused.stderr


@pytest.mark.parametrize("blank", ["<YOUR VPC>", "{{ vpc }}", "${VPC}"])
def test_a_blank_that_a_tool_was_to_fill_in_is_no_value(blank: str) -> None:
    target = {**BY_TAG, "filters": [{"path": "VpcId", "values": [blank]}]}
    made = only(import_document(template({"Web": target}, stop={"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "Web"}})))
    assert made.document["target"]["filters"]["vpc-id"] == [{"REPLACE": blank}]
    assert any(loss.path == "target.filters.vpc-id[0]" for loss in made.losses)


OWN_STRESS = "arn:aws:ssm:eu-west-1:111122223333:document/Our-Stress"


def sending(arn: str = OWN_STRESS, told: dict[str, Any] | None = None, **more: str) -> dict[str, Any]:
    """The template that sends this document to the instances with a tag."""
    told = told or {"Load": "80", "DurationSeconds": "600"}
    parameters = {"documentArn": arn, "documentParameters": json.dumps(told), "duration": "PT11M", **more}
    return template({"Web": BY_TAG}, hit={"actionId": "aws:ssm:send-command", "parameters": parameters, "targets": {"Instances": "Web"}})


@pytest.mark.parametrize("arn", [OWN_STRESS, "arn:aws:ssm:${REGION}:<YOUR ACCOUNT>:document/Our-Stress"])
def test_a_command_that_the_policy_lists_is_imported_on_its_targets(arn: str) -> None:
    made = only(import_document(sending(arn), listed={"stress": STRESS}))
    assert made.losses == ()
    wanted = {"type": "custom", "parameters": {"action": "stress", "values": {"Load": "80"}}, "duration": "PT10M"}
    assert {key: made.document[key] for key in wanted} == wanted
    assert made.document["target"] == {"resource_type": "aws:ec2:instance", "tags": {"app": "web"}, "select": "all"}


def test_a_command_is_refused_with_the_entry_that_the_policy_would_need() -> None:
    (refused,) = import_document(sending())
    assert isinstance(refused, Refused)
    (problem,) = refused.problems
    entry = yaml.safe_load(problem.expected.partition("such as ")[2])["custom_actions"]["our-stress"]
    assert (entry["command"], entry["parameters"], entry["length"]["parameter"]) == ("Our-Stress", {"Load": "80"}, "DurationSeconds")


def test_what_the_entry_of_a_command_does_not_allow_is_named() -> None:
    made = only(import_document(sending(documentVersion="9"), listed={"stress": STRESS}))
    assert ["was not reviewed" in str(loss) for loss in made.losses] == [True]
    listed = {"stress": {**STRESS, "parameters": {"Load": "50"}}}
    assert any(loss.path.endswith("documentParameters.Load") for loss in only(import_document(sending(), listed=listed)).losses)


def test_what_undoes_a_command_is_in_the_file() -> None:
    documents = {"start": {"document": "Start", "assume_role": f"arn:aws:iam::{ACCOUNT}:role/start"}}
    entry = {**STRESS, "self_reverting": False, "rollback": {"document": "start", "parameters": {"Ids": "$targets"}}}
    made = only(import_document(sending(), listed={"stress": entry}, rollback_documents=documents))
    assert made.document["rollback"] == {"document": "start", "parameters": {"Ids": "$targets"}}


def test_a_document_of_aws_in_a_version_is_imported_by_its_entry_or_the_version_is_lost() -> None:
    told = {"LoadPercent": "80", "DurationSeconds": "600", "InstallDependencies": "True"}
    source = sending("arn:aws:ssm:eu-west-1::document/AWSFIS-Run-CPU-Stress", told, documentVersion="4")
    allowed = {"LoadPercent": r"\d+", "InstallDependencies": "True"}
    listed = {"pinned": {**STRESS, "command": "AWSFIS-Run-CPU-Stress", "version": "4", "parameters": allowed}}
    made = only(import_document(source, listed=listed))
    assert (made.document["type"], made.losses) == ("custom", ())
    made = only(import_document(source))
    assert made.document["type"] == "cpu_stress"
    assert ["documentVersion" in loss.path for loss in made.losses] == [True]


@pytest.mark.parametrize("place", ["us-east-1:111122223333", "eu-west-1:999999999999"])
def test_a_document_of_another_region_or_account_is_refused_by_its_place(place: str) -> None:
    (refused,) = import_document(sending(f"arn:aws:ssm:{place}:document/Our-Stress"), "eu-west-1", listed={"stress": STRESS})
    assert isinstance(refused, Refused)
    (problem,) = refused.problems
    assert problem.path == "actions.hit.parameters.documentArn"
    assert "is a document of the" in problem.message


def test_of_aws_s_documents_the_one_of_the_own_region_runs_and_that_is_said() -> None:
    told = {"LoadPercent": "80", "DurationSeconds": "600"}
    made = only(import_document(sending("arn:aws:ssm:us-east-1::document/AWSFIS-Run-CPU-Stress", told), "eu-west-1"))
    assert made.document["type"] == "cpu_stress"
    (loss,) = made.losses
    assert loss.path == "actions.hit.parameters.documentArn"
    assert "Squall runs the one of its own Region" in loss.why
