"""The report of a campaign: made when people have been told, from what the campaign left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.code import UPLOT
from squall.adapters.eventbridge import CAMPAIGN_DETAIL_TYPE, make_campaign_detail
from squall.application.reports.run import NotOverError
from squall.domain.base.vocabulary import Status
from squall.domain.campaign.result import CampaignResult
from squall.handlers import report
from squall.reporting import page
from tests.fakes.world import FakeWorld
from tests.workflow.campaign.rig import REFUTED, VALIDATED, Steps, campaign_of, run_campaign
from tests.workflow.walk import Walk


@pytest.fixture(autouse=True)
def charting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a staged asset has its copy of uPlot."""
    monkeypatch.setattr(page, "VENDOR", UPLOT / "dist")


def make_report(world: FakeWorld) -> dict[str, str]:
    """The files that the last event of the campaign brings."""
    detail = make_campaign_detail(world.campaign_events.emitted[-1])
    report.handler({"source": "squall", "detail-type": CAMPAIGN_DETAIL_TYPE, "detail": detail}, None)
    return {key: body for key, body in world.documents.files.items() if key.startswith("results/c/")}


def test_the_last_event_of_a_ramp_brings_its_report(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    steps.ending = lambda step, _: VALIDATED if int(step.split()[1]) <= 1200 else REFUTED
    run_campaign(walk, {"campaign": "limit"})
    made = make_report(world)
    assert "holds to duration 1200, fails from duration 1500" in made["results/c/report.html"]
    assert "<svg" in made["results/c/report.html"]
    assert "holds to duration 1200, fails from duration 1500" in made["results/c/report.md"]
    assert "prefix=results/c/report.html" in world.notifier.sent[-1].body


def test_a_refused_campaign_has_a_report_of_why(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    run_campaign(walk, {"campaign": "bad"})
    made = make_report(world)
    assert "sed" in made["results/c/report.html"]
    assert steps.started == []


def test_a_result_that_names_another_ending_than_the_record_is_not_reported(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    run_campaign(walk, {"campaign": "web"})
    result = world.documents.get("c", CampaignResult)
    assert result
    world.documents.put("c", result.model_copy(update={"reason": "a lie"}))
    assert "a lie" not in make_report(world)["results/c/report.html"]


def test_a_campaign_that_runs_has_no_report(walk: Walk, world: FakeWorld, steps: Steps) -> None:
    run_campaign(walk, {"campaign": "web"})
    world.campaigns.items["c"] = replace(campaign_of(world), status=Status.RUNNING)
    for campaign_id in ("c", "nowhere"):
        with pytest.raises(NotOverError):
            report.handler({"campaign_id": campaign_id}, None)
