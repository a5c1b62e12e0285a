"""The workload as described: the same promises from the fake and from EC2, Auto Scaling, ELB and Systems Manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.inventory.instances import AwsInventory
from squall.adapters.inventory.inventories import Inventories
from squall.adapters.inventory.target_groups import TargetGroups
from squall.domain.resources.workload import Group, Workload
from tests.adapters.conftest import MINUTES, NOW, REGION
from tests.adapters.scripted import Scripted, error
from tests.fakes.workload import FakeGroup, FakeInstance

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.workload import Inventory
    from tests.fakes.world import FakeWorld

STAGING = {"squall:environment": "staging"}


@dataclass
class Account:
    """A group `web` of three instances behind a target group, and an instance on its own."""

    inventory: Inventory
    members: list[str]
    alone: str
    target_group: str
    group: str
    """The group's ARN."""
    terminate: Callable[[str], object]


@pytest.fixture
def account(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Account:
    return _fake(world) if kind == "fake" else _moto(request.getfixturevalue("aws"))


def _fake(world: FakeWorld) -> Account:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1"
    group = FakeGroup("web", desired=3, minimum=1, target_groups=(arn,), tags=dict(STAGING), replaces_after=None)
    members = world.fleet.add_group(group, load_balancer="arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/1")
    alone = world.fleet.add(FakeInstance("i-0a10ea10ea10ea10e", managed=False))
    group_arn = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:0123:autoScalingGroupName/web"
    return Account(world.inventory, [member.id for member in members], alone.id, arn, group_arn, world.fleet.terminate)


def _moto(aws: Callable[[str], Any]) -> Account:
    ec2, autoscaling, elbv2 = aws("ec2"), aws("autoscaling"), aws("elbv2")
    image = ec2.register_image(Name="web")["ImageId"]
    subnets = {subnet["AvailabilityZone"]: subnet for subnet in ec2.describe_subnets()["Subnets"]}
    chosen = [subnets[f"{REGION}{zone}"] for zone in "ab"]
    vpc = chosen[0]["VpcId"]
    balancer = elbv2.create_load_balancer(Name="web", Subnets=[subnet["SubnetId"] for subnet in chosen])["LoadBalancers"][0]
    target = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="instance")["TargetGroups"][0]
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target["TargetGroupArn"]}],
    )
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"})
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=3,
        VPCZoneIdentifier=",".join(subnet["SubnetId"] for subnet in chosen),
        TargetGroupARNs=[target["TargetGroupArn"]],
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in STAGING.items()],
    )
    group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    members = [member["InstanceId"] for member in group["Instances"]]
    alone = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    information = [{"InstanceId": member, "PingStatus": "Online", "PlatformType": "Linux"} for member in members]
    # moto's Systems Manager knows no instances of EC2.
    ssm = Scripted("ssm", describe_instance_information=[{"InstanceInformationList": information}])
    inventory = Inventories(AwsInventory(ec2, autoscaling, TargetGroups(elbv2), ssm), TargetGroups(elbv2), {})
    return Account(
        inventory,
        members,
        alone,
        target["TargetGroupArn"],
        group["AutoScalingGroupARN"],
        lambda entry: ec2.terminate_instances(InstanceIds=[entry]),
    )


def test_an_instance_is_described_with_all_it_belongs_to(account: Account) -> None:
    workload = account.inventory.describe([account.members[0]], {}, {}, NOW)
    (instance,) = workload.instances
    assert (instance.id, instance.state, instance.group, instance.lifecycle) == (account.members[0], "running", "web", "InService")
    assert (instance.managed, instance.platform) == (True, "Linux")
    assert instance.arn.endswith(f":instance/{instance.id}")
    assert instance.arn.startswith("arn:aws:ec2:eu-west-1:123456789012:")
    assert instance.zone.startswith("eu-west-1")
    assert instance.tags["squall:environment"] == "staging"
    (group,) = workload.groups
    assert (group.name, group.desired, group.minimum, group.suspended) == ("web", 3, 1, ())
    assert group.in_service == tuple(sorted(account.members)), "all members, candidates or not"
    assert group.target_groups == (account.target_group,)
    (target_group,) = workload.target_groups
    assert target_group.load_balancer is not None
    assert {*target_group.healthy, *target_group.unhealthy} == set(account.members)
    assert (workload.missing, workload.at) == ((), NOW)
    assert target_group.health_ports == target_group.ports
    assert target_group.unhealthy_after_seconds is not None


