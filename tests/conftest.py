"""For all tests: the priority of a worker's process, and property tests without time limits."""

import os
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is not a failure
settings.load_profile("unhurried")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Lower the priority of a worker that only computes: what runs in an account waits for that account's processes.

    Groups of tests are scheduled first, so that a worker that has come to single tests runs no account any more.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and item.get_closest_marker("xdist_group") is None:
        _lower_priority()


@cache
def _lower_priority() -> None:
    os.nice(10)
