"""Faults on IAM roles: what they take, whom they never hit, what FIS may do for them."""

from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType
from squall.domain.policy.environment import Environment
from squall.faults import registry
from squall.faults.grants import FaultGrant
from tests.unit.builders import ACCOUNT, instance, workload
from tests.unit.domain.policy.test_custom import RUNBOOK
from tests.unit.faults.asking import compile_fault, prerequisites
from tests.unit.faults.test_fis_actions import LENGTH
from tests.unit.resources import role

THROTTLE = registry.get_fault(FaultType.API_THROTTLE_ERROR, ResourceType.ROLE)
NO_CAPACITY = registry.get_fault(FaultType.API_NO_CAPACITY, ResourceType.ROLE)
VALUES = {"service": "ec2", "percentage": 50, "operations": "DescribeInstances,RunInstances"}
ORDERS = f"arn:aws:iam::{ACCOUNT}:role/orders"


def test_the_template_says_whose_calls_fail_and_which() -> None:
    targets, actions = compile_fault(THROTTLE, THROTTLE.parse(VALUES), [role()], LENGTH)
    (target,), (action,) = targets.values(), actions.values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:iam:role", [ORDERS])
    assert action["parameters"] == {**VALUES, "percentage": "50", "duration": "PT10M"}
    assert action["targets"] == {"Roles": "Roles"}
    assert action["description"].endswith("for everything that uses it: 50 % of ec2 DescribeInstances,RunInstances")


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"service": "s3"}, "parameters.service", "ec2 or kinesis"),
        ({"percentage": 0}, "parameters.percentage", "1"),
        ({"operations": "DescribeInstances, RunInstances"}, "parameters.operations", "commas between them: RunInstances,DescribeInstances"),
        ({"operations": "describe_instances"}, "parameters.operations", "RunInstances,DescribeInstances"),
        ({"operations": ""}, "parameters.operations", "RunInstances,DescribeInstances"),
        ({"operations": ",".join(["RunInstances"] * 100)}, "parameters.operations", "1024"),
        ({"duration": "PT1H"}, "parameters.duration", "operations"),
    ],
)
def test_what_aws_does_not_take_is_refused_with_its_path(changes: dict[str, Any], path: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        THROTTLE.parse({**VALUES, **changes})
    (problem,) = caught.value.problems
    assert (problem.path, expected in problem.expected) == (path, True), problem


def test_zones_without_capacity_are_names_or_ids() -> None:
    values = {"percentage": 100, "availabilityZoneIdentifiers": "eu-west-1a,euw1-az2"}
    _, actions = compile_fault(NO_CAPACITY, NO_CAPACITY.parse(values), [role()], LENGTH)
    (action,) = actions.values()
    assert action["parameters"]["availabilityZoneIdentifiers"] == "eu-west-1a,euw1-az2"
    with pytest.raises(InvalidInput, match="availabilityZoneIdentifiers"):
        NO_CAPACITY.parse({**values, "availabilityZoneIdentifiers": "eu-west-1a,"})


@pytest.mark.parametrize(
    ("changes", "failed", "reason"),
    [
        ({}, [], ""),
        ({"tags": {"squall:stack": "Squall"}}, ["not_squalls_own"], "orders belongs to the Squall stack Squall"),
        (
            {"arn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/orders"},
            ["not_aws_own"],
            "orders is a service-linked role",
        ),
        (
            {"arn": f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/orders"},
            ["not_aws_own"],
            "orders is a role of IAM Identity Center",
        ),
    ],
)
def test_roles_of_squall_and_of_aws_are_never_hit(changes: dict[str, Any], failed: list[str], reason: str) -> None:
    target = role(**changes)
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(THROTTLE, known, [target], THROTTLE.parse(VALUES))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)
    shared = checks["shared_by_all_users"]
    assert (shared.outcome, shared.detail) == (
        CheckOutcome.WARNED, "everything that uses orders is hit, also what Squall does not know of",
    )  # fmt: skip


def test_fis_may_inject_into_the_roles_of_the_policy_alone() -> None:
    (throttle,), (no_capacity,) = THROTTLE.grants(), NO_CAPACITY.grants()
    assert isinstance(throttle, FaultGrant)
    assert isinstance(no_capacity, FaultGrant)
    assert throttle.actions == ("fis:InjectApiThrottleError",)
    assert throttle.conditions["ForAllValues:StringEquals"] == {"fis:Targets": ["{api_fault_roles}"]}
    assert throttle.conditions["Null"] == {"fis:Targets": "false"}
    assert no_capacity.conditions["ForAllValues:ArnLike"] == {"ec2:FisTargetArns": ["{api_fault_roles}"]}
    assert no_capacity.conditions["StringEquals"] == {"ec2:FisActionId": "aws:ec2:api-insufficient-instance-capacity-error"}


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("orders", "should match pattern"),
        (f"arn:aws:iam::{ACCOUNT}:role/*", "should match pattern"),
        (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", "service-linked role"),
        (f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0", "IAM Identity Center"),
    ],
)
def test_a_policy_lists_single_roles_of_the_workload(listed: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"api_fault_roles\.0") as caught:
        Environment.model_validate({"name": "staging", "api_fault_roles": [listed]})
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "policy",
    [
        {"rollback_documents": {"restore": {"document": "Restore-Web", "assume_role": ORDERS}}},
        {"custom_actions": {"restore": {**RUNBOOK, "assume_role": ORDERS}}},
    ],
)
def test_the_role_of_a_document_is_no_role_for_faults(policy: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the document of restore acts as orders"):
        Environment.model_validate({"name": "staging", "api_fault_roles": [ORDERS], **policy})
