"""What a policy's custom actions put into the environment's FIS role, and what may be put into a template because of them."""

from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import Environment as Place
from aws_cdk.assertions import Template

from infra.permissions.fis_roles import FisRoles
from infra.permissions.listed_resources import list_names
from squall.domain.policy.environment import Environment
from tests.infra.template import Resources, Statement, text
from tests.unit.domain.policy.test_commands import STRESS
from tests.unit.domain.policy.test_custom import REBOOT, RUNBOOK

pytestmark = pytest.mark.xdist_group("infra")


def made(**policy: Any) -> tuple[FisRoles, Resources]:
    stack = Stack(App(), "S", env=Place(account="123456789012", region="eu-central-1"))
    roles = FisRoles(stack, {"staging": Environment.model_validate({"name": "staging", **policy})}, "squall:environment")
    return roles, Resources(dict(Template.from_stack(stack).to_json()))


def custom(resources: Resources) -> list[Statement]:
    return [statement for key in resources.of_type("AWS::IAM::ManagedPolicy") if "Custom" in key for statement in resources.statements(key)]


def test_the_role_gets_exactly_what_the_list_declares_under_the_tag() -> None:
    reads = {"actions": ["ec2:DescribeInstances"], "resources": ["*"], "tagged": False}
    roles, result = made(custom_actions={"reboot": {**REBOOT, "iam": [*REBOOT["iam"], reads]}})
    assert [(entry.actions, entry.resources, entry.conditions) for entry in custom(result)] == [
        (
            ("ec2:RebootInstances",),
            ("arn:aws:ec2:*:*:instance/*",),
            {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}},
        ),
        (("ec2:DescribeInstances",), ("*",), {}),
    ]
    assert "aws:ec2:reboot-instances" in roles.actions
    assert roles.wildcards == {"arn:aws:ec2:*:*:instance/*", "*"}


def test_a_document_is_started_watched_and_stopped_as_its_own_role_and_no_other() -> None:
    roles, result = made(custom_actions={"runbook": RUNBOOK})
    starting, watching, passing = custom(result)
    assert starting.actions == ("ssm:StartAutomationExecution",)
    assert [resource.partition(":ssm:")[2] for resource in starting.resources] == [
        "eu-central-1:123456789012:document/Drop-Cache",
        "eu-central-1:123456789012:automation-definition/Drop-Cache:3",
        "eu-central-1:123456789012:automation-execution/*",
    ]
    assert watching.actions == ("ssm:GetAutomationExecution", "ssm:StopAutomationExecution")
    assert passing.resources == (RUNBOOK["assume_role"],)
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
    assert "aws:ssm:start-automation-execution" in roles.actions


@pytest.mark.parametrize(
    ("command", "document"),
    [
        ("Our-Stress", "eu-central-1:123456789012:document/Our-Stress"),
        ("AWSFIS-Run-IO-Stress", "eu-central-1::document/AWSFIS-Run-IO-Stress"),
        ("arn:aws:ssm:eu-central-1:999999999999:document/Shared", "eu-central-1:999999999999:document/Shared"),
    ],
)
def test_a_command_is_sent_as_that_document_to_what_has_the_tag_and_can_be_cancelled(command: str, document: str) -> None:
    roles, result = made(custom_actions={"stress": {**STRESS, "command": command}})
    to_instances, of_document, following = custom(result)
    assert (to_instances.actions, of_document.actions) == (("ssm:SendCommand",), ("ssm:SendCommand",))
    assert [text(resource).partition(":ec2:")[2] for resource in to_instances.resources] == ["eu-central-1:123456789012:instance/*"]
    assert to_instances.conditions == {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}}
    assert [text(resource).partition(":ssm:")[2] for resource in of_document.resources] == [document]
    assert of_document.conditions == {}
    assert following.actions == ("ec2:DescribeInstances", "ssm:ListCommands", "ssm:CancelCommand")
    assert "aws:ssm:send-command" in roles.actions


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"custom_actions": {"stress": STRESS}, "allowed_types": ["cpu_stress"]},
        {"custom_actions": {"reboot": REBOOT}, "allowed_types": ["cpu_stress"]},
    ],
)
def test_where_none_is_listed_or_the_type_is_not_allowed_nothing_is_granted(policy: dict[str, Any]) -> None:
    roles, result = made(**policy)
    assert custom(result) == []
    assert "aws:ec2:reboot-instances" not in roles.actions
    assert roles.wildcards == set()