def test_a_target_may_be_an_arn_and_is_described_once(account: Account) -> None:
    arn = account.inventory.describe([account.members[0]], {}, {}, NOW).instances[0].arn
    workload = account.inventory.describe([arn, account.members[0]], {}, {}, NOW)
    assert [instance.arn for instance in workload.instances] == [arn]


def test_a_group_stands_for_its_instances(account: Account) -> None:
    workload = account.inventory.describe([account.group, account.members[0], account.alone], {}, {}, NOW)
    assert sorted(instance.id for instance in workload.instances if instance.group == "web") == sorted(account.members)
    assert {instance.id for instance in workload.instances} == {*account.members, account.alone}
    assert workload.missing == ()
    narrowed = account.inventory.describe([account.group], {"squall:environment": "production"}, {}, NOW)
    assert (narrowed.instances, narrowed.missing) == ((), ())


def test_a_group_that_is_not_there_is_missing(account: Account) -> None:
    unknown = account.group.replace("autoScalingGroupName/web", "autoScalingGroupName/no")
    workload = account.inventory.describe([unknown, account.alone], {}, {}, NOW)
    assert ([instance.id for instance in workload.instances], workload.missing) == ([account.alone], (unknown,))


def test_every_missing_target_is_named_as_it_was_written(account: Account) -> None:
    foreign = f"arn:aws:ec2:us-east-1:123456789012:instance/{account.members[0]}"
    other = f"arn:aws:ec2:eu-west-1:210987654321:instance/{account.members[1]}"
    asked = [
        "i-0ffffffffffffff01",
        account.members[2],
        "i-0ffffffffffffff02",
        "i-nonsense-id",
        foreign,
        other,
        "arn:aws:rds:eu-west-1:1:db:x",
    ]
    workload = account.inventory.describe(asked, {}, {}, NOW)
    assert workload.missing == tuple(entry for entry in asked if entry != account.members[2])
    assert [instance.id for instance in workload.instances] == [account.members[2]]


def test_candidates_by_tag(account: Account) -> None:
    workload = account.inventory.describe([], STAGING, {}, NOW)
    assert {instance.id for instance in workload.instances} == set(account.members)
    assert account.inventory.describe([], {"squall:environment": "production"}, {}, NOW).instances == ()


def test_filters_narrow(account: Account) -> None:
    everyone = account.inventory.describe([], STAGING, {}, NOW).instances
    zone = everyone[0].zone
    result = account.inventory.describe([], STAGING, {"availability-zone": [zone]}, NOW).instances
    assert {entry.id for entry in result} == {item.id for item in everyone if item.zone == zone}
    named = account.inventory.describe([account.members[0], account.alone], STAGING, {}, NOW)
    assert [instance.id for instance in named.instances] == [account.members[0]]
    assert named.missing == (), "known to the account, only not chosen"


def test_nothing_asked_is_nothing_found(account: Account) -> None:
    assert account.inventory.describe([], {}, {}, NOW).instances == ()


def test_an_instance_without_a_group(account: Account) -> None:
    workload = account.inventory.describe([account.alone], {}, {}, NOW)
    (instance,) = workload.instances
    assert (instance.group, instance.lifecycle, workload.groups) == (None, None, ())


def test_a_terminated_instance_is_an_answer_by_name_and_no_candidate_by_tag(account: Account) -> None:
    account.terminate(account.members[0])
    assert account.inventory.describe([account.members[0]], {}, {}, NOW).instances[0].state == "terminated"
    assert account.members[0] not in {instance.id for instance in account.inventory.describe([], STAGING, {}, NOW).instances}


def test_refresh_sees_the_same_things_later(account: Account) -> None:
    before = account.inventory.describe([account.members[0], "i-0ffffffffffffff01"], {}, {}, NOW)
    after = account.inventory.refresh(before, NOW + MINUTES)
    assert after == before.model_copy(update={"at": NOW + MINUTES})


def test_refresh_keeps_the_group_of_a_terminated_instance(account: Account) -> None:
    before = account.inventory.describe([account.members[0]], {}, {}, NOW)
    account.terminate(account.members[0])
    after = account.inventory.refresh(before, NOW + MINUTES)
    assert next(instance for instance in after.instances if instance.id == account.members[0]).state == "terminated"
    assert [group.name for group in after.groups] == ["web"]
    assert account.members[0] not in after.groups[0].in_service
    assert [group.arn for group in after.target_groups] == [account.target_group]


