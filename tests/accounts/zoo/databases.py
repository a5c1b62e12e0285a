"""Databases of RDS, whose users are those of the service that calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.accounts.databases import CLUSTER, INSTANCE, Cluster, Databases
from tests.accounts.run import experiment
from tests.accounts.zoo.shape import PUBLIC, shape

if TYPE_CHECKING:
    from tests.accounts.account import Account


def fail_over(account: Account, failing: float, cluster: Cluster | None = None, **changes: Any) -> dict[str, Any]:
    Databases(account, cluster)
    shop = account.serve("shop", PUBLIC, [entry.id for entry in account.group("shop")], failing=failing)
    return experiment([CLUSTER if cluster else INSTANCE], **{"type": "database_failure", "service": shop.arn, **changes})


@shape("Aurora cluster with readers", fast=True)
def readers(account: Account, failing: float) -> dict[str, Any]:
    return fail_over(account, failing, Cluster(3))


@shape("Aurora Serverless v2")
def serverless(account: Account, failing: float) -> dict[str, Any]:
    return fail_over(account, failing, Cluster(member_class="db.serverless"))


@shape("Multi-AZ DB cluster")
def multi_az_cluster(account: Account, failing: float) -> dict[str, Any]:
    return fail_over(account, failing, Cluster(3, engine="postgres", member_class="db.m6gd.large"))


@shape("Aurora Global Database, its primary cluster")
def global_primary(account: Account, failing: float) -> dict[str, Any]:
    return fail_over(account, failing, Cluster())


@shape("Aurora Global Database, a secondary cluster", refused="has no writer")
def global_secondary(account: Account, failing: float) -> dict[str, Any]:
    return fail_over(account, failing, Cluster(secondary=True))


@shape("Multi-AZ instance behind RDS Proxy")
def proxied(account: Account, failing: float) -> dict[str, Any]:
    return fail_over(account, failing)


@shape("Database without a named service", refused="name in service the target group whose users would notice")
def nameless(account: Account, failing: float) -> dict[str, Any]:
    return fail_over(account, failing, Cluster(), service=None)
