"""Schedules of published experiments and campaigns: each that could start has its own, and no other has one, whatever dies halfway."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application import schedules
from squall.application.admission import deployed
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.experiment.experiment import Schedule
from squall.domain.experiment.published import StoredVersion
from squall.domain.experiment.scheduling import Kind
from squall.errors import Refused, Unavailable
from tests.fakes.publishing import publish, retire
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ended, once
from tests.workflow.walk import Walk

WEEKLY = {"expression": "rate(7 days)"}


@pytest.fixture
def scheduled(
    walk: Walk, known: deployed.DeployedDefinitions, experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """An experiment with a schedule, not published yet; staging lets published experiments run."""
    monkeypatch.setattr(schedules, "load_deployed", lambda: known)
    known.environments["staging"]["catalogue"] = "published"
    return {**experiment, "schedule": WEEKLY}


def align(walk: Walk) -> dict[str, Any]:
    answer: dict[str, Any] = walk.invoke("Schedule", {})
    return answer


def test_a_schedule_comes_with_its_experiment_and_goes_with_it(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    publish(world, "mine", scheduled)
    publish(world, "unscheduled", {**scheduled, "schedule": None})
    assert align(walk) == {"scheduled": ["mine"], "removed": [], "problems": {}}
    assert world.schedules.items["mine"].expression == "rate(7 days)"
    publish(world, "mine", {**scheduled, "schedule": {"expression": "rate(2 days)"}})
    align(walk)
    assert world.schedules.items["mine"].expression == "rate(2 days)"
    retire(world, "mine")
    assert align(walk) == {"scheduled": [], "removed": ["mine"], "problems": {}}
    assert world.schedules.items == {}


def test_a_firing_after_a_retirement_that_died_halfway_starts_nothing(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    """The version that retires is written; the schedule is still there, and the next pass removes it."""
    publish(world, "mine", scheduled)
    align(walk)
    retire(world, "mine")
    trigger = {"schedule_arn": "arn:aws:scheduler:::schedule/squall-Squall.published/mine", "scheduled_time": world.clock.now().isoformat()}
    walk.run({"experiment": "mine", "trigger": trigger})
    assert "was retired" in ended(world, Status.REJECTED, None, None).reason
    assert world.faults.runs == {}
    align(walk)
    assert world.schedules.items == {}


def test_a_scheduled_run_of_a_published_experiment_runs_once(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    publish(world, "mine", scheduled)
    trigger = {"schedule_arn": "arn:aws:scheduler:::schedule/squall-Squall.published/mine", "scheduled_time": world.clock.now().isoformat()}
    started = {"experiment": "mine", "trigger": trigger}
    walk.before["Discover"] = lambda _: second()
    second = once(lambda: walk.run(started, "run-2"))
    walk.run(started)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert "already runs in another execution" in ended(world, Status.REJECTED, None, None, "run-2").reason


def test_what_is_retired_while_schedules_are_made_gets_none(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    publish(world, "mine", scheduled)
    put = world.schedules.put
    hook = once(lambda: retire(world, "mine"))

    def put_and_retire(name: str, kind: Kind, schedule: Schedule) -> None:
        hook()
        put(name, kind, schedule)

    world.schedules.put = put_and_retire  # type: ignore[method-assign]
    assert align(walk)["scheduled"] == []
    assert world.schedules.items == {}


@pytest.mark.parametrize("why", ["deployed too", "unreadable", "not valid", "policy"])
def test_what_could_not_start_has_no_schedule(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, scheduled: dict[str, Any], why: str
) -> None:
    publish(world, "mine", scheduled)
    publish(world, "other", {**scheduled, "name": "Other"})
    align(walk)
    if why == "deployed too":
        known.catalogue["mine"] = scheduled
    elif why == "unreadable":
        world.catalogue.add(StoredVersion("mine", 2, b"{"))
    elif why == "not valid":
        publish(world, "mine", {**scheduled, "success_criteria": ["it works"]})
    else:
        known.environments["development"] = {**known.environments["staging"], "name": "development", "catalogue": "deployed"}
        publish(world, "mine", {**scheduled, "environment": "development"})
    answer = align(walk)
    assert (answer["scheduled"], answer["removed"]) == (["other"], ["mine"])
    assert list(answer["problems"]) == ([] if why == "policy" else ["mine"])


def test_where_no_policy_lets_published_experiments_run_none_is_scheduled(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, scheduled: dict[str, Any]
) -> None:
    publish(world, "mine", scheduled)
    align(walk)
    known.environments["staging"]["catalogue"] = "deployed"
    assert align(walk) == {"scheduled": [], "removed": ["mine"], "problems": {}}


def test_one_schedule_that_is_refused_keeps_no_other_away(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    publish(world, "bad", scheduled)
    publish(world, "good", scheduled)
    put = world.schedules.put

    def refuse(name: str, kind: Kind, schedule: Schedule) -> None:
        if name == "bad":
            raise Refused("scheduler", "CreateSchedule", "ValidationException", "no such time zone")
        put(name, kind, schedule)

    world.schedules.put = refuse  # type: ignore[method-assign]
    answer = align(walk)
    assert (answer["scheduled"], answer["problems"]) == (["good"], {"bad": "Scheduler refused its schedule: no such time zone"})


def test_without_the_catalogue_no_schedule_is_touched(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    publish(world, "mine", scheduled)
    align(walk)
    world.failing["catalogue.read"] = Unavailable("s3", "GetObject", "SlowDown", "later", retryable=True)
    with pytest.raises(Unavailable):
        align(walk)
    assert list(world.schedules.items) == ["mine"]


SUITE: dict[str, Any] = {"name": "Suite", "description": "d", "kind": "suite", "schedule": WEEKLY, "steps": [{"experiment": "mine"}]}


def test_the_schedule_of_a_campaign_comes_with_it_and_goes_with_it(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    publish(world, "mine", {**scheduled, "schedule": None})
    publish(world, "suite", SUITE, is_campaign=True)
    publish(world, "unscheduled", {**SUITE, "schedule": None}, is_campaign=True)
    assert align(walk) == {"scheduled": ["suite"], "removed": [], "problems": {}}
    assert (world.schedules.items["suite"].expression, world.schedules.kinds["suite"]) == ("rate(7 days)", "campaign")
    publish(world, "suite", {**SUITE, "schedule": {"expression": "rate(2 days)"}}, is_campaign=True)
    align(walk)
    assert world.schedules.items["suite"].expression == "rate(2 days)"
    retire(world, "suite")
    assert align(walk) == {"scheduled": [], "removed": ["suite"], "problems": {}}


def test_a_name_that_was_a_campaign_and_is_an_experiment_starts_that(walk: Walk, world: FakeWorld, scheduled: dict[str, Any]) -> None:
    publish(world, "mine", scheduled)
    publish(world, "other", SUITE, is_campaign=True)
    align(walk)
    retire(world, "other")
    publish(world, "other", {**scheduled, "name": "Other"})
    assert align(walk)["scheduled"] == ["mine", "other"]
    assert world.schedules.kinds["other"] == "experiment"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("deployed too", "is ambiguous"),
        ("not valid", "after_what"),
        ("retired step", "is not in the catalogue"),
        ("ambiguous step", "is not in the catalogue"),
        ("policy", "lets only deployed experiments and campaigns run"),
    ],
)
def test_a_campaign_that_could_not_start_has_no_schedule(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, scheduled: dict[str, Any], why: str, words: str
) -> None:
    publish(world, "mine", scheduled)
    publish(world, "suite", SUITE, is_campaign=True)
    align(walk)
    assert sorted(world.schedules.items) == ["mine", "suite"]
    if why == "deployed too":
        known.campaigns["suite"] = SUITE
    elif why == "not valid":
        publish(world, "suite", {**SUITE, "after_what": "x"}, is_campaign=True)
    elif why == "retired step":
        retire(world, "mine")
    elif why == "ambiguous step":
        known.catalogue["mine"] = scheduled
    else:
        known.environments["lab"] = {**known.environments["staging"], "name": "lab", "catalogue": "deployed"}
        known.catalogue["of-lab"] = {**scheduled, "environment": "lab"}
        publish(world, "suite", {**SUITE, "steps": [{"experiment": "of-lab"}]}, is_campaign=True)
    answer = align(walk)
    assert "suite" in answer["removed"]
    assert "suite" not in world.schedules.items
    assert words in answer["problems"]["suite"]
