"""Volumes with what they are attached to, groups with the launches that found no capacity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.inventory.scaling_groups import ScalingGroups
from squall.adapters.inventory.volumes import EbsVolumes
from squall.domain.resources.scaling_groups import FailedLaunch, ScalingGroup
from squall.domain.resources.volumes import Volume
from squall.errors import Unavailable
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

STAGING = [{"Key": "squall:environment", "Value": "staging"}]
TAGS = {"squall:environment": "staging"}
AT = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


def attached(ec2: Any, kind: str) -> tuple[str, str]:
    """An instance of that type, and its root volume, which carries the tag."""
    image = ec2.register_image(Name=f"linux-{kind}", RootDeviceName="/dev/sda1")["ImageId"]
    (instance,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType=kind)["Instances"]
    (volume,) = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}])["Volumes"]
    ec2.create_tags(Resources=[volume["VolumeId"]], Tags=STAGING)
    return instance["InstanceId"], volume["VolumeId"]


@pytest.mark.parametrize(("kind", "nitro"), [("m5.large", True), ("m4.large", False)])
def test_a_volume_is_described_with_its_instance_and_whether_that_is_nitro(aws: Callable[[str], Any], kind: str, nitro: bool) -> None:
    instance, name = attached(aws("ec2"), kind)
    candidates = EbsVolumes(aws("ec2")).find([name], {}, {})
    (volume,) = candidates.resources
    assert isinstance(volume, Volume)
    assert (volume.id, volume.arn, volume.state) == (name, f"arn:aws:ec2:{REGION}:123456789012:volume/{name}", "in-use")
    assert volume.zone.startswith(REGION)
    assert volume.tags == TAGS
    assert volume.outpost is False
    (to,) = volume.attachments
    assert (to.instance, to.state, to.instance_type, to.nitro) == (instance, "attached", kind, nitro)
    assert (candidates.instances, list(candidates.registered)) == ((instance,), [instance])


def test_volumes_are_found_by_tag_and_arn_and_again_and_what_is_gone_hides_nobody(aws: Callable[[str], Any]) -> None:
    ec2 = aws("ec2")
    _, name = attached(ec2, "m5.large")
    loose = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    volumes = EbsVolumes(ec2)
    assert [resource.id for resource in volumes.find([], TAGS, {}).resources] == [name]
    assert volumes.find([], {}, {}).resources == ()
    candidates = volumes.find([f"arn:aws:ec2:{REGION}:123456789012:volume/{name}", loose, "vol-0123"], {}, {})
    assert ([resource.id for resource in candidates.resources], candidates.missing) == (sorted([name, loose]), ("vol-0123",))
    again = volumes.refresh([resource for resource in candidates.resources if resource.id == name])
    assert ([resource.id for resource in again.resources], again.missing) == ([name], ())


def test_bare_metal_is_nitro_and_a_volume_of_aws_s_own_machines_is_attached_to_nobody() -> None:
    volume = {
        "VolumeId": "vol-1", "State": "in-use", "AvailabilityZone": "a", "OwnerId": "1", "OutpostArn": "arn:aws:outposts",
        "Attachments": [
            {"InstanceId": "i-1", "State": "attached", "Device": "/dev/xvda", "DeleteOnTermination": True},
            {"State": "attached"},
        ],
    }  # fmt: skip
    machine = {"InstanceId": "i-1", "InstanceType": "m5.metal", "RootDeviceName": "/dev/xvda", "VpcId": "vpc-1"}
    ec2 = Scripted(
        "ec2",
        describe_volumes=[{"Volumes": [volume]}],
        describe_instances=[{"Reservations": [{"OwnerId": "1", "Instances": [machine]}]}],
        describe_instance_types=[{"InstanceTypes": [{"InstanceType": "m5.metal", "BareMetal": True}]}],
    )
    (resource,) = EbsVolumes(ec2).find(["vol-1"], {}, {}).resources
    assert isinstance(resource, Volume)
    assert (resource.outpost, [(to.nitro, to.root, to.deleted_with) for to in resource.attachments]) == (True, [(True, True, True)])


def test_ec2_that_can_not_be_asked_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="DescribeVolumes"):
        EbsVolumes(Scripted("ec2", describe_volumes=[error("UnauthorizedOperation")])).find(["vol-1"], {}, {})


GROUP = {
    "AutoScalingGroupName": "web", "AutoScalingGroupARN": "arn:aws:autoscaling:r:1:autoScalingGroup:u:autoScalingGroupName/web",
    "AvailabilityZones": ["b", "a"], "Tags": [{"Key": "squall:environment", "Value": "staging"}], "LaunchTemplate": {},
    "Instances": [{"InstanceId": "i-1"}], "SuspendedProcesses": [{"ProcessName": "AZRebalance"}],
}  # fmt: skip


def scripted(*activities: dict[str, Any], **changes: Any) -> ScalingGroups:
    described = [{"Activities": [{"ActivityId": str(n), "StartTime": AT, **activity} for n, activity in enumerate(activities)]}]
    groups = [{"AutoScalingGroups": [{**GROUP, **changes}]}]
    return ScalingGroups(Scripted("autoscaling", describe_auto_scaling_groups=groups, describe_scaling_activities=described))


def test_a_group_is_described_with_its_zones_members_and_failed_launches() -> None:
    text = "We currently do not have sufficient m5.large capacity in the Availability Zone you requested (a)."
    candidates = scripted(
        {"StatusCode": "Failed", "StatusMessage": text},
        {"StatusCode": "Failed", "StatusMessage": "InsufficientInstanceCapacity: injected"},
        {"StatusCode": "Failed", "StatusMessage": "The key pair does not exist."},
        {"StatusCode": "Successful"},
    ).find([str(GROUP["AutoScalingGroupARN"])], {}, {})
    (group,) = candidates.resources
    assert isinstance(group, ScalingGroup)
    assert (group.id, group.state, group.zone, group.zones, group.tags) == ("web", "active", "", ("a", "b"), TAGS)
    assert (group.instances, group.suspended, candidates.instances) == (("i-1",), ("AZRebalance",), ("i-1",))
    assert group.failed == (
        FailedLaunch(id="0", at=AT, said=text),
        FailedLaunch(id="1", at=AT, said="InsufficientInstanceCapacity: injected"),
    )


@pytest.mark.parametrize(
    ("changes", "by_template", "state", "zone"),
    [
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1"}}, True, "active", ""),
        ({"MixedInstancesPolicy": {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1"}}}}, True, "active", ""),
        ({"LaunchConfigurationName": "old", "Status": "Delete in progress"}, False, "delete in progress", ""),
        ({"AvailabilityZones": ["a"]}, False, "active", "a"),
    ],
)
def test_a_group_tells_how_it_launches_and_whether_it_goes(changes: dict[str, Any], by_template: bool, state: str, zone: str) -> None:
    (group,) = scripted(**changes).find([], TAGS, {}).resources
    assert isinstance(group, ScalingGroup)
    assert (group.launch_template, group.state, group.zone) == (by_template, state, zone)


def test_a_group_of_the_account_is_found_again(aws: Callable[[str], Any]) -> None:
    ec2, autoscaling = aws("ec2"), aws("autoscaling")
    image = ec2.register_image(Name="linux", RootDeviceName="/dev/sda1")["ImageId"]
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "m5.large"})
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="web", MinSize=1, MaxSize=2, DesiredCapacity=1, LaunchTemplate={"LaunchTemplateName": "web"},
        AvailabilityZones=[f"{REGION}a"], Tags=[{**STAGING[0], "PropagateAtLaunch": True}],
    )  # fmt: skip
    groups = ScalingGroups(autoscaling)
    (resource,) = groups.find([], TAGS, {}).resources
    assert isinstance(resource, ScalingGroup)
    assert (resource.launch_template, resource.zone, len(resource.instances), resource.failed) == (True, f"{REGION}a", 1, ())
    assert groups.refresh([resource]).resources == (resource,)
