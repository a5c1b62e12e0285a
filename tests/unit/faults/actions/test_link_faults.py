"""Faults that cut links of managed services: what they need, and what they leave."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.grants import FaultGrant
from tests.unit.builders import instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites
from tests.unit.faults.test_fis_actions import find_outcome
from tests.unit.resources import global_table, multi_region_cluster, virtual_interface

TABLE = registry.get_fault(FaultType.GLOBAL_TABLE_PAUSE, ResourceType.GLOBAL_TABLE)
CACHE = registry.get_fault(FaultType.MULTI_REGION_CLUSTER_PAUSE, ResourceType.MULTI_REGION_CLUSTER)
LINK = registry.get_fault(FaultType.VIRTUAL_INTERFACE_DISCONNECT, ResourceType.VIRTUAL_INTERFACE)
FIS_POLICY = '{"Statement": [{"Effect": "Deny", "Sid": "DoNotModifyFisDynamoDbPauseReplicationEXP1"}]}'
OWN_POLICY = '{"Statement": [{"Effect": "Allow", "Sid": "Ours"}]}'


@pytest.mark.parametrize(
    ("fault", "build", "target_type"),
    [
        (TABLE, global_table, "aws:dynamodb:global-table"),
        (CACHE, multi_region_cluster, "aws:memorydb:multi-region-cluster"),
        (LINK, virtual_interface, "aws:directconnect:virtual-interface"),
    ],
)
def test_the_action_takes_its_targets_by_arn_and_the_faults_length(fault: AnyFault, build: Any, target_type: str) -> None:
    targets, actions = compile_fault(fault, fault.parse({}), [build()], timedelta(minutes=20))
    (target,), (action,) = targets.values(), actions.values()
    assert (target["resourceType"], target["resourceArns"]) == (target_type, [build().arn])
    assert action["parameters"] == {"duration": "PT20M"}


@pytest.mark.parametrize(
    ("fault", "target", "failed", "reason"),
    [
        (TABLE, global_table(), [], ""),
        (TABLE, global_table(fields={}), ["replicated"], "orders has no replica in another Region"),
        (TABLE, global_table(state="UPDATING"), ["targets_usable"], "orders is UPDATING"),
        (TABLE, global_table(tags={"squall:stack": "Squall"}), ["not_squalls_own"], "orders belongs to the Squall stack Squall"),
        (CACHE, multi_region_cluster(), [], ""),
        (CACHE, multi_region_cluster(fields={"Clusters": '[["eu-west-1", "available"]]'}), ["replicated"], "orders has no cluster in"),
        (CACHE, multi_region_cluster(fields={"Clusters": '[["us-east-1", "a"], ["us-west-2", "a"]]'}), ["replicated"], "in eu-west-1"),
        (LINK, virtual_interface(), [], ""),
        (LINK, virtual_interface(state="testing"), ["targets_usable"], "dxvif-0rders is testing"),
        (
            LINK,
            virtual_interface(fields={"bgpPeers": '[["p1", "available", "down"]]'}),
            ["sessions_up"],
            "the BGP peer p1 of dxvif-0rders is available and down",
        ),
        (LINK, virtual_interface(fields={}), ["sessions_up"], "dxvif-0rders has no BGP peer"),
    ],
)
def test_what_there_is_nothing_to_cut_of_is_not_hit(fault: AnyFault, target: Any, failed: list[str], reason: str) -> None:
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(fault, known, [target], fault.parse({}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


@pytest.mark.parametrize(
    ("before", "now", "left", "differences"),
    [
        ({}, {}, None, ()),
        ({"ResourcePolicy": OWN_POLICY}, {"ResourcePolicy": OWN_POLICY}, None, ()),
        ({}, {"ResourcePolicy": FIS_POLICY}, "delete-resource-policy", ()),
        ({"ResourcePolicy": OWN_POLICY}, {"ResourcePolicy": FIS_POLICY}, "put-resource-policy", ()),
        ({"ResourcePolicy": OWN_POLICY}, {}, None, (f"the ResourcePolicy of orders is not set, it was {OWN_POLICY}",)),
    ],
)
def test_statements_that_fis_left_in_a_tables_policy_are_named_with_the_command_that_removes_them(
    before: dict[str, str], now: dict[str, str], left: str | None, differences: tuple[str, ...]
) -> None:
    then = global_table(fields={"Replicas": "[]", **before})
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (global_table(fields={"Replicas": "[]", **now}),)})
    report = find_outcome(TABLE, then, after)
    assert [left in leftover for leftover in report.leftovers if left] == ([True] if left else [])
    assert report.differences == (*report.leftovers, *differences)
    assert report.outcome is (RollbackOutcome.NOT_RESTORED if left or differences else RollbackOutcome.RESTORED)


def test_sessions_that_stay_down_are_not_restored() -> None:
    down = virtual_interface(state="down", fields={"bgpPeers": '[["p1", "available", "down"]]'})
    now = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (down,)})
    report = find_outcome(LINK, virtual_interface(), now)
    assert report.outcome is RollbackOutcome.NOT_RESTORED
    assert report.differences[0] == "dxvif-0rders is down, it was available"


def test_what_disturbs_is_bound_to_the_tag_and_streams_alone_are_not() -> None:
    tagged = {action for fault in (TABLE, CACHE, LINK) for grant in fault.grants() if grant.tagged for action in grant.actions}
    assert tagged == {
        "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy", "memorydb:PauseMultiRegionClusterReplication",
        "directconnect:StartBgpFailoverTest", "directconnect:StopBgpFailoverTest",
    }  # fmt: skip
    (streams,) = [grant for grant in TABLE.grants() if not grant.tagged and "dynamodb:PutResourcePolicy" in grant.actions]
    assert streams.resources == ("arn:{partition}:dynamodb:{region}:{account}:table/*/stream/*",)
    inject = TABLE.grants()[-1]
    assert isinstance(inject, FaultGrant)
    assert inject.conditions["StringEquals"] == {"dynamodb:FisActionId": "aws:dynamodb:global-table-pause-replication"}
    assert CACHE.grants()[0].resources == ("arn:{partition}:memorydb::{account}:multiregioncluster/*",)
