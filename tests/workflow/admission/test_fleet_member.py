"""A member of a fleet that has lost its home for too long finishes what runs, and starts nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import CheckOutcome, Status, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ended, nothing_is_left, record_of, result_of, unavailable
from tests.workflow.walk import Walk, walking

HOME = "111122223333"
DEADLINE = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
BAD = {CheckOutcome.FAILED, CheckOutcome.NOT_EVALUATED}


@pytest.fixture
def member(world: FakeWorld, known: deployed.DeployedDefinitions) -> Iterator[Walk]:
    """A member whose policy asks for its home."""
    known.environments["staging"].update(home_deadline="30m")
    with walking(world, SQUALL_FLEET_HOME=HOME) as running:
        yield running


def refused(world: FakeWorld, outcome: CheckOutcome, *words: str) -> None:
    ended(world, Status.REJECTED, None, None)
    wrong = {check.name: check.outcome for check in result_of(world).safety_checks if check.outcome in BAD}
    assert wrong == {"home_heard": outcome}
    for word in ("home_heard", *words):
        assert word in record_of(world).reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_member_in_touch_with_its_home_runs(member: Walk, world: FakeWorld) -> None:
    world.home.seen = world.clock.now() + timedelta(hours=1)  # it is written to again and again
    member.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_home_that_is_silent_for_too_long_lets_nothing_start(member: Walk, world: FakeWorld) -> None:
    world.home.seen = world.clock.now() - DEADLINE - MINUTE
    member.run({"experiment": "seed"})
    refused(world, CheckOutcome.FAILED, f"account {HOME}, wrote last at", "starts nothing 30 min after its last word")


def test_a_home_that_never_wrote_lets_nothing_start(member: Walk, world: FakeWorld) -> None:
    member.run({"experiment": "seed"})
    refused(world, CheckOutcome.FAILED, f"account {HOME}, has never written here")


def test_a_word_that_cannot_be_read_counts_as_none(member: Walk, world: FakeWorld) -> None:
    world.failing["home.last_seen"] = unavailable("home.last_seen")
    member.run({"experiment": "seed"})
    refused(world, CheckOutcome.NOT_EVALUATED, "could not be read")


def test_a_home_that_is_lost_while_a_run_prepares_prevents_its_fault(member: Walk, world: FakeWorld) -> None:
    world.home.seen = world.clock.now() + timedelta(hours=1)

    def lose(_: object) -> None:
        world.home.seen = world.clock.now() - DEADLINE - MINUTE

    member.before["FinalCheck"] = lose
    member.run({"experiment": "seed"})
    ended(world, Status.REJECTED, None, None)
    assert "right before the fault: home_heard" in record_of(world).reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_what_runs_when_home_is_lost_is_finished(member: Walk, world: FakeWorld) -> None:
    world.home.seen = world.clock.now() + timedelta(hours=1)

    def lose(_: object) -> None:
        world.home.seen = world.clock.now() - DEADLINE - MINUTE
        world.failing["home.last_seen"] = unavailable("home.last_seen")

    member.before["WatchFault"] = lose
    member.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


@pytest.mark.parametrize(
    ("deadline", "settings"), [({"home_deadline": "30m"}, {}), ({}, {"SQUALL_FLEET_HOME": HOME})], ids=["no fleet", "no deadline"]
)
def test_nobody_asks_for_home_without_a_fleet_or_without_a_deadline(
    world: FakeWorld, known: deployed.DeployedDefinitions, deadline: dict[str, Any], settings: dict[str, str]
) -> None:
    known.environments["staging"].update(deadline)
    with walking(world, **settings) as walk:
        walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert "home.last_seen" not in world.calls
