"""Traffic shifts away from a zone by FIS and Application Recovery Controller: whole runs, and what they end as."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import CheckOutcome, RollbackOutcome, Status, Verdict
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.series import SeriesDocument
from squall.domain.resources.shiftable import BY_FIS, Pool, ShiftableResource, ZonalShift
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

SHIFT = "aws:arc:start-zonal-autoshift"
SHIFT_VALUES = {"availabilityZoneIdentifier": "euw1-az1", "managedResourceTypes": "ALB"}
BALANCER = ShiftableResource(
    id="app/shop/0123456789abcdef", arn=f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/shop/0123456789abcdef",
    state="managed", tags={"squall:environment": "staging"}, kind="ALB", autoshift="ENABLED",
    weights={"euw1-az1": 1.0, "euw1-az2": 1.0}, zones={"euw1-az1": f"{REGION}a", "euw1-az2": f"{REGION}b"},
)  # fmt: skip


@pytest.fixture
def shifted(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=["aws:arc:*"])
    world.fleet.add_other(BALANCER)
    return {key: value for key, value in experiment.items() if key != "rollback"} | {
        "type": SHIFT,
        "target_resources": [BALANCER.arn],
        "blast_radius": "single_az",
        "service": TARGET_GROUP,
        "parameters": SHIFT_VALUES,
        "success_criteria": ["System availability > 99%"],
    }


def test_it_is_validated_without_a_signal_because_arc_keeps_the_shift(walk: Walk, world: FakeWorld, shifted: dict[str, Any]) -> None:
    walk.run({"definition": shifted})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["mechanism"])
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    (target,) = template.body["targets"].values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:arc:zonal-shift-managed-resource", [BALANCER.arn])
    nothing_is_left(world)


def test_it_is_invalid_where_fis_shifted_nothing(walk: Walk, world: FakeWorld, shifted: dict[str, Any]) -> None:
    world.faults.idle.add("start-zonal-autoshift")
    walk.run({"definition": shifted})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "ARC knows no zonal shift" in result.reason
    nothing_is_left(world)


def test_an_abort_cancels_the_shift(walk: Walk, world: FakeWorld, shifted: dict[str, Any]) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    walk.run({"definition": shifted})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.verdict, result.rollback.outcome) == (Status.ABORTED, Verdict.ABORTED, RollbackOutcome.RESTORED)
    now = world.fleet.others[BALANCER.arn]
    assert isinstance(now, ShiftableResource)
    assert [shift.status for shift in now.shifts] == ["CANCELED"]
    nothing_is_left(world)


def test_a_shift_that_stays_is_found_and_named(walk: Walk, world: FakeWorld, shifted: dict[str, Any]) -> None:
    def stay(_: object) -> None:
        left = ZonalShift(id="s-9", by=BY_FIS, away_from="euw1-az1", status="ACTIVE", started_at=world.clock.now())
        world.fleet.add_other(BALANCER.model_copy(update={"weights": {"euw1-az1": 0.0, "euw1-az2": 1.0}, "shifts": (left,)}))

    walk.after["StopFault"] = stay
    walk.run({"definition": shifted})
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert "cancel-zonal-shift --region eu-west-1 --zonal-shift-id s-9" in result.rollback.leftovers[0]


@pytest.mark.parametrize(
    ("changes", "values", "reason"),
    [
        ({"tags": {}}, {}, "app/shop/0123456789abcdef has no tag squall:environment"),
        ({"autoshift": "DISABLED"}, {}, "has DISABLED, and zonalAutoshiftStatus is ENABLED: FIS would leave it out; ANY takes both"),
        ({"weights": {"euw1-az1": 1.0}}, {}, "has no other zone than euw1-az1"),
        ({}, {"availabilityZoneIdentifier": "euw1-az3"}, "0 of 2"),
    ],
)
def test_what_would_not_move_or_has_nowhere_to_go_is_never_hit(
    walk: Walk, world: FakeWorld, shifted: dict[str, Any], changes: dict[str, Any], values: dict[str, str], reason: str
) -> None:
    world.fleet.add_other(BALANCER.model_copy(update=changes))
    walk.run({"definition": {**shifted, "blast_radius": "single_instance", "parameters": {**SHIFT_VALUES, **values}}})
    result = result_of(world)
    failed = "; ".join(check.detail for check in result.safety_checks if check.outcome is CheckOutcome.FAILED)
    assert result.status is Status.REJECTED
    assert reason in f"{result.reason}; {failed}"
    assert world.faults.runs == {}


def test_the_zones_that_are_left_have_to_be_the_healthy_share(
    walk: Walk, world: FakeWorld, shifted: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[SHIFT], minimum_healthy_percent=60)
    walk.run({"definition": shifted})
    result = result_of(world)
    failed = {check.name: check.detail for check in result.safety_checks if check.outcome is CheckOutcome.FAILED}
    assert (result.status, "= 1 of 2" in failed["minimum_healthy_share"]) == (Status.REJECTED, True), failed
    assert world.faults.runs == {}


def test_a_zone_counts_as_much_as_what_serves_in_it(
    walk: Walk, world: FakeWorld, shifted: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[SHIFT], minimum_healthy_percent=50)
    pool = Pool(name="shop/1", size=10, serving={"euw1-az1": 9, "euw1-az2": 1})
    world.fleet.add_other(BALANCER.model_copy(update={"pools": (pool,)}))
    walk.run({"definition": shifted})
    result = result_of(world)
    failed = {check.name: check.detail for check in result.safety_checks if check.outcome is CheckOutcome.FAILED}
    assert (result.status, "10 in service − 9 = 1 of 10" in failed["minimum_healthy_share"]) == (Status.REJECTED, True), failed
    assert world.faults.runs == {}


def test_a_shift_that_somebody_cancels_at_once_proves_nothing(walk: Walk, world: FakeWorld, shifted: dict[str, Any]) -> None:
    def cancel(_: object) -> None:
        now = world.fleet.others[BALANCER.arn]
        assert isinstance(now, ShiftableResource)
        over = tuple(
            shift.model_copy(update={"status": "CANCELED", "expires_at": shift.started_at + timedelta(minutes=1)}) for shift in now.shifts
        )
        world.fleet.add_other(now.model_copy(update={"weights": BALANCER.weights, "shifts": over}))

    walk.after["StopFault"] = cancel
    walk.run({"definition": shifted})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "was cancelled as soon as it had begun" in result.reason


def test_a_group_is_refused_without_a_signal(walk: Walk, world: FakeWorld, shifted: dict[str, Any]) -> None:
    walk.run({"definition": {**shifted, "parameters": {**SHIFT_VALUES, "managedResourceTypes": "ALB,ASG"}}})
    result = result_of(world)
    assert (result.status, "fault_signal" in result.reason) == (Status.REJECTED, True), result.reason
    assert world.faults.runs == {}


def test_what_comes_after_the_shift_is_not_judged_as_the_fault(walk: Walk, world: FakeWorld, shifted: dict[str, Any]) -> None:
    over: list[datetime] = []

    def expire(_: object) -> None:
        now = world.fleet.others[BALANCER.arn]
        assert isinstance(now, ShiftableResource)
        over.extend(shift.started_at + timedelta(minutes=3) for shift in now.shifts)
        ended = tuple(shift.model_copy(update={"status": "EXPIRED", "expires_at": over[0]}) for shift in now.shifts)
        world.fleet.add_other(now.model_copy(update={"weights": BALANCER.weights, "shifts": ended}))

    walk.after["StopFault"] = expire
    walk.run({"definition": shifted})
    series = world.documents.get(ID, SeriesDocument)
    assert series is not None
    (window,) = [window for window in series.windows if window.name == "fault"]
    assert window.end <= int(over[0].timestamp())
