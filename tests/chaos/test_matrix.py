"""Whatever breaks in any state, nothing runs or is left afterwards, the record is final and true, and people are
notified.

`make test` runs a sample that holds each state and each way to break. `make soak` runs every cell, and freezes every
function before every call. `python -m tests.chaos.matrix` prints all of it.
"""

from __future__ import annotations

import pytest

from squall.domain.base.vocabulary import Verdict
from tests.chaos.actions import ACTIONS, shaped
from tests.chaos.matrix import PLACES, PLACES_OF_ACTIONS, Cell, cells, freezing, run, sample, summary
from tests.chaos.modes import MODES, SERVICE, STATES, calls
from tests.fakes.world import PORTS
from tests.workflow.endings import result_of
from tests.workflow.rig import EVERY_SHAPE, arranged

SEED = 20300107


@pytest.mark.parametrize("cell", sample(SEED), ids=str)
def test_nothing_outlives_what_breaks(cell: Cell) -> None:
    result = run(cell)
    assert not result.wrong, result


def test_the_sample_leaves_out_no_state_and_no_mode() -> None:
    chosen = sample(SEED)
    assert {cell.state for cell in chosen} == set(STATES)
    assert {cell.mode for cell in chosen} == set(MODES)
    assert {cell.shape for cell in chosen} == {*EVERY_SHAPE, *ACTIONS}
    assert len(chosen) < len(cells())


def test_every_port_breaks_with_its_service() -> None:
    broken = [port for ports in SERVICE.values() for port in ports]
    assert sorted(broken) == sorted({*PORTS} - {"clock"})


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_that_nothing_breaks_is_validated(action: str) -> None:
    """A run that is refused would be no cell of the matrix."""
    with arranged(shaped(action)) as (walk, world):
        walk.run({"experiment": "seed"})
        assert result_of(world).verdict is Verdict.VALIDATED, result_of(world).reason
        ((fault, *_),) = (run.body["actions"].values() for run in world.faults.runs.values())
        assert fault["actionId"] == action


@pytest.mark.soak
@pytest.mark.parametrize(("shape", "state"), [*PLACES, *PLACES_OF_ACTIONS])
def test_everything_that_can_break_at(shape: str, state: str) -> None:
    results = [run(Cell(state, mode, shape)) for mode in MODES]
    assert [result for result in results if result.wrong] == [], summary(results)


@pytest.mark.soak
@pytest.mark.parametrize(("shape", "state"), [*PLACES, *PLACES_OF_ACTIONS])
def test_frozen_past_its_lease_before_any_of_its_calls(shape: str, state: str) -> None:
    results = [run(cell) for cell in freezing(state, shape)]
    assert len(results) >= 2
    assert [result for result in results if result.wrong] == [], summary(results)


def test_a_function_is_frozen_where_it_asks_something() -> None:
    assert {cell.state for state in STATES for cell in freezing(state)} == set(STATES)
    assert calls()["StartFault"] > 5
