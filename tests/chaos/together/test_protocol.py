"""Locks, slots, task tokens and endings: every interleaving of the functions that share them, with deaths at any call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squall.wiring import get_wiring
from tests.chaos.together.interleaving import Actor, Scene, explore
from tests.chaos.together.protocol import OF_OTHER_SHAPES, QUICK, WHOLE
from tests.workflow.rig import OBSERVED, SCENARIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.world import FakeWorld
    from tests.workflow.walk import Walk


@pytest.mark.parametrize("name", QUICK)
def test_every_interleaving_ends_closed(name: str) -> None:
    explored = explore(QUICK[name])
    print(name, explored)
    assert explored.states >= 100, explored
    assert explored.endings >= 2, explored


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", [name for name in WHOLE if name not in QUICK])
def test_every_interleaving_of_the_rest_ends_closed(name: str) -> None:
    explored = explore(WHOLE[name])
    print(name, explored)
    assert explored.states >= 100, explored
    assert explored.endings >= 2, explored


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shape", [SCENARIO, OBSERVED])
@pytest.mark.parametrize("name", OF_OTHER_SHAPES)
def test_every_interleaving_of_a_scenario_and_of_an_observation_ends_closed(name: str, shape: str) -> None:
    explored = explore(WHOLE[name], shape)
    print(name, shape, explored)
    assert explored.states >= 100, explored
    assert explored.endings >= 2, explored


def _adding(note: str) -> Callable[[], None]:
    """An actor that reads the halt flag's text, then writes it with one more word. Two of these can lose a word."""

    def act() -> None:
        flag, now = get_wiring().halt_flag, get_wiring().clock.now()
        flag.engage(f"{flag.get().reason or ''}{note}", "somebody", now)

    return act


def test_a_lost_update_is_found() -> None:
    """A read of what another actor writes is a step, so another actor can act between the read and the write."""

    def scene(walk: Walk, world: FakeWorld) -> Scene:
        def check(_: list[Actor]) -> None:
            assert sorted(world.halt_flag.get().reason or "") == ["a", "b"], "a word is lost"

        return Scene(walk, lambda: [Actor(_adding("a")), Actor(_adding("b"))], check, deaths=0)

    with pytest.raises(AssertionError, match="a word is lost"):
        explore(scene)


def test_a_read_of_what_nobody_else_writes_is_no_step() -> None:
    def read_and_add() -> None:
        for _ in range(20):
            get_wiring().sightings.get()
        _adding("a")()

    def scene(walk: Walk, world: FakeWorld) -> Scene:
        return Scene(walk, lambda: [Actor(read_and_add), Actor(get_wiring().locks.line)], lambda _: None, deaths=0)

    assert explore(scene).states == 6, "three of the first, two of the second"
