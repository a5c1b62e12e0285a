"""Targets are resources of a type: named, stored, refused in combinations FIS has no action for."""

import json
from typing import Any

import pytest

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import TargetBefore
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import type_named
from squall.domain.targets.pinning import find_candidates
from squall.faults import registry
from tests.unit.builders import ACCOUNT, REGION, REL12, discovery, environment, experiment, instance, pin_targets, workload
from tests.unit.resources import targeting

DATABASE = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders"
CLUSTER = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:orders"
TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/0f1e2d3c"
SERVICE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/shop/web"
CLUSTER_OF_PODS = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main"
STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/orders"
GLOBAL_TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"
MULTI_REGION_CLUSTER = "arn:aws:memorydb::111122223333:multiregioncluster/orders"
VIRTUAL_INTERFACE = "arn:aws:directconnect:eu-west-1:111122223333:dxvif/dxvif-0a1"
ROLE = "arn:aws:iam::111122223333:role/orders/api"
VPC_ENDPOINT = "arn:aws:ec2:eu-west-1:111122223333:vpc-endpoint/vpce-0a1"
TRANSIT_GATEWAY = "arn:aws:ec2:eu-west-1:111122223333:transit-gateway/tgw-0a1"
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/0123456789abcdef"
DSQL_CLUSTER = "arn:aws:dsql:eu-west-1:111122223333:cluster/abc123def456"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
GROUP = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0123:autoScalingGroupName/shop"
SUBNET = f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/subnet-0a1"
VOLUME = f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-0a1"
INSTANCE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("i-1234567890abcdef0", ResourceType.INSTANCE),
        (INSTANCE, ResourceType.INSTANCE),
        (GROUP, ResourceType.INSTANCE),
        (DATABASE, ResourceType.DATABASE),
        (CLUSTER, ResourceType.DATABASE_CLUSTER),
        (SUBNET, ResourceType.SUBNET),
        ("subnet-0a1", ResourceType.SUBNET),
        (TASK, ResourceType.ECS_TASK),
        (SERVICE, ResourceType.ECS_TASK),
        (FUNCTION, ResourceType.FUNCTION),
        (f"{FUNCTION}:live", None),
        (VOLUME, ResourceType.VOLUME),
        ("vol-0a1", ResourceType.VOLUME),
        (CLUSTER_OF_PODS, ResourceType.POD),
        (STREAM, ResourceType.STREAM),
        (f"{STREAM}/consumer/reader:1", None),
        (DSQL_CLUSTER, ResourceType.DSQL_CLUSTER),
        (ROLE, ResourceType.ROLE),
        (GLOBAL_TABLE, ResourceType.GLOBAL_TABLE),
        (f"{GLOBAL_TABLE}/stream/2026-01-01T00:00:00.000", None),
        (MULTI_REGION_CLUSTER, ResourceType.MULTI_REGION_CLUSTER),
        (VIRTUAL_INTERFACE, ResourceType.VIRTUAL_INTERFACE),
        (VPC_ENDPOINT, ResourceType.VPC_ENDPOINT),
        (VPC_ENDPOINT.replace("endpoint/", "endpoint-service/"), None),
        (TRANSIT_GATEWAY, ResourceType.TRANSIT_GATEWAY),
        (BALANCER, ResourceType.SHIFTABLE),
        (BALANCER.replace("/app/", "/net/"), ResourceType.SHIFTABLE),
        (BALANCER.replace("/app/", "/gwy/"), None),
        (ROLE.replace("iam:", "iam:eu-west-1"), None),
        (f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/main/blue/1cb2-0a", ResourceType.NODEGROUP),
        (f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/main/blue", None),
        (f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop", ResourceType.ECS_CLUSTER),
        (f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/shop/0a", None),
        (f"arn:aws:s3:{REGION}:{ACCOUNT}:bucket/x", None),
        ("my-instance", None),
    ],
)
def test_a_name_tells_its_type(name: str, kind: ResourceType | None) -> None:
    assert type_named(name) is kind


def test_a_group_makes_its_instances_candidates_of_which_the_radius_pins() -> None:
    fleet = [instance("i-1"), instance("i-2"), instance("i-alone", group=None)]
    exp = experiment(target_resources=[GROUP])
    assert {candidate.id for candidate in find_candidates(workload(fleet), exp.plan[0])} == {"i-1", "i-2"}
    pinned, problems = pin_targets(workload(fleet), exp, environment(), "s")
    assert (len(pinned), problems) == (1, [])
    everyone = experiment(target_resources=[], target={"arns": [GROUP], "select": "all"})
    assert "there are 2 targets, but single_instance allows 1" in pin_targets(workload(fleet), everyone, environment(), "s")[1][0].message


def test_an_instance_of_a_named_group_that_did_not_opt_in_refuses_all() -> None:
    fleet = [instance("i-1"), instance("i-2", tags={})]
    pinned, problems = pin_targets(workload(fleet), experiment(target_resources=[GROUP]), environment(), "s")
    assert (pinned, [problem.message for problem in problems]) == ((), ["i-2 has no tag squall:environment"])


def refusals(**changes: Any) -> dict[str, tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse_experiment({**json.loads(json.dumps(REL12)), **changes})
    return {problem.path: (problem.message, problem.expected) for problem in caught.value.problems}


def test_targets_of_two_types_are_two_experiments() -> None:
    message, expected = refusals(target_resources=[INSTANCE, DATABASE])["target_resources"]
    assert message == "the targets are aws:ec2:instance and aws:rds:db"
    assert "one type" in expected


def test_a_declared_type_binds_the_names() -> None:
    result = refusals(target_resources=[], target={"resource_type": "aws:rds:cluster", "arns": [DATABASE]})
    assert result["target_resources"] == ("resource_type is aws:rds:cluster, the targets are aws:rds:db", "aws:rds:cluster only")


def test_what_nothing_can_be_injected_into_is_refused_with_what_can() -> None:
    message, expected = refusals(target_resources=["arn:aws:sns:eu-west-1:123456789012:orders"])["target_resources"]
    assert "nothing can be injected into" in message
    assert "EC2 instance" in expected


def test_the_arn_of_a_group_is_the_group_itself_only_where_that_is_declared() -> None:
    assert experiment(target_resources=[GROUP]).plan[0].resource_type is ResourceType.INSTANCE
    assert experiment(**targeting(ResourceType.SCALING_GROUP, [GROUP])).plan[0].resource_type is ResourceType.SCALING_GROUP
    result = refusals(**targeting(ResourceType.SCALING_GROUP, [INSTANCE]))
    assert result["target_resources"][0] == "resource_type is aws:ec2:autoscaling-group, the targets are aws:ec2:instance"


def test_a_group_or_a_cluster_is_what_arc_shifts_only_where_that_is_declared() -> None:
    for arn, kind in ((GROUP, ResourceType.INSTANCE), (CLUSTER_OF_PODS, ResourceType.POD), (BALANCER, ResourceType.SHIFTABLE)):
        assert type_named(arn) is kind
        assert type_named(arn, ResourceType.SHIFTABLE) is ResourceType.SHIFTABLE
    assert type_named(INSTANCE, ResourceType.SHIFTABLE) is ResourceType.INSTANCE


def test_tags_alone_mean_instances() -> None:
    assert experiment(target_resources=[], target={"tags": {"app": "shop"}}).plan[0].resource_type is ResourceType.INSTANCE


def test_every_combination_without_an_action_is_refused_with_what_there_is() -> None:
    """Every fault type on every resource type: it is in the registry, or admission names what is."""
    names = {
        ResourceType.INSTANCE: INSTANCE,
        ResourceType.DATABASE: DATABASE,
        ResourceType.DATABASE_CLUSTER: CLUSTER,
        ResourceType.SUBNET: SUBNET,
        ResourceType.ECS_TASK: TASK,
        ResourceType.FUNCTION: FUNCTION,
        ResourceType.VOLUME: VOLUME,
        ResourceType.SCALING_GROUP: GROUP,
        ResourceType.POD: CLUSTER_OF_PODS,
        ResourceType.STREAM: STREAM,
        ResourceType.DSQL_CLUSTER: DSQL_CLUSTER,
        ResourceType.ROLE: ROLE,
        ResourceType.GLOBAL_TABLE: GLOBAL_TABLE,
        ResourceType.MULTI_REGION_CLUSTER: MULTI_REGION_CLUSTER,
        ResourceType.VIRTUAL_INTERFACE: VIRTUAL_INTERFACE,
        ResourceType.VPC_ENDPOINT: VPC_ENDPOINT,
        ResourceType.TRANSIT_GATEWAY: TRANSIT_GATEWAY,
        ResourceType.SHIFTABLE: BALANCER,
        ResourceType.NODEGROUP: f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/main/blue/1cb2-0a",
        ResourceType.ECS_CLUSTER: f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop",
        ResourceType.BUCKET: "arn:aws:s3:::orders",
        ResourceType.REPLICATION_GROUP: f"arn:aws:elasticache:{REGION}:{ACCOUNT}:replicationgroup:orders",
    }
    assert set(names) == set(ResourceType)
    refused = 0
    for kind in FaultType:
        for resource_type, arn in names.items():
            if resource_type in registry.resource_types(kind) or not registry.resource_types(kind):
                continue
            message, expected = refusals(type=kind.value, **targeting(resource_type, [arn]))["type"]
            assert message.startswith(f"{kind.value} can't be injected into {resource_type.with_article}: there is ")
            assert all(other.value in message for other in registry.fault_types(resource_type))
            assert all(other.value in expected for other in registry.resource_types(kind))
            refused += 1
    assert refused


def test_a_document_of_before_there_were_types_is_one_of_instances() -> None:
    stored = json.loads(discovery().model_dump_json())
    for pinned in stored["pinned"]:
        del pinned["type"]
    assert Discovery.model_validate(stored) == discovery()


def test_pinned_resources_keep_everything_about_them_when_stored() -> None:
    before = TargetBefore(resource=instance("i-1"), healthy_in=())
    stored = TargetBefore.model_validate_json(before.model_dump_json())
    assert isinstance(stored.resource, Instance)
    assert stored == before
