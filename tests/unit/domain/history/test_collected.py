"""What home copies of a member's runs: everything that has ended, once, however it arrives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.collected import MOST_RUNS, UNSETTLED, Copying, Mark
from squall.domain.history.summary import RunSummary

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run(minutes_ago: float, *, status: Status = Status.COMPLETED, summarised: bool = True) -> RunSummary:
    started = NOW - minutes_ago * MINUTE
    ended = started + MINUTE if status.final else None
    verdict = Verdict.VALIDATED if status is Status.COMPLETED else None
    return RunSummary(f"run-{minutes_ago:g}", started, status, "web", "staging", verdict=verdict, ended_at=ended, summarised=summarised)


def copy(*runs: RunSummary, known: tuple[RunSummary, ...] = (), now: datetime = NOW) -> tuple[Mark, list[RunSummary]]:
    copying = Copying({run.execution_id: run for run in known}, now)
    return copying.read(runs), copying.to_store


def test_every_run_that_has_ended_is_copied_and_the_mark_moves_to_now() -> None:
    assert copy(run(30), run(20)) == (Mark(NOW, NOW), [run(30), run(20)])
    assert copy() == (Mark(NOW, NOW), [])


def test_what_is_known_is_not_copied_again() -> None:
    assert copy(run(30), run(20), known=(run(30),)) == (Mark(NOW, NOW), [run(20)])


def test_a_run_that_goes_on_is_not_copied_and_holds_the_mark() -> None:
    going = run(30, status=Status.RUNNING)
    assert copy(run(40), going, run(20)) == (Mark(going.started_at, NOW), [run(40), run(20)])


def test_a_run_without_its_summary_is_copied_at_once_and_again_with_it() -> None:
    bare = run(30, summarised=False)
    assert copy(bare) == (Mark(bare.started_at, NOW), [bare])
    assert copy(run(30), known=(bare,)) == (Mark(NOW, NOW), [run(30)])


@pytest.mark.parametrize(("waited", "held"), [(UNSETTLED - MINUTE, True), (UNSETTLED + MINUTE, False)])
def test_a_summary_that_never_comes_is_not_waited_for_for_ever(waited: timedelta, held: bool) -> None:
    bare = run(30, summarised=False)
    now = (bare.ended_at or NOW) + waited
    assert copy(bare, now=now)[0] == Mark(bare.started_at if held else now, now)


def test_a_pass_copies_a_bounded_number_and_the_next_one_goes_on() -> None:
    runs = [run(1000 - number) for number in range(MOST_RUNS + 30)]
    mark, first = copy(*runs)
    assert (mark, len(first)) == (Mark(runs[MOST_RUNS].started_at, NOW, complete=False), MOST_RUNS)
    mark, second = copy(*runs, known=tuple(first))
    assert (mark, first + second) == (Mark(NOW, NOW), runs)


def test_a_bounded_pass_still_holds_the_mark_at_what_goes_on() -> None:
    going = run(2000, status=Status.RUNNING)
    mark, _ = copy(going, *(run(1000 - number) for number in range(MOST_RUNS + 1)))
    assert mark == Mark(going.started_at, NOW, complete=False)


def test_a_copy_that_differs_is_replaced_by_what_the_member_says() -> None:
    assert copy(run(30), known=(replace(run(30), workload="other"),))[1] == [run(30)]
