"""Target resolution: ARNs, tags and filters against the account's resources; COUNT and PERCENT choose at random."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import random
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import autoscaling, dynamodb, ec2, eks, iam, kinesis, lambda_svc, rds, s3
from ministack.services import ecs as ecs_service

from local.account.ec2 import spot
from local.account.fis.errors import ExperimentError
from local.account.iam import instance_tags
from local.account.tasks import ecs

Json = dict[str, Any]
INSTANCE = "aws:ec2:instance"
SPOT = "aws:ec2:spot-instance"
CLUSTER = "aws:rds:cluster"
DB_INSTANCE = "aws:rds:db"
TASK = "aws:ecs:task"
SUBNET = "aws:ec2:subnet"
VOLUME = "aws:ec2:ebs-volume"
GROUP = "aws:ec2:autoscaling-group"
FUNCTION = "aws:lambda:function"
STREAM = "aws:kinesis:stream"
ROLE = "aws:iam:role"
GLOBAL_TABLE = "aws:dynamodb:global-table"
BUCKET = "aws:s3:bucket"
ECS_CLUSTER = "aws:ecs:cluster"
NODEGROUP = "aws:eks:nodegroup"
ENDPOINT = "aws:ec2:vpc-endpoint"
_chooser = random.Random(20240)


@dataclass(frozen=True)
class Resource:
    """One resolved resource, with the fields that filters and policies compare."""

    arn: str
    identifier: str
    tags: dict[str, str]
    attributes: Json


def _list_instances() -> list[Resource]:
    prefix = f"arn:aws:ec2:{get_region()}:{get_account_id()}:instance/"
    return [
        Resource(prefix + identifier, identifier, instance_tags(identifier), instance)
        for identifier, instance in ec2._instances.items()
        if instance.get("State", {}).get("Name") not in ("terminated", "shutting-down")
    ]


def _list_spot_instances() -> list[Resource]:
    known = set(spot.list_instances())
    return [resource for resource in _list_instances() if resource.identifier in known]


def _list_clusters() -> list[Resource]:
    return [_make_database(cluster["DBClusterArn"], id_, cluster) for id_, cluster in rds._clusters.items()]


def _db_instances() -> list[Resource]:
    return [_make_database(instance["DBInstanceArn"], id_, instance) for id_, instance in rds._instances.items()]


def _list_subnets() -> list[Resource]:
    prefix = f"arn:aws:ec2:{get_region()}:{get_account_id()}:subnet/"
    return [Resource(prefix + id_, id_, instance_tags(id_), subnet) for id_, subnet in ec2._subnets.items()]


def _list_volumes() -> list[Resource]:
    prefix = f"arn:aws:ec2:{get_region()}:{get_account_id()}:volume/"
    return [Resource(prefix + id_, id_, instance_tags(id_), volume) for id_, volume in ec2._volumes.items()]


def _list_endpoints() -> list[Resource]:
    prefix = f"arn:aws:ec2:{get_region()}:{get_account_id()}:vpc-endpoint/"
    return [Resource(prefix + id_, id_, instance_tags(id_), endpoint) for id_, endpoint in ec2._vpc_endpoints.items()]


def _list_groups() -> list[Resource]:
    return [
        Resource(group["AutoScalingGroupARN"], name, {tag["Key"]: tag["Value"] for tag in group["Tags"]}, group)
        for name, group in autoscaling._asgs.items()
    ]


def _list_tasks() -> list[Resource]:
    return [Resource(arn, arn.rpartition("/")[2], tags, record) for arn, tags, record in ecs.list_tasks()]


def _make_database(arn: str, identifier: str, record: Json) -> Resource:
    return Resource(arn, identifier, {tag["Key"]: tag["Value"] for tag in rds._tags.get(arn) or []}, record)


def _list_functions() -> list[Resource]:
    known = lambda_svc._functions.items()
    return [
        Resource(function["config"]["FunctionArn"], name, dict(function.get("tags") or {}), function["config"]) for name, function in known
    ]


def _list_streams() -> list[Resource]:
    return [Resource(stream["StreamARN"], name, dict(stream.get("tags") or {}), stream) for name, stream in kinesis._streams.items()]


def _list_roles() -> list[Resource]:
    return [
        Resource(role["Arn"], name, {tag["Key"]: tag["Value"] for tag in role.get("Tags") or []}, role) for name, role in iam._roles.items()
    ]


def _list_global_tables() -> list[Resource]:
    known = [(name, table) for name, table in dynamodb._tables.items() if dynamodb._replica_group(table)]
    return [
        Resource(arn := table["TableArn"], name, {tag["Key"]: tag["Value"] for tag in dynamodb._tags.get(arn) or []}, table)
        for name, table in known
    ]


def _list_buckets() -> list[Resource]:
    """The buckets of this Region."""
    known = [(name, bucket) for name, bucket in s3._buckets.items() if s3.bucket_region(name) == get_region()]
    return [Resource(f"arn:aws:s3:::{name}", name, dict(s3._bucket_tags.get(name) or {}), bucket) for name, bucket in known]


def _list_ecs_clusters() -> list[Resource]:
    tags = {arn: {tag["key"]: tag["value"] for tag in owned or []} for arn, owned in ecs_service._tags.items()}
    known = ecs_service._clusters.items()
    return [Resource(cluster["clusterArn"], name, tags.get(cluster["clusterArn"], {}), cluster) for name, cluster in known]


def _list_nodegroups() -> list[Resource]:
    return [Resource(group["nodegroupArn"], name, dict(group["tags"]), group) for name, group in eks._nodegroups.items()]


FINDERS = {
    INSTANCE: _list_instances,
    SPOT: _list_spot_instances,
    CLUSTER: _list_clusters,
    DB_INSTANCE: _db_instances,
    SUBNET: _list_subnets,
    VOLUME: _list_volumes,
    GROUP: _list_groups,
    TASK: _list_tasks,
    FUNCTION: _list_functions,
    STREAM: _list_streams,
    ROLE: _list_roles,
    GLOBAL_TABLE: _list_global_tables,
    BUCKET: _list_buckets,
    ECS_CLUSTER: _list_ecs_clusters,
    NODEGROUP: _list_nodegroups,
    ENDPOINT: _list_endpoints,
}


def resolve_target(name: str, target: Json) -> list[Resource]:
    """The resources that the target matches now. Raises ExperimentError for an unknown resource type."""
    find = FINDERS.get(target["resourceType"])
    if find is None:
        raise ExperimentError("InvalidTarget", f"{target['resourceType']} can't be resolved here", f"targets.{name}")
    resources = find()
    if arns := target.get("resourceArns"):
        resources = [r for r in resources if r.arn in arns]
        if len(resources) < len(set(arns)):
            missing = sorted(set(arns) - {r.arn for r in resources})
            raise ExperimentError("InvalidTarget", f"Resources not found: {', '.join(missing)}", f"targets.{name}")
    for key, value in (target.get("resourceTags") or {}).items():
        resources = [r for r in resources if r.tags.get(key) == value]
    for condition in target.get("filters") or []:
        resources = [r for r in resources if _matches_filter(r.attributes, condition["path"].split("."), condition["values"])]
    return select_resources(resources, target["selectionMode"])


def _matches_filter(value: Any, path: list[str], wanted: list[str]) -> bool:
    if isinstance(value, list):
        return any(_matches_filter(item, path, wanted) for item in value)
    if path:
        return isinstance(value, dict) and path[0] in value and _matches_filter(value[path[0]], path[1:], wanted)
    return str(value) in wanted


def select_resources(resources: list[Resource], mode: str) -> list[Resource]:
    """Select ALL, COUNT(n), or PERCENT(n) rounded down: half of one resource is none."""
    if mode == "ALL":
        return resources
    number = int(mode[mode.index("(") + 1 : -1])
    count = number if mode.startswith("COUNT") else len(resources) * number // 100
    return _chooser.sample(resources, min(count, len(resources)))
