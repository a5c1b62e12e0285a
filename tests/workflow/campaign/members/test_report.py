"""The report of a campaign leads to each run in its member's console, and says where a step would have run."""

from __future__ import annotations

from unittest.mock import patch

from infra.code import UPLOT
from squall.adapters.eventbridge import CAMPAIGN_DETAIL_TYPE, make_campaign_detail
from squall.reporting import page
from tests.workflow.campaign.members.rig import AWAY, HERE, ID, Fleet, fleet
from tests.workflow.campaign.members.test_steps import DENIED, THERE


def make_report(it: Fleet, name: str = "report.html") -> str:
    detail = make_campaign_detail(it.home.world.campaign_events.emitted[-1])
    with patch.object(page, "VENDOR", UPLOT / "dist"):
        it.home.host.invoke("Report", {"source": "squall", "detail-type": CAMPAIGN_DETAIL_TYPE, "detail": detail})
    body: str = it.home.world.documents.files[f"results/{ID}/{name}"]
    return body


def test_a_run_in_a_member_is_a_link_into_its_console() -> None:
    with fleet(AWAY, HERE) as it:
        it.begin()
        it.run()
        arn = it.run_in().execution_arn
        for made in (make_report(it), make_report(it, "report.md")):
            assert f"https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1#/v2/executions/details/{arn}" in made
            assert f"{ID}-s001, in payments" in made
            assert "in payments" in made
            assert f"results/{ID}-s001/report.html" not in made, "home's bucket has no report of it"


def test_a_step_that_was_not_started_says_where_it_would_have_run() -> None:
    with fleet(AWAY, THERE, stop_on="refuted") as it:
        it.home.world.member_runs.failing["role"] = DENIED
        it.begin()
        it.run()
        made = make_report(it)
        assert "it was not started in payments" in made
        assert "in orders" in made
