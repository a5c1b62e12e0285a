"""Spot Instances in the account: how EC2 describes them, and how FIS interrupts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.account.test_fis import ENVIRONMENT, Lab
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

STATEMENTS: list[dict[str, Any]] = [
    {
        "Effect": "Allow",
        "Action": "ec2:SendSpotInstanceInterruptions",
        "Resource": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*",
        "Condition": {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT}": "staging"}},
    }
]


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    lab = Lab(account)
    lab.role_arn = account.role("fis.amazonaws.com", STATEMENTS)
    yield lab
    lab.clean()


def launched(lab: Lab, unique: str, environment: str = "staging") -> str:
    tags = [{"Key": ENVIRONMENT, "Value": environment}, {"Key": "of", "Value": unique}]
    made = lab.ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="t3.micro", InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )  # fmt: skip
    return str(made["Instances"][0]["InstanceId"])


def request_of(lab: Lab, instance: str) -> tuple[str, str]:
    """State and status of the instance's Spot request."""
    described = lab.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    asked = [{"Name": "spot-instance-request-id", "Values": [described["SpotInstanceRequestId"]]}]
    (request,) = lab.ec2.describe_spot_instance_requests(Filters=asked)["SpotInstanceRequests"]
    assert request["InstanceId"] == instance
    return request["State"], request["Status"]["Code"]


def interrupt(lab: Lab, instance: str, before: str) -> str:
    action = {
        "actionId": "aws:ec2:send-spot-instance-interruptions",
        "parameters": {"durationBeforeInterruption": before},
        "targets": {"SpotInstances": "spots"},
    }
    target = {"resourceType": "aws:ec2:spot-instance", "selectionMode": "ALL", "resourceArns": [lab.arn(instance)]}
    return lab.run({"interrupt": action}, targets={"spots": target})


def test_a_spot_instance_is_told_from_others_and_found_by_its_lifecycle(lab: Lab, unique: str) -> None:
    spot, other = launched(lab, unique), lab.instance(of=unique)
    asked = [{"Name": "tag:of", "Values": [unique]}]
    described = {
        entry["InstanceId"]: entry.get("InstanceLifecycle")
        for reservation in lab.ec2.describe_instances(Filters=asked)["Reservations"]
        for entry in reservation["Instances"]
    }
    assert described == {spot: "spot", other: None}
    found = lab.ec2.describe_instances(Filters=[*asked, {"Name": "instance-lifecycle", "Values": ["spot"]}])["Reservations"]
    assert [entry["InstanceId"] for reservation in found for entry in reservation["Instances"]] == [spot]
    assert request_of(lab, spot) == ("active", "fulfilled")


def test_the_notice_is_seen_and_the_end_comes_although_the_experiment_is_over(lab: Lab, unique: str) -> None:
    spot = launched(lab, unique)
    lab.reach(interrupt(lab, spot, "PT4S"), "completed")
    assert request_of(lab, spot)[1] == "instance-terminated-by-experiment"
    until(lambda: lab.state_of(spot) in {"shutting-down", "terminated"}, what="the interruption")


def test_what_somebody_else_terminates_is_no_interruption(lab: Lab, unique: str) -> None:
    spot = launched(lab, unique)
    lab.ec2.terminate_instances(InstanceIds=[spot])
    assert request_of(lab, spot) == ("closed", "instance-terminated-by-user")


def test_a_spot_instance_of_another_environment_and_one_on_demand_are_left_alone(lab: Lab, unique: str) -> None:
    foreign, on_demand = launched(lab, unique, "production"), lab.instance()
    refused = lab.reach(interrupt(lab, foreign, "PT4S"), "failed")
    missing = lab.reach(interrupt(lab, on_demand, "PT4S"), "failed")
    assert refused["state"]["error"]["code"] == "AuthorizationFailure"
    assert "not found" in missing["state"]["reason"]
    assert request_of(lab, foreign)[1] == "fulfilled"
