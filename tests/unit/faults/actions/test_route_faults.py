"""Subnets cut off from a Region by route tables of FIS: what they need, what proves it, and what is left."""

from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.resources.subnets import FisPart, Subnet
from squall.faults import registry
from squall.faults.grants import FaultGrant
from tests.unit.builders import instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites
from tests.unit.faults.test_fis_actions import LENGTH, find_outcome
from tests.unit.resources import subnet

CUT = registry.get_fault(FaultType.ROUTE_TABLE_DISRUPTION, ResourceType.SUBNET)
VALUES = {"region": "us-east-1"}
REPLACED = {"route_association": "rtbassoc-3"}
OURS = FisPart(kind="route-table", id="rtb-f15", subnets=(subnet().id,))
LEFT = tuple(
    FisPart.model_validate({"kind": kind, "id": id_})
    for kind, id_ in (("route-table", "rtb-f16"), ("prefix-list", "pl-f15"), ("network-interface", "eni-f15"))
)


def test_the_action_names_the_region() -> None:
    targets, actions = compile_fault(CUT, CUT.parse(VALUES), [subnet()], LENGTH)
    (target,), (action,) = targets.values(), actions.values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:ec2:subnet", [subnet().arn])
    assert action["parameters"] == {**VALUES, "duration": "PT10M"}
    with pytest.raises(InvalidInput, match="region"):
        CUT.parse({})


@pytest.mark.parametrize(
    ("target", "region", "failed", "reason"),
    [
        (subnet(), "us-east-1", [], ""),
        (subnet(), "eu-west-1", ["another_region"], "eu-west-1 is the Region of subnet-306131"),
        (subnet(route_association=None), "us-east-1", ["own_route_table"], "has no association with a route table but uses rtb-1"),
        (subnet(route_table="rtb-f15", made_by_fis=(OURS,)), "us-east-1", ["own_route_table"], "which FIS made for an earlier fault"),
        (subnet(instances=(), addresses=()), "us-east-1", ["inhabited"], "nothing lives in subnet-306131"),
        (subnet(state="pending"), "us-east-1", ["targets_usable"], "is pending"),
    ],
)
def test_what_nothing_would_prove_or_nobody_notice_is_not_cut(target: Subnet, region: str, failed: list[str], reason: str) -> None:
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(CUT, known, [target], CUT.parse({"region": region}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


def test_gateway_endpoints_of_the_route_table_opt_in_for_this_fault_alone() -> None:
    target = subnet(gateways={"vpce-1": {"squall:environment": "staging"}})
    assert [*target.under(CUT.type, VALUES).tagged_parts] == ["vpce-1"]
    assert target.under(CUT.type, {"scope": "all"}).tagged_parts == {}


@pytest.mark.parametrize(
    ("changes", "proven", "detail"),
    [
        (REPLACED, True, "its association is rtbassoc-3, it was rtbassoc-1"),
        ({}, False, "nothing shows that the route table of subnet-306131 was replaced"),
        ({"route_association": None}, False, "its association is gone"),
    ],
)
def test_the_association_proves_it_whatever_route_table_it_has_now(changes: dict[str, Any], proven: bool, detail: str) -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (subnet(**changes),)})
    (proof,) = find_outcome(CUT, subnet(), after).proofs
    assert (proof.proven, proof.kind, detail in proof.detail) == (proven, "state", True), proof.detail


@pytest.mark.parametrize(
    ("changes", "left", "differences"),
    [
        ({}, [], ()),
        ({"route_table": "rtb-f15", "made_by_fis": (OURS,)}, ["still has FIS's route table rtb-f15, it had rtb-1"], ()),
        ({"made_by_fis": LEFT}, ["route table rtb-f16", "prefix list pl-f15", "network interface eni-f15"], ()),
        ({"made_by_fis": (*LEFT, FisPart(kind="route-table", id="rtb-f17", subnets=("subnet-2",)))}, [], ()),
        ({"route_table": "rtb-2"}, [], ("subnet-306131 has the route table rtb-2, it had rtb-1",)),
        (
            {"route_association": None},
            [],
            ("subnet-306131 has no association with a route table any more: it uses the main one of its VPC",),
        ),
        ({"state": "pending"}, [], ("subnet-306131 is pending, it was available",)),
    ],
)
def test_what_fis_left_is_named_with_the_command_that_removes_it(
    changes: dict[str, Any], left: list[str], differences: tuple[str, ...]
) -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (subnet(**{**REPLACED, **changes}),)})
    report = find_outcome(CUT, subnet(), after)
    assert len(report.leftovers) == len(left)
    assert all(words in remnant and "by hand: aws ec2 " in remnant for words, remnant in zip(left, report.leftovers, strict=True))
    assert report.differences == (*report.leftovers, *differences)
    assert report.outcome is (RollbackOutcome.NOT_RESTORED if left or differences else RollbackOutcome.RESTORED)


