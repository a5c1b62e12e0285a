"""Home copies the runs of every member; one that is lost keeps no other from being copied, and what is copied stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from squall.application.fleet import collect
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.summary import RunSummary
from squall.domain.run.home import Member
from squall.errors import Refused
from tests.fakes.world import FakeWorld
from tests.workflow.endings import unavailable

NAMES = ("payments", "search")
MEMBERS = tuple(Member(name, "eu-west-1", name, f"arn:aws:iam::444455556666:role/{name}", "an-external-id") for name in NAMES)
KEYS = {name: f"444455556666:eu-west-1:{name}" for name in NAMES}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    monkeypatch.setattr(collect, "load_members", lambda grant: MEMBERS if grant == "results" else ())
    return FakeWorld()


def run(world: FakeWorld, name: str, *, status: Status = Status.COMPLETED, hours_ago: float = 1, summarised: bool = True) -> RunSummary:
    started = world.clock.now() - timedelta(hours=hours_ago)
    verdict = Verdict.VALIDATED if status is Status.COMPLETED else None
    return RunSummary(name, started, status, verdict=verdict, ended_at=started if status.final else None, summarised=summarised)


def copies(world: FakeWorld, member: str) -> dict[str, RunSummary]:
    return world.collected.runs.get(KEYS[member], {})


def passes(world: FakeWorld, minutes: float = 5) -> dict[str, str]:
    world.clock.sleep(minutes * 60)
    return collect.collect_runs(world.wiring())


def test_the_runs_of_every_member_are_copied_once(world: FakeWorld) -> None:
    world.members.run_of = {name: [run(world, f"{name}-1")] for name in NAMES}
    assert passes(world) == dict.fromkeys(NAMES, "1 runs copied")
    assert {name: list(copies(world, name)) for name in NAMES} == {"payments": ["payments-1"], "search": ["search-1"]}
    assert passes(world) == dict.fromkeys(NAMES, "0 runs copied")


def test_a_run_that_ends_between_two_passes_is_copied_with_its_ending(world: FakeWorld) -> None:
    going = run(world, "run-1", status=Status.RUNNING)
    world.members.run_of["payments"] = [going]
    passes(world)
    assert copies(world, "payments") == {}
    world.clock.sleep(30 * 24 * 3600)  # a month: the mark has waited for it
    ended = RunSummary("run-1", going.started_at, Status.ABORTED, ended_at=world.clock.now(), summarised=True)
    world.members.run_of["payments"] = [ended]
    passes(world)
    assert copies(world, "payments") == {"run-1": ended}


def test_a_record_that_is_written_long_after_its_start_is_copied(world: FakeWorld) -> None:
    passes(world)
    world.members.run_of["payments"] = [run(world, "late", hours_ago=20)]
    passes(world)
    assert list(copies(world, "payments")) == ["late"]


def test_a_member_that_is_gone_keeps_its_copies_and_holds_up_no_other(world: FakeWorld) -> None:
    world.members.run_of = {name: [run(world, f"{name}-1")] for name in NAMES}
    passes(world)
    before, marked = copies(world, "payments"), world.collected.marks[KEYS["payments"]]
    world.members.lost = {"payments": unavailable("members.runs")}
    world.members.run_of["search"].append(run(world, "search-2", hours_ago=0))
    with pytest.raises(ExceptionGroup, match="1 members were not reached: payments"):
        passes(world)
    assert (copies(world, "payments"), world.collected.marks[KEYS["payments"]]) == (before, marked)
    assert list(copies(world, "search")) == ["search-1", "search-2"]


def test_a_member_that_denies_the_role_is_told(world: FakeWorld) -> None:
    world.members.lost = {name: Refused("sts", "AssumeRole", "AccessDenied", "not authorized") for name in NAMES}
    with pytest.raises(ExceptionGroup, match="2 members were not reached: payments, search"):
        passes(world)


@pytest.mark.parametrize("broken", ["collected.mark", "collected.of_period", "collected.store", "collected.set_mark"])
def test_a_pass_that_breaks_at_home_loses_nothing(world: FakeWorld, broken: str) -> None:
    """Home's table is gone, or denies a call."""
    world.members.run_of["payments"] = [run(world, "run-1")]
    world.failing[broken] = unavailable(broken)
    with pytest.raises(ExceptionGroup, match="2 members" if broken != "collected.store" else "1 members"):
        passes(world)
    world.failing.clear()
    passes(world)
    assert list(copies(world, "payments")) == ["run-1"]


def test_an_older_copy_that_arrives_later_replaces_nothing(world: FakeWorld) -> None:
    """Two passes at the same time: the slower one has read the run before its summary was written."""
    whole, bare = run(world, "run-1"), run(world, "run-1", summarised=False)
    world.collected.store(KEYS["payments"], whole)
    world.collected.store(KEYS["payments"], bare)
    assert copies(world, "payments") == {"run-1": whole}
