"""Published campaigns: they run by their name where every policy of their steps lets published definitions run, and the plan and the
result say which version it was."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission.deployed import DeployedDefinitions
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.result import CampaignResult
from squall.domain.experiment.published import StoredVersion, content_hash
from squall.errors import Unavailable
from tests.fakes.publishing import PUBLISHER, publish, retire
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import SUITE, Steps, campaign_of, run_campaign
from tests.workflow.walk import Walk

MINE: dict[str, Any] = {**SUITE, "steps": SUITE["steps"][:1]}


@pytest.fixture
def mine(known: DeployedDefinitions, world: FakeWorld, steps: Steps) -> Steps:
    """The suite, published as `mine`; staging lets published definitions run."""
    known.environments["staging"]["catalogue"] = "published"
    publish(world, "mine", MINE, is_campaign=True)
    return steps


def refused(walk: Walk, world: FakeWorld, steps: Steps, name: str = "mine") -> str:
    """Why the campaign is rejected; no step of it was started."""
    run_campaign(walk, {"campaign": name})
    record = campaign_of(world)
    assert record.status is Status.REJECTED
    assert record.told
    assert steps.started == []
    return record.reason


def test_it_runs_and_says_which_version_it_was(walk: Walk, world: FakeWorld, mine: Steps) -> None:
    run_campaign(walk, {"campaign": "mine"})
    assert (campaign_of(world).status, campaign_of(world).verdict) == (Status.COMPLETED, Verdict.VALIDATED)
    plan, result = world.documents.get("c", CampaignPlan), world.documents.get("c", CampaignResult)
    assert plan
    assert result
    assert plan.source == result.source
    assert plan.source
    assert (plan.source.kind, plan.source.version, plan.source.hash, plan.source.by) == ("published", 1, content_hash(MINE), PUBLISHER)
    assert plan.digest == campaign_of(world).plan_hash, "the record holds what was admitted"
    assert f"Campaign: version 1 of mine, published by {PUBLISHER}" in world.notifier.sent[-1].body


def test_a_deployed_campaign_has_no_version(walk: Walk, world: FakeWorld, mine: Steps) -> None:
    run_campaign(walk, {"campaign": "two"})
    result = world.documents.get("c", CampaignResult)
    assert result
    assert result.source is None
    assert "source" not in result.model_dump(mode="json")


def test_a_newer_version_does_not_change_one_that_runs(walk: Walk, world: FakeWorld, mine: Steps) -> None:
    def publish_another() -> None:
        publish(world, "mine", SUITE, is_campaign=True)

    mine.during[1] = publish_another
    run_campaign(walk, {"campaign": "mine"})
    assert mine.started == ["c-s001"]


def test_a_policy_that_lets_only_deployed_definitions_run_refuses_it(
    walk: Walk, world: FakeWorld, steps: Steps, known: DeployedDefinitions
) -> None:
    known.environments["lab"] = {**known.environments["staging"], "name": "lab", "catalogue": "published"}
    publish(world, "mine", MINE, is_campaign=True)
    assert "the policy of staging lets only deployed experiments and campaigns run" in refused(walk, world, steps)


def test_without_a_policy_that_takes_published_ones_it_is_unknown(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    publish(world, "mine", MINE, is_campaign=True)
    assert "is no campaign" in refused(walk, world, steps)


def test_a_retired_one_is_refused_and_a_name_in_both_catalogues_runs_nothing(walk: Walk, world: FakeWorld, mine: Steps) -> None:
    retire(world, "mine")
    assert f"was retired at 2030-01-07 10:00:00 UTC by {PUBLISHER}" in refused(walk, world, mine)
    publish(world, "two", MINE, is_campaign=True)
    run_campaign(walk, {"campaign": "two"}, "other")
    assert "ambiguous" in campaign_of(world, "other").reason


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("mine", b"{", "is not JSON"),
        ("mine", b'{"format": 1}', "version"),
    ],
)
def test_a_newest_version_that_is_none_runs_nothing(walk: Walk, world: FakeWorld, mine: Steps, name: str, body: bytes, words: str) -> None:
    world.catalogue.add(StoredVersion(name, 2, body))
    assert words in refused(walk, world, mine, name)


def test_the_two_kinds_are_not_mistaken_for_each_other(walk: Walk, world: FakeWorld, mine: Steps, experiment: dict[str, Any]) -> None:
    publish(world, "single", experiment)
    assert "is the name of a published experiment" in refused(walk, world, mine, "single")
    world.campaigns.items.clear()
    publish(world, "of-mine", {**SUITE, "steps": [{"experiment": "mine"}]}, is_campaign=True)
    assert "is the name of a published campaign" in refused(walk, world, mine, "of-mine")


def test_a_catalogue_that_can_not_be_read_starts_nothing(walk: Walk, world: FakeWorld, mine: Steps) -> None:
    world.failing["catalogue.find_newest"] = Unavailable("s3", "ListObjectsV2", "SlowDown", "later", retryable=True)
    assert "the published catalogue could not be read" in refused(walk, world, mine)


def test_a_firing_of_its_schedule_starts_it_once(walk: Walk, world: FakeWorld, mine: Steps) -> None:
    publish(world, "mine", {**MINE, "schedule": {"expression": "rate(7 days)"}}, is_campaign=True)
    schedule = "arn:aws:scheduler:us-east-1:111122223333:schedule/squall-Squall.published/mine"
    firing = {"campaign": "mine", "trigger": {"schedule_arn": schedule, "scheduled_time": world.clock.now().isoformat()}}
    run_campaign(walk, firing)
    assert (campaign_of(world).status, campaign_of(world).trigger.partition("#")[0]) == (Status.COMPLETED, schedule)
    run_campaign(walk, firing, "again")
    assert "this firing of the schedule has started c already" in campaign_of(world, "again").reason
    retire(world, "mine")
    run_campaign(walk, firing, "late")
    assert "was retired" in campaign_of(world, "late").reason
    assert mine.started == ["c-s001"]