def test_refresh_shows_a_replacement(world: FakeWorld) -> None:
    account = _fake(world)
    world.fleet.groups["web"].replaces_after = 90
    before = account.inventory.describe([account.members[0]], {}, {}, NOW)
    world.fleet.terminate(account.members[0])
    world.clock.advance(89)
    assert len(account.inventory.refresh(before, NOW).groups[0].in_service) == 2
    world.clock.advance(1)
    after = account.inventory.refresh(before, NOW)
    (new,) = {instance.id for instance in after.instances} - {account.members[0]}
    assert new in after.groups[0].in_service


def test_refresh_of_aws_shows_a_replacement(aws: Callable[[str], Any]) -> None:
    account = _moto(aws)
    before = account.inventory.describe([account.members[0]], {}, {}, NOW)
    aws("autoscaling").set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    after = account.inventory.refresh(before, NOW)
    (new,) = {instance.id for instance in after.instances} - {account.members[0]}
    assert new not in account.members
    assert next(instance for instance in after.instances if instance.id == new).group == "web"


def test_an_instance_on_its_own_is_found_in_its_target_group(aws: Callable[[str], Any]) -> None:
    account = _moto(aws)
    aws("elbv2").register_targets(TargetGroupArn=account.target_group, Targets=[{"Id": account.alone}])
    workload = account.inventory.describe([account.alone], {}, {}, NOW)
    assert [group.arn for group in workload.target_groups] == [account.target_group]


def _health(target: str, state: str) -> dict[str, Any]:
    return {"Target": {"Id": target}, "TargetHealth": {"State": state}}


BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/1"
FORWARD = {"ListenerArn": "arn:listener", "DefaultActions": [{"Type": "forward", "TargetGroupArn": "arn:tg"}]}


def _balanced(*health: dict[str, Any], listeners: list[Any] | None = None, **group: Any) -> Scripted:
    """A target group behind a load balancer."""
    answer = {"TargetGroupArn": "arn:tg", "VpcId": "vpc-1", "LoadBalancerArns": [BALANCER], **group}
    return Scripted(
        "elbv2",
        describe_target_groups=[{"TargetGroups": [answer]}],
        describe_target_health=[{"TargetHealthDescriptions": list(health)}],
        describe_listeners=[{"Listeners": [FORWARD] if listeners is None else listeners}],
        describe_rules=[{"Rules": []}],
    )


def test_a_target_is_healthy_on_all_its_ports_and_one_that_is_sent_nothing_is_idle() -> None:
    shifted = {**_health("i-5", "healthy"), "AdministrativeOverride": {"State": "zonal_shift_active"}}
    states = [_health("i-1", "healthy"), _health("i-2", "healthy"), _health("i-2", "unhealthy"), _health("i-3", "draining")]
    client = _balanced(*states, _health("i-4", "initial"), _health("i-6", "unused"), shifted, _health("i-7", "unavailable"))
    (group,) = TargetGroups(client).find(["arn:tg"], {})
    assert (group.healthy, group.unhealthy, group.idle) == (("i-1", "i-7"), ("i-2", "i-4"), ("i-3", "i-5", "i-6"))
    assert (group.load_balancer, group.in_use, group.load_balancer_groups) == (BALANCER, True, 1)


