"""Executions that all start at once on groups of several instances, in an order that may change before any call."""

from __future__ import annotations

import pytest

from squall.domain.run.queue import FIS_ACTIVE_EXPERIMENTS
from tests.chaos.crowd import start_at_once

SEEDS = range(1, 6)


def test_forty_executions_on_four_groups() -> None:
    became = start_at_once(40, 4, 1)
    assert became.wrong == [], became
    assert became.faults >= 3, became


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", SEEDS)
def test_three_hundred_executions_on_twenty_groups(number: int) -> None:
    became = start_at_once(300, 20, number)
    assert became.wrong == [], became
    assert sum(became.endings.values()) == 300
    assert became.most_at_once == FIS_ACTIVE_EXPERIMENTS, became
    assert became.faults >= 10, became
