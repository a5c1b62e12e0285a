"""The names by which load balancers know targets, and classic load balancers, which have no target groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.inventory.classic_balancers import ClassicBalancers
from squall.adapters.inventory.names import Names
from squall.adapters.inventory.target_groups import TargetGroups
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


@pytest.mark.parametrize(
    ("names", "registered", "means_it"),
    [
        ("i-1", "i-1", True),
        ("i-1", "i-12", False),
        ("10.0.5.16/28", "10.0.5.20", True),
        ("10.0.5.16/28", "10.0.5.32", False),
        ("10.0.5.16/28", "i-1", False),
        ("10.0.5.16/28", f"{FUNCTION}:live", False),
        ("10.0.5.16/28", "2001:db8::3", False),
        ("2001:db8:0:1:1::/80", "2001:db8:0:1:1::3", True),
        (FUNCTION, f"{FUNCTION}:live", True),
        (FUNCTION, FUNCTION, True),
        (FUNCTION, f"{FUNCTION}-2", False),
    ],
)
def test_a_name_means_itself_a_network_its_addresses_and_a_function_its_versions(names: str, registered: str, means_it: bool) -> None:
    assert bool(Names.of([names]).match([registered])) is means_it


def test_a_classic_load_balancer_is_found_by_the_instances_behind_it(aws: Callable[[str], Any]) -> None:
    elb, ec2 = aws("elb"), aws("ec2")
    image = ec2.register_image(Name="linux", RootDeviceName="/dev/sda1")["ImageId"]
    ids = [instance["InstanceId"] for instance in ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2)["Instances"]]
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 8080}
    subnet = ec2.describe_subnets()["Subnets"][0]
    elb.create_load_balancer(LoadBalancerName="old", Listeners=[listener], Subnets=[subnet["SubnetId"]])
    elb.register_instances_with_load_balancer(LoadBalancerName="old", Instances=[{"InstanceId": ids[0]}])
    target_groups = TargetGroups(aws("elbv2"), ClassicBalancers(elb))
    vpc = elb.describe_load_balancers()["LoadBalancerDescriptions"][0]["VPCId"]
    (result,) = target_groups.find([], {ids[0]: vpc})
    assert (result.arn, result.load_balancer, result.healthy) == ("loadbalancer/old", "loadbalancer/old", (ids[0],))
    assert (result.ports, result.serves) == ((8080,), True)
    assert target_groups.find([], {ids[1]: vpc}) == []
    assert target_groups.find([], {ids[0]: "vpc-another"}) == []
    assert target_groups.find([result.arn], {}) == [result]


def test_a_classic_load_balancer_that_is_deleted_meanwhile_is_left_out() -> None:
    entry = {"LoadBalancerName": "old", "VPCId": "vpc-1", "Instances": [{"InstanceId": "i-1"}]}
    elb = Scripted(
        "elb", describe_load_balancers=[{"LoadBalancerDescriptions": [entry]}], describe_instance_health=[error("LoadBalancerNotFound")]
    )
    assert list(ClassicBalancers(elb).find([], {"vpc-1": Names.of(["i-1"])})) == []


def test_instances_out_of_service_are_unhealthy_and_the_check_says_after_how_long() -> None:
    check = {"Target": "HTTP:8081/up", "Interval": 10, "Timeout": 3, "UnhealthyThreshold": 2, "HealthyThreshold": 2}
    entry = {
        "LoadBalancerName": "old",
        "VPCId": "vpc-1",
        "Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}],
        "ListenerDescriptions": [{"Listener": {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 8080}}],
        "HealthCheck": check,
    }
    states = [{"InstanceId": "i-1", "State": "InService"}, {"InstanceId": "i-2", "State": "OutOfService"}]
    elb = Scripted(
        "elb", describe_load_balancers=[{"LoadBalancerDescriptions": [entry]}], describe_instance_health=[{"InstanceStates": states}]
    )
    (result,) = ClassicBalancers(elb).find([], {"vpc-1": Names.of(["i-2"])})
    assert (result.healthy, result.unhealthy) == (("i-1",), ("i-2",))
    assert (result.health_ports, result.unhealthy_after_seconds) == ((8081,), 23)
