"""Two Regions for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workflow.regions.rig import Two, two_regions


@pytest.fixture
def two() -> Iterator[Two]:
    with two_regions() as arranged:
        yield arranged
