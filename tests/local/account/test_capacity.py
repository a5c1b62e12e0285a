"""Zones without capacity in the account: whose launches EC2 refuses, where, and how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account.test_fis import Lab, code
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

ACTION = "aws:ec2:asg-insufficient-instance-capacity-error"
GROUPS = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/"


def statements(groups: str = "*") -> list[dict[str, Any]]:
    condition = {"StringEquals": {"ec2:FisActionId": ACTION}, "ForAllValues:ArnLike": {"ec2:FisTargetArns": [GROUPS + groups]}}
    return [
        {"Effect": "Allow", "Action": "ec2:InjectApiError", "Resource": "*", "Condition": condition},
        {"Effect": "Allow", "Action": "autoscaling:DescribeAutoScalingGroups", "Resource": "*"},
    ]


class Fleet(Lab):
    """Groups by launch template, whose launches are what carries Auto Scaling's tag."""

    def group(self, name: str, template: bool = True) -> str:
        scaling = self.account.client("autoscaling")
        launches: dict[str, Any] = {"LaunchTemplate": {"LaunchTemplateName": name, "Version": "1"}} if template else {}
        launches = launches or {"LaunchConfigurationName": name}
        scaling.create_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, MaxSize=1, AvailabilityZones=[f"{REGION}a"], **launches)
        result = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
        return str(result["AutoScalingGroupARN"])

    def launches(self, name: str, subnet: str = "subnet-00000002") -> bool:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "aws:autoscaling:groupName", "Value": name}]}]
        try:
            self.ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet, TagSpecifications=tags)
        except ClientError as error:
            if error.response["Error"]["Code"] == "InsufficientInstanceCapacity":
                return False
            raise
        return True

    def shortage(self, *arns: str, zones: str = f"{REGION}b", **more: str) -> str:
        parameters = {"duration": "PT60S", "availabilityZoneIdentifiers": zones, **more}
        action = {"actionId": ACTION, "parameters": parameters, "targets": {"AutoScalingGroups": "groups"}}
        target = {"resourceType": "aws:ec2:autoscaling-group", "selectionMode": "ALL", "resourceArns": list(arns)}
        return self.run({"refuse": action}, targets={"groups": target})


@pytest.fixture
def fleet(account: Account) -> Iterator[Fleet]:
    fleet = Fleet(account)
    fleet.role_arn = account.role("fis.amazonaws.com", statements())
    yield fleet
    fleet.clean()


def test_only_the_groups_launches_in_the_zones_named_are_refused_and_only_meanwhile(fleet: Fleet, unique: str) -> None:
    entry, other = f"one-{unique}", f"other-{unique}"
    arn = fleet.group(entry)
    fleet.group(other)
    experiment = fleet.shortage(arn)
    fleet.reach(experiment, "running")
    until(lambda: not fleet.launches(entry), what="EC2 refuses")

    assert fleet.launches(entry, "subnet-00000001")
    assert fleet.launches(other)
    fleet.fis.stop_experiment(id=experiment)
    fleet.reach(experiment, "stopped")
    assert fleet.launches(entry)


def test_so_many_percent_of_the_launches_are_refused(fleet: Fleet, unique: str) -> None:
    experiment = fleet.shortage(fleet.group(unique), percentage="50")
    fleet.reach(experiment, "running")

    assert {fleet.launches(unique) for _ in range(30)} == {True, False}


def test_a_group_with_a_launch_configuration_is_left_alone_with_success(fleet: Fleet, unique: str) -> None:
    experiment = fleet.shortage(fleet.group(unique, template=False))
    fleet.reach(experiment, "running")

    assert fleet.launches(unique)


def test_a_role_that_may_not_inject_into_this_group_injects_nothing(fleet: Fleet, unique: str) -> None:
    arn = fleet.group(unique)
    fleet.role_arn = fleet.account.role("fis.amazonaws.com", statements("another"))

    failed = fleet.reach(fleet.shortage(arn), "failed")

    assert failed["state"]["error"]["code"] == "AuthorizationFailure"
    assert fleet.launches(unique)


def test_a_template_without_zones_is_refused(fleet: Fleet, unique: str) -> None:
    with pytest.raises(ClientError) as error:
        fleet.shortage(fleet.group(unique), zones="")
    assert code(error) == "ValidationException"