ELSEWHERE = FisPart(kind="route-table", id="rtb-f18", subnets=("subnet-9",), vpc="vpc-9")


@pytest.mark.parametrize(
    ("known", "now", "left", "untold"),
    [
        ((), (*LEFT, ELSEWHERE), ["rtb-f16", "eni-f15"], ["pl-f15"]),
        ((), (*LEFT, ELSEWHERE.model_copy(update={"subnets": ()})), ["rtb-f16", "eni-f15"], ["pl-f15"]),
        ((ELSEWHERE,), (*LEFT, ELSEWHERE), ["rtb-f16", "pl-f15", "eni-f15"], []),
        ((), (*LEFT, ELSEWHERE.model_copy(update={"vpc": "vpc-1"})), [], ["rtb-f16", "pl-f15", "eni-f15"]),
    ],
)
def test_what_a_fault_elsewhere_may_need_is_told_but_nobody_is_asked_to_delete_it(
    known: tuple[FisPart, ...], now: tuple[FisPart, ...], left: list[str], untold: list[str]
) -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (subnet(**REPLACED, made_by_fis=now),)})
    report = find_outcome(CUT, subnet(made_by_fis=known), after)
    assert [
        id_ for id_ in ("rtb-f16", "pl-f15", "eni-f15") if any(f"{id_} (managedByFIS) is left in" in told for told in report.leftovers)
    ] == left
    assert len(report.leftovers) == len(left)
    assert [id_ for id_ in ("rtb-f16", "pl-f15", "eni-f15") if any(id_ in told for told in report.changes)] == untold
    assert all("can't be told yet: FIS's route table rtb-f18 in " in told for told in report.changes)


@pytest.mark.parametrize(("region", "needed"), [("us-east-1", 357), ("eu-central-1", 257)])
def test_the_room_that_fis_needs_in_the_route_table_is_told(region: str, needed: int) -> None:
    target = subnet(routes=7)
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    (told,) = [
        check for check in prerequisites(CUT, known, [target], CUT.parse({"region": region})) if check.outcome is CheckOutcome.WARNED
    ]
    assert (told.name, f"rtb-1 has 7, so {needed} are needed" in told.detail) == ("room_for_routes", True)


def test_an_association_that_somebody_else_replaced_proves_nothing() -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (subnet(**REPLACED),)})
    (proof,) = find_outcome(CUT, subnet(), after, began=False).proofs
    assert (proof.proven, "FIS's action did not run" in proof.detail) == (False, True), proof.detail


def test_what_was_there_before_is_not_this_faults() -> None:
    after = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (subnet(**REPLACED, made_by_fis=LEFT),)})
    assert find_outcome(CUT, subnet(made_by_fis=LEFT), after).leftovers == ()


def test_fis_fills_and_deletes_what_it_made_alone() -> None:
    by_fis = {"aws:ResourceTag/managedByFIS": "true"}
    for action in ("ec2:DeleteRouteTable", "ec2:CreateRoute", "ec2:DeleteNetworkInterface", "ec2:DeleteManagedPrefixList"):
        (grant,) = [grant for grant in CUT.grants() if action in grant.actions]
        assert isinstance(grant, FaultGrant)
        assert (grant.conditions, grant.tagged) == ({"StringEquals": by_fis}, False), action
    tagging = [grant for grant in CUT.grants() if grant.actions == ("ec2:CreateTags",)]
    assert len(tagging) == 3
    for grant in tagging:
        assert isinstance(grant, FaultGrant)
        assert grant.conditions["ForAllValues:StringNotEquals"] == {"aws:TagKeys": ["{opt_in_tag}"]}
        assert grant.conditions["StringEquals"]["aws:RequestTag/managedByFIS"] == "true"
    tagged = {action: grant.resources for grant in CUT.grants() if grant.tagged for action in grant.actions}
    assert {resources[0].rpartition(":")[2] for action, resources in tagged.items() if "RouteTable" in action} == {"subnet/*"}
    assert tagged["ec2:ModifyVpcEndpoint"][0].endswith(":vpc-endpoint/*")
