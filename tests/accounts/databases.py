"""RDS in an account: an instance or a cluster that fails over, as AWS describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squall.adapters.inventory.databases import RdsDatabases
from squall.domain.base.vocabulary import ResourceType
from tests.accounts.account import STAGING
from tests.accounts.modelled import Modelled
from tests.fakes.workload import ACCOUNT, REGION, ZONES

if TYPE_CHECKING:
    from tests.accounts.account import Account

TAGS = [{"Key": key, "Value": value} for key, value in STAGING.items()]
CLUSTER = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:orders"
INSTANCE = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders"


@dataclass
class Cluster:
    """The cluster `orders`; its first member is its writer, unless it is a secondary of a global database."""

    members: int = 2
    engine: str = "aurora-postgresql"
    member_class: str = "db.r6g.large"
    secondary: bool = False


class Databases:
    """One cluster, or one Multi-AZ instance where there is none, read through the real adapter."""

    def __init__(self, account: Account, cluster: Cluster | None) -> None:
        self._cluster, self._failed_over = cluster, False
        kind = ResourceType.DATABASE_CLUSTER if cluster else ResourceType.DATABASE
        answers = {"describe_db_clusters": self.describe_db_clusters, "describe_db_instances": self.describe_db_instances}
        answers["describe_events"] = lambda **_: {"Events": []}
        account.finders[kind] = lambda: RdsDatabases(Modelled("rds", answers), kind)
        account.world.fleet.fail_over = self._fail_over  # type: ignore[method-assign]

    def _fail_over(self, arn: str) -> None:
        assert arn in {CLUSTER, INSTANCE}
        self._failed_over = True

    def describe_db_clusters(self, **_: Any) -> dict[str, Any]:
        cluster = self._cluster
        assert cluster is not None
        writer = None if cluster.secondary else int(self._failed_over)
        members = [{"DBInstanceIdentifier": f"orders-{n}", "IsClusterWriter": n == writer} for n in range(cluster.members)]
        return {
            "DBClusters": [
                {
                    "DBClusterIdentifier": "orders", "DBClusterArn": CLUSTER, "Status": "available", "Engine": cluster.engine,
                    "EngineMode": "provisioned", "MultiAZ": True, "DBClusterMembers": members, "TagList": TAGS,
                }
            ]
        }  # fmt: skip

    def describe_db_instances(self, **_: Any) -> dict[str, Any]:
        if cluster := self._cluster:
            return {"DBInstances": [_member(number, cluster) for number in range(cluster.members)]}
        now, other = reversed(ZONES) if self._failed_over else ZONES
        return {
            "DBInstances": [
                {
                    "DBInstanceIdentifier": "orders", "DBInstanceArn": INSTANCE, "DBInstanceStatus": "available", "Engine": "postgres",
                    "AvailabilityZone": now, "SecondaryAvailabilityZone": other, "MultiAZ": True, "TagList": TAGS,
                }
            ]
        }  # fmt: skip


def _member(number: int, cluster: Cluster) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": f"orders-{number}", "DBInstanceArn": f"{INSTANCE}-{number}", "DBInstanceStatus": "available",
        "DBInstanceClass": cluster.member_class, "Engine": cluster.engine, "AvailabilityZone": ZONES[number % 2],
        "DBClusterIdentifier": "orders", "TagList": TAGS,
    }  # fmt: skip
