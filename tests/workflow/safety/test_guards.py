"""Guards are what the definition says: an alarm or a document that says otherwise stops the run or changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.documents.guards import Guards
from tests.fakes.world import FakeWorld
from tests.workflow.endings import GUARD, ID, ended, nothing_is_left
from tests.workflow.walk import Walk

INPUT = {"experiment": "seed"}
NEVER = {"threshold": -1.0}


def weaken_alarm(world: FakeWorld) -> None:
    """The alarm stays OK whatever happens."""
    alarm = world.alarms.alarms[GUARD]
    assert alarm.guard is not None
    alarm.guard = alarm.guard.model_copy(update=NEVER)


def weaken_document(world: FakeWorld) -> None:
    guards = world.documents.get(ID, Guards)
    assert guards is not None
    world.documents.put(ID, guards.model_copy(update={"guards": tuple(guard.model_copy(update=NEVER) for guard in guards.guards)}))


@pytest.mark.parametrize("documents_too", [False, True])
def test_a_guard_that_was_changed_before_the_fault_is_refused(walk: Walk, world: FakeWorld, documents_too: bool) -> None:
    def weaken(_: dict[str, Any]) -> None:
        weaken_alarm(world)
        if documents_too:
            weaken_document(world)

    walk.before["FinalCheck"] = weaken
    walk.run(INPUT)
    reason = ended(world, Status.REJECTED, None, None).reason
    assert "guards_healthy" in reason
    assert "was changed: Threshold is -1, has to be" in reason
    assert world.faults.runs == {}
    nothing_is_left(world, twice=True)


def test_what_weakens_a_guard_before_the_template_is_undone_by_whoever_ties_the_guards(walk: Walk, world: FakeWorld) -> None:
    def weaken(_: dict[str, Any]) -> None:
        weaken_alarm(world)
        weaken_document(world)

    walk.before["CreateTemplate"] = weaken
    walk.run(INPUT)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_guard_that_was_changed_during_the_fault_ends_it(walk: Walk, world: FakeWorld) -> None:
    def weaken() -> None:
        weaken_alarm(world)
        weaken_document(world)

    walk.after["StartFault"] = lambda _: world.clock.after(70, weaken)
    walk.run(INPUT)
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert (record.abort.source, record.abort.by) == (AbortSource.BLIND_GUARD, GUARD)
    assert "was changed" in record.reason
    nothing_is_left(world)
