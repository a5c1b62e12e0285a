"""All resource types together: their union, and how a name tells its type."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.base import R, Resource
from squall.domain.resources.caches import ReplicationGroup
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.functions import LambdaFunction
from squall.domain.resources.host_groups import EcsCluster, Nodegroup
from squall.domain.resources.instances import Instance
from squall.domain.resources.managed import MANAGED
from squall.domain.resources.pods import CLUSTER, EksPod
from squall.domain.resources.pods import FILTERS as POD_FILTERS
from squall.domain.resources.scaling_groups import ScalingGroup
from squall.domain.resources.shiftable import ShiftableResource, kind_named
from squall.domain.resources.subnets import Subnet
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.transit_gateways import TransitGateway
from squall.domain.resources.volumes import Volume

_DESCRIBED = "described"


def _type_of(value: Any) -> str:
    """The type's name. Documents of the first versions have none: they contain instances."""
    type_name = str(value.get("type", ResourceType.INSTANCE) if isinstance(value, dict) else value.type)
    return _DESCRIBED if type_name in MANAGED else type_name


_Others = (
    Annotated[Database, Tag(ResourceType.DATABASE.value)]
    | Annotated[DatabaseCluster, Tag(ResourceType.DATABASE_CLUSTER.value)]
    | Annotated[Subnet, Tag(ResourceType.SUBNET.value)]
    | Annotated[EcsTask, Tag(ResourceType.ECS_TASK.value)]
    | Annotated[LambdaFunction, Tag(ResourceType.FUNCTION.value)]
    | Annotated[Volume, Tag(ResourceType.VOLUME.value)]
    | Annotated[ScalingGroup, Tag(ResourceType.SCALING_GROUP.value)]
    | Annotated[EksPod, Tag(ResourceType.POD.value)]
    | Annotated[TransitGateway, Tag(ResourceType.TRANSIT_GATEWAY.value)]
    | Annotated[ShiftableResource, Tag(ResourceType.SHIFTABLE.value)]
    | Annotated[Nodegroup, Tag(ResourceType.NODEGROUP.value)]
    | Annotated[EcsCluster, Tag(ResourceType.ECS_CLUSTER.value)]
    | Annotated[ReplicationGroup, Tag(ResourceType.REPLICATION_GROUP.value)]
    | Annotated[DescribedResource, Tag(_DESCRIBED)]
)
OtherResource = Annotated[_Others, Discriminator(_type_of)]
"""Every type but instances, which a workload lists by themselves."""
AnyResource = Annotated[Annotated[Instance, Tag(ResourceType.INSTANCE.value)] | _Others, Discriminator(_type_of)]
"""Every type."""

_GROUP = re.compile(r"arn:[^:]+:autoscaling:[^:]+:\d*:autoScalingGroup:[^:]*:autoScalingGroupName/(?P<name>[^\s:]+)")
_SERVICE = re.compile(r"arn:[^:]+:ecs:[^:]+:\d*:service/(?P<name>[A-Za-z0-9_-]+/[A-Za-z0-9_-]+)")

