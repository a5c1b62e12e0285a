"""For all tests: the Node that they start, their order, the priority of a worker's process, and property tests without time limits."""

import os
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from infra.node import path_with_node

os.environ["PATH"] = path_with_node()  # importing aws_cdk starts Node

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is not a failure
settings.load_profile("unhurried")

GROUPS = ("documentation", "deployed", "regions", "account", "workload", "infra", "browser")
"""The values of `xdist_group`, the group that takes longest first. Workers take groups, then single tests, in the order of the items."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the groups first, so that the longest one does not begin last. Raises ValueError for a group that GROUPS does not list."""

    def rank(item: pytest.Item) -> int:
        group = item.get_closest_marker("xdist_group")
        return len(GROUPS) if group is None else GROUPS.index(group.args[0])

    items.sort(key=rank)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Lower the priority of a worker that only computes: what runs in an account waits for that account's processes.

    A worker that has come to single tests runs no account any more.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and item.get_closest_marker("xdist_group") is None:
        _lower_priority()


@cache
def _lower_priority() -> None:
    os.nice(10)
