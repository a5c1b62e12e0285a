"""EBS volumes in the account: what EC2 says of them, and what FIS does to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account.test_fis import ENVIRONMENT, Lab
from tests.local.account_rig import ACCOUNT, REGION, Account, Agent
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/"
STATEMENTS: list[dict[str, Any]] = [
    {
        "Effect": "Allow",
        "Action": ["ec2:PauseVolumeIO", "ec2:InjectVolumeIOLatency"],
        "Resource": f"{ARN}*",
        "Condition": {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT}": "staging"}},
    },
    {"Effect": "Allow", "Action": "ec2:DescribeVolumes", "Resource": "*"},
]


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    lab = Lab(account)
    lab.role_arn = account.role("fis.amazonaws.com", STATEMENTS)
    yield lab
    lab.clean()


def launched(lab: Lab, environment: str = "staging", subnet: str = "subnet-00000002") -> tuple[str, str]:
    """An instance and its volume, tagged alike."""
    tags = [{"Key": ENVIRONMENT, "Value": environment}]
    made = lab.ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="t3.micro", SubnetId=subnet,
        TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
    )["Instances"][0]  # fmt: skip
    return made["InstanceId"], made["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]


def pause(lab: Lab, *volumes: str) -> str:
    action = {"actionId": "aws:ebs:pause-volume-io", "parameters": {"duration": "PT60S"}, "targets": {"Volumes": "volumes"}}
    target = {"resourceType": "aws:ec2:ebs-volume", "selectionMode": "ALL", "resourceArns": [ARN + volume for volume in volumes]}
    return lab.run({"pause": action}, targets={"volumes": target})


def test_a_volume_is_tagged_at_launch_in_its_instances_zone_and_deleted_with_it(lab: Lab) -> None:
    instance, volume = launched(lab)
    asked = [{"Name": f"tag:{ENVIRONMENT}", "Values": ["staging"]}, {"Name": "attachment.instance-id", "Values": [instance]}]

    (result,) = lab.ec2.describe_volumes(Filters=asked)["Volumes"]

    assert (result["VolumeId"], result["State"], result["AvailabilityZone"]) == (volume, "in-use", f"{REGION}b")
    lab.ec2.terminate_instances(InstanceIds=[instance])
    assert lab.ec2.describe_volumes(Filters=asked)["Volumes"] == []
    with pytest.raises(ClientError):
        lab.ec2.describe_volumes(VolumeIds=[volume])


def test_todays_instance_types_are_built_on_nitro_and_older_ones_not(lab: Lab) -> None:
    result = lab.ec2.describe_instance_types(InstanceTypes=["t3.micro", "t2.micro"])["InstanceTypes"]

    assert {entry["InstanceType"]: entry["Hypervisor"] for entry in result} == {"t3.micro": "nitro", "t2.micro": "xen"}


def test_the_io_of_a_volume_stands_still_for_its_instance_until_fis_stops(lab: Lab, agent: Agent) -> None:
    instance, volume = launched(lab)
    experiment = pause(lab, volume)
    lab.reach(experiment, "running")
    (paused,) = until(lambda: [entry for entry in agent.begun.items() if instance in entry[1]["path"]], what="the instance waits")
    assert paused[1]["duration_seconds"] > 60, "FIS ends it; the instance only if there is no FIS any more"

    lab.fis.stop_experiment(id=experiment)

    assert lab.reach(experiment, "stopped")["actions"]["pause"]["state"]["status"] == "stopped"
    assert paused[0] in agent.ended


def test_a_volume_is_slow_for_its_instance_by_what_the_action_says(lab: Lab, agent: Agent) -> None:
    instance, volume = launched(lab)
    late = {"writeIOLatencyMilliseconds": "400", "writeIOPercentage": "50"}
    action = {"actionId": "aws:ebs:volume-io-latency", "parameters": {"duration": "PT60S", **late}, "targets": {"Volumes": "volumes"}}
    target = {"resourceType": "aws:ec2:ebs-volume", "selectionMode": "ALL", "resourceArns": [ARN + volume]}
    experiment = lab.run({"slow": action}, targets={"volumes": target})
    (slowed,) = until(lambda: [entry for entry in agent.begun.items() if instance in entry[1]["path"]], what="the instance waits")
    assert (slowed[1]["document"], slowed[1]["parameters"]) == ("EBS-InjectVolumeIOLatency", late)

    lab.fis.stop_experiment(id=experiment)

    lab.reach(experiment, "stopped")
    assert slowed[0] in agent.ended


def test_a_volume_of_another_environment_and_volumes_of_two_zones_are_left_alone(lab: Lab, agent: Agent) -> None:
    before = set(agent.begun)
    _, other = launched(lab, "production")
    volumes = [launched(lab)[1], launched(lab, subnet="subnet-00000001")[1]]

    refused, apart = lab.reach(pause(lab, other), "failed"), lab.reach(pause(lab, *volumes), "failed")

    assert refused["state"]["error"]["code"] == "AuthorizationFailure"
    assert "same Availability Zone" in apart["state"]["reason"]
    assert set(agent.begun) == before


def test_an_instance_nobody_runs_notices_nothing_and_that_is_no_failure(lab: Lab, agent: Agent) -> None:
    agent.refuses = True
    experiment = pause(lab, launched(lab)[1])
    lab.reach(experiment, "running")
    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")
