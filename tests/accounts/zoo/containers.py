"""Services of ECS: launch types, capacity providers, kinds of service, and ways to deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.accounts.account import STAGING
from tests.accounts.containers import Containers, Service
from tests.accounts.run import experiment
from tests.accounts.zoo.shape import INTERNAL, PUBLIC, declared, ip_group, shape

if TYPE_CHECKING:
    from tests.accounts.account import Account


def stop_task(account: Account, of: Service, **changes: Any) -> dict[str, Any]:
    """An experiment that stops a task of this service."""
    Containers(account, of)
    return experiment([of.arn], **changes)


@shape("ECS service on Fargate", fast=True)
def fargate(account: Account, failing: float) -> dict[str, Any]:
    return stop_task(account, Service([ip_group(account, failing)]))


@shape("ECS service on a capacity provider of Fargate Spot")
def fargate_spot(account: Account, failing: float) -> dict[str, Any]:
    return stop_task(account, Service([ip_group(account, failing)], provider="FARGATE_SPOT"))


@shape("ECS service on a capacity provider of instances")
def capacity_provider(account: Account, failing: float) -> dict[str, Any]:
    return stop_task(account, Service([ip_group(account, failing)], launch_type="EC2", provider="web-instances"))


@shape("ECS service on instances, tasks with addresses of their own")
def on_instances(account: Account, failing: float) -> dict[str, Any]:
    return stop_task(account, Service([ip_group(account, failing)], launch_type="EC2"))


@shape("ECS service on instances, tasks in bridge mode", fast=True)
def bridge(account: Account, failing: float) -> dict[str, Any]:
    hosts = [entry.id for entry in account.group("hosts")]
    return stop_task(account, Service([account.serve("web", PUBLIC, hosts, failing=failing)], launch_type="EC2", mode="bridge"))


@shape("ECS service in bridge mode behind two load balancers", refused="serve in 2 target groups")
def bridge_twice(account: Account, failing: float) -> dict[str, Any]:
    hosts = [entry.id for entry in account.group("hosts")]
    groups = [account.serve("web", PUBLIC, hosts, failing=failing), account.serve("inside", INTERNAL, hosts)]
    return stop_task(account, Service(groups, launch_type="EC2", mode="bridge"))


@shape("ECS service in bridge mode, another target group named", refused="service names another")
def bridge_elsewhere(account: Account, failing: float) -> dict[str, Any]:
    hosts = [entry.id for entry in account.group("hosts")]
    other = account.serve("other", INTERNAL, hosts)
    own = account.serve("web", PUBLIC, hosts, failing=failing)
    return stop_task(account, Service([own], launch_type="EC2", mode="bridge"), service=other.arn)


@shape("ECS daemon service")
def daemon(account: Account, failing: float) -> dict[str, Any]:
    hosts = [entry.id for entry in account.group("hosts")]
    group = account.serve("web", PUBLIC, hosts, failing=failing)
    return stop_task(account, Service([group], launch_type="EC2", mode="host", scheduling="DAEMON"))


@shape("ECS service deployed by CodeDeploy, the other colour idle", fast=True)
def code_deploy(account: Account, failing: float) -> dict[str, Any]:
    account.serve("green", PUBLIC, [], kind="ip", weight=0)
    return stop_task(account, Service([ip_group(account, failing, "blue")], controller="CODE_DEPLOY"))


@shape("ECS service while CodeDeploy shifts traffic", refused="is being deployed")
def code_deploy_now(account: Account, failing: float) -> dict[str, Any]:
    account.serve("green", PUBLIC, ["10.0.9.200"], kind="ip", weight=10)
    return stop_task(account, Service([ip_group(account, failing, "blue", weight=90)], controller="CODE_DEPLOY", deploying=True))


@shape("ECS service deployed blue/green by ECS itself, a test rule on the idle colour")
def native(account: Account, failing: float) -> dict[str, Any]:
    green = account.serve("green", PUBLIC, [], kind="ip", by_rule=True)
    return stop_task(account, Service([ip_group(account, failing, "blue")], strategy="BLUE_GREEN", alternate=green))


@shape("ECS service while ECS bakes a blue/green deployment", refused="is being deployed")
def native_now(account: Account, failing: float) -> dict[str, Any]:
    green = account.serve("green", PUBLIC, ["10.0.9.200"], kind="ip", weight=0)
    service = Service([ip_group(account, failing, "blue")], strategy="BLUE_GREEN", alternate=green, deploying=True)
    return stop_task(account, service)


@shape("ECS service with task sets of an external controller")
def external(account: Account, failing: float) -> dict[str, Any]:
    return stop_task(account, Service([ip_group(account, failing)], controller="EXTERNAL"))


@shape("ECS service in two target groups", refused="serve in 2 target groups")
def twice(account: Account, failing: float) -> dict[str, Any]:
    return stop_task(account, Service([ip_group(account, failing), ip_group(account, 0, "inside", INTERNAL)]))


@shape("ECS service in two target groups, one of them named")
def named(account: Account, failing: float) -> dict[str, Any]:
    group = ip_group(account, failing)
    return stop_task(account, Service([group, ip_group(account, 0, "inside", INTERNAL)]), service=group.arn)


@shape("ECS cluster that does not exist", refused="the ECS cluster gone does not exist")
def no_cluster(account: Account, failing: float) -> dict[str, Any]:
    Containers(account, Service([ip_group(account, failing)]))
    return experiment(target={"resource_type": "aws:ecs:task", "tags": STAGING, "filters": {"cluster": ["gone"]}})


@shape("ECS service behind no load balancer")
def unbalanced(account: Account, failing: float) -> dict[str, Any]:
    service = Service([])
    Containers(account, service)
    return declared(account, [service.arn], failing)
