"""Databases as described: the same promises from the fake and from RDS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.inventory.databases import CacheGroups, RdsDatabases
from squall.adapters.inventory.instances import AwsInventory
from squall.adapters.inventory.inventories import Inventories
from squall.adapters.inventory.target_groups import TargetGroups
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.caches import ReplicationGroup
from squall.domain.resources.databases import ClusterMember, Database, DatabaseCluster
from squall.domain.resources.types import OtherResource
from squall.errors import Unavailable
from tests.adapters.conftest import MINUTES, NOW, REGION
from tests.adapters.scripted import Scripted, error
from tests.fakes.workload import FakeGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.workload import Inventory
    from tests.fakes.world import FakeWorld

STAGING = {"squall:environment": "staging"}
ACCOUNT = "123456789012"
PLACES = {"aurora-1": "a", "aurora-2": "b"}


def arn(kind: str, name: str) -> str:
    return f"arn:aws:rds:{REGION}:{ACCOUNT}:{kind}:{name}"


@dataclass
class Account:
    """`orders`, a Multi-AZ instance, and `aurora`, a cluster of two, both of staging; `stray` carries no tag."""

    inventory: Inventory
    service: str

    def describe(self, kind: ResourceType, *names: str, tags: dict[str, str] | None = None) -> tuple[tuple[OtherResource, ...], Any]:
        workload = self.inventory.describe(names, tags or {}, {}, NOW, resource_type=kind, service=self.service)
        return workload.others, workload


@pytest.fixture
def account(kind: str, world: FakeWorld, request: pytest.FixtureRequest) -> Account:
    return _fake(world) if kind == "fake" else _moto(request.getfixturevalue("aws"))


def _fake(world: FakeWorld) -> Account:
    service = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/1"
    world.fleet.add_group(
        FakeGroup("web", desired=1, target_groups=(service,)), f"arn:aws:elasticloadbalancing:{REGION}:1:loadbalancer/app/web/1"
    )
    orders = Database(
        id="orders", arn=arn("db", "orders"), state="available", zone=f"{REGION}a", tags=STAGING, engine="postgres", multi_az=True,
        secondary_zone=f"{REGION}b",
    )  # fmt: skip
    members = tuple(
        ClusterMember(id=id_, zone=f"{REGION}{zone}", state="available", writer=id_ == "aurora-1") for id_, zone in PLACES.items()
    )
    aurora = DatabaseCluster(
        id="aurora", arn=arn("cluster", "aurora"), state="available", zone=f"{REGION}a", tags=STAGING, engine="aurora-postgresql",
        members=members,
    )  # fmt: skip
    for entry in (orders, aurora, orders.model_copy(update={"id": "stray", "arn": arn("db", "stray"), "tags": {}})):
        world.fleet.add_other(entry)
    return Account(world.inventory, service)


def _moto(aws: Callable[[str], Any]) -> Account:
    rds, ec2, elbv2 = aws("rds"), aws("ec2"), aws("elbv2")
    subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]]
    vpc = ec2.describe_subnets()["Subnets"][0]["VpcId"]
    balancer = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    group = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    tags = [{"Key": key, "Value": value} for key, value in STAGING.items()]
    inputs: dict[str, Any] = {"DBInstanceClass": "db.t3.micro", "MasterUsername": "u", "MasterUserPassword": "passwordpassword"}
    rds.create_db_instance(DBInstanceIdentifier="orders", Engine="postgres", AllocatedStorage=20, MultiAZ=True, Tags=tags, **inputs)
    rds.create_db_instance(DBInstanceIdentifier="stray", Engine="postgres", AllocatedStorage=20, **inputs)
    rds.create_db_cluster(
        DBClusterIdentifier="aurora", Engine="aurora-postgresql", MasterUsername="u", MasterUserPassword="passwordpassword", Tags=tags
    )
    for member, zone in PLACES.items():
        rds.create_db_instance(
            DBInstanceIdentifier=member, Engine="aurora-postgresql", DBClusterIdentifier="aurora", DBInstanceClass="db.r5.large",
            AvailabilityZone=f"{REGION}{zone}",
        )  # fmt: skip
    fleet = AwsInventory(ec2, aws("autoscaling"), TargetGroups(elbv2), Scripted("ssm"))
    finders = {kind: lambda kind=kind: RdsDatabases(rds, kind) for kind in (ResourceType.DATABASE, ResourceType.DATABASE_CLUSTER)}
    return Account(Inventories(fleet, TargetGroups(elbv2), finders), group)


@pytest.mark.parametrize("name", ["orders", arn("db", "orders")])
def test_an_instance_is_described_by_name_or_arn(account: Account, name: str) -> None:
    (result,), workload = account.describe(ResourceType.DATABASE, name)
    assert isinstance(result, Database)
    assert (result.id, result.arn, result.state, result.tags, result.multi_az) == (
        "orders",
        arn("db", "orders"),
        "available",
        STAGING,
        True,
    )
    assert (workload.instances, workload.missing, workload.at, workload.service) == ((), (), NOW, account.service)


def test_a_cluster_is_described_with_its_members(account: Account) -> None:
    (result,), _ = account.describe(ResourceType.DATABASE_CLUSTER, arn("cluster", "aurora"))
    assert isinstance(result, DatabaseCluster)
    assert (result.id, result.state, result.engine, result.tags) == ("aurora", "available", "aurora-postgresql", STAGING)
    assert [(member.id, member.zone, member.state) for member in result.members] == [
        (id_, f"{REGION}{zone}", "available") for id_, zone in PLACES.items()
    ]
    assert result.zone == next((member.zone for member in result.members if member.writer), "")


def test_tags_find_and_names_are_narrowed_by_them(account: Account) -> None:
    result, _ = account.describe(ResourceType.DATABASE, tags=STAGING)
    assert [entry.id for entry in result] == ["orders"]
    result, workload = account.describe(ResourceType.DATABASE, "orders", "stray", tags=STAGING)
    assert ([item.id for item in result], workload.missing) == (["orders"], ())


def test_what_is_not_there_is_named_and_hides_nobody(account: Account) -> None:
    foreign = arn("db", "orders").replace(REGION, "us-east-1")
    result, workload = account.describe(ResourceType.DATABASE, "orders", "nobody", foreign)
    assert [entry.id for entry in result] == ["orders"]
    assert workload.missing == ("nobody", foreign)


def test_nothing_asked_for_finds_nothing(account: Account) -> None:
    assert account.describe(ResourceType.DATABASE)[0] == ()


def test_the_service_is_described_beside_them_and_again_later(account: Account) -> None:
    _, before = account.describe(ResourceType.DATABASE, "orders")
    assert [group.arn for group in before.target_groups] == [account.service]
    after = account.inventory.refresh(before, NOW + MINUTES)
    assert (after.others, after.target_groups, after.service) == (before.others, before.target_groups, account.service)
    assert after.at == NOW + MINUTES


def test_a_service_that_is_not_there_is_no_failure(account: Account) -> None:
    unknown = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/no/73e2d6bc24d8a067"
    workload = account.inventory.describe(["orders"], {}, {}, NOW, resource_type=ResourceType.DATABASE, service=unknown)
    assert (workload.target_groups, workload.service) == ((), unknown)


STANDBY = {
    "DBInstanceIdentifier": "orders", "DBInstanceArn": arn("db", "orders"), "DBInstanceStatus": "rebooting",
    "AvailabilityZone": f"{REGION}b", "SecondaryAvailabilityZone": f"{REGION}a", "MultiAZ": True, "Engine": "mysql",
    "DBClusterIdentifier": "",
}  # fmt: skip


def test_a_standby_is_where_rds_says() -> None:
    """moto knows no secondary zones."""
    rds = Scripted("rds", describe_db_instances=[{"DBInstances": [STANDBY]}], describe_events=[{"Events": []}])
    (resource,) = RdsDatabases(rds, ResourceType.DATABASE).find(["orders"], {}, {"engine": ["mysql"]}).resources
    assert isinstance(resource, Database)
    assert (resource.zone, resource.secondary_zone, resource.state, resource.usable) == (f"{REGION}b", f"{REGION}a", "rebooting", False)
    assert resource.cluster is None, "an empty name is no cluster"
    assert rds.arguments("describe_db_instances") == [{"Filters": [{"Name": "engine", "Values": ["mysql"]}]}]


def event(minutes: int, message: str) -> dict[str, Any]:
    return {"SourceIdentifier": "orders", "SourceType": "db-instance", "Message": message, "Date": NOW + minutes * MINUTES}


@pytest.mark.parametrize(
    ("pages", "at"),
    [
        ([[]], None),
        (
            [[event(0, "DB instance shutdown."), event(1, "DB instance restarted.")], [event(9, "DB instance restarted.")]],
            NOW + 9 * MINUTES,
        ),
        ([[event(2, "DB instance shutdown."), event(3, "Multi-AZ instance failover completed.")]], None),
    ],
    ids=["no event", "the newest of two pages", "a shutdown is no restart"],
)
def test_the_newest_restart_is_that_of_its_events(pages: list[list[dict[str, Any]]], at: Any) -> None:
    rds = Scripted("rds", describe_db_instances=[{"DBInstances": [STANDBY]}], describe_events=[{"Events": page} for page in pages])
    (resource,) = RdsDatabases(rds, ResourceType.DATABASE).find(["orders"], {}, {}).resources
    assert isinstance(resource, Database)
    assert resource.restarted_at == at
    asked = {"SourceIdentifier": "orders", "SourceType": "db-instance", "EventCategories": ["availability"], "Duration": 1440}
    assert rds.arguments("describe_events")[0] == asked


def test_events_are_asked_of_nothing_but_what_was_named() -> None:
    rds = Scripted("rds", describe_db_instances=[{"DBInstances": [STANDBY]}])
    found = RdsDatabases(rds, ResourceType.DATABASE).find(["another"], {}, {})
    assert (found.resources, found.missing) == ((), ("another",))


def test_a_member_rds_does_not_tell_of_is_unknown_and_no_reader() -> None:
    cluster = {
        "DBClusterIdentifier": "aurora", "DBClusterArn": arn("cluster", "aurora"), "Status": "failing-over", "Engine": "aurora-mysql",
        "DBClusterMembers": [{"DBInstanceIdentifier": id_, "IsClusterWriter": id_ == "a"} for id_ in "ba"],
    }  # fmt: skip
    rds = Scripted("rds", describe_db_clusters=[{"DBClusters": [cluster]}], describe_db_instances=[{"DBInstances": []}])
    (resource,) = RdsDatabases(rds, ResourceType.DATABASE_CLUSTER).find(["aurora"], {}, {}).resources
    assert isinstance(resource, DatabaseCluster)
    assert (resource.writer, resource.readers, [member.state for member in resource.members]) == ("a", (), ["unknown", "unknown"])


def test_rds_that_can_not_be_asked_is_unavailable() -> None:
    rds = Scripted("rds", describe_db_instances=[error("AccessDenied")])
    with pytest.raises(Unavailable, match="DescribeDBInstances"):
        RdsDatabases(rds, ResourceType.DATABASE).find(["orders"], {}, {})


CARTS = f"arn:aws:elasticache:{REGION}:123456789012:replicationgroup:carts"
CACHE_ENTRY = {
    "ReplicationGroupId": "carts", "ARN": CARTS, "Status": "available", "MultiAZ": "enabled", "AutomaticFailover": "enabled",
    "NodeGroups": [
        {
            "NodeGroupId": "0001", "Status": "available",
            "NodeGroupMembers": [
                {"CacheClusterId": "carts-002", "PreferredAvailabilityZone": f"{REGION}b", "CurrentRole": "replica"},
                {"CacheClusterId": "carts-001", "PreferredAvailabilityZone": f"{REGION}a", "CurrentRole": "primary"},
            ],
        },
        {"NodeGroupId": "0002", "Status": "modifying", "NodeGroupMembers": [{"CacheClusterId": "carts-003"}]},
    ],
}  # fmt: skip


def test_a_replication_group_is_found_by_its_tags_with_its_nodes_their_zones_and_roles() -> None:
    client = Scripted(
        "elasticache",
        describe_replication_groups=[{"ReplicationGroups": [CACHE_ENTRY]}] * 2,
        list_tags_for_resource=[{"TagList": [{"Key": "app", "Value": "shop"}]}] * 2,
    )
    tagging = Scripted("resourcegroupstaggingapi", get_resources=[{"ResourceTagMappingList": [{"ResourceARN": CARTS}]}])
    finder = CacheGroups(client, tagging)
    (group,) = finder.find([], {"app": "shop"}, {}).resources
    assert isinstance(group, ReplicationGroup)
    assert (group.id, group.state, group.multi_az, group.automatic_failover) == ("carts", "available", "enabled", "enabled")
    assert [(node.id, node.group, node.zone, node.role) for node in group.nodes] == [
        ("carts-001", "0001", f"{REGION}a", "primary"), ("carts-002", "0001", f"{REGION}b", "replica"), ("carts-003", "0002", "", "")
    ]  # fmt: skip
    assert group.node_groups == {"0001": "available", "0002": "modifying"}
    assert client.arguments("describe_replication_groups") == [{"ReplicationGroupId": "carts"}]
    assert tagging.arguments("get_resources")[0]["ResourceTypeFilters"] == ["elasticache:replicationgroup"]
    assert finder.refresh([group]).resources == (group,)


def test_a_replication_group_that_is_gone_or_another_accounts_is_missing() -> None:
    other = CARTS.replace("123456789012", "999999999999")
    answers = [{"ReplicationGroups": [CACHE_ENTRY]}, error("ReplicationGroupNotFoundFault")]
    client = Scripted("elasticache", describe_replication_groups=answers)
    finder = CacheGroups(client, Scripted("resourcegroupstaggingapi"))
    assert finder.find([other, CARTS], {}, {}).missing == (other, CARTS)
    assert finder.find([], {}, {}).resources == ()
