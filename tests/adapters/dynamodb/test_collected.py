"""The copies of members' runs: the fake and the table agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from squall.adapters.dynamodb.collected import DynamoCollected
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.collected import Mark
from squall.domain.history.summary import FindingSeen, RunSummary
from tests.adapters.conftest import client_of
from tests.fakes.fleet import FakeCollected

if TYPE_CHECKING:
    from squall.ports.fleet import Collected

START = datetime(2026, 5, 31, 23, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHOLE = RunSummary(
    "run-1",
    START,
    Status.COMPLETED,
    "web",
    "staging",
    "instance_termination",
    Verdict.REFUTED,
    hypothesis_validated=False,
    ended_at=START + HOUR,
    trigger="arn:aws:scheduler:eu-west-1:1:schedule/a/b",
    workload="asg/web",
    owner="shop",
    recovery_seconds=61.5,
    findings=(FindingSeen("f-1", "no \U0001f600 recovery", "high", closed=True),),
    summarised=True,
)
BARE = RunSummary("run-1", START, Status.FAILED)


@pytest.fixture(params=["fake", "table"])
def copies(request: pytest.FixtureRequest) -> Collected:
    return FakeCollected() if request.param == "fake" else DynamoCollected(client_of("dynamodb"), request.getfixturevalue("table"))


@pytest.mark.parametrize("run", [WHOLE, BARE], ids=["whole", "bare"])
def test_a_copy_is_read_as_it_was_stored(copies: Collected, run: RunSummary) -> None:
    for _ in range(2):
        copies.store("a", run)
    assert list(copies.of_period("a", START, START + HOUR)) == [run]


def test_the_copies_of_a_period_come_in_the_order_of_their_starts_whatever_the_order_of_arrival(copies: Collected) -> None:
    runs = [replace(WHOLE, execution_id=f"run-{hours}", started_at=START + hours * HOUR) for hours in range(4)]
    for run in (runs[2], runs[0], runs[3], runs[1]):
        copies.store("a", run)
    copies.store("b", WHOLE)
    copies.set_mark("a", Mark(START, START))
    assert list(copies.of_period("a", START, START + 3 * HOUR)) == runs[:3]
    assert list(copies.of_period("a", START + HOUR, START + 9 * HOUR)) == runs[1:]


def test_a_copy_without_its_summary_replaces_only_one_without(copies: Collected) -> None:
    copies.store("a", BARE)
    copies.store("a", replace(BARE, status=Status.ABORTED))
    assert [run.status for run in copies.of_period("a", START, START + HOUR)] == [Status.ABORTED]
    copies.store("a", WHOLE)
    copies.store("a", BARE)
    assert list(copies.of_period("a", START, START + HOUR)) == [WHOLE]


def test_the_mark_is_each_members_own(copies: Collected) -> None:
    assert copies.mark("a") is None
    mark = Mark(START, START + HOUR, complete=False)
    copies.set_mark("a", Mark(START, START))
    copies.set_mark("a", mark)
    assert (copies.mark("a"), copies.mark("b")) == (mark, None)
