"""The sample workload of the local account as AWS's APIs show it: the data of its resources, and its metrics in each shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from discovery.analysis.levels import Level
from discovery.inventory import Inventory
from discovery.things.databases import Database
from discovery.things.ecs_services import EcsService, Task
from discovery.things.eks_workloads import Pod, PodWorkload
from discovery.things.functions import Function
from discovery.things.instances import Instance
from discovery.things.load_balancers import HealthCheck, LoadBalancer
from discovery.things.scaling_groups import ScalingGroup
from squall.domain.resources.workload import TargetGroup

NOW = datetime(2030, 1, 7, 10, tzinfo=UTC)
REGION, ACCOUNT = "us-east-1", "000000000000"
ZONES = ("us-east-1a", "us-east-1b")
INVENTORY = "inventory.sample.internal"
TAGS = {"squall:environment": "staging", "sample:workload": "sample-web"}
LEVEL = Level(requests_per_second=50, availability_percent=100, response_seconds=0.024, response_p99_seconds=0.09, cpu_percent=6)


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


GROUP = arn("autoscaling", "autoScalingGroup:1:autoScalingGroupName/sample-web")
SERVICE = arn("ecs", "service/sample/sample-tasks")
PODS = f"{arn('eks', 'cluster/sample')}/shop/deployment/web"
CLUSTER, MULTI_AZ = arn("rds", "cluster:sample-db"), arn("rds", "db:sample-db-multi-az")
FUNCTION = arn("lambda", "function:sample-orders")


def _target_group(name: str, members: tuple[str, ...]) -> TargetGroup:
    return TargetGroup(
        arn=arn("elasticloadbalancing", f"targetgroup/{name}/0123456789abcdef"),
        load_balancer=arn("elasticloadbalancing", f"loadbalancer/app/{name}/0123456789abcdef"),
        load_balancer_groups=1, protocol="HTTP", ports=(80,), health_ports=(80,), unhealthy_after_seconds=13, healthy=members, unhealthy=(),
    )  # fmt: skip


def inventory(**changes: Any) -> Inventory:
    """The sample with its instances, database and function, its tasks and its pods."""
    instances = tuple(
        Instance(
            id=f"i-{n:017x}", name="sample-web", tags=TAGS, zone=ZONES[n % 2], type="t3.micro", group="sample-web", subnet="s", vpc="v",
            addresses=(f"172.31.0.{n}",), security_groups=(), detailed_monitoring=False, managed=True,
        )
        for n in range(3)
    )  # fmt: skip
    ids = tuple(instance.id for instance in instances)
    addresses = {"sample-tasks": ("172.31.1.1", "172.31.1.2", "172.31.1.3"), "sample-pods": ("172.31.2.1", "172.31.2.2", "172.31.2.3")}
    groups = (_target_group("sample-web", ids), *(_target_group(name, members) for name, members in addresses.items()))
    whole = Inventory(
        account=ACCOUNT, region=REGION, at=NOW, instances=instances, target_groups=groups,
        scaling_groups=(
            ScalingGroup(
                id=GROUP, name="sample-web", tags={"squall:environment": "staging"}, minimum=2, maximum=6, desired=3, zones=ZONES,
                instances=ids, in_service=ids, health_check="ELB", target_groups=(groups[0].arn,), launch_template=True, hosts=(INVENTORY,),
            ),
        ),
        ecs_services=(
            EcsService(
                id=SERVICE, name="sample-tasks", cluster="sample", desired=3, launch_type="FARGATE", target_groups=(groups[1].arn,),
                ports=(80,), subnets=(), security_groups=(), propagates_tags=True, circuit_breaker=False, health_check=False, agent=True,
                exec_enabled=False, fault_injection=True, shares_processes=True, hosts=(INVENTORY,),
                tags={"squall:environment": "staging", "sample:workload": "sample-tasks"},
                tasks=tuple(
                    Task(id=arn("ecs", f"task/sample/{n}"), zone=ZONES[n % 2], address=address, opted_in="staging")
                    for n, address in enumerate(addresses["sample-tasks"])
                ),
            ),
        ),
        pod_workloads=(
            PodWorkload(
                id=PODS, name="web", cluster="sample", cluster_arn=arn("eks", "cluster/sample"), namespace="shop", kind="deployment",
                cluster_tags={"squall:environment": "staging"}, desired=3, labels={"app": "web", "squall.environment": "staging"},
                probed=True, limited=True, hosts=(INVENTORY,),
                pods=tuple(
                    Pod(name=f"web-{n}", zone=ZONES[n % 2], address=address, ready=True)
                    for n, address in enumerate(addresses["sample-pods"])
                ),
            ),
        ),
        functions=(
            Function(
                id=FUNCTION, name="sample-orders", tags=TAGS, timeout_seconds=6, package="Zip", extension=True,
                fault_folder="arn:aws:s3:::sample-fault-configuration/staging/", in_vpc=False, subnets=(), security_groups=(),
                dead_letter=False,
            ),
        ),
        databases=tuple(
            Database(
                id=name, name=name.rpartition(":")[2], tags=TAGS, engine="postgres", cluster=":cluster:" in name, state="available",
                zones=ZONES, standby=True, endpoints=(f"{name.rpartition(':')[2]}.rds.internal",), port=5432, security_groups=(),
                subnets=(), backup_days=1, deletion_protection=False,
            )
            for name in (CLUSTER, MULTI_AZ)
        ),
        load_balancers=tuple(
            LoadBalancer(id=group.load_balancer or "", name=group.name.split("/")[1], type="application", internal=False, zones=ZONES,
                         security_groups=(), endpoint="")
            for group in groups
        ),
        health_checks=tuple(
            HealthCheck(id=group.arn, name=group.name, enabled=True, protocol="HTTP", path="/health", vpc="v") for group in groups
        ),
    )  # fmt: skip
    return whole.model_copy(update=changes)


def levels(**changes: float) -> dict[str, Level]:
    """The level of every part of the sample; `changes` are those of the Auto Scaling group."""
    return {GROUP: LEVEL.model_copy(update=changes), SERVICE: LEVEL, PODS: LEVEL}
