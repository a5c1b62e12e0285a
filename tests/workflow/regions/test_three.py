"""A run over three Regions: all start or none does, one stops all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.regions.barrier import START_WITHIN, UNREADABLE_FOR
from squall.errors import Unavailable
from tests.workflow.regions.rig import AWAY, HOME, THIRD, Stack, Together, breach
from tests.workflow.regions.test_evacuation import BOTH, arrives_with, carry, leave
from tests.workflow.regions.test_parts import (
    BY_GUARD,
    INTO_THE_FAULT,
    NOT_STARTED,
    PULSE,
    STOPPED,
    VALIDATED,
    ending,
    in_the_fault,
    is_quiet,
    lambda_once,
)
from tests.workflow.regions.test_whole import outcomes, whole

AT_ONCE = timedelta(seconds=10)


def endings(three: Together) -> list[Any]:
    return [ending(stack) for stack in three.stacks]


def nobody_started(three: Together) -> None:
    assert not any(stack.faults() for stack in three.stacks)
    assert three.decision
    assert not three.decision.start
    is_quiet(*three.stacks)


def test_all_three_start_together_and_are_validated(three: Together) -> None:
    three.begin()
    three.run()
    assert endings(three) == [VALIDATED] * 3
    assert whole(three) == VALIDATED
    assert [run.step for run in three.whole.runs] == [HOME, AWAY, THIRD]
    starts = [stack.record().fault_started_at for stack in three.stacks]
    assert three.decision
    assert all(start and three.decision.until - START_WITHIN <= start < three.decision.until for start in starts)
    is_quiet(*three.stacks)


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_guard_anywhere_stops_all(three: Together, where: int) -> None:
    fires, others = three.stacks[where], [stack for number, stack in enumerate(three.stacks) if number != where]
    three.begin()
    in_the_fault(fires, lambda: breach(fires.world))
    three.run()
    assert ending(fires) == BY_GUARD
    cause = fires.record().abort
    assert cause
    for stack in others:
        assert ending(stack) == STOPPED
        abort = stack.record().abort
        assert abort
        assert abort.source is AbortSource.PEER, "by its message, or by the own pulse, which may look in the same second"
        assert fires.region in stack.record().reason
        assert abort.at - cause.at <= AT_ONCE
    assert whole(three) == BY_GUARD
    is_quiet(*three.stacks)


def test_a_guard_stops_all_within_two_minutes_if_every_message_is_lost(three: Together) -> None:
    for stack in three.stacks:
        stack.world.failing["regions.abort_part"] = Unavailable("test", "Invoke", "Timeout", "lost", retryable=True)
    three.begin()
    in_the_fault(three.third, lambda: breach(three.third.world))
    three.run()
    cause = three.third.record().abort
    assert cause
    for stack in (three.home, three.away):
        abort = stack.record().abort
        assert abort
        assert abort.by == "pulse"
        assert abort.at - cause.at <= 2 * PULSE
    is_quiet(*three.stacks)


def test_none_starts_if_one_refuses_when_its_targets_are_looked_for(three: Together) -> None:
    for member in three.third.world.fleet.members("web"):
        member.tags["squall:environment"] = "production"
    three.begin()
    three.run()
    assert endings(three) == [NOT_STARTED] * 3
    assert "eu-north-1 has ended: rejected" in three.home.record().reason
    nobody_started(three)


def refuse(stack: Stack, three: Together) -> None:
    """Another definition is deployed in this Region than at home."""
    stack.catalogue = {"shop": {**three.experiment, "hypothesis": "Another one"}}


@pytest.mark.parametrize("where", [1, 2])
def test_a_part_that_is_refused_at_once_tells_home_at_once(three: Together, where: int) -> None:
    """No pulse had to look."""
    refuses = three.stacks[where]
    refuse(refuses, three)
    for stack in three.stacks:
        stack.pulse = False
    three.begin()
    three.turns.run(until=lambda: three.decision is not None)
    assert three.decision
    assert not three.decision.start
    assert "home has admitted another experiment" in three.decision.reason
    assert three.turns.clock.now() - refuses.record().started_at <= AT_ONCE
    for stack in three.stacks:
        stack.pulse = True
    three.run()
    assert endings(three) == [NOT_STARTED] * 3
    nobody_started(three)


def test_if_that_message_is_lost_homes_pulse_finds_it(three: Together) -> None:
    refuse(three.third, three)
    three.third.world.failing["regions.ask_to_decide"] = Unavailable("test", "Invoke", "Timeout", "lost", retryable=True)
    three.begin()
    three.turns.run(until=lambda: three.decision is not None)
    assert three.turns.clock.now() - three.third.record().started_at <= PULSE + AT_ONCE
    three.run()
    assert endings(three) == [NOT_STARTED] * 3
    assert three.whole.status is Status.REJECTED
    nobody_started(three)


def test_none_starts_if_one_is_not_ready_by_the_deadline(three: Together) -> None:
    three.third.before["ArmGuards"] = lambda_once(lambda: three.turns.sleep(900))
    three.begin("10m")
    three.run()
    assert endings(three) == [NOT_STARTED] * 3
    assert "not every Region was ready by 10:10:00 UTC: eu-north-1 is not ready" in three.away.record().reason
    nobody_started(three)


def test_the_others_end_alone_if_home_is_gone_in_the_fault(three: Together) -> None:
    three.begin()
    in_the_fault(three.away, three.home.leave)
    three.run()
    for stack in (three.away, three.third):
        record = stack.record()
        assert ending(stack) == STOPPED
        assert record.abort
        assert record.fault_started_at
        assert record.abort.at - record.fault_started_at <= timedelta(seconds=INTO_THE_FAULT) + UNREADABLE_FOR + PULSE + AT_ONCE
    is_quiet(three.away, three.third)


def test_two_parts_go_on_to_be_stopped_if_the_third_is_killed(three: Together) -> None:
    three.begin()
    in_the_fault(three.home, lambda: three.third.kill(three.third.record().id))
    three.run()
    assert endings(three)[:2] == [STOPPED, STOPPED]
    assert outcomes(three)[:2] == [StepOutcome.STOPPED, StepOutcome.STOPPED]
    assert three.whole.verdict is not None
    assert whole(three) != VALIDATED
    is_quiet(*three.stacks)


def test_two_regions_may_carry_the_load_of_one(three: Together) -> None:
    leave(three, three.home)
    for stack in (three.away, three.third):
        carry(three, stack)
    arrives_with(three.home, three.away, three.third, each=(BOTH + 3000) / 2)
    three.begin()
    three.run()
    assert endings(three) == [VALIDATED] * 3, [stack.record().reason for stack in three.stacks]
    assert whole(three) == VALIDATED


def test_one_region_may_carry_the_load_of_two(three: Together) -> None:
    leave(three, three.home)
    leave(three, three.third)
    carry(three, three.away)
    arrives_with(three.home, three.away, each=BOTH)
    three.begin()
    three.run()
    assert endings(three) == [VALIDATED] * 3, [stack.record().reason for stack in three.stacks]
