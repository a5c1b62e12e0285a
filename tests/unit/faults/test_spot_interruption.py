"""The interruption of Spot Instances: compiled for FIS's own target type, proven by the Spot request, and not over while it is
only announced."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, RollbackOutcome
from squall.domain.documents.fault import FaultTemplate, TargetBefore
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.faults import registry
from squall.faults.base import Aftermath
from tests.unit.builders import NOW, instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites, prove

SPOT = registry.get_fault(FaultType.SPOT_INTERRUPTION)
INTERRUPT = "aws:ec2:send-spot-instance-interruptions"
BY_FIS = "instance-terminated-by-experiment"


def member(**changes: Any) -> Instance:
    return instance("i-1", spot_request="sir-1", spot_status="fulfilled", **changes)


def now(**changes: Any) -> Workload:
    return workload([member().model_copy(update=changes), instance("i-2")])


def sent(status: str = "completed") -> FisExperiment:
    return FisExperiment("EXP1", "EXT1", status, actions=(ActionState("a", INTERRUPT, status, "", NOW),))


def test_it_is_compiled_for_spot_instances_with_a_wait_beside_it() -> None:
    targets, actions = compile_fault(SPOT, SPOT.parse({"durationBeforeInterruption": "5m"}), [member()])
    assert targets == {"SpotInstances": {"resourceType": "aws:ec2:spot-instance", "resourceArns": [member().arn], "selectionMode": "ALL"}}
    action = actions["send-spot-instance-interruptions"]
    assert (action["actionId"], action["parameters"]) == (INTERRUPT, {"durationBeforeInterruption": "PT5M"})
    assert actions["observe"]["actionId"] == "aws:fis:wait"


@pytest.mark.parametrize("length", ["PT1M", "PT16M", "PT119S", "soon", 120])
def test_a_warning_that_fis_would_refuse_is_refused(length: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        SPOT.parse({"durationBeforeInterruption": length})
    assert [problem.path for problem in caught.value.problems] == ["parameters.durationBeforeInterruption"]


@pytest.mark.parametrize(
    ("target", "warning", "failed"),
    [
        (member(), "PT2M", []),
        (instance("i-1"), "PT2M", ["spot_instances"]),
        (member(group=None, lifecycle=None), "PT2M", ["in_auto_scaling_group"]),
        (member(), "PT10M", ["interruption_observed"]),
    ],
    ids=["spot", "on demand", "nobody replaces it", "observed too briefly"],
)
def test_what_it_requires(target: Instance, warning: str, failed: list[str]) -> None:
    checks = prerequisites(SPOT, workload([target, instance("i-2")]), [target], SPOT.parse({"durationBeforeInterruption": warning}))
    assert [check.name for check in checks if check.outcome is CheckOutcome.FAILED] == failed
    assert all(check.detail for check in checks)


@pytest.mark.parametrize(
    ("changes", "fis", "proven"),
    [
        ({"spot_status": BY_FIS}, sent(), True),
        ({"spot_status": "marked-for-stop-by-experiment"}, sent(), True),
        ({"spot_status": BY_FIS, "state": "terminated"}, sent(), True),
        ({"spot_status": "instance-terminated-by-user", "state": "terminated"}, sent(), True),
        ({"spot_status": "instance-terminated-by-user", "state": "terminated"}, sent("failed"), False),
        ({"spot_status": "instance-terminated-by-user", "state": "terminated"}, None, False),
        ({"spot_status": "instance-terminated-no-capacity", "state": "terminated"}, sent(), False),
        ({}, sent(), False),
    ],
    ids=["notice", "notice to stop", "gone", "its group was quicker", "not announced", "no FIS", "EC2 itself", "nothing happened"],
)
def test_the_spot_request_tells_whose_interruption_it_is(changes: dict[str, Any], fis: FisExperiment | None, proven: bool) -> None:
    (proof,) = prove(SPOT, [member()], now(**changes), {}, fis)
    assert (proof.proven, proof.kind) == (proven, "state")
    assert str(changes.get("spot_status", "fulfilled")) in proof.detail


def after(workload_now: Workload) -> Aftermath:
    before = [TargetBefore(resource=member(), healthy_in=())]
    parameters = SPOT.parse({"durationBeforeInterruption": "PT5M"})
    return Aftermath(before, now(), workload_now, {}, sent(), workload_now.at, timedelta(minutes=10), parameters)


@pytest.mark.parametrize(("minutes", "outcome"), [(1, RollbackOutcome.NOT_RESTORED), (8, RollbackOutcome.NOT_NEEDED)])
def test_an_announced_interruption_is_not_over_before_its_time(minutes: int, outcome: RollbackOutcome) -> None:
    report = SPOT.verify(after(now().model_copy(update={"at": NOW + timedelta(minutes=minutes)})))
    assert report.outcome is outcome
    assert [("will be interrupted" in left) for left in report.leftovers] == ([True] if minutes == 1 else [])


def test_a_replaced_instance_is_recovered() -> None:
    gone = member(state="terminated", group=None).model_copy(update={"spot_status": BY_FIS})
    replaced = workload([gone, instance("i-2"), instance("i-3")], desired=2)
    later = replaced.model_copy(update={"at": NOW + timedelta(minutes=6)})
    assert SPOT.verify(after(later)).outcome is RollbackOutcome.RECOVERED


@pytest.mark.parametrize(
    ("changes", "minutes", "words"),
    [
        ({}, 1, "will be interrupted"),
        ({}, 8, ""),
        ({"spot_status": BY_FIS}, 8, "will be interrupted"),
        ({"state": "terminated"}, 1, ""),
        ({"state": "stopped"}, 8, "i-1 is stopped"),
    ],
    ids=["announced", "nothing came", "its request says so", "gone", "left stopped"],
)
def test_what_is_left_of_it(changes: dict[str, Any], minutes: int, words: str) -> None:
    _, actions = compile_fault(SPOT, SPOT.parse({"durationBeforeInterruption": "PT5M"}), [member()])
    template = FaultTemplate(body={"actions": actions}, before=(TargetBefore(resource=member(), healthy_in=()),), guards=())
    later = now(**changes).model_copy(update={"at": NOW + timedelta(minutes=minutes)})
    remnants = SPOT.find_remnants(template, lambda: later, NOW)
    assert [words in remnant.description for remnant in remnants] == ([True] if words else [])
    assert all(remnant.command.startswith("aws ec2 ") for remnant in remnants)
