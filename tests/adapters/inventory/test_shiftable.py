"""What ARC can shift, as candidates: zones and shifts from ARC, tags from the resource's own service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from squall.adapters.inventory.shiftable import ShiftableResources
from squall.domain.resources.shiftable import Pool, ShiftableResource, ZonalShift
from squall.errors import Unavailable
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

ACCOUNT = "123456789012"
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/shop/0123456789abcdef"
GROUP = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0123:autoScalingGroupName/shop"
TARGETS = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/shop/0123456789abcdef"
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main"
STAGING = {"squall:environment": "staging"}
TAGS = [{"Key": "squall:environment", "Value": "staging"}]
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONES = {"AvailabilityZones": [{"ZoneId": f"euw1-az{n}", "ZoneName": f"{REGION}{'abc'[n - 1]}"} for n in (1, 2, 3)]}
WEIGHTS = {"euw1-az1": 1.0, "euw1-az2": 1.0}
ENTRY = {
    "zonalShiftId": "s-1", "resourceIdentifier": BALANCER, "awayFrom": "euw1-az1", "startTime": AT, "expiryTime": AT,
    "status": "EXPIRED", "comment": "", "shiftType": "FIS_EXPERIMENT",
}  # fmt: skip


def balancing(kind: str = "ip", targets: Any = ()) -> Scripted:
    """A load balancer with one target group; each target is its id, its zone, and its state."""
    described = [
        {"Target": {"Id": id_, **({"AvailabilityZone": zone} if zone else {})}, "TargetHealth": {"State": state}}
        for id_, zone, state in targets
    ]
    return Scripted(
        "elbv2",
        describe_tags=[{"TagDescriptions": [{"ResourceArn": BALANCER, "Tags": TAGS}]}],
        describe_target_groups=[{"TargetGroups": [{"TargetGroupArn": TARGETS, "TargetType": kind}]}],
        describe_target_health=[{"TargetHealthDescriptions": described}],
    )


def finder(managed: Any = None, shifts: Any = (), **clients: Any) -> tuple[ShiftableResources, Scripted]:
    arc = Scripted(
        "arc-zonal-shift",
        get_managed_resource=[
            managed or {"arn": BALANCER, "appliedWeights": WEIGHTS, "zonalShifts": [], "zonalAutoshiftStatus": "ENABLED"}
        ],
        list_zonal_shifts=[{"items": list(shifts)}],
        list_managed_resources=[
            {"items": [{"arn": BALANCER, "availabilityZones": []}, {"arn": "arn:aws:other:x", "availabilityZones": []}]}
        ],
    )
    ec2 = Scripted("ec2", describe_availability_zones=[ZONES])
    elbv2 = balancing()
    known = {"arc-zonal-shift": arc, "ec2": ec2, "elbv2": elbv2, **clients}
    return ShiftableResources(known.__getitem__), arc


def test_a_balancer_is_described_with_its_zones_by_id_and_name_and_every_shift_that_arc_lists() -> None:
    found, arc = finder(shifts=[ENTRY])
    (resource,) = found.find([BALANCER], {}, {}).resources
    assert resource == ShiftableResource(
        id="app/shop/0123456789abcdef", arn=BALANCER, state="managed", tags=STAGING, kind="ALB", weights=WEIGHTS, autoshift="ENABLED",
        zones={"euw1-az1": f"{REGION}a", "euw1-az2": f"{REGION}b"},
        shifts=(ZonalShift(id="s-1", by="FIS_EXPERIMENT", away_from="euw1-az1", status="EXPIRED", started_at=AT, expires_at=AT),),
        pools=(Pool(name="shop/0123456789abcdef", size=0, serving={}),),
    )  # fmt: skip
    assert arc.arguments("list_zonal_shifts") == [{"resourceIdentifier": BALANCER}]
    assert found.refresh([resource]).resources == (resource,)


def test_zones_by_name_are_told_by_their_ids() -> None:
    managed = {
        "arn": BALANCER, "appliedWeights": {f"{REGION}a": 1.0, "euw1-az2": 0.0}, "zonalShifts": [],
        "autoshifts": [{"appliedStatus": "APPLIED", "awayFrom": f"{REGION}b", "startTime": AT}],
    }  # fmt: skip
    found, _ = finder(managed, shifts=[{**ENTRY, "awayFrom": f"{REGION}a"}])
    (resource,) = found.find([BALANCER], {}, {}).resources
    assert isinstance(resource, ShiftableResource)
    assert (resource.weights, resource.autoshifts) == ({"euw1-az1": 1.0, "euw1-az2": 0.0}, ("euw1-az2",))
    assert (resource.autoshift, resource.shifts[0].away_from) == ("DISABLED", "euw1-az1")


def test_a_group_has_its_own_tags_and_is_a_group_of_the_workload() -> None:
    entry = {
        "AutoScalingGroupName": "shop", "AutoScalingGroupARN": GROUP, "MinSize": 1, "DesiredCapacity": 2, "Tags": TAGS,
        "Instances": [{"InstanceId": "i-1", "LifecycleState": "InService", "HealthStatus": "Healthy", "AvailabilityZone": f"{REGION}a"}],
    }  # fmt: skip
    autoscaling = Scripted("autoscaling", describe_auto_scaling_groups=[{"AutoScalingGroups": [entry]}, {"AutoScalingGroups": []}])
    found, _ = finder({"arn": GROUP, "appliedWeights": WEIGHTS, "zonalShifts": []}, autoscaling=autoscaling)
    result = found.find([GROUP], {}, {})
    (resource,), (group,) = result.resources, result.groups
    assert (resource.id, resource.tags, resource.belongs_to) == ("shop", STAGING, "shop")
    assert (group.name, group.desired, group.in_service) == ("shop", 2, ("i-1",))
    assert isinstance(resource, ShiftableResource)
    assert resource.pools == (Pool(name="shop", size=2, serving={"euw1-az1": 1}),)
    assert found.find([GROUP], {}, {}).missing == (GROUP,), "Auto Scaling does not know it any more"


def test_a_cluster_has_the_tags_that_eks_tells() -> None:
    eks = Scripted("eks", describe_cluster=[{"cluster": {"arn": CLUSTER, "tags": STAGING}}, error("ResourceNotFoundException")])
    found, _ = finder({"arn": CLUSTER, "appliedWeights": WEIGHTS, "zonalShifts": []}, eks=eks)
    (resource,) = found.find([CLUSTER], {}, {}).resources
    assert (resource.id, resource.tags) == ("main", STAGING)
    assert found.find([CLUSTER], {}, {}).missing == (CLUSTER,)


def test_tags_choose_among_what_arc_manages_and_narrow_what_is_named() -> None:
    found, _ = finder()
    assert [resource.arn for resource in found.find([], STAGING, {}).resources] == [BALANCER]
    assert found.find([BALANCER], {"app": "shop"}, {}).resources == ()
    assert found.find([], {}, {}).resources == ()


def test_what_arc_does_not_manage_is_missing_and_other_regions_are_not_asked() -> None:
    arc = Scripted("arc-zonal-shift", get_managed_resource=[error("ResourceNotFoundException", status=404)])
    clients = {"arc-zonal-shift": arc, "ec2": Scripted("ec2", describe_availability_zones=[ZONES])}
    foreign = BALANCER.replace(REGION, "us-east-1")
    assert ShiftableResources(clients.__getitem__).find([BALANCER, foreign], {}, {}).missing == (BALANCER, foreign)
    assert len(arc.arguments("get_managed_resource")) == 1


def test_tags_that_cannot_be_read_are_no_missing_tags() -> None:
    found, _ = finder(elbv2=Scripted("elbv2", describe_tags=[error("AccessDenied")]))
    with pytest.raises(Unavailable):
        found.find([BALANCER], {}, {})


@pytest.mark.parametrize(
    ("kind", "targets", "size", "serving"),
    [
        (
            "ip",
            [("10.0.1.7", f"{REGION}a", "healthy"), ("10.0.1.8", f"{REGION}a", "healthy"), ("10.0.2.7", f"{REGION}b", "unhealthy")],
            3,
            {"euw1-az1": 2},
        ),
        ("ip", [("10.0.1.7", f"{REGION}a", "healthy"), ("10.0.1.8", f"{REGION}a", "draining")], 1, {"euw1-az1": 1}),
        ("ip", [("192.168.1.7", "all", "healthy")], 1, None),
        ("ip", [("10.0.1.7", f"{REGION}a", "unavailable")], 1, None),
        ("lambda", [("arn:aws:lambda:x", "all", "healthy")], 1, None),
        ("instance", [("i-1", "", "healthy"), ("i-2", "", "healthy")], 2, {"euw1-az1": 1, "euw1-az2": 1}),
        ("instance", [("i-1", "", "healthy"), ("i-9", "", "healthy")], 2, None),
    ],
)
def test_healthy_targets_are_counted_in_their_zones(
    kind: str, targets: list[tuple[str, str, str]], size: int, serving: dict[str, int] | None
) -> None:
    entries = [{"InstanceId": f"i-{n}", "Placement": {"AvailabilityZone": f"{REGION}{'ab'[n - 1]}"}} for n in (1, 2)]
    ec2 = Scripted("ec2", describe_availability_zones=[ZONES], describe_instances=[{"Reservations": [{"Instances": entries}]}])
    found, _ = finder(elbv2=balancing(kind, targets), ec2=ec2)
    (resource,) = found.find([BALANCER], {}, {}).resources
    assert isinstance(resource, ShiftableResource)
    assert resource.pools == (Pool(name="shop/0123456789abcdef", size=size, serving=serving),)
