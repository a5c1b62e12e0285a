"""Fails over clusters and reboots DB instances. The action is finished once RDS has accepted the request."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

from collections.abc import Callable
from typing import Any, ClassVar

from ministack.services import rds

from local.account.fis.actions.base import Action
from local.account.fis.targets import CLUSTER, DB_INSTANCE, Resource


class _Databases(Action):
    permissions: ClassVar[tuple[str, str]]
    """The permission for the order, and for describing its target."""

    def order(self, call: Callable[[Resource], Any]) -> None:
        """Call RDS for each target, after all of them are authorized."""
        for resource in self.resources:
            for permission in self.permissions:
                self.authorize(permission, resource.arn, resource.tags)
        for resource in self.resources:
            status, _, body = call(resource)
            if status >= 300:
                raise self.fail("DependentServiceFailure", body.decode(errors="replace"))


class FailoverCluster(_Databases):
    action_id = "aws:rds:failover-db-cluster"
    description = "Failover a DB cluster to one of its replicas."
    target_key = "Clusters"
    resource_type = CLUSTER
    permissions = ("rds:FailoverDBCluster", "rds:DescribeDBClusters")

    def start(self) -> None:
        self.order(lambda cluster: rds._ACTION_MAP["FailoverDBCluster"]({"DBClusterIdentifier": [cluster.identifier]}))


class RebootInstances(_Databases):
    action_id = "aws:rds:reboot-db-instances"
    description = "Reboot the specified DB instances."
    target_key = "DBInstances"
    resource_type = DB_INSTANCE
    parameters: ClassVar[dict[str, bool]] = {"forceFailover": False}
    permissions = ("rds:RebootDBInstance", "rds:DescribeDBInstances")

    def start(self) -> None:
        forced = self.values.get("forceFailover", "false")
        self.order(
            lambda instance: rds._ACTION_MAP["RebootDBInstance"]({"DBInstanceIdentifier": [instance.identifier], "ForceFailover": [forced]})
        )
