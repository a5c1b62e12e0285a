"""Published experiments and campaigns for several Regions: each Region takes its part from its own catalogue."""

from __future__ import annotations

import pytest

from squall.domain.base.vocabulary import Status
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.experiment.published import content_hash
from tests.fakes.publishing import publish, retire
from tests.workflow.endings import once
from tests.workflow.regions.rig import AWAY, RUN, Together
from tests.workflow.regions.test_parts import NOT_STARTED, VALIDATED, ending, is_quiet
from tests.workflow.regions.test_whole import whole

NAME = "in-both"
"""Of the published experiment: no name is in both catalogues."""


@pytest.fixture
def published(two: Together) -> Together:
    """Both stacks let published definitions run, and have the experiment in that catalogue alone; away it is the second version."""
    two.policies["staging"]["catalogue"] = "published"
    two.campaigns["shop"]["experiment"] = NAME
    for stack in two.stacks:
        stack.catalogue = {}
    publish(two.away.world, NAME, {**two.experiment, "description": "An earlier one"})
    for stack in two.stacks:
        publish(stack.world, NAME, two.experiment)
    return two


def refused(two: Together, words: str) -> None:
    """No Region started, and people are told why."""
    two.begin()
    two.run()
    assert two.whole.status is Status.REJECTED
    assert words in two.whole.reason
    assert not any(stack.faults() for stack in two.stacks)


def test_it_runs_with_the_version_of_each_region(published: Together) -> None:
    published.begin()
    published.run()
    assert whole(published) == VALIDATED
    records = [stack.record() for stack in published.stacks]
    assert [(record.source, record.source_version) for record in records] == [("published", 1), ("published", 2)]
    assert {record.source_hash for record in records} == {content_hash(published.experiment)}
    is_quiet(*published.stacks)


def test_another_definition_in_one_region_starts_nobody(published: Together) -> None:
    publish(published.away.world, NAME, {**published.experiment, "hypothesis": "Another one"})
    refused(published, "home has admitted another experiment for eu-central-1")
    assert [ending(stack) for stack in published.stacks] == [NOT_STARTED, NOT_STARTED]


def test_a_region_that_has_retired_it_starts_nobody(published: Together) -> None:
    retire(published.away.world, NAME)
    refused(published, "was retired")


def test_a_region_that_does_not_have_it_starts_nobody(published: Together) -> None:
    published.away.world.catalogue.objects.clear()
    refused(published, "eu-central-1: rejected")


def test_a_version_that_is_retired_before_the_fault_starts_nobody(published: Together) -> None:
    hook = once(lambda: retire(published.away.world, NAME))
    published.away.before["FinalCheck"] = lambda _: hook()
    refused(published, "eu-central-1: rejected")


def test_a_region_whose_policy_wants_deployed_ones_starts_nobody(published: Together) -> None:
    published.away.policies = {"staging": {**published.policies["staging"], "catalogue": "deployed"}}
    refused(published, "eu-central-1: rejected")


def test_a_published_campaign_runs_deployed_experiments_where_each_policy_lets_it(two: Together) -> None:
    two.policies["staging"]["catalogue"] = "published"
    publish(two.home.world, "ours", dict(two.campaigns["shop"]), is_campaign=True)
    two.home.start_run(RUN, {"campaign": "ours"})
    two.run()
    assert whole(two) == VALIDATED
    plan = two.home.world.documents.get(RUN, CampaignPlan)
    assert plan
    assert plan.source
    assert (plan.source.kind, plan.source.version) == ("published", 1)


def test_a_region_whose_policy_wants_deployed_campaigns_runs_no_part_of_a_published_one(two: Together) -> None:
    two.policies["staging"]["catalogue"] = "published"
    two.away.policies = {"staging": {**two.policies["staging"], "catalogue": "deployed"}}
    publish(two.home.world, "ours", dict(two.campaigns["shop"]), is_campaign=True)
    two.home.start_run(RUN, {"campaign": "ours"})
    two.run()
    assert [ending(stack) for stack in two.stacks] == [NOT_STARTED, NOT_STARTED]
    assert "runs deployed campaigns only" in two.away.record().reason
    assert AWAY in two.whole.reason
