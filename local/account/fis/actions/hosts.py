"""Takes a share of hosts away: drains container instances of an ECS cluster, and terminates nodes of an EKS node group.

FIS chooses which ones. AWS does not document how it rounds; here it rounds up, which is the worse.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import random
from collections.abc import Sequence
from math import ceil
from typing import ClassVar, TypeVar

from ministack.core.responses import get_account_id, get_region
from ministack.services import autoscaling, ec2

from local.account.fis.actions.base import Action
from local.account.fis.targets import ECS_CLUSTER, NODEGROUP
from local.account.iam import instance_tags
from local.account.tasks import container_instances
from local.account.tasks.container_instances import ACTIVE, DRAINING

T = TypeVar("T")
_chooser = random.Random(20241)


def _choose_share(hosts: Sequence[T], percent: str) -> list[T]:
    return _chooser.sample(list(hosts), ceil(len(hosts) * int(percent) / 100))


class DrainContainerInstances(Action):
    """Drains container instances, and makes them ACTIVE again at the end."""

    action_id = "aws:ecs:drain-container-instances"
    description = "Drain a percentage of the container instances of the specified ECS clusters."
    target_key = "Clusters"
    resource_type = ECS_CLUSTER
    parameters: ClassVar[dict[str, bool]] = {"drainagePercentage": True, "duration": True}

    def start(self) -> None:
        chosen: list[tuple[str, dict[str, str]]] = []
        for cluster in self.resources:
            for permission in ("ecs:DescribeClusters", "ecs:ListContainerInstances"):
                self.authorize(permission, cluster.arn, cluster.tags)
            active = [(arn, tags) for arn, tags, host in container_instances.list_hosts(cluster.identifier) if host["status"] == ACTIVE]
            if not active:
                raise self.fail("InvalidTarget", f"Cluster {cluster.identifier} has no ACTIVE container instances.")
            chosen += _choose_share(active, self.values["drainagePercentage"])
        self._drained = chosen
        self._set_status(DRAINING)

    def _set_status(self, status: str) -> None:
        for arn, tags in self._drained:
            self.authorize("ecs:UpdateContainerInstancesState", arn, tags)
        for arn, _ in self._drained:
            container_instances.change_status(arn, status)

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        self._set_status(ACTIVE)


class TerminateNodegroupInstances(Action):
    """Terminates instances of node groups. Their Auto Scaling groups replace them."""

    action_id = "aws:eks:terminate-nodegroup-instances"
    description = "Terminate a percentage of the EC2 instances of the specified EKS node groups."
    target_key = "Nodegroups"
    resource_type = NODEGROUP
    parameters: ClassVar[dict[str, bool]] = {"instanceTerminationPercentage": True}

    def start(self) -> None:
        chosen: list[str] = []
        for nodegroup in self.resources:
            self.authorize("eks:DescribeNodegroup", nodegroup.arn, nodegroup.tags)
            groups = [autoscaling._asgs[group["name"]] for group in nodegroup.attributes["resources"]["autoScalingGroups"]]
            nodes = [node["InstanceId"] for group in groups for node in group["Instances"] if node["LifecycleState"] == "InService"]
            chosen += _choose_share(nodes, self.values["instanceTerminationPercentage"])
        self.authorize("ec2:DescribeInstances", "*", {})
        for node in chosen:
            arn = f"arn:aws:ec2:{get_region()}:{get_account_id()}:instance/{node}"
            self.authorize("ec2:TerminateInstances", arn, instance_tags(node))
        status, _, body = ec2._terminate_instances({f"InstanceId.{number}": [node] for number, node in enumerate(chosen, 1)})
        if status >= 300:
            raise self.fail("DependentServiceFailure", body.decode(errors="replace"))