def _weighted(**weights: int) -> dict[str, Any]:
    groups = [{"TargetGroupArn": f"arn:{name}", "Weight": weight} for name, weight in weights.items()]
    return {"ListenerArn": "arn:listener", "DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]}


@pytest.mark.parametrize(
    ("listeners", "used"), [([FORWARD], True), ([], False), ([_weighted(tg=0, other=100)], False), ([_weighted(tg=1, other=99)], True)]
)
def test_a_target_group_is_in_use_where_a_listener_sends_it_requests(listeners: list[Any], used: bool) -> None:
    (group,) = TargetGroups(_balanced(_health("i-1", "healthy"), listeners=listeners)).find(["arn:tg"], {})
    assert (group.in_use, group.serves) == (used, used)


def test_a_rule_uses_a_target_group_too() -> None:
    client = _balanced(_health("i-1", "healthy"), listeners=[{"ListenerArn": "arn:listener", "DefaultActions": []}])
    client._answers["describe_rules"] = [{"Rules": [{"Actions": [{"Type": "forward", "TargetGroupArn": "arn:tg"}]}]}]
    assert TargetGroups(client).find([], {"i-1": "vpc-1"})[0].in_use


def test_a_target_group_that_does_not_exist_hides_no_other() -> None:
    candidates = TargetGroups(_balanced(_health("i-1", "healthy"))).find(["arn:gone", "arn:tg"], {})
    assert [group.arn for group in candidates] == ["arn:tg"]
    deleted = _balanced()
    deleted._answers["describe_target_health"] = [error("TargetGroupNotFound")]
    assert TargetGroups(deleted).find(["arn:tg"], {}) == []


@pytest.mark.parametrize(("names", "result"), [({"10.0.0.7": "vpc-1"}, 1), ({"10.0.0.7": "vpc-2"}, 0), ({"10.0.0.8": "vpc-1"}, 0)])
def test_targets_are_found_by_address_in_every_target_group_of_their_vpc(names: dict[str, str], result: int) -> None:
    client = _balanced(_health("10.0.0.7", "healthy"), TargetType="ip")
    assert len(TargetGroups(client).find([], names)) == result


def test_traffic_sources_are_target_groups_too() -> None:
    group = {
        "AutoScalingGroupName": "web",
        "DesiredCapacity": 1,
        "MinSize": 1,
        "Instances": [
            {"InstanceId": "i-1", "LifecycleState": "InService", "HealthStatus": "Healthy"},
            {"InstanceId": "i-2", "LifecycleState": "InService", "HealthStatus": "Unhealthy"},
            {"InstanceId": "i-3", "LifecycleState": "Pending", "HealthStatus": "Healthy"},
        ],
        "EnabledMetrics": [{"Metric": "GroupInServiceInstances", "Granularity": "1Minute"}],
        "SuspendedProcesses": [{"ProcessName": "Launch"}],
        "TrafficSources": [{"Identifier": "arn:tg", "Type": "elbv2"}, {"Identifier": "classic", "Type": "elb"}],
    }
    instance = {"InstanceId": "i-1", "State": {"Name": "running"}, "Platform": "windows"}
    member = {"InstanceId": "i-1", "AutoScalingGroupName": "web", "LifecycleState": "InService"}
    inventory = AwsInventory(
        Scripted("ec2", describe_instances=[{"Reservations": [{"OwnerId": "123456789012", "Instances": [instance]}]}]),
        Scripted(
            "autoscaling",
            describe_auto_scaling_instances=[{"AutoScalingInstances": [member]}],
            describe_auto_scaling_groups=[{"AutoScalingGroups": [group]}],
        ),
        TargetGroups(
            Scripted(
                "elbv2",
                describe_target_groups=[{"TargetGroups": [{"TargetGroupArn": "arn:tg"}]}],
                describe_target_health=[{"TargetHealthDescriptions": []}],
            )
        ),
        Scripted(
            "ssm", describe_instance_information=[{"InstanceInformationList": [{"InstanceId": "i-1", "PingStatus": "ConnectionLost"}]}]
        ),
    )
    workload = inventory.describe(["i-1"], {}, {}, NOW)
    assert workload.groups[0].published_metrics == ("GroupInServiceInstances",)
    assert (workload.groups[0].in_service, workload.groups[0].suspended, workload.groups[0].target_groups) == (
        ("i-1",),
        ("Launch",),
        ("arn:tg",),
    )
    assert (workload.instances[0].managed, workload.instances[0].platform) == (False, "Windows")


def test_a_load_balancer_that_serves_more_than_one_group_says_so(account: Account, request: pytest.FixtureRequest, kind: str) -> None:
    before = account.inventory.describe([account.members[0]], {}, {}, NOW)
    assert before.target_groups[0].load_balancer_groups == 1
    balancer = before.target_groups[0].load_balancer
    if kind == "fake":
        request.getfixturevalue("world").fleet.target_groups["arn:second"] = balancer
    else:
        elbv2 = request.getfixturevalue("aws")("elbv2")
        vpc = elbv2.describe_target_groups()["TargetGroups"][0]["VpcId"]
        second = elbv2.create_target_group(Name="second", Protocol="HTTP", Port=81, VpcId=vpc, TargetType="instance")["TargetGroups"][0]
        forward = [{"Type": "forward", "TargetGroupArn": second["TargetGroupArn"]}]
        elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=81, DefaultActions=forward)
        assert account.inventory.refresh(before, NOW).target_groups[0].load_balancer_groups == 1, "one without targets serves nobody"
        elbv2.register_targets(TargetGroupArn=second["TargetGroupArn"], Targets=[{"Id": account.alone}])
    assert account.inventory.refresh(before, NOW).target_groups[0].load_balancer_groups == 2


