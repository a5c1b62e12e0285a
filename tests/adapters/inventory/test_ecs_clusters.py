"""ECS clusters as described: container instances with their tags and zones, tasks of services, and what stopped them."""

from __future__ import annotations

from typing import Any

import pytest

from squall.adapters.inventory.containers.ecs_clusters import EcsClusters
from squall.domain.resources.host_groups import EcsCluster
from squall.errors import Unavailable
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

ACCOUNT = "123456789012"
PLACE = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
ARN = f"{PLACE}:cluster/shop"
STAGING = {"squall:environment": "staging"}
TAGS = [{"key": "squall:environment", "value": "staging"}]
TARGET_GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/1"


def host(number: int, zone: str = "a", **changes: Any) -> dict[str, Any]:
    inputs = {
        "containerInstanceArn": f"{PLACE}:container-instance/shop/c{number}", "ec2InstanceId": f"i-{number}", "status": "ACTIVE",
        "agentConnected": True, "tags": TAGS, "attributes": [{"name": "ecs.availability-zone", "value": f"{REGION}{zone}"}, {"name": "x"}],
    }  # fmt: skip
    return {**inputs, **changes}


def task(number: int, on: int | None, **changes: Any) -> dict[str, Any]:
    inputs = {
        "taskArn": f"{PLACE}:task/shop/{number:032x}", "clusterArn": ARN, "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "group": "service:web", **({"containerInstanceArn": f"{PLACE}:container-instance/shop/c{on}"} if on is not None else {}),
    }  # fmt: skip
    return {**inputs, **changes}


ADDRESS = [{"type": "ElasticNetworkInterface", "details": [{"name": "privateIPv4Address", "value": "10.0.1.1"}]}]
TASKS = [task(1, 1, attachments=ADDRESS), task(2, 2), task(3, None), task(4, 1, group="family:batch"), task(5, 2, desiredStatus="STOPPED")]
CLUSTER = {"clusterName": "shop", "clusterArn": ARN, "status": "ACTIVE", "tags": TAGS}


def reader(**answers: Any) -> tuple[EcsClusters, Scripted]:
    service = {"serviceName": "web", "status": "ACTIVE", "desiredCount": 2, "loadBalancers": [{"targetGroupArn": TARGET_GROUP}]}
    ecs = Scripted(
        "ecs",
        **{
            "list_clusters": [{"clusterArns": [ARN]}],
            "describe_clusters": [{"clusters": [CLUSTER]}],
            "list_container_instances": [{"containerInstanceArns": ["c2", "c1"]}],
            "describe_container_instances": [{"containerInstances": [host(2, "b"), host(1)]}],
            "list_tasks": [{"taskArns": [entry["taskArn"] for entry in TASKS]}],
            "describe_tasks": [{"tasks": TASKS}],
            "describe_services": [{"services": [service]}],
            **answers,
        },
    )
    return EcsClusters(ecs), ecs


def only(found: Any) -> EcsCluster:
    (cluster,) = found.resources
    assert isinstance(cluster, EcsCluster)
    return cluster


def test_a_cluster_is_described_with_its_hosts_and_the_running_tasks_of_services_on_them() -> None:
    clusters, ecs = reader()
    found = clusters.find([ARN], {}, {})
    cluster = only(found)
    assert (cluster.id, cluster.arn, cluster.state, cluster.tags, cluster.zone) == ("shop", ARN, "ACTIVE", STAGING, "")
    hosts = [(entry.id, entry.instance, entry.zone, entry.state, entry.tags) for entry in cluster.hosts]
    assert hosts == [("c1", "i-1", f"{REGION}a", "ACTIVE", STAGING), ("c2", "i-2", f"{REGION}b", "ACTIVE", STAGING)]
    assert [[(held.id, held.service, held.address) for held in entry.tasks] for entry in cluster.hosts] == [
        [(f"{1:032x}", "shop/web", "10.0.1.1")],
        [(f"{2:032x}", "shop/web", None)],
    ]
    (group,) = found.groups
    assert (group.domain, group.desired) == ("ecs/shop/web", 2)
    assert (found.instances, found.target_groups, found.missing) == (("i-1", "i-2"), (TARGET_GROUP,), ())
    assert ecs.arguments("describe_container_instances")[0]["include"] == ["TAGS"]


@pytest.mark.parametrize(
    ("changes", "state"),
    [({"agentConnected": False}, "ACTIVE, but its agent is not connected"), ({"status": "DRAINING", "agentConnected": False}, "DRAINING")],
)
def test_a_host_without_its_agent_is_not_simply_active(changes: dict[str, Any], state: str) -> None:
    cluster = only(reader(describe_container_instances=[{"containerInstances": [host(1, **changes)]}])[0].find([ARN], {}, {}))
    assert ([entry.state for entry in cluster.hosts], cluster.zone) == ([state], f"{REGION}a")


def test_a_refresh_tells_who_stopped_the_tasks_that_were_there() -> None:
    before = only(reader()[0].find([ARN], {}, {}))
    stopped = task(1, 1, lastStatus="STOPPED", desiredStatus="STOPPED", stopCode="ServiceSchedulerInitiated")
    clusters, ecs = reader(describe_tasks=[{"tasks": [task(2, 2), task(6, 2)]}, {"tasks": [stopped]}, {"tasks": [task(2, 2)]}])
    now = only(clusters.refresh([before]))
    assert now.stopped == {f"{1:032x}": "ServiceSchedulerInitiated"}
    assert ecs.arguments("describe_tasks")[1]["tasks"] == [f"{PLACE}:task/shop/{1:032x}"]
    assert [len(entry.tasks) for entry in now.hosts] == [0, 2]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        (ARN.replace(REGION, "us-east-1"), {}),
        (f"{PLACE}:service/shop/web", {}),
        (ARN, {"describe_clusters": [{"clusters": []}]}),
        (ARN, {"describe_clusters": [{"clusters": [{**CLUSTER, "status": "INACTIVE"}]}]}),
    ],
    ids=["another Region", "a service", "none", "deleted"],
)
def test_what_is_not_there_is_missing(name: str, answers: dict[str, Any]) -> None:
    found = reader(**answers)[0].find([name], {}, {})
    assert (found.resources, found.missing) == ((), (name,))


def test_tags_find_clusters_and_narrow_what_was_named() -> None:
    assert only(reader()[0].find([], STAGING, {})).arn == ARN
    assert reader()[0].find([], {"squall:environment": "production"}, {}).resources == ()
    found = reader()[0].find([ARN], {"squall:environment": "production"}, {})
    assert (found.resources, found.missing) == ((), ())
    assert reader()[0].find([], {}, {}).resources == ()


def test_ecs_that_can_not_be_asked_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="DescribeContainerInstances"):
        reader(describe_container_instances=[error("AccessDeniedException")])[0].find([ARN], {}, {})
