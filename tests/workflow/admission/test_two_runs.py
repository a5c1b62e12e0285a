"""Two executions, one failure domain: one runs. A dead holder's lock goes over only when its fault is over."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.supervision import close as closing
from squall.domain.base.vocabulary import Status, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, around, ended, is_settled, nothing_is_left, once, record_of, told, unavailable
from tests.workflow.walk import Walk


@pytest.fixture
def other(experiment: dict[str, Any], known: Any, world: FakeWorld) -> dict[str, Any]:
    """The same on another instance of the same group."""
    known.catalogue["other"] = {**experiment, "name": "Other", "target_resources": [world.fleet.members("web")[2].id]}
    return {"experiment": "other"}


@pytest.mark.parametrize("state", ["AcquireSlot", "CaptureBaseline", "FinalCheck", "StartFault", "StopFault", "WatchRecovery"])
def test_the_second_is_rejected_with_holder_and_until_when(walk: Walk, world: FakeWorld, other: dict[str, Any], state: str) -> None:
    second = once(lambda: walk.run(other, "run-2"))
    walk.before[state] = lambda _: second()
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    record = ended(world, Status.REJECTED, None, None, "run-2")
    assert "run-1 until 2030-01-07 10:" in record.reason or "run-1 until 10:" in record.reason, record.reason
    assert "UTC" in record.reason
    assert len(world.faults.runs) == 1
    nothing_is_left(world)
    told(world, "run-2")


def test_the_lock_taken_between_check_and_lock(walk: Walk, world: FakeWorld, other: dict[str, Any]) -> None:
    """Both pass CheckSafety; the locks themselves decide."""
    kill = once(walk.kill)

    def second() -> None:
        walk.before.clear()
        walk.after["AcquireLock"] = lambda _: kill()
        walk.run(other, "run-2")
        walk.after.clear()

    walk.before["AcquireLock"] = lambda _: second()
    walk.run({"experiment": "seed"})
    record = ended(world, Status.REJECTED, None, None)
    assert "is locked by execution run-2 until 2030-01-07" in record.reason
    assert world.faults.runs == {}
    walk.pulses(5)
    nothing_is_left(world)
    is_settled(world)


def dead_holder(walk: Walk, world: FakeWorld) -> None:
    """run-1 has died in its fault, event and pulses were lost, and its lease has run out."""
    walk.pulse = walk.events = False
    walk.enter["WatchFault"] = once(walk.kill)
    walk.run({"experiment": "seed"})
    assert len(world.faults.active()) == 1
    world.clock.advance(310)
    assert len(world.faults.active()) == 1
    walk.enter.clear()


def test_a_dead_holders_lock_is_taken_over_after_its_fault_has_ended(walk: Walk, world: FakeWorld, other: dict[str, Any]) -> None:
    dead_holder(walk, world)
    observed: list[tuple[int, int]] = []
    around(world, "locks.acquire", after=lambda: observed.append((len(world.faults.templates), len(world.faults.active()))))
    taken: list[str] = []
    walk.after["AcquireLock"] = lambda _: taken.extend(lease.holder for lease in world.locks.leases.values())
    done = walk.run(other, "run-2")
    assert done.status == "SUCCEEDED"
    assert set(taken) == {"run-2"}
    assert observed[-1] == (0, 0), "taken over while a template or a fault of the dead holder was there"
    first = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert "lease" in first.reason
    told(world)
    assert record_of(world, "run-2").final
    walk.pulses(4)
    nothing_is_left(world, "run-2")
    is_settled(world)


@pytest.mark.parametrize("broken", ["faults.stop", "faults.delete_template", "faults.of_template", "slow"])
def test_a_lock_is_not_taken_over_while_the_dead_holders_fault_may_run(
    walk: Walk, world: FakeWorld, other: dict[str, Any], broken: str
) -> None:
    dead_holder(walk, world)
    if broken == "slow":
        world.faults.stop_seconds = 300
    else:
        world.failing[broken] = unavailable(broken)
    walk.run(other, "run-2")
    world.failing.clear()
    assert len(world.faults.runs) == 1, "two faults on one failure domain"
    record = ended(world, Status.REJECTED, None, None, "run-2")
    assert "run-1" in record.reason
    told(world, "run-2")
    world.clock.advance(300)
    walk.pulses(2)
    nothing_is_left(world)


def test_a_holder_frozen_past_its_lease_starts_nothing(walk: Walk, world: FakeWorld, other: dict[str, Any]) -> None:
    """StartFault has checked everything, freezes for minutes, is taken over, and wakes up in front of its call."""
    walk.pulse = walk.events = False

    def freeze() -> None:
        world.clock.advance(310)
        walk.before.clear()
        walk.run(other, "run-2")

    walk.before["StartFault"] = lambda _: around(world, "faults.start", before=once(freeze))
    walk.run({"experiment": "seed"})
    assert len(world.faults.runs) == 1
    assert next(iter(world.faults.runs.values())).experiment.tags["squall:execution"] == "run-2"
    ended(world, Status.ABORTED, Verdict.ABORTED, None)
    walk.pulses(4)
    nothing_is_left(world)
    told(world, "run-2")
    is_settled(world)


def test_a_live_holder_that_was_taken_over_wakes_and_ends(walk: Walk, world: FakeWorld, other: dict[str, Any]) -> None:
    """No pulse for minutes: the lease of a run that lives runs out. It is closed, and its workflow does not sleep on for hours."""
    walk.pulse = walk.events = False

    def take_over() -> None:
        walk.after.clear()
        walk.run(other, "run-2")

    walk.after["StartFault"] = lambda _: world.clock.after(310, take_over)
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    ended(world, Status.ABORTED, Verdict.ABORTED, None)
    told(world)
    walk.pulses(4)
    nothing_is_left(world)
    is_settled(world)


def test_a_live_holder_that_is_closed_while_it_stores_its_token_does_not_sleep_on(walk: Walk, world: FakeWorld) -> None:
    """Who takes over reads the token before it is there; the watcher finds the record closed."""
    walk.pulse = walk.events = False
    wiring = world.wiring()

    def close() -> None:
        with walk.acting_as("AcquireLock"):
            closing.close_run(wiring, ID, by="AcquireLock", reason="its lease ran out", wait_seconds=40)

    around(world, "records.store_token", before=once(close))
    began, observed = world.clock.now(), []
    walk.enter["ObserveFault"] = lambda: observed.append(world.clock.now())
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert (observed[0] - began).total_seconds() <= 120
    ended(world, Status.ABORTED, Verdict.ABORTED, None)
    walk.pulses(4)
    nothing_is_left(world)
    is_settled(world)


def test_slots_queue_and_give_up(walk: Walk, world: FakeWorld) -> None:
    world.locks.acquire_slot = lambda *_: None  # type: ignore[method-assign]
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED"
    assert "no free FIS experiment slot" in ended(world, Status.REJECTED, None, None).reason
    nothing_is_left(world)