def test_when_a_replacement_came_into_service_is_told_by_its_scaling_activity() -> None:
    def activity(description: str, status: str = "Successful", **times: Any) -> dict[str, Any]:
        return {"Description": description, "StatusCode": status, **times}

    activities = [
        activity("Launching a new EC2 instance: i-3", "InProgress"),
        activity("Launching a new EC2 instance from warm pool: i-2", EndTime=NOW + 2 * MINUTES),
        activity("Terminating EC2 instance: i-1", EndTime=NOW + 9 * MINUTES),
        activity("Launching a new EC2 instance into warm pool: i-2", EndTime=NOW),
    ]
    members = [{"InstanceId": entry, "LifecycleState": "InService", "HealthStatus": "Healthy"} for entry in ("i-1", "i-2", "i-3")]
    group = {"AutoScalingGroupName": "web", "DesiredCapacity": 3, "MinSize": 1, "Instances": members}
    instances = [{"InstanceId": member["InstanceId"], "State": {"Name": "running"}, "LaunchTime": NOW} for member in members]
    autoscaling = Scripted(
        "autoscaling",
        describe_auto_scaling_instances=[{"AutoScalingInstances": []}],
        describe_auto_scaling_groups=[{"AutoScalingGroups": [group]}],
        describe_scaling_activities=[{"Activities": activities}],
    )
    inventory = AwsInventory(
        Scripted("ec2", describe_instances=[{"Reservations": [{"OwnerId": "123456789012", "Instances": instances}]}]),
        autoscaling,
        TargetGroups(Scripted("elbv2", describe_target_groups=[{"TargetGroups": []}])),
        Scripted("ssm", describe_instance_information=[{"InstanceInformationList": []}]),
    )
    before = Workload(at=NOW, instances=(), groups=(Group(name="web", desired=3, minimum=1, in_service=("i-1",)),))
    results = {instance.id: (instance.launched_at, instance.in_service_at) for instance in inventory.refresh(before, NOW).instances}
    assert results == {"i-1": (NOW, None), "i-2": (NOW, NOW + 2 * MINUTES), "i-3": (NOW, None)}
    assert autoscaling.arguments("describe_scaling_activities") == [{"AutoScalingGroupName": "web", "MaxRecords": 100}]


def test_nobody_new_is_nothing_to_ask_activities_for(world: FakeWorld) -> None:
    account = _fake(world)
    before = account.inventory.describe([account.members[0]], {}, {}, NOW)
    assert all(instance.in_service_at is None for instance in account.inventory.refresh(before, NOW).instances)


@pytest.mark.parametrize(
    ("expected_answer", "ports", "seconds"),
    [
        ({"HealthCheckPort": "traffic-port"}, (80,), 65),
        ({"HealthCheckPort": "8081"}, (8081,), 65),
        ({"HealthCheckEnabled": False}, (80,), None),
        ({"HealthCheckIntervalSeconds": None}, (80,), None),
    ],
)
def test_how_a_target_group_looks_after_its_targets(expected_answer: dict[str, Any], ports: tuple[int, ...], seconds: int | None) -> None:
    group = {
        "TargetGroupArn": "arn:tg", "HealthCheckEnabled": True, "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5,
        "UnhealthyThresholdCount": 2, **expected_answer,
    }  # fmt: skip
    health = {"TargetHealthDescriptions": [{"Target": {"Id": "i-1", "Port": 80}, "TargetHealth": {"State": "healthy"}}]}
    client = Scripted("elbv2", describe_target_groups=[{"TargetGroups": [group]}], describe_target_health=[health])
    (result,) = TargetGroups(client).find(["arn:tg"], {})
    assert (result.health_ports, result.unhealthy_after_seconds) == (ports, seconds)
