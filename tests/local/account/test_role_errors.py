"""Errors for a role in the account: a share of the calls that are made with it fails while FIS says so, and nobody else's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.local.account.test_fis import Lab
from tests.local.account_rig import ACCOUNT, REGION, Account

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

INTERNAL, THROTTLE, UNAVAILABLE = (f"aws:fis:inject-api-{kind}-error" for kind in ("internal", "throttle", "unavailable"))
CAPACITY = "aws:ec2:api-insufficient-instance-capacity-error"
EXPERIMENTS = f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment/*"
EVERYTHING = [{"Effect": "Allow", "Action": ["ec2:*", "kinesis:*"], "Resource": "*"}]

OTHERS: dict[str, Callable[[Any], object]] = {
    "ec2": lambda client: client.describe_vpcs(),
    "kinesis": lambda client: client.describe_stream_summary(StreamName="orders"),
}
"""A call of another operation."""


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    lab = Lab(account)
    yield lab
    lab.clean()


@pytest.fixture
def clients(account: Account) -> tuple[str, Callable[[str], Any]]:
    """The ARN of a role that may do everything with EC2 and Kinesis, and its clients by service."""
    arn = account.role(f"arn:aws:iam::{ACCOUNT}:root", EVERYTHING)
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="orders")["Credentials"]
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey", "aws_session_token": "SessionToken"}
    return arn, lambda service: account.client(service, **{name: keys[key] for name, key in names.items()})


def inject(lab: Lab, action_id: str, role: str, *, allowed: str = "", **parameters: str) -> str:
    """Start an experiment whose own role may do this to one role alone: to `allowed`, or to the target."""
    if action_id == CAPACITY:
        conditions: dict[str, Any] = {
            "StringEquals": {"ec2:FisActionId": CAPACITY},
            "ForAllValues:ArnEquals": {"ec2:FisTargetArns": [allowed or role]},
        }
        grant = {"Effect": "Allow", "Action": "ec2:InjectApiError", "Resource": "*", "Condition": conditions}
    else:
        action = f"fis:InjectApi{action_id.split('-')[2].capitalize()}Error"
        bound = {"ForAllValues:StringEquals": {"fis:Targets": [allowed or role]}, "Null": {"fis:Targets": "false"}}
        grant = {"Effect": "Allow", "Action": action, "Resource": EXPERIMENTS, "Condition": bound}
    lab.role_arn = lab.account.role("fis.amazonaws.com", [grant])
    made = {"actionId": action_id, "parameters": {"duration": "PT60S", **parameters}, "targets": {"Roles": "r"}}
    return lab.run({"fail": made}, targets={"r": {"resourceType": "aws:iam:role", "selectionMode": "ALL", "resourceArns": [role]}})


def code_of(call: Callable[[], object]) -> str:
    """The code of the error that answers the call; empty: none does."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.mark.parametrize(
    ("action_id", "of_ec2", "of_kinesis"),
    [
        (INTERNAL, "InternalError", "InternalFailure"),
        (THROTTLE, "RequestLimitExceeded", "ThrottlingException"),
        (UNAVAILABLE, "Unavailable", "ServiceUnavailable"),
    ],
)
def test_the_operations_fail_for_the_role_alone_until_fis_stops(
    account: Account, lab: Lab, clients: tuple[str, Callable[[str], Any]], action_id: str, of_ec2: str, of_kinesis: str
) -> None:
    role, client = clients
    account.client("kinesis").create_stream(StreamName="orders", ShardCount=1)
    for service, operation, code in (("ec2", "DescribeInstances", of_ec2), ("kinesis", "ListStreams", of_kinesis)):
        mine, strangers = client(service), account.client(service)
        call = xform_name(operation)
        experiment = inject(lab, action_id, role, service=service, percentage="100", operations=f"{operation},RunInstances")
        lab.reach(experiment, "running")
        assert code_of(getattr(mine, call)) == code
        assert code_of(functools.partial(OTHERS[service], mine)) == "", "another operation is answered"
        assert code_of(getattr(strangers, call)) == "", "and so is another caller"
        lab.fis.stop_experiment(id=experiment)
        lab.reach(experiment, "stopped")
        assert code_of(getattr(mine, call)) == ""
    account.client("kinesis").delete_stream(StreamName="orders")


def test_a_share_of_the_calls_fails(lab: Lab, clients: tuple[str, Callable[[str], Any]]) -> None:
    role, client = clients
    lab.reach(inject(lab, THROTTLE, role, service="ec2", percentage="30", operations="DescribeInstances"), "running")
    ec2 = client("ec2")
    refused = sum(code_of(ec2.describe_instances) == "RequestLimitExceeded" for _ in range(200))
    assert 30 <= refused <= 90, "30 % of 200 calls"


def test_launches_find_no_capacity_in_the_zones_alone(lab: Lab, clients: tuple[str, Callable[[str], Any]]) -> None:
    role, client = clients
    lab.reach(inject(lab, CAPACITY, role, availabilityZoneIdentifiers=f"{REGION}a", percentage="100"), "running")
    ec2 = client("ec2")
    subnets = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]}

    def launch(zone: str) -> Any:
        return ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, SubnetId=subnets[zone])

    assert code_of(functools.partial(launch, f"{REGION}a")) == "InsufficientInstanceCapacity"
    launched = launch(f"{REGION}b")["Instances"][0]["InstanceId"]
    ec2.terminate_instances(InstanceIds=[launched])


def test_a_fis_role_for_one_role_hits_no_other(account: Account, lab: Lab, clients: tuple[str, Callable[[str], Any]]) -> None:
    role, client = clients
    other = account.role(f"arn:aws:iam::{ACCOUNT}:root", EVERYTHING)
    for experiment in (
        inject(lab, THROTTLE, role, allowed=other, service="ec2", percentage="100", operations="DescribeInstances"),
        inject(lab, CAPACITY, role, allowed=other, availabilityZoneIdentifiers=f"{REGION}a", percentage="100"),
    ):
        assert lab.reach(experiment, "failed")["state"]["error"]["code"] == "AuthorizationFailure"
    assert code_of(client("ec2").describe_instances) == ""
