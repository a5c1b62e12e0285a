"""Whatever breaks while a campaign runs, nothing of it runs or is left afterwards, its record is final and true, and people
are notified.

`make test` runs a sample with a cell of each Task, `make soak` every cell.
"""

from __future__ import annotations

import random

import pytest

from tests.chaos.campaign_matrix import PLACES, STATES, Cell, cells, run, summary

SEED = 20300107


def sample() -> list[Cell]:
    """A cell of each Task, and one while a step has its fault."""
    dice = random.Random(SEED)
    return [dice.choice(cells(place)) for place in (*STATES, "the fault of a step")]


@pytest.mark.parametrize("cell", sample(), ids=str)
def test_nothing_outlives_what_breaks_in_a_campaign(cell: Cell) -> None:
    result = run(cell)
    assert not result.wrong, result


def test_every_task_of_the_campaign_machine_is_a_place() -> None:
    assert STATES.keys() <= {place.state for place in PLACES.values()}


@pytest.mark.soak
@pytest.mark.parametrize("place", PLACES)
def test_everything_that_can_break_in_a_campaign(place: str) -> None:
    results = [run(cell) for cell in cells(place)]
    assert [result for result in results if result.wrong] == [], summary(results)
