"""What a CloudFormation template itself says of its resources is carried over; what only AWS knows is named with its resource."""

from typing import Any

import pytest

from cli.importing.experiment import Refused
from cli.importing.named_resources import _KINDS, describe_resource
from cli.importing.values import REPLACE
from tests.cli.importing.importing import import_document, only
from tests.unit.admission.test_listed_templates import IMPAIR

AUTOMATION, SEND = "aws:ssm:start-automation-execution", "aws:ssm:send-command"


def stack(actions: dict[str, Any], targets: dict[str, Any] | None = None, alarm: Any = None, **resources: Any) -> dict[str, Any]:
    condition = {"Source": "none"} if alarm is None else {"Source": "aws:cloudwatch:alarm", "Value": alarm}
    properties = {
        "Description": "A stack with its own parts",
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "Tags": {"Name": "own-parts"},
        "Targets": targets or {},
        "Actions": actions,
        "StopConditions": [condition],
    }
    return {"Resources": {"Experiment": {"Type": "AWS::FIS::ExperimentTemplate", "Properties": properties}, **resources}}


def own(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def automation(role: Any) -> dict[str, Any]:
    told = {"Fn::Sub": ['{"queue": "orders", "AutomationAssumeRole": "${Role}"}', {"Role": role}]}
    arn = {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/${Runbook}"}
    return {"ActionId": AUTOMATION, "Parameters": {"documentArn": arn, "documentParameters": told, "maxDuration": "PT10M"}}


ROLE_NAME = IMPAIR["assume_role"].rpartition("/")[2]


@pytest.mark.parametrize(
    "name", ["Impair-Queue", {"Ref": "Named"}, {"Fn::Join": ["-", ["Impair", "Queue"]]}, {"Fn::Sub": "Impair-${Short}"}], ids=str
)
def test_a_document_and_a_role_of_the_same_stack_are_those_that_the_policy_lists(name: Any) -> None:
    document = stack(
        {"Impair": automation({"Fn::GetAtt": ["Assumed", "Arn"]})},
        Runbook=own("AWS::SSM::Document", Name=name, DocumentType="Automation"),
        Assumed=own("AWS::IAM::Role", RoleName=ROLE_NAME),
    )
    document["Parameters"] = {"Named": {"Type": "String", "Default": "Impair-Queue"}, "Short": {"Type": "String", "Default": "Queue"}}
    made = only(import_document(document, listed={"impair": IMPAIR}))
    assert made.document["parameters"] == {"action": "impair", "values": {"queue": "orders"}}
    assert [loss.path.partition(".")[0] for loss in made.losses] == ["Parameters"] * ("Ref" in str(name) or "Sub" in str(name))


def test_a_role_of_another_name_is_not_taken_for_the_reviewed_one() -> None:
    document = stack(
        {"Impair": automation({"Fn::GetAtt": ["Assumed", "Arn"]})},
        Runbook=own("AWS::SSM::Document", Name="Impair-Queue"),
        Assumed=own("AWS::IAM::Role", RoleName="another"),
    )
    made = only(import_document(document, listed={"impair": IMPAIR}))
    (loss,) = made.losses
    assert loss.path.endswith("documentParameters.AutomationAssumeRole")


def test_a_document_without_a_name_is_refused_with_the_resource_whose_name_is_missing() -> None:
    document = stack({"Impair": automation("arn:aws:iam::111122223333:role/r")}, Runbook=own("AWS::SSM::Document", Content={}))
    (refused,) = import_document(document, listed={"impair": IMPAIR})
    assert isinstance(refused, Refused)
    (problem,) = refused.problems
    assert "Runbook is the AWS::SSM::Document of the stack, and its Name is made up by CloudFormation" in problem.message
    assert '"document": "REPLACE: the name of ${Runbook}"' in problem.expected


TASKS = {"Tasks": {"ResourceType": "aws:ecs:task", "ResourceTags": {"app": "shop"}, "SelectionMode": "COUNT(1)"}}
STOP = {"Stop": {"ActionId": "aws:ecs:stop-task", "Targets": {"Tasks": "Tasks"}}}


def test_an_alarm_of_the_stack_is_a_stop_alarm_by_its_name_or_named_once_as_unknown() -> None:
    alarm = {"Fn::GetAtt": ["Errors", "Arn"]}
    made = only(import_document(stack(STOP, TASKS, alarm, Errors=own("AWS::CloudWatch::Alarm", AlarmName="shop-errors"))))
    assert (made.document["stop_alarms"], made.losses) == (["shop-errors"], ())
    made = only(import_document(stack(STOP, TASKS, alarm, Errors=own("AWS::CloudWatch::Alarm", MetricName="Errors"))))
    assert made.document["stop_alarms"] == [{REPLACE: "${Errors.Arn}"}]
    (loss,) = made.losses
    assert (loss.path, "Errors is the AWS::CloudWatch::Alarm of the stack" in loss.why) == ("stop_alarms[0]", True)


def test_a_name_that_the_stack_reads_elsewhere_when_it_is_deployed_is_no_constant() -> None:
    alarm = {"Fn::GetAtt": ["Errors", "Arn"]}
    reads = "{{resolve:ssm:/shop/alarm}}"
    made = only(import_document(stack(STOP, TASKS, alarm, Errors=own("AWS::CloudWatch::Alarm", AlarmName=reads))))
    assert made.document["stop_alarms"] == [{REPLACE: "${Errors.Arn}"}]
    document = stack(STOP, TASKS, {"Fn::FindInMap": ["Alarms", "shop", "errors"]})
    document["Mappings"] = {"Alarms": {"shop": {"errors": reads}}}
    assert only(import_document(document)).document["stop_alarms"] == [{REPLACE: reads}]


@pytest.mark.parametrize(
    ("resource", "value", "key", "action", "arn"),
    [
        (
            own("AWS::RDS::DBCluster", DBClusterIdentifier="Orders"),
            {"Fn::GetAtt": ["Thing", "DBClusterArn"]},
            ("aws:rds:cluster", "Clusters"),
            "aws:rds:failover-db-cluster",
            "arn:aws:rds:REGION:ACCOUNT:cluster:orders",
        ),
        (
            own("AWS::RDS::DBInstance", DBInstanceIdentifier="orders"),
            {"Fn::Sub": "arn:aws:rds:${AWS::Region}:${AWS::AccountId}:db:${Thing}"},
            ("aws:rds:db", "DBInstances"),
            "aws:rds:reboot-db-instances",
            "arn:aws:rds:REGION:ACCOUNT:db:orders",
        ),
        (
            own("AWS::Serverless::Function", FunctionName="checkout"),
            {"Fn::GetAtt": "Thing.Arn"},
            ("aws:lambda:function", "Functions"),
            "aws:lambda:invocation-error",
            "arn:aws:lambda:REGION:ACCOUNT:function:checkout",
        ),
    ],
)
def test_a_target_of_the_stack_is_named_as_far_as_the_template_names_it(
    resource: dict[str, Any], value: Any, key: tuple[str, str], action: str, arn: str
) -> None:
    targets = {"Some": {"ResourceType": key[0], "ResourceArns": [value], "SelectionMode": "ALL"}}
    hit = {"Hit": {"ActionId": action, "Parameters": {"duration": "PT10M"} if "lambda" in action else {}, "Targets": {key[1]: "Some"}}}
    made = only(import_document(stack(hit, targets, Thing=resource)))
    words = arn.replace("REGION", "${AWS::Region}").replace("ACCOUNT", "${AWS::AccountId}")
    assert made.document["target"]["arns"] == [{REPLACE: words}]


def test_an_instance_of_the_stack_is_named_as_what_aws_knows_once_it_is_there() -> None:
    target = {"Fn::Sub": "arn:aws:ec2:${AWS::Region}:${AWS::AccountId}:instance/${Web}"}
    targets = {"One": {"ResourceType": "aws:ec2:instance", "ResourceArns": [target], "SelectionMode": "ALL"}}
    stop = {"Stop": {"ActionId": "aws:ec2:stop-instances", "Targets": {"Instances": "One"}}}
    made = only(import_document(stack(stop, targets, Web=own("AWS::EC2::Instance"))))
    assert "Web is the AWS::EC2::Instance of the stack, whose values AWS knows once it is there" in str(made.losses[0])


def test_names_in_a_circle_are_no_constants() -> None:
    first, second = own("AWS::SSM::Document", Name={"Ref": "Second"}), own("AWS::SSM::Document", Name={"Ref": "Runbook"})
    (refused,) = import_document(stack({"Impair": automation("r")}, Runbook=first, Second=second), listed={"impair": IMPAIR})
    assert isinstance(refused, Refused)
    assert "its Name is no constant" in str(refused.problems[0])


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_a_resource_without_a_name_is_described_by_the_property_that_would_name_it(kind: str) -> None:
    words = describe_resource("Thing", {"Type": kind, "Properties": {}})
    assert words == f"Thing is the {kind} of the stack, and its {_KINDS[kind].name} is made up by CloudFormation"
