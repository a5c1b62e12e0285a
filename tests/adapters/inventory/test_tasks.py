"""ECS tasks as candidates: their services, task definitions and agents; and what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.inventory.instances import AwsInventory
from squall.adapters.inventory.inventories import Inventories
from squall.adapters.inventory.target_groups import TargetGroups
from squall.adapters.inventory.tasks import EcsTasks
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.tasks import EcsTask
from squall.errors import Unavailable
from tests.adapters.conftest import MINUTES, NOW, REGION
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "123456789012"
STAGING = {"squall:environment": "staging"}
SERVICE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/shop/web"
DEFINITION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:7"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop"
INSIGHTS = [{"name": "containerInsights", "value": "enhanced"}]
TARGET_GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/1"


def arn(number: int, cluster: str = "shop") -> str:
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/{number:032x}"


def task(number: int, **changes: Any) -> dict[str, Any]:
    inputs = {
        "taskArn": arn(number), "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop", "taskDefinitionArn": DEFINITION,
        "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "group": "service:web", "launchType": "FARGATE", "healthStatus": "HEALTHY",
        "availabilityZone": f"{REGION}a", "createdAt": NOW, "startedAt": NOW + MINUTES, "enableExecuteCommand": False,
        "platformFamily": "Linux", "tags": [{"key": "squall:environment", "value": "staging"}],
        "attachments": [{"type": "ElasticNetworkInterface", "details": [{"name": "privateIPv4Address", "value": f"10.0.1.{number}"}]}],
    }  # fmt: skip
    return {**inputs, **changes}


def definition(**changes: Any) -> dict[str, Any]:
    environment = [{"name": "MANAGED_INSTANCE_ROLE_NAME", "value": "fis-managed"}]
    inputs = {
        "networkMode": "awsvpc", "pidMode": "task", "enableFaultInjection": True,
        "containerDefinitions": [{"name": "web", "environment": []}, {"name": "amazon-ssm-agent", "environment": environment}],
    }  # fmt: skip
    return {"taskDefinition": {**inputs, **changes}}


SERVICES = {
    "services": [
        {"serviceName": "web", "status": "ACTIVE", "desiredCount": 2, "loadBalancers": [{"targetGroupArn": TARGET_GROUP}]},
        {"serviceName": "old", "status": "INACTIVE", "desiredCount": 0},
    ]
}
AGENT = {"InstanceId": "mi-0123456789abcdef0", "PingStatus": "Online", "RegistrationDate": NOW}
TAGS = {"TagList": [{"Key": "ECS_TASK_ARN", "Value": arn(1)}, {"Key": "squall:environment", "Value": "staging"}]}


def finder(tasks: list[dict[str, Any]] | None = None, **answers: Any) -> tuple[EcsTasks, Scripted, Scripted]:
    known = [task(1), task(2)] if tasks is None else tasks
    ecs = Scripted(
        "ecs",
        **{
            "list_clusters": [{"clusterArns": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop"]}],
            "list_tasks": [{"taskArns": [entry["taskArn"] for entry in known]}],
            "describe_tasks": [{"tasks": known}],
            "describe_services": [SERVICES],
            "describe_task_definition": [definition()],
            "describe_clusters": [{"clusters": [{"clusterArn": CLUSTER, "settings": INSIGHTS}]}],
            **answers,
        },
    )
    ssm = Scripted("ssm", describe_instance_information=[{"InstanceInformationList": [AGENT]}], list_tags_for_resource=[TAGS])
    return EcsTasks(ecs, ssm, Scripted("ec2", describe_subnets=[{"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}]}])), ecs, ssm


def test_a_service_stands_for_its_tasks_with_all_that_faults_ask_of_them() -> None:
    tasks, _, _ = finder()
    candidates = tasks.find([SERVICE], {}, {})
    entry, other = candidates.resources
    assert isinstance(entry, EcsTask)
    assert (entry.id, entry.state, entry.zone, entry.group, entry.cluster) == (f"{1:032x}", "RUNNING", f"{REGION}a", "shop/web", "shop")
    assert (entry.private_ip, entry.network_mode, entry.pid_mode) == ("10.0.1.1", "awsvpc", "task")
    assert (entry.fault_injection, entry.registers, entry.health_checked) == (True, True, False)
    assert (entry.managed_id, entry.managed, entry.managed_tags["squall:environment"]) == ("mi-0123456789abcdef0", True, "staging")
    assert (entry.tags, entry.launched_at, entry.in_service_at, entry.platform) == (STAGING, NOW, NOW + MINUTES, "Linux")
    assert isinstance(other, EcsTask)
    assert (other.managed_id, other.managed) == (None, False), "the agent of another task is not its own"
    (group,) = candidates.groups
    assert (group.kind, group.name, group.desired, group.in_service) == ("ecs", "shop/web", 2, (f"{1:032x}", f"{2:032x}"))
    assert (candidates.target_groups, candidates.missing) == ((TARGET_GROUP,), ())


@pytest.mark.parametrize(("settings", "known"), [(INSIGHTS, "enhanced"), ([], None)])
def test_a_task_knows_the_setting_of_its_cluster_that_decides_on_its_metrics(settings: list[dict[str, str]], known: str | None) -> None:
    tasks, ecs, _ = finder(describe_clusters=[{"clusters": [{"clusterArn": CLUSTER, "settings": settings}]}])
    found = tasks.find([SERVICE], {}, {})
    assert [resource.insights for resource in found.resources if isinstance(resource, EcsTask)] == [known, known]
    assert ecs.arguments("describe_clusters") == [{"clusters": [CLUSTER], "include": ["SETTINGS"]}]


@pytest.mark.parametrize(
    ("containers", "checked"),
    [([{"name": "web"}], False), ([{"name": "web", "healthCheck": {"command": ["CMD", "true"]}}], True), ([], None)],
)
def test_a_task_knows_whether_ecs_checks_its_health(containers: list[dict[str, Any]], checked: bool | None) -> None:
    tasks, _, _ = finder(describe_task_definition=[definition(containerDefinitions=containers)])
    found = tasks.find([SERVICE], {}, {})
    assert [resource.health_checked for resource in found.resources if isinstance(resource, EcsTask)] == [checked, checked]


def test_a_task_that_is_to_stop_or_is_unhealthy_is_not_in_service() -> None:
    tasks, _, _ = finder([task(1, desiredStatus="STOPPED"), task(2, healthStatus="UNHEALTHY"), task(3, lastStatus="PENDING")])
    candidates = tasks.find([SERVICE], {}, {})
    assert [resource.state for resource in candidates.resources] == ["STOPPING", "RUNNING", "PENDING"]
    assert candidates.groups[0].in_service == ()


STEADY = {"status": "PRIMARY", "stabilityStatus": "STEADY_STATE"}


@pytest.mark.parametrize(
    ("state", "rolling"),
    [
        ({}, False),
        ({"deployments": [{"status": "PRIMARY"}]}, False),
        ({"deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}]}, False),
        ({"deployments": [{"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}]}, True),
        ({"deployments": [{"status": "PRIMARY"}, {"status": "ACTIVE"}]}, True),
        ({"deploymentController": {"type": "CODE_DEPLOY"}, "taskSets": [STEADY]}, False),
        ({"deploymentController": {"type": "CODE_DEPLOY"}, "taskSets": [STEADY, {**STEADY, "status": "ACTIVE"}]}, True),
        ({"deploymentController": {"type": "EXTERNAL"}, "taskSets": [{**STEADY, "stabilityStatus": "STABILIZING"}]}, True),
    ],
)
def test_a_service_is_rolling_out_whatever_controller_deploys_it(state: dict[str, Any], rolling: bool) -> None:
    service = {**SERVICES["services"][0], **state}
    tasks, _, _ = finder(describe_services=[{"services": [service]}])
    assert [group.rolling_out for group in tasks.find([SERVICE], {}, {}).groups] == [rolling]


def test_what_is_not_there_is_named_and_hides_nobody() -> None:
    foreign, gone = arn(1).replace(REGION, "us-east-1"), arn(9)
    nowhere = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/shop/nobody"
    tasks, ecs, _ = finder([task(1)])
    candidates = tasks.find([arn(1), foreign, gone, nowhere], {}, {})
    assert [resource.arn for resource in candidates.resources] == [arn(1)]
    assert candidates.missing == (foreign, gone, nowhere)
    assert ecs.arguments("describe_tasks")[0] == {"cluster": "shop", "tasks": [arn(1), gone], "include": ["TAGS"]}


def test_a_cluster_that_is_not_there_has_no_tasks() -> None:
    tasks, _, _ = finder(describe_tasks=[error("ClusterNotFoundException")], describe_services=[error("ClusterNotFoundException")])
    assert tasks.find([arn(1), SERVICE], {}, {}).missing == (arn(1), SERVICE)


def test_tags_find_and_filters_narrow() -> None:
    stray = task(3, tags=[])
    batch = task(4, group="family:batch")
    tasks, ecs, _ = finder([task(1), stray, batch])
    assert [resource.arn for resource in tasks.find([], STAGING, {}).resources] == [arn(1), arn(4)]
    assert [resource.arn for resource in tasks.find([], STAGING, {"service": ["web"]}).resources] == [arn(1)]
    assert tasks.find([], STAGING, {"cluster": ["other"]}).resources == ()
    assert ecs.arguments("list_tasks")[-1] == {"cluster": "other"}
    assert tasks.find([], {}, {"cluster": ["shop"]}).resources == (), "a filter alone would mean everything"


def test_again_sees_what_the_service_started_since_and_what_ecs_has_forgotten() -> None:
    tasks, _, _ = finder()
    known = tasks.find([SERVICE], {}, {}).resources
    later, _, _ = finder([task(2), task(3)])
    again = later.refresh(known)
    assert [resource.arn for resource in again.resources] == [arn(2), arn(3)]
    assert again.missing == (arn(1),)


def test_the_newest_agent_of_a_task_is_its_agent() -> None:
    tasks, _, ssm = finder([task(1)])
    older = {**AGENT, "InstanceId": "mi-00000000000000000", "PingStatus": "ConnectionLost", "RegistrationDate": NOW - MINUTES}
    ssm._answers["describe_instance_information"] = [{"InstanceInformationList": [AGENT, older]}]
    (resource,) = tasks.find([arn(1)], {}, {}).resources
    assert isinstance(resource, EcsTask)
    assert (resource.managed_id, resource.managed) == ("mi-0123456789abcdef0", True)
    assert ssm.arguments("describe_instance_information")[0] == {"Filters": [{"Key": "tag:ECS_TASK_ARN", "Values": [arn(1)]}]}


def test_ecs_that_can_not_be_asked_is_unavailable() -> None:
    tasks, _, _ = finder(describe_tasks=[error("AccessDeniedException")])
    with pytest.raises(Unavailable, match="DescribeTasks"):
        tasks.find([arn(1)], {}, {})


def test_in_an_account_tasks_are_found_stopped_and_told_why(aws: Callable[[str], Any]) -> None:
    ecs, elbv2 = aws("ecs"), aws("elbv2")
    ecs.create_cluster(clusterName="shop")
    ecs.register_task_definition(
        family="web", networkMode="awsvpc", pidMode="task", containerDefinitions=[{"name": "web", "image": "web", "memory": 64}]
    )
    subnet = aws("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}}
    tags = [{"key": "squall:environment", "value": "staging"}]
    started = ecs.run_task(cluster="shop", taskDefinition="web", launchType="FARGATE", networkConfiguration=network, tags=tags)["tasks"][0]
    ssm = Scripted("ssm", describe_instance_information=[{"InstanceInformationList": []}])
    fleet = AwsInventory(aws("ec2"), aws("autoscaling"), TargetGroups(elbv2), ssm)
    inventory = Inventories(fleet, TargetGroups(elbv2), {ResourceType.ECS_TASK: lambda: EcsTasks(ecs, ssm, aws("ec2"))})
    workload = inventory.describe([], STAGING, {"cluster": ["shop"]}, NOW, resource_type=ResourceType.ECS_TASK)
    (resource,) = workload.others
    assert isinstance(resource, EcsTask)
    assert (resource.arn, resource.tags, resource.pid_mode, resource.group, resource.managed_id) == (
        started["taskArn"],
        STAGING,
        "task",
        None,
        None,
    )
    ecs.stop_task(cluster="shop", task=resource.arn, reason="chaos")
    (again,) = inventory.refresh(workload, NOW + MINUTES).others
    assert (again.state in EcsTask.LOST, again.usable) == (True, False)


@pytest.mark.parametrize("place", [f"us-east-1:{ACCOUNT}", f"{REGION}:999999999999"])
def test_the_namesake_of_a_service_elsewhere_is_not_taken(place: str) -> None:
    known = {**SERVICES["services"][0], "serviceArn": SERVICE}
    tasks, _, _ = finder(describe_services=[{"services": [known]}])
    elsewhere = SERVICE.replace(f"{REGION}:{ACCOUNT}", place)
    candidates = tasks.find([elsewhere], {}, {})
    assert (candidates.resources, candidates.missing) == ((), (elsewhere,))
    assert len(tasks.find([SERVICE], {}, {}).resources) == 2


@pytest.mark.parametrize("place", [f"us-east-1:{ACCOUNT}", f"{REGION}:999999999999"])
def test_the_namesake_of_a_cluster_elsewhere_is_not_taken(place: str) -> None:
    tasks, _, _ = finder()
    assert len(tasks.find([], STAGING, {"cluster": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop"]}).resources) == 2
    assert tasks.find([], STAGING, {"cluster": [f"arn:aws:ecs:{place}:cluster/shop"]}).resources == ()


def test_a_missing_cluster_and_a_misspelt_service_are_named() -> None:
    tasks, _, _ = finder(list_tasks=[error("ClusterNotFoundException", "Cluster not found.")])
    assert tasks.find([], STAGING, {"cluster": ["shpo"]}).unreadable[0] == "the ECS cluster shpo does not exist in this account and Region"
    known, _, _ = finder()
    assert known.find([], STAGING, {"service": ["wbe"]}).unreadable == ("no task of the ECS service wbe was found",)


def test_tasks_are_looked_for_in_target_groups_by_their_address_and_vpc() -> None:
    details = [{"name": "subnetId", "value": "subnet-1"}, {"name": "privateIPv4Address", "value": "10.0.1.1"}]
    tasks, _, _ = finder([task(1, attachments=[{"type": "ElasticNetworkInterface", "details": details}])])
    assert tasks.find([SERVICE], {}, {}).registered == {"10.0.1.1": "vpc-1"}


def test_target_groups_of_task_sets_and_alternate_ones_are_the_services() -> None:
    alternate = {"alternateTargetGroupArn": "arn:green"}
    balancers = [{"targetGroupArn": "arn:blue", "advancedConfiguration": alternate}]
    sets = [{"stabilityStatus": "STEADY_STATE", "loadBalancers": [{"targetGroupArn": "arn:set"}]}]
    service = {**SERVICES["services"][0], "loadBalancers": balancers, "taskSets": sets}
    tasks, _, _ = finder(describe_services=[{"services": [service]}])
    assert tasks.find([SERVICE], {}, {}).target_groups == ("arn:blue", "arn:green", "arn:set")


def test_a_task_definition_or_agent_that_is_gone_costs_that_part_only() -> None:
    tasks, _, ssm = finder(describe_task_definition=[error("ClientException", "Unable to describe task definition.")])
    ssm._answers["list_tags_for_resource"] = [error("InvalidResourceId")]
    first, second = tasks.find([SERVICE], {}, {}).resources
    assert isinstance(first, EcsTask)
    assert (first.state, first.network_mode, second.state) == ("RUNNING", "", "RUNNING")
