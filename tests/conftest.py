"""What makes way for whom: one worker's tests wait for a real account, the others only compute."""

import os
from functools import cache

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Groups are scheduled first (the largest ones), so a worker that has come to single tests runs no account any more."""
    if "PYTEST_XDIST_WORKER" in os.environ and item.get_closest_marker("xdist_group") is None:
        _make_way()


@cache
def _make_way() -> None:
    os.nice(10)