_NAMES: tuple[tuple[re.Pattern[str], ResourceType], ...] = (
    (re.compile(r"i-[0-9A-Za-z-]+"), ResourceType.INSTANCE),
    (re.compile(r"arn:[^:]+:ec2:[^:]+:\d*:instance/.+"), ResourceType.INSTANCE),
    (_GROUP, ResourceType.INSTANCE),  # its instances are the candidates
    (re.compile(r"arn:[^:]+:ecs:[^:]+:\d*:task/[A-Za-z0-9_-]+/[A-Za-z0-9]+"), ResourceType.ECS_TASK),
    (re.compile(r"arn:[^:]+:lambda:[^:]+:\d*:function:[A-Za-z0-9_-]+"), ResourceType.FUNCTION),  # no version, no alias
    (_SERVICE, ResourceType.ECS_TASK),  # its tasks are the candidates
    (re.compile(rf"arn:[^:]+:eks:[^:]+:\d*:cluster/{CLUSTER}"), ResourceType.POD),  # pods of it that filters choose
    (re.compile(rf"arn:[^:]+:eks:[^:]+:\d*:nodegroup/{CLUSTER}/[A-Za-z0-9_-]+/[0-9a-f-]+"), ResourceType.NODEGROUP),
    (re.compile(r"arn:[^:]+:ecs:[^:]+:\d*:cluster/[A-Za-z0-9_-]+"), ResourceType.ECS_CLUSTER),
    (re.compile(r"arn:[^:]+:rds:[^:]+:\d*:db:.+"), ResourceType.DATABASE),
    (re.compile(r"arn:[^:]+:rds:[^:]+:\d*:cluster:.+"), ResourceType.DATABASE_CLUSTER),
    (re.compile(r"vol-[0-9a-f]+|arn:[^:]+:ec2:[^:]+:\d*:volume/vol-[0-9a-f]+"), ResourceType.VOLUME),
    (re.compile(r"subnet-[0-9a-f]+|arn:[^:]+:ec2:[^:]+:\d*:subnet/subnet-[0-9a-f]+"), ResourceType.SUBNET),
    (re.compile(r"arn:[^:]+:ec2:[^:]+:\d*:transit-gateway/tgw-[0-9a-f]+"), ResourceType.TRANSIT_GATEWAY),
    (re.compile(r"arn:[^:]+:elasticache:[^:]+:\d*:replicationgroup:[A-Za-z0-9-]+"), ResourceType.REPLICATION_GROUP),
    *((managed.pattern, kind) for kind, managed in MANAGED.items()),
)


def type_named(name: str, declared: ResourceType | None = None) -> ResourceType | None:
    """The type of the resource with this id or ARN; None if Squall has no fault for such resources.

    A group stands for its instances, and a cluster for its pods, unless `declared` says that they are meant themselves.
    """
    if declared is ResourceType.SCALING_GROUP and group_named(name):
        return declared
    if declared is ResourceType.SHIFTABLE and kind_named(name):
        return declared
    by_name = next((kind for pattern, kind in _NAMES if pattern.fullmatch(name)), None)
    return by_name or (ResourceType.SHIFTABLE if kind_named(name) else None)


def group_named(name: str) -> str | None:
    """The name of the Auto Scaling group, or of the ECS service as `cluster/service`, with this ARN; None for any other
    ARN."""
    match = _GROUP.fullmatch(name) or _SERVICE.fullmatch(name)
    return match["name"] if match else None


ZONELESS = frozenset({*MANAGED, ResourceType.FUNCTION, ResourceType.TRANSIT_GATEWAY})
"""Types that live in no zone."""
FILTERS: Mapping[ResourceType, frozenset[str]] = {
    ResourceType.ECS_TASK: frozenset({"availability-zone", "cluster", "service"}),
    ResourceType.FUNCTION: frozenset(),
    ResourceType.POD: frozenset(POD_FILTERS),
    ResourceType.SHIFTABLE: frozenset(),
    ResourceType.TRANSIT_GATEWAY: frozenset(),
    ResourceType.NODEGROUP: frozenset(),
    ResourceType.ECS_CLUSTER: frozenset(),
    ResourceType.REPLICATION_GROUP: frozenset(),
    **dict.fromkeys(MANAGED, frozenset[str]()),
}
"""The filters that candidates of a type may have; a type that is not listed takes the filters of its own service."""


def cast_resources(kind: type[R], resources: Iterable[Resource]) -> tuple[R, ...]:
    """The resources, typed as `kind`. Raises TypeError for one of another type, which admission never accepts."""
    listed = tuple(resources)
    for resource in listed:
        if not isinstance(resource, kind):
            raise TypeError(f"{resource.id} is an {resource.type.value}, not a {kind.__name__}")
    return tuple(resource for resource in listed if isinstance(resource, kind))


def join_ids(resources: Sequence[Resource]) -> str:
    """The ids of resources, joined for a sentence."""
    return ", ".join(resource.id for resource in resources)
