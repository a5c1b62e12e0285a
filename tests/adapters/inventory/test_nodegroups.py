"""Node groups as described by EKS, with the instances of their Auto Scaling group."""

from __future__ import annotations

from typing import Any

import pytest

from squall.adapters.inventory.containers.nodegroups import Nodegroups
from squall.domain.resources.host_groups import Nodegroup
from squall.errors import Unavailable
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

ACCOUNT = "123456789012"
ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/main/general/1cb2-0a"
STAGING = {"squall:environment": "staging"}


def described(**changes: Any) -> dict[str, Any]:
    inputs = {
        "nodegroupName": "general", "nodegroupArn": ARN, "clusterName": "main", "status": "ACTIVE", "tags": STAGING,
        "resources": {"autoScalingGroups": [{"name": "eks-general"}]},
    }  # fmt: skip
    return {"nodegroup": {**inputs, **changes}}


def member(name: str, zone: str = "a", state: str = "InService") -> dict[str, Any]:
    return {"InstanceId": name, "AvailabilityZone": f"{REGION}{zone}", "LifecycleState": state, "HealthStatus": "Healthy"}


def reader(answer: Any = None, members: list[dict[str, Any]] | None = None, tagged: list[str] | None = None) -> tuple[Nodegroups, Scripted]:
    eks = Scripted("eks", describe_nodegroup=[answer or described()])
    nodes = [member("i-2", "b"), member("i-1")] if members is None else members
    autoscaling = Scripted("autoscaling", describe_auto_scaling_groups=[{"AutoScalingGroups": [{"Instances": nodes}]}])
    found = [{"ResourceARN": arn} for arn in tagged or []]
    tagging = Scripted("resourcegroupstaggingapi", get_resources=[{"ResourceTagMappingList": found}])
    return Nodegroups(eks, autoscaling, tagging), eks


def test_a_node_group_is_described_with_its_nodes() -> None:
    nodegroups, eks = reader()
    found = nodegroups.find([ARN], {}, {})
    (group,) = found.resources
    assert isinstance(group, Nodegroup)
    assert (group.id, group.arn, group.state, group.tags, group.groups) == ("main/general", ARN, "ACTIVE", STAGING, ("eks-general",))
    assert [(host.id, host.zone, host.state) for host in group.hosts] == [
        ("i-1", f"{REGION}a", "InService"),
        ("i-2", f"{REGION}b", "InService"),
    ]
    assert (group.zone, found.instances, found.missing) == ("", ("i-1", "i-2"), ())
    assert eks.arguments("describe_nodegroup") == [{"clusterName": "main", "nodegroupName": "general"}]


def test_nodes_in_one_zone_are_its_zone_and_a_group_without_nodes_has_none() -> None:
    (group,) = reader(members=[member("i-1"), member("i-2")])[0].find([ARN], {}, {}).resources
    assert group.zone == f"{REGION}a"
    (empty,) = reader(described(resources={}), members=[])[0].find([ARN], {}, {}).resources
    assert isinstance(empty, Nodegroup)
    assert (empty.zone, empty.hosts, empty.groups) == ("", (), ())


def test_a_refresh_describes_also_the_nodes_that_it_had() -> None:
    (before,) = reader()[0].find([ARN], {}, {}).resources
    assert isinstance(before, Nodegroup)
    found = reader(members=[member("i-2"), member("i-3")])[0].refresh([before])
    assert found.instances == ("i-1", "i-2", "i-3")
    (now,) = found.resources
    assert isinstance(now, Nodegroup)
    assert now.host_ids == ("i-2", "i-3")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (ARN.replace(REGION, "us-east-1"), None),
        (f"{ARN}-another", None),
        (f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main", None),
        (ARN, error("ResourceNotFoundException")),
    ],
    ids=["another Region", "another of the same name", "no node group", "none at all"],
)
def test_what_is_not_there_is_missing(name: str, answer: Any) -> None:
    found = reader(answer)[0].find([name], {}, {})
    assert (found.resources, found.missing) == ((), (name,))


def test_tags_find_node_groups_and_narrow_what_was_named() -> None:
    nodegroups, _ = reader(tagged=[ARN])
    assert [group.arn for group in nodegroups.find([], STAGING, {}).resources] == [ARN]
    found = reader()[0].find([ARN], {"squall:environment": "production"}, {})
    assert (found.resources, found.missing) == ((), ())


def test_eks_that_can_not_be_asked_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="DescribeNodegroup"):
        reader(error("AccessDeniedException"))[0].find([ARN], {}, {})
