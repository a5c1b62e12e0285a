"""A Region without a fault carries the load of the other one: it is guarded and judged by what happens there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, FaultType, Status, Verdict
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.rollback import RollbackReport
from squall.domain.regions.barrier import START_WITHIN
from squall.domain.run.part import name_part
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from squall.faults.actions.waiting import OUTLASTS
from tests.workflow.endings import once
from tests.workflow.regions.rig import AWAY, HOME, RUN, Stack, Together, breach
from tests.workflow.regions.test_matrix import MISHAPS, nobody_ran_alone
from tests.workflow.regions.test_parts import BY_GUARD, NOT_STARTED, STOPPED, VALIDATED, ending, in_the_fault, is_quiet, lasted
from tests.workflow.regions.test_whole import whole

USUAL, LEFT, BOTH = 3000.0, 600.0, 5400.0
"""Requests a minute: of a Region before the fault, of the one that is left, of the one that carries both."""
LENGTH = timedelta(minutes=10)
REFUTED = (Status.COMPLETED, Verdict.REFUTED, False)
INVALID = (Status.COMPLETED, Verdict.INVALID, None)
STATES = (
    "Discover",
    "AcquireLock",
    "FinalCheck",
    "AwaitPeers",
    "StartFault",
    "WatchFault",
    "StopFault",
    "VerifyRollback",
    "Judge",
    "Release",
)


def leave(together: Together, stack: Stack) -> None:
    """What the experiment says of a Region that its users leave."""
    together.experiment.pop("success_criteria", None)
    together.experiment.pop("abort_conditions", None)
    together.experiment["regions"][stack.region] |= {
        "success_criteria": ["System recovers within 10 minutes"],
        "abort_conditions": ["Response time > 5 seconds"],
    }


def carry(together: Together, stack: Stack) -> None:
    """What it says of a Region that carries their load."""
    together.experiment["regions"][stack.region] |= {
        "fault": "none",
        "success_criteria": [
            {"text": "Request rate > 130 % of baseline", "critical": True},
            {"text": "System availability > 99%", "critical": True},
            "Response time < 2 seconds",
        ],
        "abort_conditions": ["System availability < 50%", "Response time > 5 seconds"],
    }


def evacuate(two: Together, leaves: str = HOME) -> tuple[Stack, Stack]:
    """The experiment in which users leave one Region for the other: returns the one that they leave, and the one that carries."""
    left, carrying = (two.home, two.away) if leaves == HOME else (two.away, two.home)
    leave(two, left)
    carry(two, carrying)
    return left, carrying


def at_the_fault(stack: Stack, act: Callable[[], None]) -> None:
    hook = once(act)
    stack.after["StartFault"] = lambda _: hook()


def arrives_with(left: Stack, *carrying: Stack, each: float) -> None:
    """From the fault in one Region on, and as long as it lasts, its users are in the others: `each` has so many requests then."""

    def begin() -> None:
        since = left.world.clock.now().timestamp()

        def during(inside: float) -> Callable[[int], float]:
            return lambda at: inside if since - 60 < at < since + LENGTH.total_seconds() else USUAL

        left.world.metrics.set("RequestCount", during(LEFT))
        for stack in carrying:
            stack.world.metrics.set("RequestCount", during(each))

    at_the_fault(left, begin)


def move(left: Stack, carrying: Stack, *, arrives: float = BOTH) -> None:
    arrives_with(left, carrying, each=arrives)


def proofs_of(stack: Stack) -> RollbackReport:
    report = stack.world.documents.get(name_part(RUN, stack.region), RollbackReport)
    assert report is not None
    return report


@pytest.mark.parametrize("leaves", [HOME, AWAY])
def test_it_is_validated_if_the_other_region_carries_the_load(two: Together, leaves: str) -> None:
    left, carrying = evacuate(two, leaves)
    move(left, carrying)
    two.begin()
    two.run()
    assert [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED], [stack.record().reason for stack in two.stacks]
    assert whole(two) == VALIDATED
    fault, own = left.record(), carrying.record()
    assert own.fault_type == FaultType.NO_FAULT
    template = carrying.world.documents.get(own.id, FaultTemplate)
    assert template is not None
    assert template.body["targets"] == {}
    assert [action["actionId"] for action in template.body["actions"].values()] == ["aws:fis:wait"]
    assert len(template.body["stopConditions"]) == 2, "its guards are FIS's stop conditions there"
    report = proofs_of(carrying)
    assert fault.fault_started_at
    assert fault.fault_ended_at
    assert own.fault_ended_at
    assert {(proof.at, proof.until) for proof in report.proofs} == {(fault.fault_started_at, fault.fault_started_at + LENGTH)}
    assert own.fault_ended_at >= fault.fault_ended_at, "it is guarded as long as the fault lasts"
    assert lasted(own) >= LENGTH + OUTLASTS - timedelta(seconds=10)
    is_quiet(*two.stacks)


def test_it_is_refuted_if_the_load_does_not_arrive(two: Together) -> None:
    left, carrying = evacuate(two)
    move(left, carrying, arrives=USUAL)
    two.begin()
    two.run()
    assert ending(left) == VALIDATED
    assert ending(carrying) == REFUTED
    assert whole(two) == REFUTED
    assert "eu-central-1: refuted" in two.whole.reason


def test_it_is_refuted_if_the_other_region_breaks_under_the_load(two: Together) -> None:
    """Every tenth request fails there, which the guard bears and the criterion does not."""
    left, carrying = evacuate(two)
    move(left, carrying)
    moved = left.after["StartFault"]

    def fail(outcome: dict[str, Any]) -> None:
        moved(outcome)
        since = two.turns.clock.now().timestamp()
        carrying.world.metrics.set("HTTPCode_Target_5XX_Count", lambda at: 540.0 if since < at < since + 400 else None)

    left.after["StartFault"] = fail
    two.begin()
    two.run()
    assert ending(carrying) == REFUTED, carrying.record().reason
    assert whole(two) == REFUTED
    is_quiet(*two.stacks)


def test_a_guard_of_the_region_that_carries_ends_the_fault_of_the_other(two: Together) -> None:
    left, carrying = evacuate(two)
    move(left, carrying)
    two.begin()
    in_the_fault(carrying, lambda: breach(carrying.world))
    two.run()
    assert ending(carrying) == BY_GUARD
    assert ending(left) == STOPPED
    abort, cause = left.record().abort, carrying.record().abort
    assert abort
    assert cause
    assert (abort.source, abort.by) == (AbortSource.PEER, carrying.region)
    assert abort.at - cause.at <= timedelta(seconds=10)
    assert whole(two) == BY_GUARD
    is_quiet(*two.stacks)


def test_a_guard_of_the_region_that_is_left_ends_the_watch_of_the_other(two: Together) -> None:
    left, carrying = evacuate(two)
    move(left, carrying)
    two.begin()
    moved = left.after["StartFault"]

    def begin(outcome: dict[str, Any]) -> None:
        moved(outcome)
        two.turns.clock.after(125, lambda: breach(left.world))

    left.after["StartFault"] = begin
    two.run()
    assert ending(left) == BY_GUARD
    assert ending(carrying) == STOPPED
    is_quiet(*two.stacks)


def test_nobody_starts_if_the_region_that_carries_refuses(two: Together) -> None:
    left, carrying = evacuate(two)
    for member in carrying.world.fleet.members("web"):
        member.tags["squall:environment"] = "production"
    two.begin()
    two.run()
    assert [ending(stack) for stack in two.stacks] == [NOT_STARTED, NOT_STARTED]
    assert not left.faults()
    assert not carrying.faults()


def test_what_is_measured_is_the_time_of_the_others_fault(two: Together) -> None:
    """The other Region starts its fault 20 s later, and the load arrives with it. All of its time is judged, and no more."""
    left, carrying = evacuate(two)
    move(left, carrying)
    left.before["StartFault"] = lambda _: two.turns.sleep(20)
    two.begin()
    two.run()
    own, fault = carrying.record().fault_started_at, left.record().fault_started_at
    assert own
    assert fault
    assert timedelta(seconds=15) < fault - own < START_WITHIN
    assert {proof.at for proof in proofs_of(carrying).proofs} == {fault}
    assert whole(two) == VALIDATED


def test_nothing_is_validated_if_the_times_of_the_other_fault_are_not_known(two: Together) -> None:
    """When the watch is over, the record of the other Region says that its fault still runs."""
    left, carrying = evacuate(two)
    move(left, carrying)

    def forget(_: dict[str, Any]) -> None:
        part = name_part(RUN, left.region)
        left.world.records.items[part] = replace(left.world.records.items[part], fault_ended_at=None)

    carrying.before["VerifyRollback"] = forget
    two.begin()
    two.run()
    assert ending(carrying) == INVALID
    assert "its fault had not ended when this Region was measured" in carrying.record().reason
    assert two.whole.verdict is not Verdict.VALIDATED


def test_a_peer_that_can_t_be_read_once_afterwards_is_asked_again(two: Together) -> None:
    left, carrying = evacuate(two)
    move(left, carrying)

    def lose() -> None:
        carrying.world.regions.unreachable.add(left.region)
        two.turns.clock.after(1, carrying.world.regions.unreachable.clear)

    hook = once(lose)
    carrying.before["VerifyRollback"] = lambda _: hook()
    two.begin()
    two.run()
    assert whole(two) == VALIDATED


def test_people_are_told_which_region_has_no_fault(two: Together) -> None:
    left, carrying = evacuate(two)
    move(left, carrying)
    two.begin()
    two.run()
    told = {stack.region: [message.subject for message in stack.world.notifier.sent] for stack in two.stacks}
    assert any(subject.startswith("Squall: fault running") for subject in told[left.region])
    assert not any(subject.startswith("Squall: fault running") for subject in told[carrying.region])
    assert any("eu-central-1 has to carry the load of other Regions" in subject for subject in told[carrying.region])


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("state", STATES)
def test_whatever_breaks_in_the_region_that_carries_nothing_is_left_and_nothing_untrue_is_said(
    two: Together, state: str, mishap: str
) -> None:
    left, carrying = evacuate(two)
    move(left, carrying)

    def break_it(_: dict[str, Any]) -> None:
        if mishap == "killed":
            carrying.kill(name_part(RUN, carrying.region))
        elif mishap == "gone":
            carrying.leave()
        elif mishap == "no pulse":
            carrying.pulse = False
        else:
            raise Unavailable("test", state, "ThrottlingException", "broken by the test", retryable=True)

    carrying.before[state] = break_it
    two.begin("10m")
    two.run()
    carrying.pulse = not carrying.gone
    two.turns.minutes(4)
    is_quiet(*(stack for stack in two.stacks if not stack.gone))
    assert [stack.world.faults.active() for stack in two.stacks] == [[], []]
    assert two.whole.final
    if two.whole.verdict is Verdict.VALIDATED:
        assert [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED]
    nobody_ran_alone(two)
    if mishap == "killed" and state == "WatchFault":
        assert left.record().abort, "nobody watched the Region that carries"
        assert carrying.record().happened(EventName.NOTIFIED)
