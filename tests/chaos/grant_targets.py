"""Experiments on every type of target, and the ways in which functions come to read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.scaling_groups import FailedLaunch, ScalingGroup
from squall.domain.resources.subnets import Subnet
from squall.domain.resources.volumes import Attachment, Volume
from tests.chaos.actions import ACTIONS, REBOOT
from tests.chaos.grant_scenes import STAGING, Scene, catalogue, deployed, killed, killed_unheard, policy, report, run, taken_over, without
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.faults.actions.test_chosen_by_tags import CACHES, POWER
from tests.workflow.faults.actions.test_chosen_by_tags import ORDERS as ORDERS_BUCKET
from tests.workflow.faults.actions.test_custom_resources import ACTION as CHAOS_MESH
from tests.workflow.faults.actions.test_hosts import DRAIN, TERMINATE, add_cluster
from tests.workflow.faults.actions.test_left_over import BLOCK, ROUTES
from tests.workflow.faults.actions.test_transit_gateways import ACTION as TRANSIT
from tests.workflow.faults.actions.test_zonal_shifts import SHIFT
from tests.workflow.faults.test_databases import CLUSTER, INSTANCE
from tests.workflow.faults.test_described import ACTION, API_ACTION, LINKS, ORDERS_ROLE, SIGNAL
from tests.workflow.faults.test_described import ORDERS as ORDERS_STREAM
from tests.workflow.faults.test_functions import ORDERS, PLACE
from tests.workflow.faults.test_pods import WEB
from tests.workflow.faults.test_tasks import SERVICE, SHOP
from tests.workflow.rig import LOAD_BALANCER, OBSERVED, SCENARIO, SHAPES, TARGET_GROUP
from tests.workflow.walk import Walk

Prepare = Callable[[Walk, FakeWorld], None]
CRITERIA = {"success_criteria": ["System availability > 99%"]}


def agent(_: Walk, world: FakeWorld) -> None:
    world.metrics.set("CPUUtilization", lambda _: 95.0 if world.faults.active() else 3.0)
    catalogue(type="cpu_stress", **CRITERIA)


def agent_of_memory(_: Walk, __: FakeWorld) -> None:
    catalogue(type="memory_stress", parameters={"memory_percent": 80}, **CRITERIA)


def volume(_: Walk, world: FakeWorld) -> None:
    instance = world.fleet.members("web")[0]
    to = Attachment(instance=instance.id, state="attached", instance_type="m5.large", nitro=True)
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-0a1"
    world.fleet.add_other(Volume(id="vol-0a1", arn=arn, state="in-use", zone=instance.zone, tags=STAGING, attachments=(to,)))
    catalogue(type="disk_fill", target_resources=[], target={"resource_type": "aws:ec2:ebs-volume", "arns": [arn]}, **CRITERIA)


def group(walk: Walk, world: FakeWorld) -> None:
    members = tuple(instance.id for instance in world.fleet.members("web"))
    arn = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0123:autoScalingGroupName/web"
    zones = (f"{REGION}a", f"{REGION}b")
    scaling_group = ScalingGroup(id="web", arn=arn, state="active", tags=STAGING, zones=zones, launch_template=True, instances=members)
    world.fleet.add_other(scaling_group)
    target = {"resource_type": "aws:ec2:autoscaling-group", "arns": [arn]}
    catalogue(type="service_unavailable", target_resources=[], target=target, **CRITERIA)

    def launch(_: object) -> None:
        failed = FailedLaunch(id="a-1", at=world.clock.now() + timedelta(seconds=30), said="Insufficient capacity.")
        world.fleet.add_other(scaling_group.model_copy(update={"failed": (failed,)}))

    walk.after["StartFault"] = launch


def subnet(_: Walk, world: FakeWorld) -> None:
    instance = world.fleet.members("web")[0]
    cut_off = Subnet(
        id="subnet-0a1", arn=f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/subnet-0a1", state="available", zone=instance.zone, tags=STAGING,
        vpc="vpc-1", cidr="10.0.1.0/24", acl="acl-0a1", association="aclassoc-0", instances=(instance.id,),
    )  # fmt: skip
    world.fleet.add_other(cut_off)
    catalogue(type="service_unavailable", target_resources=[cut_off.arn], **CRITERIA)


def function(_: Walk, world: FakeWorld, **target: Any) -> None:
    policy(lambda_fault_configuration=PLACE)
    world.fleet.add_other(ORDERS)
    world.metrics.set("Errors", lambda _: 20.0 if world.faults.active() else 0.0)
    named = target or {"target_resources": [ORDERS.arn]}
    catalogue(type="service_unavailable", service=TARGET_GROUP, parameters={"invocation_percent": 40}, **{**CRITERIA, **named})


def tagged_function(walk: Walk, world: FakeWorld) -> None:
    function(walk, world, target_resources=[], target={"resource_type": "aws:lambda:function", "tags": STAGING})


def task(_: Walk, world: FakeWorld, **target: Any) -> None:
    world.fleet.target_groups[SHOP] = LOAD_BALANCER.replace("/web/", "/shop/")
    world.fleet.services.add(SERVICE)
    catalogue(**(target or {"target_resources": [SERVICE.arn]}))


def tagged_task(walk: Walk, world: FakeWorld) -> None:
    task(walk, world, target_resources=[], target={"resource_type": "aws:ecs:task", "tags": STAGING})


def task_agent(walk: Walk, world: FakeWorld) -> None:
    task(walk, world)
    catalogue(type="cpu_stress", parameters={"load_percent": 70}, **CRITERIA)


def pod(_: Walk, world: FakeWorld) -> None:
    policy(eks_service_account="fis")
    world.fleet.clusters.add(WEB)
    target = {"arns": [WEB.cluster], "filters": {"namespace": ["shop"], "deployment": ["web"]}}
    catalogue(target_resources=None, target=target, service=TARGET_GROUP)


def database(_: Walk, world: FakeWorld) -> None:
    world.fleet.add_other(INSTANCE)
    catalogue(type="database_failure", target_resources=[INSTANCE.arn], service=TARGET_GROUP, **CRITERIA)


def by_id(action: str, **target: Any) -> Prepare:
    """The FIS action as in the matrix; with a target of its own, if one is given."""

    def prepare(_: Walk, world: FakeWorld) -> None:
        ACTIONS[action](world, deployed().catalogue["seed"], deployed().environments["staging"])
        if target:
            catalogue(target_resources=[], target=target)

    return prepare


def cluster(_: Walk, world: FakeWorld) -> None:
    world.fleet.add_other(CLUSTER)
    catalogue(type="database_failure", target_resources=[CLUSTER.arn], service=TARGET_GROUP, **CRITERIA)


def stream(_: Walk, world: FakeWorld) -> None:
    described(world, ORDERS_STREAM, ACTION)


def tagged_stream(_: Walk, world: FakeWorld) -> None:
    tagged = {"target_resources": [], "target": {"resource_type": "aws:kinesis:stream", "tags": STAGING}}
    described(world, ORDERS_STREAM, ACTION, tagged)


def dsql_cluster(_: Walk, world: FakeWorld) -> None:
    arn = f"arn:aws:dsql:{REGION}:{ACCOUNT}:cluster/abc123"
    described(
        world,
        DescribedResource(type=ResourceType.DSQL_CLUSTER, id="abc123", arn=arn, state="ACTIVE", tags=STAGING),
        "aws:dsql:cluster-connection-failure",
    )


def role(_: Walk, world: FakeWorld) -> None:
    described(world, ORDERS_ROLE, API_ACTION, operations="RunInstances", service="ec2")


def link(action: str) -> Prepare:
    def prepare(_: Walk, world: FakeWorld) -> None:
        described(world, LINKS[action], action, percentage=None)

    return prepare


def tagged_bucket(_: Walk, world: FakeWorld) -> None:
    tagged = {"target_resources": [], "target": {"resource_type": "aws:s3:bucket", "tags": {"app": "shop"}}}
    described(world, ORDERS_BUCKET, "aws:s3:bucket-pause-replication", tagged, percentage=None, region="us-east-1")


def tagged_caches(_: Walk, world: FakeWorld) -> None:
    policy(allowed_types=[POWER])
    world.fleet.add_other(CACHES)
    world.metrics.set("Throttled", lambda _: 90.0 if world.faults.active() else 0.0)
    target = {"resource_type": "aws:elasticache:replicationgroup", "tags": {"app": "shop"}}
    parameters = {"availabilityZoneIdentifier": "eu-west-1a"}
    named = {"target_resources": [], "target": target, "service": TARGET_GROUP}
    catalogue(type=POWER, parameters=parameters, fault_signal=SIGNAL, **named, **CRITERIA)


def described(world: FakeWorld, resource: DescribedResource, action: str, target: dict[str, Any] | None = None, **values: Any) -> None:
    """Half of the calls on a managed service fail, and its clients count them."""
    policy(allowed_types=[action], api_fault_roles=[ORDERS_ROLE.arn])
    world.fleet.add_other(resource)
    world.metrics.set("Throttled", lambda _: 90.0 if world.faults.active() else 0.0)
    named = target or {"target_resources": [resource.arn]}
    parameters = {name: value for name, value in {"percentage": 50, **values}.items() if value is not None}
    catalogue(type=action, service=TARGET_GROUP, parameters=parameters, fault_signal=SIGNAL, **{**CRITERIA, **named})


def instance(_: Walk, __: FakeWorld) -> None:
    """The targets of REL12-BP05's experiment."""


