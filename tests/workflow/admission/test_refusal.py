"""What a refused input leaves behind is bounded."""

from __future__ import annotations

from squall.application.admission.admit import MOST_PROBLEMS
from squall.domain.base.vocabulary import Status
from squall.domain.documents.refusal import Refusal
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, record_of
from tests.workflow.walk import Walk


def test_thousands_of_problems_are_counted_and_not_kept(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed", **{f"unknown_{number}": 1 for number in range(3000)}})
    assert record_of(world).status is Status.REJECTED
    refusal = world.documents.get(ID, Refusal)
    assert refusal is not None
    assert len(refusal.problems) == MOST_PROBLEMS + 1
    assert str(refusal.problems[-1]) == f"$: has {3000 - MOST_PROBLEMS} more problems"


def test_a_few_problems_are_all_kept(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed", **{f"unknown_{number}": 1 for number in range(MOST_PROBLEMS)}})
    refusal = world.documents.get(ID, Refusal)
    assert refusal is not None
    assert len(refusal.problems) == MOST_PROBLEMS
    assert "more problems" not in str(refusal.problems[-1])
