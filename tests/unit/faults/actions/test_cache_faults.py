"""Power of an ElastiCache replication group's nodes in one zone: what it needs, what is left, and what proves it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome, FaultType
from squall.domain.resources.caches import CUT_ZONE, CacheNode, ReplicationGroup
from squall.domain.run.fis_state import ActionState
from squall.faults.actions.caches import CacheZonePower
from squall.faults.grants import FaultGrant
from tests.unit.builders import NOW, REGION, instance, workload
from tests.unit.faults.asking import injection, prerequisites
from tests.unit.faults.test_adoption import apply_template, experiment, refused
from tests.unit.resources import replication_group

POWER = CacheZonePower()
ZONE = {CUT_ZONE: f"{REGION}a"}
TAGS = {"app": "shop", "squall:environment": "staging"}


def cut(**changes: Any) -> ReplicationGroup:
    """A replication group whose zone `a` is to lose its power."""
    return replication_group(**changes).under(POWER.type, ZONE)


def test_the_zone_is_a_parameter_of_the_target_and_the_tags_choose_it() -> None:
    asked = replace(injection(POWER.parse(ZONE), [cut()], length=timedelta(minutes=20)), chosen_by=TAGS)
    targets, actions = POWER.compile(asked)
    resource_type = "aws:elasticache:replicationgroup"
    assert targets == {
        "ReplicationGroups": {"resourceType": resource_type, "resourceTags": TAGS, "selectionMode": "ALL", "parameters": ZONE}
    }
    (action,) = actions.values()
    assert action["parameters"] == {"duration": "PT20M"}


ONE_ZONE = (
    *replication_group().nodes[:2],
    *(CacheNode(id=f"lonely-{number}", group="0002", zone=f"{REGION}a") for number in (1, 2)),
)


@pytest.mark.parametrize(
    ("changes", "zone", "failed", "reason"),
    [
        ({}, f"{REGION}a", [], ""),
        ({"state": "modifying"}, f"{REGION}a", ["targets_usable"], "orders is modifying"),
        ({"multi_az": "disabled"}, f"{REGION}a", ["multi_az"], "orders has Multi-AZ disabled and automatic failover enabled"),
        ({"automatic_failover": "disabling"}, f"{REGION}a", ["multi_az"], "automatic failover disabling"),
        ({}, f"{REGION}c", ["zone_of_nodes"], f"orders has no node in {REGION}c, but in {REGION}a, {REGION}b"),
        ({}, "euw1-az1", ["zone_of_nodes"], "is the name of a zone"),
        ({"nodes": ONE_ZONE}, f"{REGION}a", ["nodes_left"], f"node group 0002 of orders has no node outside {REGION}a"),
    ],
)
def test_a_group_that_could_not_fail_over_is_not_hit(changes: dict[str, Any], zone: str, failed: list[str], reason: str) -> None:
    target = replication_group(**changes)
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(POWER, known, [target], POWER.parse({CUT_ZONE: zone}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


def test_the_node_group_with_the_fewest_nodes_left_is_counted() -> None:
    nodes = (*cut().nodes, CacheNode(id="orders-0001-3", group="0001", zone=f"{REGION}b"))
    group = cut(nodes=nodes)
    assert (group.size, sorted(group.hit), sorted(group.standing)) == (2, ["orders-0002-1"], ["orders-0002-1", "orders-0002-2"])
    assert (group.zone, group.least) == (f"{REGION}a", 1)
    assert cut(nodes=ONE_ZONE).hit == {"lonely-1", "lonely-2"}
    assert replication_group().hit == {"orders-0001-1", "orders-0001-2"}, "every node where the zone is not known"


RAN = ActionState("power", POWER.type.value, "completed", started_at=NOW, ended_at=NOW)


def with_roles(roles: dict[str, str]) -> ReplicationGroup:
    nodes = tuple(node.model_copy(update={"role": roles.get(node.id, node.role)}) for node in cut().nodes)
    return cut().model_copy(update={"nodes": nodes})


FIRST = {"orders-0001-1": "replica", "orders-0001-2": "primary"}
BOTH = {**FIRST, "orders-0002-1": "replica", "orders-0002-2": "primary"}


@pytest.mark.parametrize(
    ("roles", "proven", "says"),
    [
        (BOTH, True, "primaries moved: orders-0001-1 → orders-0001-2, orders-0002-1 → orders-0002-2"),
        (FIRST, False, f"orders-0002-1 of orders was a primary in {REGION}a and is one still"),
        ({}, False, "orders-0001-1, orders-0002-1 of orders was a primary"),
        (dict.fromkeys((node.id for node in cut().nodes), ""), True, "FIS's action power is completed"),
    ],
)
def test_a_primary_that_did_not_fail_over_disproves_fis_s_report(roles: dict[str, str], proven: bool, says: str) -> None:
    proof = POWER.prove_target(cut(), with_roles(roles), RAN)
    assert (proof.kind, proof.proven) == ("mechanism", proven)
    assert says in proof.detail
    assert not POWER.prove_target(cut(), with_roles(BOTH), None).proven


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({}, []),
        ({"state": "modifying"}, ["the state of orders is modifying, it was available"]),
        ({"node_groups": {"0001": "available"}}, ["node group 0002 of orders is gone, it was available"]),
        ({"nodes": cut().nodes[:3]}, [f"the node orders-0002-2 of orders in {REGION}b is gone"]),
        ({"multi_az": "disabled"}, ["the multi_az of orders is disabled, it was enabled"]),
    ],
)
def test_nodes_that_are_not_back_are_a_difference_and_roles_are_none(changes: dict[str, Any], differences: list[str]) -> None:
    assert list(POWER.find_changes(cut(), with_roles(BOTH).model_copy(update=changes))) == differences
    assert list(POWER.find_changes(cut(), None)) == ["orders is gone"]


def test_the_role_may_cut_the_power_of_tagged_groups_alone() -> None:
    grants = {grant.actions: grant for grant in POWER.grants() if isinstance(grant, FaultGrant)}
    cutting = grants[("elasticache:InterruptClusterAzPower",)]
    assert (cutting.tagged, cutting.resources) == (True, ("arn:{partition}:elasticache:{region}:{account}:replicationgroup:*",))
    assert not grants[("elasticache:DescribeReplicationGroups", "tag:GetResources")].tagged


TARGET = {"resourceType": "aws:elasticache:replicationgroup", "resourceTags": {"app": "shop"}, "selectionMode": "ALL", "parameters": ZONE}
ACTION = {"actionId": POWER.type.value, "parameters": {"duration": "PT10M"}, "targets": {"ReplicationGroups": "Some"}}


def test_a_template_of_somebody_else_is_adopted_with_its_tags_and_its_zone() -> None:
    adopted = apply_template(experiment(FaultType.CACHE_ZONE_POWER.value), {"targets": {"Some": TARGET}, "actions": {"cut": ACTION}})
    assert adopted.target is not None
    assert (adopted.target.tags, adopted.target.select, adopted.parameters) == ({"app": "shop"}, "all", ZONE)


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"parameters": {}}, f"actions.cut.parameters.parameters.{CUT_ZONE}", "missing"),
        ({"parameters": {**ZONE, "vpc": "vpc-1"}}, "targets.Some.parameters.vpc", "is not understood"),
        ({"selectionMode": "COUNT(2)"}, "targets.Some.selectionMode", "leaves the choice to FIS"),
    ],
)
def test_a_template_whose_targets_say_less_or_more_is_refused(changes: dict[str, Any], path: str, says: str) -> None:
    given = {"targets": {"Some": {**TARGET, **changes}}, "actions": {"cut": ACTION}}
    problems = refused(given, FaultType.CACHE_ZONE_POWER.value)
    assert says in problems[f"fis_template_id.{path}"], problems
