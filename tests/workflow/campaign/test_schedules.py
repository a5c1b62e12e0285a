"""A campaign that a schedule starts: once for each firing, and not late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.application.campaign import admit
from squall.domain.base.vocabulary import Status
from squall.domain.campaign.record import Claim
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import CAMPAIGNS, REJECTED, SUITE, Steps, campaign_of, run_campaign
from tests.workflow.walk import Walk

ARN = "arn:aws:scheduler:us-east-1:111122223333:schedule/squall-Squall/campaign-web"


def fired(world: FakeWorld, minutes_ago: float = 0) -> dict[str, Any]:
    """The input of a start by Scheduler, for a time so long ago."""
    due = world.clock.now() - timedelta(minutes=minutes_ago)
    return {"campaign": "web", "trigger": {"schedule_arn": ARN, "scheduled_time": f"{due:%Y-%m-%dT%H:%M:%SZ}"}}


def test_a_firing_starts_a_campaign(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    run_campaign(walk, fired(world))
    assert campaign_of(world).status is Status.COMPLETED
    assert campaign_of(world).trigger.startswith(f"{ARN}#")


def test_a_firing_that_is_delivered_twice_runs_once(walk: Walk, world: FakeWorld, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAMPAIGNS, "web", {**SUITE, "steps": SUITE["steps"][:1]})  # over within the 15 minutes of a late start
    firing = fired(world)
    run_campaign(walk, firing, "first")
    count = len(steps.started)
    run_campaign(walk, firing, "again")
    record = campaign_of(world, "again")
    assert record.status is Status.REJECTED
    assert "this firing of the schedule has started first already" in record.reason
    assert len(steps.started) == count


def test_a_firing_is_found_behind_many_other_campaigns(walk: Walk, world: FakeWorld, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAMPAIGNS, "web", {**SUITE, "steps": SUITE["steps"][:1]})
    steps.ending = lambda _step, _input: REJECTED  # over at once
    firing = fired(world)
    run_campaign(walk, firing, "first")
    last = campaign_of(world, "first")
    for number in range(30):
        last = replace(last, id=f"by-hand-{number}", previous=last.id, trigger="")
        world.campaigns.items[last.id] = last
    world.campaigns.claims["web"] = Claim(last.id, last.previous)
    run_campaign(walk, firing, "again")
    assert "this firing of the schedule has started first already" in campaign_of(world, "again").reason


def test_a_firing_that_can_not_be_told_from_an_earlier_one_is_refused(
    walk: Walk, world: FakeWorld, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admit, "MOST_FIRINGS_BACK", 3)
    monkeypatch.setitem(CAMPAIGNS, "web", {**SUITE, "steps": SUITE["steps"][:1]})
    run_campaign(walk, {"campaign": "web"}, "first")
    last = campaign_of(world, "first")
    for number in range(3):
        last = replace(last, id=f"by-hand-{number}", previous=last.id)
        world.campaigns.items[last.id] = last
    world.campaigns.claims["web"] = Claim(last.id, last.previous)
    run_campaign(walk, fired(world), "scheduled")
    assert campaign_of(world, "scheduled").status is Status.REJECTED
    assert "can't be told" in campaign_of(world, "scheduled").reason


@pytest.mark.parametrize("minutes", [16, -16])
def test_a_stale_firing_is_refused(walk: Walk, world: FakeWorld, steps: Steps, minutes: float) -> None:
    run_campaign(walk, fired(world, minutes))
    assert campaign_of(world).status is Status.REJECTED
    assert "stale" in campaign_of(world).reason
    assert steps.started == []


def test_a_flexible_window_is_no_delay(walk: Walk, world: FakeWorld, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAMPAIGNS, "web", {**SUITE, "schedule": {"expression": "rate(7 days)", "flexible_minutes": 30}})
    run_campaign(walk, fired(world, 40))
    assert campaign_of(world).status is Status.COMPLETED
