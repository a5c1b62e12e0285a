"""Two Regions, or three, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workflow.regions.rig import AWAY, HOME, THIRD, Together, several_regions


@pytest.fixture
def two() -> Iterator[Together]:
    with several_regions(HOME, AWAY) as arranged:
        yield arranged


@pytest.fixture
def three() -> Iterator[Together]:
    with several_regions(HOME, AWAY, THIRD) as arranged:
        yield arranged