def scenario(_: Walk, __: FakeWorld) -> None:
    """Three faults on two instances."""
    SHAPES[SCENARIO](deployed().catalogue["seed"], deployed().environments["staging"])


def observed(_: Walk, __: FakeWorld) -> None:
    """A fault that is over nine minutes before its observation."""
    SHAPES[OBSERVED](deployed().catalogue["seed"], deployed().environments["staging"])


KINDS: dict[str, Prepare] = {
    "instances": instance,
    "an agent": agent,
    "an agent that tells nothing": agent_of_memory,
    "a volume": volume,
    "a group": group,
    "a subnet": subnet,
    "a function": function,
    "tagged functions": tagged_function,
    "a stream": stream,
    "tagged streams": tagged_stream,
    "a DSQL cluster": dsql_cluster,
    "a role": role,
    "a global table": link("aws:dynamodb:global-table-pause-replication"),
    "a multi-Region cluster": link("aws:memorydb:multi-region-cluster-pause-replication"),
    "tagged buckets": tagged_bucket,
    "tagged caches": tagged_caches,
    "a virtual interface": link("aws:directconnect:virtual-interface-disconnect"),
    "a VPC endpoint": by_id(BLOCK),
    "a route table": by_id(ROUTES),
    "a transit gateway": by_id(TRANSIT),
    "what ARC shifts": by_id(SHIFT),
    "tagged, what ARC shifts": by_id(SHIFT, resource_type="aws:arc:zonal-shift-managed-resource", tags=STAGING),
    "tasks": task,
    "tagged tasks": tagged_task,
    "a task's agent": task_agent,
    "pods": pod,
    "pods of Chaos Mesh": by_id(CHAOS_MESH),
    "a node group": by_id(TERMINATE),
    "tagged node groups": by_id(TERMINATE, resource_type="aws:eks:nodegroup", tags=STAGING),
    "container instances": by_id(DRAIN),
    "tagged container instances": by_id(DRAIN, resource_type="aws:ecs:cluster", tags=STAGING),
    "a database": database,
    "a rebooted database": by_id(REBOOT),
    "a cluster": cluster,
    "a scenario": scenario,
    "an observation": observed,
}


