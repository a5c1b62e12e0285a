"""Volumes that take no I/O and groups that find no capacity: to the letter, what they need, what proves them, what is left."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import RollbackReport
from squall.domain.judging.fault_signals import read_signal
from squall.domain.resources.base import Resource
from squall.domain.resources.scaling_groups import FailedLaunch, ScalingGroup
from squall.domain.resources.volumes import Volume
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.targets import pinning
from squall.domain.targets.failure_domains import failure_domains, list_capacities, list_lost_members
from squall.domain.targets.pinning import Asked, Rules
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.plan import bind_plan
from tests.unit.builders import NOW, REGION, TAG, TG_ARN, definition, environment, experiment, instance, pin_targets
from tests.unit.builders import workload as fleet
from tests.unit.faults.asking import compile_fault, expected_signals, prerequisites, verify
from tests.unit.resources import scaling_group, subnet, targeting, volume

PAUSE = registry.get_fault(FaultType.DISK_FILL, ResourceType.VOLUME)
CAPACITY = registry.get_fault(FaultType.SERVICE_UNAVAILABLE, ResourceType.SCALING_GROUP)
LENGTH = timedelta(minutes=10)
DISK, GROUP = volume(), scaling_group()
TO = DISK.attachments[0]


def ran(fault: AnyFault, status: str = "completed", started: bool = True) -> FisExperiment:
    (action_id,) = fault.actions
    return FisExperiment("EXP1", "EXT1", status, actions=(ActionState("a", action_id, status, "", NOW if started else None),))


def around(*others: Resource, **changes: Any) -> Workload:
    instances = changes.pop("instances", (instance("i-1"), instance("i-2", f"{REGION}b")))
    return fleet(instances, desired=2).model_copy(update={"others": others, **changes})


def test_a_volume_is_paused_as_long_as_the_fault_lasts_and_one_action_takes_one_zone() -> None:
    there = volume("b", f"{REGION}b")
    targets, actions = compile_fault(PAUSE, PAUSE.parse({}), [DISK, there], LENGTH, region=REGION, partition="aws")
    assert [target["resourceArns"] for target in targets.values()] == [[DISK.arn], [there.arn]]
    assert {target["resourceType"] for target in targets.values()} == {"aws:ec2:ebs-volume"}
    assert actions == {
        f"pause{n}": {
            "actionId": "aws:ebs:pause-volume-io",
            "description": "Pause the I/O of the pinned volumes",
            "parameters": {"duration": "PT10M"},
            "targets": {"Volumes": f"Volumes{n}"},
        }
        for n in ("", "2")
    }


@pytest.mark.parametrize(
    ("inputs", "expected_answer"),
    [
        ({}, {"availabilityZoneIdentifiers": f"{REGION}a,{REGION}b", "percentage": "100"}),
        ({"zones": f"{REGION}b", "percent": 50}, {"availabilityZoneIdentifiers": f"{REGION}b", "percentage": "50"}),
    ],
)
def test_a_group_finds_no_capacity_in_its_zones_or_in_those_named(inputs: dict[str, Any], expected_answer: dict[str, str]) -> None:
    targets, actions = compile_fault(CAPACITY, CAPACITY.parse(inputs), [GROUP], LENGTH, region=REGION, partition="aws")
    assert targets == {
        "AutoScalingGroups": {"resourceType": "aws:ec2:autoscaling-group", "resourceArns": [GROUP.arn], "selectionMode": "ALL"}
    }
    assert actions["no-capacity"] == {
        "actionId": "aws:ec2:asg-insufficient-instance-capacity-error",
        "description": f"Refuse {expected_answer['percentage']} % of the pinned groups' launches for want of capacity",
        "parameters": {**expected_answer, "duration": "PT10M"},
        "targets": {"AutoScalingGroups": "AutoScalingGroups"},
    }


@pytest.mark.parametrize("inputs", [{"zones": "all"}, {"zones": f"{REGION}a;id"}, {"zones": ""}, {"percent": 0}, {"percent": "50"}])
def test_what_is_no_zone_or_percentage_is_refused(inputs: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="parameters"):
        CAPACITY.parse(inputs)


def unmet(fault: AnyFault, inputs: dict[str, Any], *pinned: Resource) -> dict[str, str]:
    checks = prerequisites(fault, around(*pinned), pinned, fault.parse(inputs))
    return {check.name: check.detail for check in checks if check.outcome is not CheckOutcome.PASSED}


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({}, {}),
        ({"attachments": ()}, {"attached": f"{DISK.id} is attached to nothing"}),
        ({"attachments": (TO.model_copy(update={"state": "detaching"}),)}, {"attached": f"{DISK.id} is detaching to i-1"}),
        ({"attachments": (TO.model_copy(update={"nitro": False, "instance_type": "m4.large"}),)}, {"nitro": "i-1 has the type m4.large"}),
        ({"outpost": True}, {"in_region": f"{DISK.id} is on an Outpost"}),
    ],
)
def test_a_volume_has_to_be_attached_to_nitro_in_the_region(changes: dict[str, Any], expected_text: dict[str, str]) -> None:
    assert unmet(PAUSE, {}, DISK.model_copy(update=changes)) == expected_text


@pytest.mark.parametrize(
    ("changes", "inputs", "failed"),
    [
        ({}, {}, set()),
        ({"launch_template": False}, {}, {"launch_template"}),
        ({"suspended": ("Launch",)}, {}, {"can_launch"}),
        ({}, {"zones": f"{REGION}c"}, {"zones_of_group"}),
        ({}, {"zones": f"{REGION}b,{REGION}c"}, set()),
    ],
)
def test_a_group_has_to_launch_by_template_and_in_the_zones(changes: dict[str, Any], inputs: dict[str, Any], failed: set[str]) -> None:
    assert set(unmet(CAPACITY, inputs, GROUP.model_copy(update=changes))) == failed


def test_a_volume_takes_its_instances_away_of_every_one_it_is_attached_to() -> None:
    shared = volume(attachments=(TO, TO.model_copy(update={"instance": "i-2"})))
    load = around(shared)
    assert failure_domains(load, [shared]) == ("asg/shop", "tg/shop/73e2d6bc24d8a067", f"volume/{shared.id}")
    group, registered, own = list_capacities(load, [shared])
    assert [(entry.after(list_lost_members(load, [shared], entry)), entry.size) for entry in (group, registered)] == [(0, 2), (0, 2)]
    assert own.needed(100) == 0
    foreign = around(DISK, instances=(instance("i-1", tags={TAG: "production"}), instance("i-2")))
    pinned, problems = pin_targets(foreign, experiment(type="disk_fill", target_resources=[DISK.id]), environment(), "s")
    assert (pinned, problems[0].message) == ((), f"i-1 in {DISK.id} has {TAG} = 'production'")


def test_a_group_keeps_what_it_has_whoever_its_instances_are_of() -> None:
    load = around(GROUP, instances=(instance("i-1", tags={}), instance("i-2")))
    exp = experiment(type="service_unavailable", **targeting(ResourceType.SCALING_GROUP, [GROUP.arn]))
    pinned, problems = pin_targets(load, exp, environment(minimum_healthy_percent=100), "s")
    assert (pinned, problems) == ((GROUP,), [])
    assert "asg/shop" in failure_domains(load, pinned)
    assert all(capacity.after(list_lost_members(load, pinned, capacity)) == capacity.size for capacity in list_capacities(load, pinned))


def report(fault: AnyFault, before: Any, now: Any, fis: FisExperiment | None, **changes: Any) -> RollbackReport:
    then = TargetBefore(resource=before, healthy_in=(TG_ARN,))
    return verify(fault, [then], around(before), around(*([now] if now else []), **changes), {}, fis, NOW, LENGTH)


@pytest.mark.parametrize(
    ("now", "fis", "proven", "outcome"),
    [
        (DISK, ran(PAUSE), True, RollbackOutcome.RESTORED),
        (DISK, ran(PAUSE, "stopped"), True, RollbackOutcome.RESTORED),
        (DISK, ran(PAUSE, "failed"), False, RollbackOutcome.NOT_NEEDED),
        (DISK, ran(PAUSE, "cancelled", started=False), False, RollbackOutcome.NOT_NEEDED),
        (DISK, None, False, RollbackOutcome.NOT_NEEDED),
        (volume(state="available", attachments=()), ran(PAUSE), True, RollbackOutcome.NOT_RESTORED),
        (volume(attachments=(TO.model_copy(update={"instance": "i-9"}),)), ran(PAUSE), True, RollbackOutcome.NOT_RESTORED),
    ],
)
def test_a_paused_volume_is_proven_by_its_action_and_restored_where_it_was(
    now: Volume, fis: FisExperiment | None, proven: bool, outcome: RollbackOutcome
) -> None:
    result = report(PAUSE, DISK, now, fis)
    assert (result.proofs[0].proven, result.proofs[0].kind, result.outcome) == (proven, "mechanism", outcome)


def test_a_volume_that_went_with_its_instance_is_recovered_where_another_took_over() -> None:
    fresh = (instance("i-3"), instance("i-2", f"{REGION}b"))
    assert report(PAUSE, DISK, None, ran(PAUSE), instances=fresh).outcome is RollbackOutcome.RECOVERED
    assert report(PAUSE, DISK, None, ran(PAUSE), instances=fresh[1:]).outcome is RollbackOutcome.NOT_RESTORED
    kept = volume(attachments=(TO.model_copy(update={"deleted_with": False}),))
    assert report(PAUSE, kept, None, ran(PAUSE), instances=fresh).differences == (f"{kept.id} is gone",)


def test_a_volume_nobody_used_contradicts_its_proof() -> None:
    (signal,) = expected_signals(PAUSE, PAUSE.parse({}), around(DISK), [DISK])
    assert (signal.namespace, signal.metric_name, signal.dimensions) == ("AWS/EBS", "VolumeStalledIOCheck", (("VolumeId", DISK.id),))
    assert (read_signal(signal, [0, 0], [0, 0]).reading, read_signal(signal, [0, 0], [0, 1]).reading) == ("contradicted", "moved")
    assert "its mechanism ran, but VolumeStalledIOCheck was 0 at most" in read_signal(signal, [0, 0], [0, 0]).detail


LATE = FailedLaunch(id="a-2", at=NOW + timedelta(minutes=1), said="We currently do not have sufficient m5.large capacity")
EARLY = FailedLaunch(id="a-1", at=NOW - timedelta(minutes=1), said="Insufficient capacity.")


@pytest.mark.parametrize(
    ("failed", "fis", "proven", "outcome"),
    [
        ((LATE,), ran(CAPACITY), True, RollbackOutcome.RESTORED),
        ((LATE, EARLY), ran(CAPACITY), True, RollbackOutcome.RESTORED),
        ((EARLY,), ran(CAPACITY), False, RollbackOutcome.RESTORED),
        ((), ran(CAPACITY), False, RollbackOutcome.RESTORED),
        ((LATE,), None, False, RollbackOutcome.NOT_NEEDED),
    ],
)
def test_want_of_capacity_is_proven_by_a_launch_that_failed_meanwhile(
    failed: tuple[FailedLaunch, ...], fis: FisExperiment | None, proven: bool, outcome: RollbackOutcome
) -> None:
    result = report(CAPACITY, GROUP, GROUP.model_copy(update={"failed": failed}), fis)
    assert (result.proofs[0].proven, result.proofs[0].kind, result.outcome) == (proven, "state", outcome)
    known = report(CAPACITY, GROUP.model_copy(update={"failed": failed}), GROUP.model_copy(update={"failed": failed}), fis)
    assert not known.proofs[0].proven, "what had failed before proves nothing"


@pytest.mark.parametrize("now", [None, scaling_group(suspended=("Launch",)), scaling_group(state="delete in progress")])
def test_a_group_that_is_not_as_it_was_is_not_restored(now: ScalingGroup | None) -> None:
    assert report(CAPACITY, GROUP, now, ran(CAPACITY)).outcome is RollbackOutcome.NOT_RESTORED


def test_a_group_whose_launches_fail_in_one_named_zone_is_in_that_zone() -> None:
    assert GROUP.under(FaultType.SERVICE_UNAVAILABLE, {"zones": f"{REGION}b"}).zone == f"{REGION}b"
    for zones in (None, f"{REGION}a,{REGION}b", f"{REGION}c", "euc1-az1"):
        assert GROUP.under(FaultType.SERVICE_UNAVAILABLE, {"zones": zones} if zones else {}).zone == "", zones


ZONE_LOSS: dict[str, dict[str, Any]] = {
    "capacity": {
        "type": "service_unavailable",
        "target": {"resource_type": "aws:ec2:autoscaling-group", "arns": [GROUP.arn]},
        "parameters": {"zones": f"{REGION}b"},
    },
    "instances": {"type": "instance_termination", "target_resources": ["i-1", "i-2"]},
    "network": {"type": "service_unavailable", "target_resources": ["subnet-1", "subnet-2"]},
}


def pin_zone(faults: dict[str, Any], seed: str = "s") -> tuple[dict[str, tuple[Resource, ...]], list[str]]:
    """The targets of a scenario in one zone, of a group with an instance and a subnet in each of two."""
    subnets = [subnet(f"{n}", f"{REGION}{zone}", instances=(f"i-{n}",), addresses=()) for n, zone in ((1, "a"), (2, "b"))]
    cut = {**faults["network"], "target_resources": [known.id for known in subnets]}
    exp = experiment(type=None, target_resources=[], blast_radius="single_az", faults={**faults, "network": cut})
    load = around(GROUP, *subnets)
    asked = [Asked(bound.planned, load, bound.traits) for bound in bind_plan(definition(exp, environment()))]
    pinned, problems = pinning.pin_targets(asked, Rules(load, exp.blast_radius, environment(minimum_healthy_percent=50), seed, TAG))
    return pinned, [str(problem) for problem in problems]


@pytest.mark.parametrize("seed", "abcdefgh")
def test_the_loss_of_a_zone_takes_its_capacity_its_instances_and_its_network_together(seed: str) -> None:
    pinned, problems = pin_zone(ZONE_LOSS, seed)
    assert problems == []
    assert [target.id for target in pinned["instances"]] == ["i-2"]
    assert [(target.zone, target.type) for targets in pinned.values() for target in targets] == [
        (f"{REGION}b", ResourceType.SCALING_GROUP),
        (f"{REGION}b", ResourceType.INSTANCE),
        (f"{REGION}b", ResourceType.SUBNET),
    ]


def test_a_group_that_is_to_find_no_capacity_anywhere_belongs_to_no_loss_of_one_zone() -> None:
    pinned, problems = pin_zone({**ZONE_LOSS, "capacity": {**ZONE_LOSS["capacity"], "parameters": {}}})
    assert pinned == {}
    (problem,) = problems
    assert problem.startswith("blast_radius: single_az is about zones, and shop does not live in a single zone (expected ")
    assert "or one zone's name in the parameter zones" in problem