def test_an_action_that_is_allowed_by_its_id_is_granted_what_the_table_says_and_no_other() -> None:
    roles, result = made(allowed_types=["aws:ec2:reb*", "aws:ec2:api-*"])  # and lists no roles
    (policy,) = result.of_type("AWS::IAM::ManagedPolicy")
    assert "FisActions" in policy
    assert [(entry.actions, entry.resources, entry.conditions) for entry in result.statements(policy)] == [
        (
            ("ec2:RebootInstances",),
            ("arn:${AWS::Partition}:ec2:eu-central-1:123456789012:instance/*",),
            {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}},
        ),
        (("ec2:DescribeInstances",), ("*",), {}),
    ]
    assert roles.actions == {"aws:ec2:reboot-instances", "aws:fis:wait"}


def test_faults_on_roles_are_granted_for_the_roles_of_the_policy_alone() -> None:
    listed = ["arn:aws:iam::123456789012:role/orders", "arn:aws:iam::123456789012:role/shop/web"]
    types = ["aws:fis:inject-api-throttle-error", "aws:ec2:api-insufficient-instance-capacity-error"]
    roles, result = made(allowed_types=types, api_fault_roles=listed)
    (policy,) = result.of_type("AWS::IAM::ManagedPolicy")
    throttle, no_capacity = result.statements(policy)
    assert throttle.actions == ("fis:InjectApiThrottleError",)
    assert [resource.partition(":fis:")[2] for resource in throttle.resources] == ["eu-central-1:123456789012:experiment/*"]
    assert throttle.conditions == {"ForAllValues:StringEquals": {"fis:Targets": listed}, "Null": {"fis:Targets": "false"}}
    assert no_capacity.conditions["ForAllValues:ArnLike"] == {"ec2:FisTargetArns": listed}
    assert roles.actions == {*types, "aws:fis:wait"}


def test_injected_errors_are_granted_for_one_action_and_streams_of_this_account_alone() -> None:
    roles, result = made(allowed_types=["aws:kinesis:stream-expired-iterator-exception"])
    (policy,) = result.of_type("AWS::IAM::ManagedPolicy")
    (statement,) = result.statements(policy)
    assert (statement.actions, statement.resources) == (("kinesis:InjectApiError",), ("*",))
    (arn,) = statement.conditions["ForAllValues:ArnLike"]["kinesis:FisTargetArns"]
    assert text(arn).endswith(":kinesis:eu-central-1:123456789012:stream/*")
    assert statement.conditions == {
        "StringEquals": {"kinesis:FisActionId": "aws:kinesis:stream-expired-iterator-exception"},
        "ForAllValues:ArnLike": {"kinesis:FisTargetArns": [arn]},
        "Null": {"kinesis:FisTargetArns": "false"},
    }
    assert roles.actions == {"aws:kinesis:stream-expired-iterator-exception", "aws:fis:wait"}


@pytest.mark.parametrize(
    ("entry", "kinds"),
    [
        ({**RUNBOOK, "resource_type": "aws:kinesis:stream", "touches": {"tags": {"app": "web"}}}, {"aws:kinesis:stream"}),
        ({**STRESS, "touches": {"resource_type": "aws:ecs:cluster", "tags": {"app": "web"}}}, {"aws:ec2:instance", "aws:ecs:cluster"}),
        (STRESS, {"aws:ec2:instance"}),
    ],
)
def test_what_a_custom_action_hits_or_is_felt_by_can_be_read(entry: dict[str, Any], kinds: set[str]) -> None:
    stack = Stack(App(), "S", env=Place(account="123456789012", region="eu-central-1"))
    policy = Environment.model_validate({"name": "staging", "allowed_types": ["custom"], "custom_actions": {"own": entry}})
    assert set(list_names(stack, [policy])["fis_action_targets"]) == kinds
