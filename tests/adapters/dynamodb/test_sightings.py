"""What a sweep has seen: the same from the fake and from the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squall.adapters.dynamodb.sightings import TableSightings
from squall.domain.run.orphans import Sightings
from tests.adapters.conftest import MINUTES, NOW, client_of
from tests.fakes.storage import FakeSightings

if TYPE_CHECKING:
    from squall.ports.locks import SeenBySweep


@pytest.fixture
def sightings(kind: str, request: pytest.FixtureRequest) -> SeenBySweep:
    return FakeSightings() if kind == "fake" else TableSightings(client_of("dynamodb"), request.getfixturevalue("table"))


def test_before_the_first_sweep_nothing_was_seen(sightings: SeenBySweep) -> None:
    assert sightings.get() == Sightings()
    assert sightings.get().due(NOW)


def test_what_was_seen_is_remembered_until_the_next_sweep(sightings: SeenBySweep) -> None:
    first = Sightings(NOW, {"guard squall-Squall-run-1-1": NOW - 5 * MINUTES, "lock asg/a": NOW}, frozenset({"lock asg/a"}))
    sightings.put(first)
    assert sightings.get() == first
    assert not sightings.get().due(NOW + 4 * MINUTES)
    assert sightings.get().due(NOW + 5 * MINUTES)
    sightings.put(Sightings(NOW + MINUTES))
    assert sightings.get() == Sightings(NOW + MINUTES)
