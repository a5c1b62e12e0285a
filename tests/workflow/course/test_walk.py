"""The walker visits the states moto visits."""

from __future__ import annotations

from tests.fakes.world import FakeWorld
from tests.workflow.endings import is_settled, nothing_is_left
from tests.workflow.walk import Walk


def test_a_good_run_walked(walk: Walk, world: FakeWorld) -> None:
    done = walk.run({"experiment": "seed"})
    assert done.status == "SUCCEEDED", done
    nothing_is_left(world)
    is_settled(world)
