"""The sample's ECS services in the account: cluster, task definition and service, made and scaled through ordinary
APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.workload.network.peers import INVENTORY_URL
from local.workload.settings import Settings

ROLE = "arn:aws:iam::000000000000:role/sample-managed-instance"
"""The role that the sidecar registers the task with; nothing assumes it here."""
MAXIMUM_PERCENT = 200
"""How many tasks the service may have at once while it moves them, in percent of its desired count: ECS's default."""
_APP = {
    "name": "web",
    "image": "sample/web:1",
    "essential": True,
    "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
    "stopTimeout": 30,
    "environment": [{"name": "INVENTORY_URL", "value": INVENTORY_URL}],
}
_AGENT = {
    "name": "amazon-ssm-agent",
    "image": "public.ecr.aws/amazon-ssm-agent/amazon-ssm-agent:latest",
    "essential": False,
    "environment": [{"name": "MANAGED_INSTANCE_ROLE_NAME", "value": ROLE.rpartition("/")[2]}],
}


@dataclass(frozen=True)
class Kind:
    """One of the sample's services, and where its tasks run."""

    cluster: str
    service: str
    setting: str
    """The setting that asks for it."""
    desired: int
    block: int
    """Third octet of the addresses of its tasks in zone a."""
    hosts: int = 0
    """The number of its container instances; 0: its tasks run on Fargate."""

    def is_wanted(self, settings: Settings) -> bool:
        return bool(getattr(settings, self.setting))

    @property
    def placement(self) -> dict[str, Any]:
        """Where ECS runs the tasks, as CreateService takes it."""
        return {"launchType": "EC2"} if self.hosts else {"launchType": "FARGATE", "platformVersion": "1.4.0"}


ON_FARGATE = Kind("sample", "sample-tasks", "tasks", desired=3, block=1)
ON_HOSTS = Kind("sample-hosts", "sample-hosted", "container_instances", desired=6, block=5, hosts=4)


class Service:
    """The service, with one revision of its task definition."""

    def __init__(self, ecs: Any, kind: Kind) -> None:
        self._ecs, self._kind = ecs, kind

    def ensure(self, target_group: str, subnets: Sequence[str], minimum_percent: float, tags: Mapping[str, str]) -> None:
        """Create what is missing, and set the desired count and the share of it that must stay healthy."""
        kind = self._kind
        shares = {"minimumHealthyPercent": round(minimum_percent), "maximumPercent": MAXIMUM_PERCENT}
        if any(service["status"] == "ACTIVE" for service in self._described()):
            self._ecs.update_service(cluster=kind.cluster, service=kind.service, desiredCount=kind.desired, deploymentConfiguration=shares)
            return
        named = [{"key": key, "value": value} for key, value in tags.items()]
        self._ecs.create_cluster(clusterName=kind.cluster, settings=[{"name": "containerInsights", "value": "enhanced"}], tags=named)
        definition = self._ecs.register_task_definition(
            family=kind.service,
            requiresCompatibilities=[kind.placement["launchType"]],
            networkMode="awsvpc",
            pidMode="task",
            enableFaultInjection=True,
            cpu="256",
            memory="512",
            runtimePlatform={"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
            containerDefinitions=[_APP, _AGENT],
        )["taskDefinition"]["taskDefinitionArn"]
        self._ecs.create_service(
            cluster=kind.cluster,
            serviceName=kind.service,
            taskDefinition=definition,
            desiredCount=kind.desired,
            **kind.placement,
            deploymentConfiguration=shares,
            networkConfiguration={"awsvpcConfiguration": {"subnets": list(subnets)}},
            loadBalancers=[{"targetGroupArn": target_group, "containerName": "web", "containerPort": 80}],
            healthCheckGracePeriodSeconds=10,
            propagateTags="SERVICE",
            tags=named,
        )

    def desired(self) -> int:
        """The desired count that was set through the API."""
        return sum(service["desiredCount"] for service in self._described() if service["status"] == "ACTIVE")

    def scale(self, count: int) -> None:
        self._ecs.update_service(cluster=self._kind.cluster, service=self._kind.service, desiredCount=count)

    def _described(self) -> list[Any]:
        if not self._ecs.describe_clusters(clusters=[self._kind.cluster])["clusters"]:
            return []
        return list(self._ecs.describe_services(cluster=self._kind.cluster, services=[self._kind.service])["services"])
