"""Interface endpoints without traffic: which are taken, what is left, and what FIS may do."""

from typing import Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.resources.described import DescribedResource
from squall.faults import registry
from squall.faults.grants import FaultGrant
from tests.unit.builders import REGION, instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites
from tests.unit.faults.test_fis_actions import LENGTH, find_outcome
from tests.unit.resources import vpc_endpoint

BLOCK = registry.get_fault(FaultType.VPC_ENDPOINT_DISRUPTION, ResourceType.VPC_ENDPOINT)


def endpoint(**fields: str) -> DescribedResource:
    return vpc_endpoint(fields={**vpc_endpoint().fields, **fields})


def test_the_action_takes_endpoints_by_arn_and_the_faults_length() -> None:
    targets, actions = compile_fault(BLOCK, BLOCK.parse({}), [vpc_endpoint()], LENGTH)
    (target,), (action,) = targets.values(), actions.values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:ec2:vpc-endpoint", [vpc_endpoint().arn])
    assert (action["parameters"], action["targets"]) == ({"duration": "PT10M"}, {"VPCEndpoints": "VPCEndpoints"})


@pytest.mark.parametrize(
    ("target", "failed", "reason"),
    [
        (endpoint(), [], ""),
        (endpoint(VpcEndpointType="Gateway"), ["interface_endpoints"], "is Gateway: FIS takes interface endpoints"),
        (endpoint(RequesterManaged="true"), ["not_managed_by_aws"], "a service of AWS manages vpce-306131"),
        (endpoint(Groups="[]"), ["own_security_groups"], "the security groups of vpce-306131 are not known"),
        (endpoint(ServiceName=f"com.amazonaws.{REGION}.ssmmessages"), ["agents_reached"], "no agent in the VPC could be told to end"),
        (endpoint(ServiceName="com.amazonaws.us-east-1.ssm-fips"), ["agents_reached"], "no agent in the VPC could be told to end"),
        (vpc_endpoint(state="pending"), ["targets_usable"], "vpce-306131 is pending"),
        (vpc_endpoint(tags={"squall:stack": "Squall"}), ["not_squalls_own"], "belongs to the Squall stack Squall"),
    ],
)
def test_what_fis_does_not_take_or_could_not_put_back_is_not_blocked(target: DescribedResource, failed: list[str], reason: str) -> None:
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(BLOCK, known, [target], BLOCK.parse({}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


@pytest.mark.parametrize(
    ("now", "commands"),
    [
        ('["sg-1", "sg-2"]', ""),
        (
            '["sg-f15"]',
            (
                "--add-security-group-ids sg-1 sg-2 --remove-security-group-ids sg-f15"
                " && aws ec2 delete-security-group --region eu-west-1 --group-id sg-f15"
            ),
        ),
        ('["sg-1", "sg-2", "sg-f15"]', "--vpc-endpoint-id vpce-306131 --remove-security-group-ids sg-f15"),
        ("[]", "--add-security-group-ids sg-1 sg-2"),
    ],
)
def test_an_endpoint_without_its_own_groups_is_left_over_with_the_command_that_puts_them_back(now: str, commands: str) -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (endpoint(Groups=now),)})
    report = find_outcome(BLOCK, vpc_endpoint(), after)
    assert report.differences == report.leftovers
    assert [commands in left for left in report.leftovers] == ([True] if commands else [])
    assert report.outcome is (RollbackOutcome.NOT_RESTORED if commands else RollbackOutcome.RESTORED)


@pytest.mark.parametrize("now", ['["sg-1", "sg-2", "sg-9"]', '["sg-8", "sg-9"]', "[]"])
def test_groups_that_somebody_else_gave_the_endpoint_are_not_deleted(now: str) -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (endpoint(Groups=now),)})
    (left,) = find_outcome(BLOCK, vpc_endpoint(), after).leftovers
    assert "delete-security-group" not in left


@pytest.mark.parametrize(("service", "warned"), [("monitoring", True), ("monitoring-fips", True), ("sqs", False)])
def test_an_endpoint_of_cloudwatch_is_blocked_with_a_warning(service: str, warned: bool) -> None:
    target = endpoint(ServiceName=f"com.amazonaws.{REGION}.{service}")
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    told = [check for check in prerequisites(BLOCK, known, [target], BLOCK.parse({})) if check.outcome is CheckOutcome.WARNED]
    assert [check.name for check in told] == (["metrics_reach_cloudwatch"] if warned else [])
    assert all("guards on them have no data" in check.detail for check in told)


def test_every_other_field_is_compared() -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (endpoint(PrivateDnsEnabled="false"),)})
    report = find_outcome(BLOCK, endpoint(PrivateDnsEnabled="true"), after)
    assert report.differences == ("the PrivateDnsEnabled of vpce-306131 is false, it was true",)


@pytest.mark.parametrize(
    ("action", "conditions"),
    [
        ("ec2:DeleteSecurityGroup", {"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}}),
        ("ec2:RevokeSecurityGroupEgress", {"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}}),
        (
            "ec2:CreateTags",
            {
                "StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", "aws:RequestTag/managedByFIS": "true"},
                "ForAllValues:StringNotEquals": {"aws:TagKeys": ["{opt_in_tag}"]},
            },
        ),
    ],
)
def test_fis_empties_tags_and_deletes_its_own_groups_alone(action: str, conditions: dict[str, Any]) -> None:
    (grant,) = [grant for grant in BLOCK.grants() if action in grant.actions]
    assert isinstance(grant, FaultGrant)
    assert grant.conditions == conditions


def test_fis_changes_endpoints_with_the_tag_alone() -> None:
    on = {grant.resources[0].rpartition(":")[2]: grant.tagged for grant in BLOCK.grants() if "ec2:ModifyVpcEndpoint" in grant.actions}
    assert on == {"vpc-endpoint/*": True, "security-group/*": False}
