"""Faults that are FIS actions by their ids: compiled and granted by the table, compared field by field."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import RollbackReport
from squall.domain.policy.environment import Environment
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.faults import registry
from squall.faults.actions.described import InjectedErrors
from squall.faults.base import AnyFault
from squall.faults.grants import FaultGrant
from tests.unit.builders import NOW, REGION, instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites, verify
from tests.unit.resources import stream, volume

REBOOT = registry.get_fault(FaultType.REBOOT_INSTANCES)
SLOW = registry.get_fault(FaultType.VOLUME_IO_LATENCY, ResourceType.VOLUME)
THROTTLED = registry.get_fault(FaultType.STREAM_THROUGHPUT_EXCEPTION, ResourceType.STREAM)
LENGTH = timedelta(minutes=10)


def find_outcome(fault: AnyFault, target: Resource, now: Workload, *, began: bool = True) -> RollbackReport:
    """The report on a fault that ran on one target, with the workload as it is now."""
    fis = FisExperiment("EXP1", "EXT1", "completed", actions=(ActionState("a", fault.actions[0], "completed", "", NOW if began else None),))
    before = TargetBefore.model_validate({"resource": target, "healthy_in": ()})
    return verify(fault, [before], workload([instance("i-1"), instance("i-2")]), now, {}, fis, NOW, LENGTH)


def test_parameters_are_those_of_the_table_and_the_length_is_the_faults() -> None:
    there = volume("b", f"{REGION}b")
    values = {"readIOLatencyMilliseconds": 500, "writeIOPercentage": 12.5}
    targets, actions = compile_fault(SLOW, SLOW.parse(values), [volume(), there], LENGTH)
    assert [target["resourceArns"] for target in targets.values()] == [[volume().arn], [there.arn]], "one action takes one zone"
    assert actions["volume-io-latency"]["parameters"] == {
        "readIOPercentage": "100",
        "readIOLatencyMilliseconds": "500",
        "writeIOPercentage": "12.5",
        "writeIOLatencyMilliseconds": "100",
        "duration": "PT10M",
    }
    assert "observe" not in actions


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({"readIOPercentage": 0.01}, "parameters.readIOPercentage", "0.1"),
        ({"writeIOLatencyMilliseconds": 60_001}, "parameters.writeIOLatencyMilliseconds", "60000"),
        ({"readIOLatencyMilliseconds": "500"}, "parameters.readIOLatencyMilliseconds", "integer"),
        ({"duration": "PT1H"}, "parameters.duration", "readIOPercentage"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_its_path(values: dict[str, Any], path: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SLOW.parse(values)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert expected in problem.expected


def test_a_volume_without_an_instance_or_on_an_outpost_is_not_delayed() -> None:
    for changes, name in (({"attachments": ()}, "attached"), ({"outpost": True}, "in_region")):
        target = volume(**changes)
        checks = prerequisites(SLOW, workload([instance("i-1")]).model_copy(update={"others": (target,)}), [target], SLOW.parse({}))
        assert [check.name for check in checks if check.outcome is CheckOutcome.FAILED] == [name]


def test_a_rebooted_instance_is_restored_once_every_field_is_as_before() -> None:
    target = instance("i-1")
    report = find_outcome(REBOOT, target, workload([target, instance("i-2")]))
    assert (report.outcome, [proof.proven for proof in report.proofs]) == (RollbackOutcome.RESTORED, [True])
    away = target.model_copy(update={"managed": not target.managed})
    report = find_outcome(REBOOT, target, workload([away, instance("i-2")]))
    assert report.outcome is RollbackOutcome.NOT_RESTORED
    assert report.differences[0] == f"the managed of i-1 is {away.managed}, it was {target.managed}"


def test_an_instance_that_its_group_replaced_meanwhile_is_recovered_never_restored() -> None:
    target = instance("i-1")
    now = workload([instance("i-3"), instance("i-2")])
    assert find_outcome(REBOOT, target, now).outcome is RollbackOutcome.RECOVERED
    alone = target.model_copy(update={"group": None})
    assert find_outcome(REBOOT, alone, now).differences == ("i-1 is gone",)


def test_an_action_that_never_began_proves_nothing() -> None:
    target = volume()
    report = find_outcome(SLOW, target, workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (target,)}), began=False)
    assert [proof.proven for proof in report.proofs] == [False]
    assert report.outcome is RollbackOutcome.NOT_NEEDED


@pytest.mark.parametrize("fault", registry.list_action_faults(), ids=lambda fault: fault.type.value)
def test_a_fault_by_id_declares_all_about_itself(fault: AnyFault) -> None:
    assert fault.actions == (fault.type.value,)
    assert fault.needs_signal or fault.proven_by_state
    tagged = [action for grant in fault.grants() if grant.tagged for action in grant.actions]
    bound = [grant for grant in fault.grants() if isinstance(grant, FaultGrant) and grant.conditions]
    assert tagged or bound, "what disturbs is bound to the environment's tag, or to the action and its targets"
    reads = [action for action in tagged if action.partition(":")[2].startswith("Describe")]
    assert set(reads) <= {"eks:DescribeCluster"}, "whoever may describe a cluster learns where its API is"


@pytest.mark.parametrize("fault", [fault for fault in registry.list_action_faults() if isinstance(fault, InjectedErrors)])
def test_an_injection_of_errors_is_granted_for_its_own_action_and_targets_alone(fault: AnyFault) -> None:
    inject = fault.grants()[0]
    assert isinstance(inject, FaultGrant)
    service = fault.type.value.split(":")[1]
    resource = {"kinesis": "stream/*", "dsql": "cluster/*"}[service]
    assert inject.conditions == {
        "StringEquals": {f"{service}:FisActionId": fault.type.value},
        "ForAllValues:ArnLike": {f"{service}:FisTargetArns": [f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"]},
        "Null": {f"{service}:FisTargetArns": "false"},
    }


def test_a_share_of_the_calls_has_to_be_said() -> None:
    with pytest.raises(InvalidInput, match="percentage"):
        THROTTLED.parse({})
    targets, actions = compile_fault(THROTTLED, THROTTLED.parse({"percentage": 30}), [stream()], LENGTH)
    assert [target["resourceArns"] for target in targets.values()] == [[stream().arn]]
    (action,) = actions.values()
    assert action["parameters"] == {"percentage": "30", "duration": "PT10M"}
    assert action["targets"] == {"KinesisStreams": "KinesisStreams"}


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, ()),
        ({"tags": {}}, ()),
        ({"state": "UPDATING"}, ("orders is UPDATING, it was ACTIVE",)),
        (
            {"fields": {"RetentionPeriodHours": "48", "KeyId": "k"}},
            (
                "the EncryptionType of orders is not set, it was NONE",
                "the KeyId of orders is k, it was not set",
                "the RetentionPeriodHours of orders is 48, it was 24",
            ),
        ),
    ],
)
def test_a_described_resource_is_compared_field_by_field(changes: dict[str, Any], difference: tuple[str, ...]) -> None:
    now = workload([instance("i-1"), instance("i-2")]).model_copy(update={"others": (stream(**changes),)})
    report = find_outcome(THROTTLED, stream(), now)
    assert report.differences == difference
    assert report.outcome is (RollbackOutcome.NOT_RESTORED if difference else RollbackOutcome.RESTORED)


def test_a_described_resource_that_is_gone_is_not_restored() -> None:
    report = find_outcome(THROTTLED, stream(), workload([instance("i-1"), instance("i-2")]))
    assert (report.outcome, report.differences) == (RollbackOutcome.NOT_RESTORED, ("orders is gone",))


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [
        (["aws:ec2:s*"], ["aws:ec2:stop-instances", "aws:ec2:send-spot-instance-interruptions"]),
        (["aws:eb*", "cpu_stress"], ["aws:ebs:volume-io-latency", "cpu_stress"]),
        (
            ["aws:kinesis:*"],
            ["aws:kinesis:stream-provisioned-throughput-exception", "aws:kinesis:stream-expired-iterator-exception"],
        ),
        (["aws:*:reboot-instances", "aws:ec2:reboot-instances"], ["aws:ec2:reboot-instances", "aws:ec2:reboot-instances"]),
        (["aws:ebs:volume-io-latency"], ["aws:ebs:volume-io-latency"]),
    ],
)
def test_a_policy_allows_actions_by_id_or_pattern(listed: list[str], allowed: list[str]) -> None:
    assert [kind.value for kind in Environment.model_validate({"name": "staging", "allowed_types": listed}).allowed_types] == allowed


@pytest.mark.parametrize("listed", [["*"], ["cpu_*"], ["aws:sqs:*"], ["aws:ec2:terminate-instances"]])
def test_a_pattern_that_stands_for_nothing_is_refused(listed: list[str]) -> None:
    with pytest.raises(ValueError, match=r"allowed_types\.0"):
        Environment.model_validate({"name": "staging", "allowed_types": listed})


def test_a_policy_that_names_no_action_allows_none() -> None:
    assert not [kind for kind in Environment(name="staging").allowed_types if kind.is_fis_action]
