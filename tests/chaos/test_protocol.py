"""Locks, slots, task tokens and endings: every interleaving of the functions that share them, with a death at any call."""

from __future__ import annotations

import pytest

from tests.chaos.interleaving import explore
from tests.chaos.protocol import QUICK, WHOLE


@pytest.mark.parametrize("name", QUICK)
def test_every_interleaving_ends_closed(name: str) -> None:
    found = explore(QUICK[name])
    print(name, found)
    assert found.states >= 100, found
    assert found.endings >= 2, found


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", [name for name in WHOLE if name not in QUICK])
def test_every_interleaving_of_the_rest_ends_closed(name: str) -> None:
    found = explore(WHOLE[name])
    print(name, found)
    assert found.states >= 100, found
    assert found.endings >= 2, found
