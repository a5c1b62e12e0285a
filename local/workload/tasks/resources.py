"""The sample's ECS service in the account: cluster, task definition and service, made and scaled through ordinary
APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.workload.network.peers import INVENTORY_URL

CLUSTER = "sample"
SERVICE = "sample-tasks"
ROLE = "arn:aws:iam::000000000000:role/sample-managed-instance"
"""The role that the sidecar registers the task with; nothing assumes it here."""
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


class Service:
    """The service, with one revision of its task definition."""

    def __init__(self, ecs: Any) -> None:
        self._ecs = ecs

    def ensure(self, target_group: str, subnets: Sequence[str], count: int, tags: Mapping[str, str]) -> None:
        """Create what is missing, and set the desired count."""
        if any(service["status"] == "ACTIVE" for service in self._described()):
            self.scale(count)
            return
        self._ecs.create_cluster(clusterName=CLUSTER, settings=[{"name": "containerInsights", "value": "enhanced"}])
        definition = self._ecs.register_task_definition(
            family=SERVICE,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            pidMode="task",
            enableFaultInjection=True,
            cpu="256",
            memory="512",
            runtimePlatform={"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
            containerDefinitions=[_APP, _AGENT],
        )["taskDefinition"]["taskDefinitionArn"]
        self._ecs.create_service(
            cluster=CLUSTER,
            serviceName=SERVICE,
            taskDefinition=definition,
            desiredCount=count,
            launchType="FARGATE",
            platformVersion="1.4.0",
            networkConfiguration={"awsvpcConfiguration": {"subnets": list(subnets)}},
            loadBalancers=[{"targetGroupArn": target_group, "containerName": "web", "containerPort": 80}],
            healthCheckGracePeriodSeconds=10,
            propagateTags="SERVICE",
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )

    def desired(self) -> int:
        """The desired count that was set through the API."""
        return sum(service["desiredCount"] for service in self._described() if service["status"] == "ACTIVE")

    def scale(self, count: int) -> None:
        self._ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=count)

    def _described(self) -> list[Any]:
        if not self._ecs.describe_clusters(clusters=[CLUSTER])["clusters"]:
            return []
        return list(self._ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"])
