"""Resources that are not instances, and workloads of them."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from squall.domain.base.vocabulary import ResourceType
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.caches import CacheNode, ReplicationGroup
from squall.domain.resources.databases import ClusterMember, Database, DatabaseCluster
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.functions import LambdaFunction
from squall.domain.resources.host_groups import ContainerInstance, EcsCluster, Host, HostedTask, Nodegroup
from squall.domain.resources.pods import EksPod
from squall.domain.resources.scaling_groups import ScalingGroup
from squall.domain.resources.shiftable import ShiftableResource
from squall.domain.resources.subnets import Endpoint, Subnet
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.transit_gateways import PeeringAttachment, TransitGateway
from squall.domain.resources.types import OtherResource
from squall.domain.resources.volumes import Attachment, Volume
from squall.domain.resources.workload import Group, Workload
from squall.domain.targets.failure_domains import failure_domains
from tests.unit.builders import ACCOUNT, NOW, REGION, TAG, instance
from tests.unit.builders import workload as fleet

STAGING = {TAG: "staging"}


def database(name: str = "orders", zone: str = f"{REGION}a", **changes: Any) -> Database:
    """A Multi-AZ instance: its standby is in another zone."""
    inputs = {
        "id": name, "arn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{name}", "state": "available", "zone": zone, "tags": STAGING,
        "engine": "postgres", "multi_az": True, "secondary_zone": f"{REGION}{'a' if zone.endswith('b') else 'b'}",
    }  # fmt: skip
    return Database.model_validate({**inputs, **changes})


def cluster(name: str = "orders", zone: str = f"{REGION}a", *, readers: int = 1, **changes: Any) -> DatabaseCluster:
    members = [
        ClusterMember(id=f"{name}-{n}", zone=zone if n == 0 else f"{REGION}c", state="available", writer=n == 0) for n in range(readers + 1)
    ]
    inputs = {
        "id": name, "arn": f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:{name}", "state": "available", "zone": zone, "tags": STAGING,
        "engine": "aurora-postgresql", "members": tuple(members),
    }  # fmt: skip
    return DatabaseCluster.model_validate({**inputs, **changes})


def subnet(name: str = "0a1", zone: str = f"{REGION}a", **changes: Any) -> Subnet:
    """A subnet with an instance in it, and an endpoint of the VPC that is in other subnets, too."""
    id_ = f"subnet-{name.encode().hex()}"
    inputs = {
        "id": id_, "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{id_}", "state": "available", "zone": zone, "tags": STAGING,
        "vpc": "vpc-1", "cidr": "10.0.1.0/24", "acl": "acl-0a1", "association": "aclassoc-1", "instances": ("i-1",),
        "route_table": "rtb-1", "route_association": "rtbassoc-1",
        "addresses": ("10.0.1.7",),
        "endpoints": (Endpoint(id="vpce-1", service=f"com.amazonaws.{REGION}.ssm", subnets=(id_, "subnet-0ffff")),),
    }  # fmt: skip
    return Subnet.model_validate({**inputs, **changes})


def task(name: str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", zone: str = f"{REGION}a", **changes: Any) -> EcsTask:
    """A task of the service `web` on Fargate, with everything that faults require of a task."""
    name = name.replace("-", "")
    inputs = {
        "id": name, "arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/{name}", "state": "RUNNING", "zone": zone, "tags": STAGING,
        "group": "shop/web", "cluster": "shop", "launch_type": "FARGATE",
        "definition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:7",
        "private_ip": "10.0.1.7", "network_mode": "awsvpc", "pid_mode": "task", "fault_injection": True, "registers": True,
        "managed_id": f"mi-{name}", "managed": True, "managed_tags": STAGING,
        "health_checked": False,
    }  # fmt: skip
    return EcsTask.model_validate({**inputs, **changes})


def function(name: str = "orders", zone: str = "", **changes: Any) -> LambdaFunction:
    """A function with FIS's extension."""
    inputs = {
        "id": name, "arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}", "state": "Active", "tags": STAGING, "timeout_seconds": 6,
        "layers": (f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:aws-fis-extension-arm64:9",), "wrapper": "/opt/aws-fis/bootstrap",
        "configuration_location": "arn:aws:s3:::chaos/staging/", "poll_wait_milliseconds": 2000,
    }  # fmt: skip
    return LambdaFunction.model_validate({**inputs, **changes})


def pod(name: str = "web-7d9c5b-x2x1z", zone: str = f"{REGION}a", **changes: Any) -> EksPod:
    """A pod of the Deployment `web`, with everything that faults require of a pod."""
    uid = sha256(name.encode()).hexdigest()[:32]
    inputs = {
        "id": f"shop/{name}/{uid[:8]}", "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:pod/main/shop/{name}/{uid}", "state": "Ready", "zone": zone,
        "tags": STAGING, "group": "main/shop/deployment/web", "name": name, "namespace": "shop", "uid": uid,
        "cluster": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main", "service_account": "fis", "pod_ip": "10.0.1.7", "memory_limited": True,
        "chaos": (),
    }  # fmt: skip
    return EksPod.model_validate({**inputs, **changes})


def service_of(tasks: Iterable[EcsTask | EksPod], *, desired: int | None = None) -> tuple[Group, ...]:
    """The ECS services of these tasks, or the Deployments of these pods, with all of their members in service."""
    results = tuple(tasks)
    names = sorted({entry.group for entry in results if entry.group})
    running = {name: tuple(item.id for item in results if item.group == name and item.usable) for name in names}
    return tuple(
        Group(
            kind="eks" if "/deployment/" in name else "ecs",
            name=name,
            desired=len(running[name]) if desired is None else desired,
            minimum=0,
            in_service=running[name],
        )
        for name in names
    )


def volume(name: str = "0a1", zone: str = f"{REGION}a", **changes: Any) -> Volume:
    """The root volume of a Nitro instance."""
    id_ = f"vol-{name.encode().hex()}"
    to = Attachment(instance="i-1", state="attached", instance_type="m5.large", nitro=True, root=True, deleted_with=True)
    inputs = {
        "id": id_, "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/{id_}", "state": "in-use", "zone": zone, "tags": STAGING,
        "attachments": (to,),
    }  # fmt: skip
    return Volume.model_validate({**inputs, **changes})


def scaling_group(name: str = "shop", zone: str = "", **changes: Any) -> ScalingGroup:
    """A group in one zone, or in two."""
    inputs = {
        "id": name, "arn": f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0123:autoScalingGroupName/{name}", "state": "active",
        "zone": zone, "tags": STAGING, "zones": (zone,) if zone else (f"{REGION}a", f"{REGION}b"), "launch_template": True,
        "instances": ("i-1", "i-2"),
    }  # fmt: skip
    return ScalingGroup.model_validate({**inputs, **changes})


def stream(name: str = "orders", zone: str = "", **changes: Any) -> DescribedResource:
    """A Kinesis data stream."""
    inputs = {
        "type": ResourceType.STREAM, "id": name, "arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}", "state": "ACTIVE",
        "zone": zone, "tags": STAGING, "fields": {"RetentionPeriodHours": "24", "EncryptionType": "NONE"},
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def dsql_cluster(name: str = "orders", zone: str = "", **changes: Any) -> DescribedResource:
    """An Aurora DSQL cluster."""
    id_ = name.encode().hex()
    inputs = {
        "type": ResourceType.DSQL_CLUSTER, "id": id_, "arn": f"arn:aws:dsql:{REGION}:{ACCOUNT}:cluster/{id_}", "state": "ACTIVE",
        "zone": zone, "tags": STAGING, "fields": {"deletionProtectionEnabled": "true"},
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def role(name: str = "orders", zone: str = "", **changes: Any) -> DescribedResource:
    """An IAM role."""
    inputs = {
        "type": ResourceType.ROLE, "id": name, "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "state": "exists",
        "zone": zone, "tags": STAGING, "fields": {"MaxSessionDuration": "3600"},
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def global_table(name: str = "orders", zone: str = "", **changes: Any) -> DescribedResource:
    """A DynamoDB table with a replica in another Region."""
    inputs = {
        "type": ResourceType.GLOBAL_TABLE, "id": name, "arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}", "state": "ACTIVE",
        "zone": zone, "tags": STAGING, "fields": {"Replicas": '[["us-east-1", "ACTIVE"]]'},
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def multi_region_cluster(name: str = "orders", zone: str = "", **changes: Any) -> DescribedResource:
    """A MemoryDB multi-Region cluster with a member in this Region and in another."""
    inputs = {
        "type": ResourceType.MULTI_REGION_CLUSTER, "id": name, "arn": f"arn:aws:memorydb::{ACCOUNT}:multiregioncluster/{name}",
        "state": "available", "zone": zone, "tags": STAGING,
        "fields": {"Clusters": f'[["{REGION}", "available"], ["us-east-1", "available"]]'},
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def bucket(name: str = "orders", zone: str = "", **changes: Any) -> DescribedResource:
    """An S3 bucket whose objects are replicated."""
    rules = '{"Rules": [{"Destination": {"Bucket": "arn:aws:s3:::copy"}, "ID": "all", "Status": "Enabled"}]}'
    inputs = {
        "type": ResourceType.BUCKET, "id": name.lower(), "arn": f"arn:aws:s3:::{name.lower()}", "state": "exists", "zone": zone,
        "tags": STAGING, "fields": {"ReplicationConfiguration": rules},
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def replication_group(name: str = "orders", zone: str = "", **changes: Any) -> ReplicationGroup:
    """Two node groups with a primary and a replica each, in two zones. ElastiCache tells their roles."""
    nodes = [
        CacheNode(id=f"{name}-{group}-{number}", group=group, zone=f"{REGION}{letter}", role="replica" if number > 1 else "primary")
        for group in ("0001", "0002")
        for number, letter in ((1, "a"), (2, "b"))
    ]
    inputs = {
        "id": name, "arn": f"arn:aws:elasticache:{REGION}:{ACCOUNT}:replicationgroup:{name}", "state": "available", "zone": zone,
        "tags": STAGING, "multi_az": "enabled", "automatic_failover": "enabled",
        "node_groups": {"0001": "available", "0002": "available"}, "nodes": tuple(nodes),
    }  # fmt: skip
    return ReplicationGroup.model_validate({**inputs, **changes})


def virtual_interface(name: str = "0rders", zone: str = "", **changes: Any) -> DescribedResource:
    """A Direct Connect virtual interface whose session is up."""
    id_ = f"dxvif-{name.lower().replace('-', '')}"
    inputs = {
        "type": ResourceType.VIRTUAL_INTERFACE, "id": id_, "arn": f"arn:aws:directconnect:{REGION}:{ACCOUNT}:dxvif/{id_}",
        "state": "available", "zone": zone, "tags": STAGING, "fields": {"bgpPeers": '[["p1", "available", "up"]]', "vlan": "101"},
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def vpc_endpoint(name: str = "0a1", zone: str = "", **changes: Any) -> DescribedResource:
    """An interface endpoint of Amazon SQS."""
    id_ = f"vpce-{name.encode().hex()}"
    fields = {"Groups": '["sg-1", "sg-2"]', "VpcEndpointType": "Interface", "ServiceName": f"com.amazonaws.{REGION}.sqs"}
    inputs = {
        "type": ResourceType.VPC_ENDPOINT, "id": id_, "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-endpoint/{id_}",
        "state": "available", "zone": zone, "tags": STAGING, "fields": fields,
    }  # fmt: skip
    return DescribedResource.model_validate({**inputs, **changes})


def transit_gateway(name: str = "0a1", zone: str = "", **changes: Any) -> TransitGateway:
    """A transit gateway with an attachment to one in Frankfurt."""
    id_ = f"tgw-{name.encode().hex()}"
    attachment = PeeringAttachment(
        id=f"tgw-attach-{name.encode().hex()}", region="eu-central-1", state="available", route_table="tgw-rtb-1",
        association="associated", tags=STAGING,
    )  # fmt: skip
    inputs = {
        "id": id_, "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:transit-gateway/{id_}", "state": "available", "zone": zone, "tags": STAGING,
        "attachments": (attachment,),
    }  # fmt: skip
    return TransitGateway.model_validate({**inputs, **changes})


def shiftable(name: str = "shop", zone: str = "", **changes: Any) -> ShiftableResource:
    """An Application Load Balancer in three zones that AWS may shift."""
    id_ = f"app/{name}/0123456789abcdef"
    inputs = {
        "id": id_, "arn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/{id_}", "state": "managed", "zone": zone,
        "tags": STAGING, "kind": "ALB", "autoshift": "ENABLED",
        "weights": {"euw1-az1": 1.0, "euw1-az2": 1.0, "euw1-az3": 1.0},
        "zones": {"euw1-az1": f"{REGION}a", "euw1-az2": f"{REGION}b", "euw1-az3": f"{REGION}c"},
    }  # fmt: skip
    return ShiftableResource.model_validate({**inputs, **changes})


def nodegroup(name: str = "general", zone: str = "", *, nodes: int = 4, **changes: Any) -> Nodegroup:
    """A node group of the cluster `main`, with nodes in one zone, or in two."""
    hosts = tuple(Host(id=f"i-{name}{n}", zone=zone or f"{REGION}{'ab'[n % 2]}", state="InService") for n in range(nodes))
    inputs = {
        "id": f"main/{name}", "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/main/{name}/1cb2-{name.encode().hex()}", "state": "ACTIVE",
        "zone": zone, "tags": STAGING, "groups": (f"eks-{name}",), "hosts": hosts,
    }  # fmt: skip
    return Nodegroup.model_validate({**inputs, **changes})


def ecs_cluster(name: str = "shop", zone: str = "", *, hosts: int = 4, **changes: Any) -> EcsCluster:
    """A cluster with container instances in one zone, or in two; on each runs a task of the service `web`."""
    made = tuple(
        ContainerInstance(
            id=f"{name}{n}", zone=zone or f"{REGION}{'ab'[n % 2]}", state="ACTIVE", instance=f"i-{name}{n}", tags=STAGING,
            tasks=(HostedTask(id=f"{name}task{n}", service=f"{name}/web", address=f"10.0.2.{n}"),),
        )
        for n in range(hosts)
    )  # fmt: skip
    inputs = {
        "id": name, "arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{name}", "state": "ACTIVE", "zone": zone, "tags": STAGING,
        "hosts": made,
    }  # fmt: skip
    return EcsCluster.model_validate({**inputs, **changes})


def targeting(kind: ResourceType, arns: list[str]) -> dict[str, Any]:
    """The resources as an experiment names them: a group's ARN alone stands for its instances."""
    if kind is ResourceType.SCALING_GROUP:
        return {"target_resources": [], "target": {"resource_type": kind.value, "arns": arns}}
    return {"target_resources": arns}


BUILDERS: Mapping[ResourceType, Callable[..., Any]] = {
    ResourceType.INSTANCE: instance,
    ResourceType.DATABASE: database,
    ResourceType.DATABASE_CLUSTER: cluster,
    ResourceType.SUBNET: subnet,
    ResourceType.ECS_TASK: task,
    ResourceType.FUNCTION: function,
    ResourceType.VOLUME: volume,
    ResourceType.SCALING_GROUP: scaling_group,
    ResourceType.POD: pod,
    ResourceType.STREAM: stream,
    ResourceType.DSQL_CLUSTER: dsql_cluster,
    ResourceType.ROLE: role,
    ResourceType.GLOBAL_TABLE: global_table,
    ResourceType.MULTI_REGION_CLUSTER: multi_region_cluster,
    ResourceType.VIRTUAL_INTERFACE: virtual_interface,
    ResourceType.VPC_ENDPOINT: vpc_endpoint,
    ResourceType.TRANSIT_GATEWAY: transit_gateway,
    ResourceType.SHIFTABLE: shiftable,
    ResourceType.BUCKET: bucket,
    ResourceType.REPLICATION_GROUP: replication_group,
    ResourceType.NODEGROUP: nodegroup,
    ResourceType.ECS_CLUSTER: ecs_cluster,
}
"""A resource of each type, by its name and zone, fit for every fault."""


def others(*resources: OtherResource, service: str | None = None) -> Workload:
    """A workload of these resources, with the service of the builders' target group where one is named."""
    groups = fleet().target_groups if service else ()
    tasks = [resource for resource in resources if isinstance(resource, EcsTask | EksPod)]
    return Workload(at=NOW, instances=(), others=resources, groups=service_of(tasks), target_groups=groups, service=service)


def workload_of(resources: Iterable[Any]) -> Workload:
    """A workload with resources of one type."""
    results = tuple(resources)
    return fleet(results) if results and results[0].type is ResourceType.INSTANCE else others(*results)


def discovery_of(resources: Iterable[Any]) -> Discovery:
    """A discovery document with all of them pinned and no metric bound."""
    results = tuple(resources)
    load = workload_of(results)
    return Discovery(workload=load, pinned=results, seed="run-1", failure_domains=failure_domains(load, results), bindings=())