def taken_over_by_the_same(walk: Walk, world: FakeWorld) -> None:
    known = deployed()
    known.catalogue["other"] = {**known.catalogue["seed"], "name": "Other"}
    taken_over(walk, world)


def taken_over_after_its_end(walk: Walk, world: FakeWorld) -> None:
    """The fault is over by itself before another execution wants its failure domain: while it lasts, its state alone refuses
    the other one."""
    known = deployed()
    known.catalogue["other"] = {**known.catalogue["seed"], "name": "Other"}
    taken_over(walk, world, seconds=2 * 3600)


def drained_again_after_its_end(walk: Walk, world: FakeWorld) -> None:
    """By then, the tasks are spread over all hosts again."""
    world.clock.after(3600, lambda: add_cluster(world))
    taken_over_after_its_end(walk, world)


def left_to_release(walk: Walk, world: FakeWorld) -> None:
    """The state RunRollback fails, so Release has to start the rollback, and to notify people."""
    world.automations.seconds = 1
    without("RunRollback", walk, world)


def reported(walk: Walk, world: FakeWorld) -> None:
    run(walk)
    report(walk, world)


WAYS: dict[str, Scene] = {
    "": reported,
    ", killed": killed,
    ", killed unheard": killed_unheard,
    ", taken over": taken_over_by_the_same,
    ", left to Release": left_to_release,
}


def _on(prepare: Prepare, way: Scene) -> Scene:
    def scene(walk: Walk, world: FakeWorld) -> None:
        prepare(walk, world)
        way(walk, world)

    return scene


ON_TARGETS: dict[str, Scene] = {
    **{f"{kind}{way}": _on(KINDS[kind], WAYS[way]) for way in WAYS for kind in KINDS},
    "a subnet, taken over by another": _on(subnet, taken_over),
    "what ARC shifts, taken over after its end": _on(by_id(SHIFT), taken_over_after_its_end),
    "a route table, taken over after its end": _on(by_id(ROUTES), taken_over_after_its_end),
    "container instances, taken over after its end": _on(by_id(DRAIN), drained_again_after_its_end),
}
