"""The finder for each resource type. A finder is made when it is first needed, so a run makes only the clients of its
own targets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from squall.adapters.inventory.containers.ecs_clusters import EcsClusters
from squall.adapters.inventory.containers.nodegroups import Nodegroups
from squall.adapters.inventory.databases import CacheGroups, RdsDatabases
from squall.adapters.inventory.described import DescribedResources
from squall.adapters.inventory.functions import LambdaFunctions
from squall.adapters.inventory.kubernetes import Kubernetes
from squall.adapters.inventory.pods import EksPods
from squall.adapters.inventory.scaling_groups import ScalingGroups
from squall.adapters.inventory.shiftable import ShiftableResources
from squall.adapters.inventory.subnets import Ec2Subnets
from squall.adapters.inventory.tasks import EcsTasks
from squall.adapters.inventory.transit_gateways import Ec2TransitGateways
from squall.adapters.inventory.volumes import EbsVolumes
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.managed import MANAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from squall.adapters.inventory.inventories import Finder

    Clients = Callable[[str], Any]

FINDERS: Mapping[ResourceType, Callable[[Clients], Finder]] = {
    ResourceType.DATABASE: lambda client: RdsDatabases(client("rds"), ResourceType.DATABASE),
    ResourceType.DATABASE_CLUSTER: lambda client: RdsDatabases(client("rds"), ResourceType.DATABASE_CLUSTER),
    ResourceType.REPLICATION_GROUP: lambda client: CacheGroups(client("elasticache"), client("resourcegroupstaggingapi")),
    ResourceType.VOLUME: lambda client: EbsVolumes(client("ec2")),
    ResourceType.SCALING_GROUP: lambda client: ScalingGroups(client("autoscaling")),
    ResourceType.SHIFTABLE: ShiftableResources,
    ResourceType.TRANSIT_GATEWAY: lambda client: Ec2TransitGateways(client("ec2")),
    ResourceType.SUBNET: lambda client: Ec2Subnets(client("ec2")),
    ResourceType.FUNCTION: lambda client: LambdaFunctions(client("lambda"), client("resourcegroupstaggingapi")),
    ResourceType.POD: lambda client: EksPods(client("eks"), client("ec2"), Kubernetes(client("sts"))),
    ResourceType.NODEGROUP: lambda client: Nodegroups(client("eks"), client("autoscaling"), client("resourcegroupstaggingapi")),
    ResourceType.ECS_CLUSTER: lambda client: EcsClusters(client("ecs")),
    ResourceType.ECS_TASK: lambda client: EcsTasks(client("ecs"), client("ssm"), client("ec2")),
    **{kind: partial(DescribedResources, kind) for kind in MANAGED},
}
