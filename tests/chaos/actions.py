"""Experiments with FIS actions by their ids, as shapes of the matrix: on hosts, pods, networks, traffic and databases."""

from __future__ import annotations

from functools import partial
from typing import Any

from squall.domain.resources.types import OtherResource
from tests.fakes.workload import FakeGroup
from tests.fakes.world import FakeWorld
from tests.workflow.faults.actions.test_custom_resources import ACTION as CHAOS_MESH
from tests.workflow.faults.actions.test_custom_resources import VALUES as NETWORK_CHAOS
from tests.workflow.faults.actions.test_custom_resources import tell
from tests.workflow.faults.actions.test_hosts import DRAIN, GENERAL, SHOP_CLUSTER, STAGING, TERMINATE, add_cluster
from tests.workflow.faults.actions.test_left_over import BLOCK, ROUTES
from tests.workflow.faults.actions.test_route_tables import routed_subnet
from tests.workflow.faults.actions.test_transit_gateways import ACTION as TRANSIT
from tests.workflow.faults.actions.test_transit_gateways import GATEWAY
from tests.workflow.faults.actions.test_zonal_shifts import BALANCER, SHIFT, SHIFT_VALUES
from tests.workflow.faults.test_databases import INSTANCE
from tests.workflow.faults.test_described import LINKS, SIGNAL
from tests.workflow.faults.test_pods import WEB
from tests.workflow.rig import TARGET_GROUP, Change

REBOOT = "aws:rds:reboot-db-instances"
SHARE_PERCENT = 50


def hit(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any], *, action: str, target: OtherResource | None = None,
        **changes: Any) -> None:  # fmt: skip
    """Change the experiment to this action on this resource, which is in the account."""
    policy["allowed_types"] = [action]
    experiment |= {
        "type": action,
        "service": TARGET_GROUP,
        "success_criteria": ["System availability > 99%"],
        "rollback": {"document": "restore-web", "parameters": {"Why": "$execution"}},
        **changes,
    }
    if target:
        world.fleet.add_other(target)
        experiment["target_resources"] = [target.arn]


def signalled(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any], **changes: Any) -> None:
    """The same; what the target's users count shows each fault while it lasts."""

    def count(at: int) -> float:
        faults = [run.experiment for run in world.faults.runs.values()]
        times = [(fault.started_at, fault.ended_at) for fault in faults if fault.started_at]
        hit = any(began.timestamp() <= at and (ended is None or at < ended.timestamp()) for began, ended in times)
        return 53.0 if hit else 3.0

    world.metrics.set("Throttled", count)
    hit(world, experiment, policy, fault_signal={**SIGNAL, "dimensions": {"Target": "$target"}}, **changes)


def drain(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    add_cluster(world)
    hit(world, experiment, policy, action=DRAIN, target=SHOP_CLUSTER, parameters={"drainagePercentage": SHARE_PERCENT})


def terminate_nodes(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    world.fleet.add_group(FakeGroup(GENERAL.groups[0], desired=4, tags=STAGING))
    hit(world, experiment, policy, action=TERMINATE, target=GENERAL, parameters={"instanceTerminationPercentage": SHARE_PERCENT})


def cut_routes(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    hit(world, experiment, policy, action=ROUTES, target=routed_subnet(world), parameters={"region": "us-east-1"})


def disturb_pods(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    policy |= {"eks_service_account": "fis", "chaos_mesh": {"NetworkChaos": ["shop"]}}
    world.fleet.clusters.add(WEB)
    tell(world, ())
    del experiment["target_resources"]
    experiment["target"] = {"arns": [WEB.cluster], "filters": {"namespace": ["shop"], "deployment": ["web"]}}
    signalled(world, experiment, policy, action=CHAOS_MESH, parameters=NETWORK_CHAOS)


ACTIONS: dict[str, Change] = {
    SHIFT: partial(hit, action=SHIFT, target=BALANCER, parameters=SHIFT_VALUES, blast_radius="single_az"),
    BLOCK: partial(signalled, action=BLOCK, target=LINKS[BLOCK]),
    ROUTES: cut_routes,
    TRANSIT: partial(signalled, action=TRANSIT, target=GATEWAY, parameters={"region": "us-east-1"}),
    CHAOS_MESH: disturb_pods,
    DRAIN: drain,
    TERMINATE: terminate_nodes,
    REBOOT: partial(hit, action=REBOOT, target=INSTANCE),
}
"""Each changes the deployed experiment, and its policy, in place, and puts what it hits into the account."""


def shaped(name: str) -> str | Change:
    """What the rig takes for the shape of this name."""
    return ACTIONS.get(name, name)
