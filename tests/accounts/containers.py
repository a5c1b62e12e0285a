"""ECS in an account: services whose tasks ECS replaces, as AWS describes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squall.adapters.inventory.tasks import EcsTasks
from squall.domain.base.vocabulary import ResourceType
from tests.accounts.account import STAGING
from tests.accounts.modelled import Modelled
from tests.accounts.traffic import VPC
from tests.adapters.scripted import error
from tests.fakes.workload import ACCOUNT, REGION, ZONES

if TYPE_CHECKING:
    from datetime import datetime

    from tests.accounts.account import Account
    from tests.accounts.traffic import Registered

PLACE = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
SUBNET = "subnet-0123456789abcdef0"
CLUSTER, SERVICE = "shop", "web"


@dataclass
class Task:
    number: int
    started_at: datetime
    state: str = "RUNNING"
    stop_code: str = ""

    @property
    def arn(self) -> str:
        return f"{PLACE}:task/{CLUSTER}/{self.number:032x}"

    @property
    def address(self) -> str:
        return f"10.0.9.{self.number}"


@dataclass
class Service:
    """The service `shop/web` of three tasks, and how it is run and deployed."""

    target_groups: list[Registered]
    launch_type: str = "FARGATE"
    provider: str = ""
    """Name of its capacity provider, instead of a launch type."""
    mode: str = "awsvpc"
    """Network mode: only with `awsvpc` a task has an address of its own."""
    scheduling: str = "REPLICA"
    controller: str = "ECS"
    strategy: str = "ROLLING"
    alternate: Registered | None = None
    """The target group of the other colour, where ECS itself deploys blue/green."""
    deploying: bool = False
    desired: int = 3
    replaces_after: float = 40
    tasks: list[Task] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"{PLACE}:service/{CLUSTER}/{SERVICE}"


class Containers:
    """One service of an account, read through the real adapter. It stops and starts tasks as ECS does."""

    def __init__(self, account: Account, service: Service) -> None:
        self._account, self.service = account, service
        self._clock = account.world.clock
        for _ in range(service.desired):
            self._start()
        ecs = Modelled("ecs", {name: getattr(self, name) for name in _METHODS})
        ec2 = Modelled("ec2", {"describe_subnets": self.describe_subnets})
        account.finders[ResourceType.ECS_TASK] = lambda: EcsTasks(ecs, account.ssm, ec2)
        account.registrars.append(self._registered)
        account.world.fleet.services.stop = self._stop  # type: ignore[method-assign]

    def _start(self) -> None:
        self.service.tasks.append(Task(len(self.service.tasks) + 1, self._clock.now()))

    def _stop(self, arn: str, code: str = "UserInitiated") -> None:
        task = next(entry for entry in self.service.tasks if entry.arn == arn)
        task.state, task.stop_code = "STOPPED", code
        self._clock.after(self.service.replaces_after, self._start)

    def _registered(self, group: Registered) -> list[str]:
        """The addresses of running tasks: tasks that share an instance's address are registered by the instance."""
        if self.service.mode != "awsvpc" or group not in self.service.target_groups:
            return []
        return [task.address for task in self.service.tasks if task.state == "RUNNING"]

    # What AWS answers.

    def list_clusters(self, **_: Any) -> dict[str, Any]:
        return {"clusterArns": [f"{PLACE}:cluster/{CLUSTER}"]}

    def describe_clusters(self, **_: Any) -> dict[str, Any]:
        settings = [{"name": "containerInsights", "value": "disabled"}]
        return {"clusters": [{"clusterArn": f"{PLACE}:cluster/{CLUSTER}", "status": "ACTIVE", "settings": settings}]}

    def list_tasks(self, cluster: str, **_: Any) -> dict[str, Any]:
        if cluster.rpartition("/")[2] != CLUSTER:
            raise error("ClusterNotFoundException")
        return {"taskArns": [task.arn for task in self.service.tasks if task.state == "RUNNING"]}

    def describe_tasks(self, tasks: list[str], **_: Any) -> dict[str, Any]:
        return {"tasks": [self._task(task) for task in self.service.tasks if task.arn in tasks]}

    def _task(self, task: Task) -> dict[str, Any]:
        details = [{"name": "subnetId", "value": SUBNET}, {"name": "privateIPv4Address", "value": task.address}]
        interface = {"id": f"{task.number:08x}", "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}
        return {
            "taskArn": task.arn, "clusterArn": f"{PLACE}:cluster/{CLUSTER}", "taskDefinitionArn": f"{PLACE}:task-definition/web:7",
            "group": f"service:{SERVICE}", "lastStatus": task.state, "desiredStatus": task.state, "launchType": self.service.launch_type,
            "availabilityZone": ZONES[task.number % 2], "createdAt": task.started_at, "startedAt": task.started_at,
            "healthStatus": "UNKNOWN",
            "tags": [{"key": key, "value": value} for key, value in STAGING.items()],
            "attachments": [interface] if self.service.mode == "awsvpc" else [],
            **({"capacityProviderName": self.service.provider} if self.service.provider else {}),
            **({"stopCode": task.stop_code} if task.stop_code else {}),
        }  # fmt: skip

    def describe_task_definition(self, **_: Any) -> dict[str, Any]:
        return {"taskDefinition": {"networkMode": self.service.mode, "containerDefinitions": [{"name": "web"}]}}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        service, running = self.service, [task for task in self.service.tasks if task.state == "RUNNING"]
        attached = [_attachment(group, service.alternate) for group in service.target_groups]
        provided = [{"capacityProvider": service.provider, "weight": 1, "base": 0}]
        entry = {
            "serviceArn": service.arn, "serviceName": SERVICE, "clusterArn": f"{PLACE}:cluster/{CLUSTER}", "status": "ACTIVE",
            "desiredCount": service.desired, "runningCount": len(running), "pendingCount": 0, "schedulingStrategy": service.scheduling,
            "deploymentController": {"type": service.controller}, "loadBalancers": attached if service.controller == "ECS" else [],
            **({"capacityProviderStrategy": provided} if service.provider else {"launchType": service.launch_type}),
        }  # fmt: skip
        if service.controller == "ECS":
            entry |= {"deployments": self._deployments(), "deploymentConfiguration": {"strategy": service.strategy}}
        else:  # CodeDeploy and other controllers have task sets, which alone know their target groups
            entry |= {"deployments": [], "taskSets": self._task_sets(attached)}
        return {"services": [entry]}

    def _deployments(self) -> list[dict[str, Any]]:
        state = "IN_PROGRESS" if self.service.deploying else "COMPLETED"
        primary = {"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": state}
        return [primary, {"id": "ecs-svc/0", "status": "ACTIVE", "rolloutState": "COMPLETED"}] if self.service.deploying else [primary]

    def _task_sets(self, attached: list[dict[str, Any]]) -> list[dict[str, Any]]:
        primary = {"id": "ecs-svc/1", "status": "PRIMARY", "stabilityStatus": "STEADY_STATE", "loadBalancers": attached}
        green = {"id": "ecs-svc/2", "status": "ACTIVE", "stabilityStatus": "STEADY_STATE", "loadBalancers": []}
        return [primary, green] if self.service.deploying else [primary]

    def describe_subnets(self, **_: Any) -> dict[str, Any]:
        return {"Subnets": [{"SubnetId": SUBNET, "VpcId": VPC, "State": "available", "CidrBlock": "10.0.9.0/24"}]}


_METHODS = ("list_clusters", "describe_clusters", "list_tasks", "describe_tasks", "describe_task_definition", "describe_services")


def _attachment(group: Registered, alternate: Registered | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"targetGroupArn": group.arn, "containerName": "web", "containerPort": 80}
    if alternate:
        rule = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener-rule/app/shop/0/1/2"
        role = f"arn:aws:iam::{ACCOUNT}:role/ecs"
        entry["advancedConfiguration"] = {"alternateTargetGroupArn": alternate.arn, "productionListenerRule": rule, "roleArn": role}
    return entry
