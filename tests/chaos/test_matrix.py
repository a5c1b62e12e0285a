"""Whatever breaks in any state, nothing runs or is left afterwards, the record is final and true, and people are
notified.

`make test` runs a sample that holds each state and each way to break. `make soak` runs every cell, and freezes every
function before every call. `python -m tests.chaos.matrix` prints all of it.
"""

from __future__ import annotations

import pytest

from tests.chaos.matrix import Cell, cells, freezing, run, sample, summary
from tests.chaos.modes import MODES, SERVICE, STATES, calls
from tests.fakes.world import PORTS
from tests.workflow.rig import EVERY_SHAPE

SEED = 20300107


@pytest.mark.parametrize("cell", sample(SEED), ids=str)
def test_nothing_outlives_what_breaks(cell: Cell) -> None:
    result = run(cell)
    assert not result.wrong, result


def test_the_sample_leaves_out_no_state_and_no_mode() -> None:
    chosen = sample(SEED)
    assert {cell.state for cell in chosen} == set(STATES)
    assert {cell.mode for cell in chosen} == set(MODES)
    assert {cell.shape for cell in chosen} == set(EVERY_SHAPE)
    assert len(chosen) < len(cells())


def test_every_port_breaks_with_its_service() -> None:
    broken = [port for ports in SERVICE.values() for port in ports]
    assert sorted(broken) == sorted({*PORTS} - {"clock"})


@pytest.mark.soak
@pytest.mark.parametrize("shape", EVERY_SHAPE)
@pytest.mark.parametrize("state", STATES)
def test_everything_that_can_break_at(state: str, shape: str) -> None:
    results = [run(Cell(state, mode, shape)) for mode in MODES]
    assert [result for result in results if result.wrong] == [], summary(results)


@pytest.mark.soak
@pytest.mark.parametrize("shape", EVERY_SHAPE)
@pytest.mark.parametrize("state", STATES)
def test_frozen_past_its_lease_before_any_of_its_calls(state: str, shape: str) -> None:
    results = [run(cell) for cell in freezing(state, shape)]
    assert len(results) >= 2
    assert [result for result in results if result.wrong] == [], summary(results)


def test_a_function_is_frozen_where_it_asks_something() -> None:
    assert {cell.state for state in STATES for cell in freezing(state)} == set(STATES)
    assert calls()["StartFault"] > 5
