"""Zonal shifts by FIS: what they need, what proves them, and what they leave."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.policy.custom_actions import CustomAction
from squall.domain.resources.shiftable import Pool, ShiftableResource, ZonalShift
from squall.domain.run.fis_state import ActionState
from squall.domain.targets.failure_domains import failure_domains, list_capacities, list_lost_members
from squall.faults import registry
from squall.faults.actions.shifts import ZonalAutoshift
from squall.faults.grants import FaultGrant
from tests.unit.builders import ACCOUNT, NOW, REGION, TG_ARN, instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites
from tests.unit.faults.test_fis_actions import LENGTH, find_outcome
from tests.unit.resources import shiftable

SHIFT = registry.get_fault(FaultType.ZONAL_AUTOSHIFT, ResourceType.SHIFTABLE)
VALUES = {"availabilityZoneIdentifier": "euw1-az1", "managedResourceTypes": "ALB"}
GROUP = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0123:autoScalingGroupName/shop"


def by(kind: str = "FIS_EXPERIMENT", status: str = "CANCELED", **changes: Any) -> ZonalShift:
    values = {"id": "s-1", "by": kind, "away_from": "euw1-az1", "status": status, "started_at": NOW, **changes}
    return ZonalShift.model_validate(values)


def test_the_action_names_the_zone_and_the_kinds_and_takes_the_resource_by_arn() -> None:
    targets, actions = compile_fault(SHIFT, SHIFT.parse(VALUES), [shiftable()], LENGTH)
    (target,), (action,) = targets.values(), actions.values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:arc:zonal-shift-managed-resource", [shiftable().arn])
    assert action["parameters"] == {**VALUES, "zonalAutoshiftStatus": "ENABLED", "duration": "PT10M"}
    assert action["description"].endswith(": euw1-az1")


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"managedResourceTypes": "GWLB"}, "parameters.managedResourceTypes", "ASG,ALB,NLB,EKS"),
        ({"zonalAutoshiftStatus": "ON"}, "parameters.zonalAutoshiftStatus", "ENABLED or DISABLED or ANY"),
        ({"availabilityZoneIdentifier": None}, "parameters.availabilityZoneIdentifier", ""),
        ({"zone": "a"}, "parameters.zone", "availabilityZoneIdentifier"),
    ],
)
def test_what_aws_does_not_take_is_refused_with_its_path(changes: dict[str, Any], path: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SHIFT.parse({**VALUES, **changes})
    (problem,) = caught.value.problems
    assert (problem.path, expected in problem.expected) == (path, True), problem


@pytest.mark.parametrize(
    ("target", "values", "failed", "reason"),
    [
        (shiftable(), {}, [], ""),
        (shiftable(), {"availabilityZoneIdentifier": f"{REGION}b"}, [], ""),
        (
            shiftable(),
            {"availabilityZoneIdentifier": "use1-az1"},
            ["zone_of_resource"],
            "app/shop/0123456789abcdef has no traffic in use1-az1; its zones are euw1-az1 (eu-west-1a), euw1-az2 (eu-west-1b)",
        ),
        (shiftable(weights={"euw1-az1": 0.0, "euw1-az2": 1.0}), {}, ["zone_of_resource"], "has no traffic in euw1-az1"),
        (shiftable(weights={"euw1-az1": 1.0}), {}, ["zone_of_resource"], "has no other zone than euw1-az1"),
        (shiftable(weights={"euw1-az1": 1.0, "euw1-az2": 0.0}), {}, ["zone_of_resource"], "has no other zone than euw1-az1"),
        (shiftable(shifts=(by("ZONAL_SHIFT", "ACTIVE"),)), {}, ["not_shifted"], "is shifted away from euw1-az1 by ZONAL_SHIFT s-1"),
        (shiftable(shifts=(by("ZONAL_SHIFT", "EXPIRED"),)), {}, [], ""),
        (shiftable(autoshifts=("euw1-az3",)), {}, ["not_shifted"], "AWS has shifted app/shop/0123456789abcdef away from euw1-az3"),
        (shiftable(kind="NLB"), {}, ["managed_types"], "is an NLB, and managedResourceTypes is ALB: FIS would leave it out"),
        (shiftable(kind="NLB"), {"managedResourceTypes": "ALB,NLB"}, [], ""),
        (shiftable(autoshift="DISABLED"), {}, ["autoshift_status"], "has DISABLED, and zonalAutoshiftStatus is ENABLED"),
        (shiftable(autoshift="DISABLED"), {"zonalAutoshiftStatus": "ANY"}, [], ""),
    ],
)
def test_what_fis_would_leave_out_or_what_has_no_other_zone_is_not_shifted(
    target: ShiftableResource, values: dict[str, str], failed: list[str], reason: str
) -> None:
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(SHIFT, known, [target], SHIFT.parse({**VALUES, **values}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


@pytest.mark.parametrize("named", ["euw1-az1", f"{REGION}a"])
def test_the_other_zones_are_the_capacity_that_is_left(named: str) -> None:
    target = shiftable().under(SHIFT.type, {"availabilityZoneIdentifier": named})
    assert (target.away_from, target.zone) == ("euw1-az1", f"{REGION}a")
    load = workload([instance("i-1")])
    (capacity,) = list_capacities(load, [target])
    assert (capacity.domain, capacity.size, capacity.after(list_lost_members(load, [target], capacity))) == (target.arn, 3, 2)
    unknown = shiftable().under(SHIFT.type, {"availabilityZoneIdentifier": "use1-az9"})
    (capacity,) = list_capacities(load, [unknown])
    assert capacity.after(list_lost_members(load, [unknown], capacity)) == 0


def test_a_group_is_locked_as_the_group_that_it_is() -> None:
    known = workload([instance("i-1")])
    (group,) = known.groups
    target = shiftable(id=group.name, arn=GROUP, kind="ASG")
    assert failure_domains(known, [target]) == (GROUP, f"asg/{group.name}", f"tg/{TG_ARN.partition('targetgroup/')[2]}")


@pytest.mark.parametrize(
    ("shifts", "proven", "detail"),
    [
        ((by(),), True, "was shifted away from euw1-az1: ARC's zonal shift s-1 is CANCELED"),
        ((by(status="EXPIRED", started_at=NOW.replace(microsecond=0)),), True, "is EXPIRED"),
        ((), False, "ARC knows no zonal shift of app/shop/0123456789abcdef that FIS began"),
        ((by("ZONAL_SHIFT"),), False, "that FIS began"),
        ((by(started_at=NOW - timedelta(minutes=1)),), False, "that FIS began"),
        ((by(away_from="euw1-az2"),), False, "that FIS began"),
    ],
)
def test_a_shift_that_fis_began_meanwhile_is_the_proof(shifts: tuple[ZonalShift, ...], proven: bool, detail: str) -> None:
    then = shiftable(away_from="euw1-az1")
    now = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (shiftable(shifts=shifts),)})
    report = find_outcome(SHIFT, then, now)
    assert [(proof.proven, proof.kind) for proof in report.proofs] == [(proven, "mechanism")]
    assert detail in report.proofs[0].detail
    assert report.outcome is RollbackOutcome.RESTORED


@pytest.mark.parametrize(
    ("status", "minutes", "proven", "until", "detail"),
    [
        ("CANCELED", 11, True, 10, "is CANCELED"),
        ("EXPIRED", 10, True, 10, "is EXPIRED"),
        ("CANCELED", 4, True, 3, "after 2026-03-02 20:03:00+00:00 it is not proven"),
        ("EXPIRED", 4, True, 4, "after 2026-03-02 20:04:00+00:00 it is not proven"),
        ("CANCELED", 1, False, 0, "was cancelled as soon as it had begun"),
        ("ACTIVE", 1, True, None, "is ACTIVE"),
    ],
)
def test_the_fault_lasts_as_long_as_the_shift_and_not_as_the_action(
    status: str, minutes: int, proven: bool, until: int | None, detail: str
) -> None:
    ran = ActionState("a", SHIFT.actions[0], "completed", "", NOW, NOW + timedelta(minutes=10))
    now = shiftable(shifts=(by(status=status, expires_at=NOW + timedelta(minutes=minutes)),))
    proof = ZonalAutoshift().prove_target(shiftable(away_from="euw1-az1"), now, ran)
    assert (proof.proven, proof.until) == (proven, None if until is None else NOW + timedelta(minutes=until))
    assert detail in proof.detail


def test_shifts_without_a_gap_count_as_one() -> None:
    ran = ActionState("a", SHIFT.actions[0], "completed", "", NOW, NOW + timedelta(minutes=10))
    first, second, late = (
        by(id=f"s-{n}", started_at=NOW + timedelta(minutes=begin), expires_at=NOW + timedelta(minutes=end))
        for n, begin, end in ((1, 0, 3), (2, 2, 5), (3, 7, 11))
    )
    proof = ZonalAutoshift().prove_target(shiftable(), shiftable(shifts=(first, second, late)), ran)
    assert (proof.proven, proof.until) == (True, NOW + timedelta(minutes=4)), "the last renewal of the second"


def test_a_shift_that_fis_cancels_with_a_short_action_is_proven() -> None:
    ran = ActionState("a", SHIFT.actions[0], "stopped", "", NOW, NOW + timedelta(seconds=30))
    now = shiftable(shifts=(by(expires_at=NOW + timedelta(seconds=28)),))
    assert ZonalAutoshift().prove_target(shiftable(), now, ran).proven


@pytest.mark.parametrize(("kinds", "required"), [("ALB", False), ("ALB,NLB,EKS", False), ("ASG", True), ("ALB,ASG", True), (None, True)])
def test_only_a_signal_tells_what_a_shift_did_to_a_group(kinds: str | None, required: bool) -> None:
    assert SHIFT.requires_signal({"managedResourceTypes": kinds}) is required
    ran = ActionState("a", SHIFT.actions[0], "completed", "", NOW, NOW + timedelta(minutes=10))
    group = shiftable(id="shop", arn=GROUP, kind="ASG")
    proof = ZonalAutoshift().prove_target(group, group.model_copy(update={"shifts": (by(),)}), ran)
    assert (proof.proven, proof.kind) == (True, "mechanism"), "signals are read of what a mechanism claims"
    assert "launches nothing in euw1-az1" in proof.detail


@pytest.mark.parametrize(
    ("fixed", "required"), [({"managedResourceTypes": "ALB"}, False), ({"managedResourceTypes": "ASG"}, True), ({}, True)]
)
def test_a_custom_action_for_groups_needs_a_signal_too(fixed: dict[str, str], required: bool) -> None:
    values = {
        "description": "shift", "resource_type": "aws:arc:zonal-shift-managed-resource", "action": SHIFT.actions[0], "fixed": fixed,
        "target_key": "ManagedResources", "lasts": True, "self_reverting": True,
        "iam": [{"actions": ["arc-zonal-shift:StartZonalShift"], "resources": ["*"], "tagged": False}],
    }  # fmt: skip
    assert registry.bind_listed("shift", CustomAction.model_validate(values)).requires_signal({}) is required


def test_zones_count_as_much_as_what_serves_in_them() -> None:
    uneven = Pool(name="shop/1", size=10, serving={"euw1-az1": 9, "euw1-az2": 1})
    even = Pool(name="shop/2", size=4, serving={"euw1-az1": 2, "euw1-az2": 2})
    target = shiftable(pools=(even, uneven, Pool(name="empty/1", size=0, serving={}))).under(SHIFT.type, VALUES)
    load = workload([instance("i-1")])
    (capacity,) = list_capacities(load, [target])
    assert (capacity.size, capacity.after(list_lost_members(load, [target], capacity))) == (10, 1), "the weakest target group decides"


@pytest.mark.parametrize(
    ("pools", "warned"),
    [
        ((), True),
        ((Pool(name="shop/1", size=2),), True),
        ((Pool(name="shop/1", size=2, serving={"euw1-az1": 1, "euw1-az2": 1}), Pool(name="shop/2", size=1)), True),
        ((Pool(name="shop/1", size=2, serving={"euw1-az1": 1, "euw1-az2": 1}),), False),
    ],
)
def test_where_zones_alone_are_counted_the_check_warns(pools: tuple[Pool, ...], warned: bool) -> None:
    target = shiftable(pools=pools)
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(SHIFT, known, [target], SHIFT.parse(VALUES))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.WARNED] == (["capacity_in_zones"] if warned else [])
    (capacity,) = list_capacities(known, [target])
    assert capacity.size == (3 if warned else 2)


def test_a_shift_of_before_proves_nothing() -> None:
    then = shiftable(shifts=(by(),))
    now = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (then,)})
    assert [proof.proven for proof in find_outcome(SHIFT, then, now).proofs] == [False]


def test_a_shift_that_is_still_active_is_left_and_named_with_the_command_that_cancels_it() -> None:
    left = shiftable(weights={"euw1-az1": 0.0, "euw1-az2": 1.0, "euw1-az3": 1.0}, shifts=(by(status="ACTIVE"),))
    now = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (left,)})
    report = find_outcome(SHIFT, shiftable(), now)
    assert report.outcome is RollbackOutcome.NOT_RESTORED
    assert report.differences == report.leftovers
    assert "aws arc-zonal-shift cancel-zonal-shift --region eu-west-1 --zonal-shift-id s-1" in report.leftovers[0]


WEIGHTS_CHANGED = (
    "the zones of app/shop/0123456789abcdef have the weights euw1-az1 0, euw1-az2 1, euw1-az3 1, "
    "they had euw1-az1 1, euw1-az2 1, euw1-az3 1"
)


@pytest.mark.parametrize(
    ("after", "difference"),
    [
        (shiftable(autoshift="DISABLED"), "zonal autoshift of app/shop/0123456789abcdef is DISABLED, it was ENABLED"),
        (
            shiftable(weights={"euw1-az1": 0.0, "euw1-az2": 1.0, "euw1-az3": 1.0}),
            WEIGHTS_CHANGED,
        ),
        (None, "app/shop/0123456789abcdef is no longer a resource that ARC manages"),
    ],
)
def test_what_is_not_as_before_is_not_restored(after: ShiftableResource | None, difference: str) -> None:
    now = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (after,) if after else ()})
    report = find_outcome(SHIFT, shiftable(), now)
    assert (report.outcome, report.differences) == (RollbackOutcome.NOT_RESTORED, (difference,))


def test_fis_shifts_balancers_by_their_tag_and_groups_and_clusters_of_this_account_alone() -> None:
    grants = [grant for grant in SHIFT.grants() if "arc-zonal-shift:StartZonalShift" in grant.actions]
    tagged, named = grants
    assert isinstance(named, FaultGrant)
    assert (tagged.tagged, all(":loadbalancer/" in resource for resource in tagged.resources)) == (True, True)
    assert (named.resources, [*named.conditions]) == (("*",), ["StringLike"])
    assert named.conditions["StringLike"]["arc-zonal-shift:ResourceIdentifier"] == [
        "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/*",
        "arn:{partition}:eks:{region}:{account}:cluster/*",
    ]
