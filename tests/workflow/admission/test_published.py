"""Runs of published experiments: bound by every gate as deployed ones, and by the version that was admitted."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.definition import Definition
from squall.domain.documents.safety import FinalCheck
from squall.domain.experiment.published import StoredVersion, content_hash
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from tests.fakes.publishing import PUBLISHER, publish, retire
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, ended, is_settled, nothing_is_left, once, record_of, result_of
from tests.workflow.machine import Machine
from tests.workflow.voting import ask_people, vote_in
from tests.workflow.walk import Walk

INPUT = {"experiment": "mine"}


@pytest.fixture
def mine(known: deployed.DeployedDefinitions, experiment: dict[str, Any], world: FakeWorld) -> dict[str, Any]:
    """The experiment, published as `mine`; staging lets published experiments run."""
    known.environments["staging"]["catalogue"] = "published"
    publish(world, "mine", experiment)
    return experiment


def test_a_published_experiment_runs_and_its_record_says_which(engine: Machine, world: FakeWorld, mine: dict[str, Any]) -> None:
    engine.run(INPUT)
    record = ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert (record.source, record.source_version, record.source_hash) == ("published", 1, content_hash(mine))
    (admitted,) = [event for event in record.events if event.event is EventName.ADMITTED]
    assert admitted.detail.startswith(f"version 1 of mine, published by {PUBLISHER} at ")
    source = result_of(world).source
    assert source is not None
    assert (source.kind, source.name, source.version, source.hash) == ("published", "mine", 1, content_hash(mine))
    nothing_is_left(world)


@pytest.mark.usefixtures("mine")
def test_a_deployed_experiment_runs_as_before(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    walk.run({"experiment": "seed"})
    record = ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert (record.source, record.source_version, record.source_hash) == ("deployed", None, content_hash(experiment))
    source = result_of(world).source
    assert source is not None
    assert (source.kind, source.version, source.hash) == ("deployed", None, content_hash(experiment))


@pytest.mark.usefixtures("mine")
def test_an_object_that_is_overwritten_after_admit_changes_nothing(walk: Walk, world: FakeWorld) -> None:
    def overwrite() -> None:
        other = publish(FakeWorld(), "mine", {"name": "another"})
        world.catalogue.objects["mine", 1] = other.model_dump_json().encode()

    walk.before["Discover"] = lambda _: overwrite()
    walk.run(INPUT)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


@pytest.mark.parametrize("state", ["CheckSafety", "AcquireLock", "CreateTemplate", "FinalCheck"])
@pytest.mark.usefixtures("mine")
def test_a_run_that_waits_for_its_fault_ends_when_its_experiment_is_retired(walk: Walk, world: FakeWorld, state: str) -> None:
    walk.before[state] = _once_only(lambda: retire(world, "mine"))
    walk.run(INPUT)
    record = ended(world, Status.REJECTED, None, None)
    assert "not_retired: mine was retired at 2030-01-07" in record.reason
    assert PUBLISHER in record.reason
    assert world.faults.runs == {}
    nothing_is_left(world)
    is_settled(world)


@pytest.mark.usefixtures("mine")
def test_a_retirement_between_request_and_approval_lets_nobody_start_it(walk: Walk, world: FakeWorld) -> None:
    ask_people()
    world.clock.after(300, once(lambda: retire(world, "mine")))
    vote_in(walk, world, 600)
    walk.run(INPUT)
    assert "not_retired" in ended(world, Status.REJECTED, None, None).reason
    assert world.faults.runs == {}


def test_a_newer_version_does_not_take_the_place_of_the_one_that_runs(walk: Walk, world: FakeWorld, mine: dict[str, Any]) -> None:
    walk.before["AcquireLock"] = _once_only(lambda: publish(world, "mine", {**mine, "description": "another"}))
    walk.run(INPUT)
    record = ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert record.source_version == 1
    check = next(check for check in world.documents.get(ID, FinalCheck).checks if check.name == "not_retired")  # type: ignore[union-attr]
    assert "version 2 has been published since" in check.detail


@pytest.mark.parametrize("broken", ["deleted", "garbage", "unreadable"])
@pytest.mark.usefixtures("mine")
def test_a_catalogue_that_cannot_be_read_before_the_fault_starts_nothing(walk: Walk, world: FakeWorld, broken: str) -> None:
    def break_it() -> None:
        if broken == "deleted":
            world.catalogue.objects.clear()
        elif broken == "garbage":
            world.catalogue.add(StoredVersion("mine", 2, b"{"))
        else:
            world.failing["catalogue.find_newest"] = Unavailable("s3", "ListObjectsV2", "SlowDown", "later", retryable=True)

    walk.before["FinalCheck"] = _once_only(break_it)
    walk.run(INPUT)
    assert "not_retired: the published catalogue could not be read" in ended(world, Status.REJECTED, None, None).reason
    assert world.faults.runs == {}


@pytest.mark.usefixtures("mine")
def test_without_the_catalogue_nobody_can_tell_what_a_name_means(walk: Walk, world: FakeWorld) -> None:
    world.failing["catalogue.find_newest"] = Unavailable("s3", "ListObjectsV2", "AccessDenied", "no", retryable=False)
    walk.run({"experiment": "seed"})
    assert "the published catalogue could not be read" in ended(world, Status.REJECTED, None, None).reason


@pytest.mark.usefixtures("mine")
def test_a_name_in_both_catalogues_runs_nothing(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    publish(world, "seed", experiment)
    walk.run({"experiment": "seed"})
    assert "ambiguous" in ended(world, Status.REJECTED, None, None).reason
    assert world.faults.runs == {}


def test_where_every_policy_says_deployed_the_published_catalogue_counts_for_nothing(
    walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions, experiment: dict[str, Any]
) -> None:
    """Neither does a publisher start anything there, nor keep a deployed experiment from running."""
    for policy in known.environments.values():
        policy.pop("catalogue", None)
    publish(world, "seed", experiment)
    publish(world, "mine", experiment)
    walk.run({"experiment": "seed"})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    walk.run(INPUT, "run-2")
    assert '"mine" is not in the catalogue' in record_of(world, "run-2").reason
    assert "catalogue.find_newest" not in world.calls


@pytest.mark.usefixtures("mine")
def test_people_who_approve_read_where_the_definition_comes_from(walk: Walk, world: FakeWorld) -> None:
    ask_people()
    vote_in(walk, world, 600)
    walk.run(INPUT)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    definition = world.documents.get(ID, Definition)
    assert definition is not None
    expected = f"Definition: version 1 of mine, published by {PUBLISHER} at 2030-01-07"
    assert any(expected in str(message) for message in world.notifier.sent)


def _once_only(act: Any) -> Any:
    hook = once(act)
    return lambda _: hook()
