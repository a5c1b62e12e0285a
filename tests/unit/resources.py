"""Resources that are no instances, and workloads of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from squall.domain.documents import Discovery, Workload
from squall.domain.network import Endpoint, Subnet
from squall.domain.resources import ClusterMember, Database, DatabaseCluster, OtherResource
from squall.domain.targets import failure_domains
from squall.domain.vocabulary import ResourceType
from tests.unit.builders import ACCOUNT, NOW, REGION, TAG, instance
from tests.unit.builders import workload as fleet

STAGING = {TAG: "staging"}


def database(name: str = "orders", zone: str = f"{REGION}a", **changes: Any) -> Database:
    """Multi-AZ: its standby is in another zone."""
    given = {
        "id": name, "arn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{name}", "state": "available", "zone": zone, "tags": STAGING,
        "engine": "postgres", "multi_az": True, "secondary_zone": f"{REGION}{'a' if zone.endswith('b') else 'b'}",
    }  # fmt: skip
    return Database.model_validate({**given, **changes})


def cluster(name: str = "orders", zone: str = f"{REGION}a", *, readers: int = 1, **changes: Any) -> DatabaseCluster:
    members = [
        ClusterMember(id=f"{name}-{n}", zone=zone if n == 0 else f"{REGION}c", state="available", writer=n == 0) for n in range(readers + 1)
    ]
    given = {
        "id": name, "arn": f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:{name}", "state": "available", "zone": zone, "tags": STAGING,
        "engine": "aurora-postgresql", "members": tuple(members),
    }  # fmt: skip
    return DatabaseCluster.model_validate({**given, **changes})


def subnet(name: str = "0a1", zone: str = f"{REGION}a", **changes: Any) -> Subnet:
    """With an instance in it, and an endpoint of the VPC that stands in other subnets, too."""
    id_ = f"subnet-{name.encode().hex()}"
    given = {
        "id": id_, "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{id_}", "state": "available", "zone": zone, "tags": STAGING,
        "vpc": "vpc-1", "cidr": "10.0.1.0/24", "acl": "acl-0a1", "association": "aclassoc-1", "instances": ("i-1",),
        "addresses": ("10.0.1.7",),
        "endpoints": (Endpoint(id="vpce-1", service=f"com.amazonaws.{REGION}.ssm", subnets=(id_, "subnet-0ffff")),),
    }  # fmt: skip
    return Subnet.model_validate({**given, **changes})


BUILDERS: Mapping[ResourceType, Callable[..., Any]] = {
    ResourceType.INSTANCE: instance,
    ResourceType.DATABASE: database,
    ResourceType.DATABASE_CLUSTER: cluster,
    ResourceType.SUBNET: subnet,
}
"""A resource of each type by its name and zone, fit for every fault."""


def others(*resources: OtherResource, service: str | None = None) -> Workload:
    """A workload of them, with the service of the builders' target group where one is named."""
    groups = fleet().target_groups if service else ()
    return Workload(at=NOW, instances=(), others=resources, target_groups=groups, service=service)


def workload_of(resources: Iterable[Any]) -> Workload:
    """A workload of one type."""
    found = tuple(resources)
    return fleet(found) if found and found[0].type is ResourceType.INSTANCE else others(*found)


def discovery_of(resources: Iterable[Any]) -> Discovery:
    """All of them pinned; nothing is measured."""
    found = tuple(resources)
    load = workload_of(found)
    return Discovery(workload=load, pinned=found, seed="run-1", failure_domains=failure_domains(load, found), bindings=())
