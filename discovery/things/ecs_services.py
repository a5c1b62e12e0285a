"""ECS services, with their running tasks and what their task definition says about injecting faults."""

from collections.abc import Iterator
from typing import Any

from discovery.things.base import Account, Thing, read_tags
from squall.domain.base.model import Model

_SERVICES, _TASKS = 10, 100
"""The most that DescribeServices and DescribeTasks take."""


class Task(Model):
    id: str
    """Its ARN."""
    zone: str
    address: str | None
    opted_in: str | None
    """The value of its tag `squall:environment`."""


class EcsService(Thing):
    cluster: str
    """Name of its cluster."""
    desired: int
    launch_type: str
    target_groups: tuple[str, ...]
    ports: tuple[int, ...]
    """Container ports that its load balancers send requests to."""
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    propagates_tags: bool
    circuit_breaker: bool
    health_check: bool
    """Whether a container has a health check of its own."""
    agent: bool
    """Whether a container has the variable MANAGED_INSTANCE_ROLE_NAME, with which the agent beside it registers the
    task with Systems Manager."""
    exec_enabled: bool
    fault_injection: bool
    shares_processes: bool
    """Whether `pidMode` is `task`."""
    tasks: tuple[Task, ...] = ()
    uses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(sorted({task.zone for task in self.tasks if task.zone}))


def read_ecs_services(account: Account) -> Iterator[EcsService]:
    """Every service of every cluster."""
    for cluster in account.items("ecs", "list_clusters", "clusterArns"):
        arns = list(account.items("ecs", "list_services", "serviceArns", cluster=cluster))
        if not arns:
            continue
        tasks = _read_tasks(account, cluster)
        for start in range(0, len(arns), _SERVICES):
            some = arns[start : start + _SERVICES]
            answer = account.ask("ecs", "describe_services", cluster=cluster, services=some, include=["TAGS"])
            for entry in answer.get("services", ()):
                if entry.get("status") == "ACTIVE":
                    yield account.resumed(EcsService, entry["serviceArn"]) or _read(account, entry, tasks)


def _read_tasks(account: Account, cluster: str) -> dict[str, list[Task]]:
    """The running tasks of a cluster, by the name of their service."""
    by_service: dict[str, list[Task]] = {}
    arns = list(account.items("ecs", "list_tasks", "taskArns", cluster=cluster, desiredStatus="RUNNING"))
    for start in range(0, len(arns), _TASKS):
        some = arns[start : start + _TASKS]
        for entry in account.ask("ecs", "describe_tasks", cluster=cluster, tasks=some, include=["TAGS"]).get("tasks", ()):
            service = str(entry.get("group", "")).removeprefix("service:")
            details = [d for a in entry.get("attachments", ()) for d in a.get("details", ())]
            address = next((d["value"] for d in details if d.get("name") == "privateIPv4Address"), None)
            opted_in = read_tags(entry.get("tags")).get("squall:environment")
            task = Task(id=entry["taskArn"], zone=entry.get("availabilityZone", ""), address=address, opted_in=opted_in)
            by_service.setdefault(service, []).append(task)
    return by_service


def _read(account: Account, entry: dict[str, Any], tasks: dict[str, list[Task]]) -> EcsService:
    definition = account.ask("ecs", "describe_task_definition", taskDefinition=entry["taskDefinition"]).get("taskDefinition", {})
    containers = definition.get("containerDefinitions", [])
    variables = [variable for container in containers for variable in container.get("environment", ())]
    uses, hosts = account.match(str(variable.get("value", "")) for variable in variables)
    balancers = [balancer for balancer in entry.get("loadBalancers", ()) if balancer.get("targetGroupArn")]
    network = entry.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    return EcsService(
        id=entry["serviceArn"],
        name=entry["serviceName"],
        tags=read_tags(entry.get("tags")),
        cluster=entry["clusterArn"].rpartition("/")[2],
        desired=entry["desiredCount"],
        launch_type=entry.get("launchType", ""),
        target_groups=tuple(balancer["targetGroupArn"] for balancer in balancers),
        ports=tuple(sorted({balancer["containerPort"] for balancer in balancers if "containerPort" in balancer})),
        subnets=tuple(network.get("subnets", ())),
        security_groups=tuple(sorted(network.get("securityGroups", ()))),
        propagates_tags=entry.get("propagateTags") == "SERVICE",
        circuit_breaker=bool(entry.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {}).get("enable")),
        health_check=any("healthCheck" in container for container in containers),
        agent=any(variable.get("name") == "MANAGED_INSTANCE_ROLE_NAME" for variable in variables),
        exec_enabled=bool(entry.get("enableExecuteCommand")),
        fault_injection=bool(definition.get("enableFaultInjection")) and definition.get("networkMode") == "awsvpc",
        shares_processes=definition.get("pidMode") == "task",
        tasks=tuple(tasks.get(entry["serviceName"], ())),
        uses=uses,
        hosts=hosts,
    )
