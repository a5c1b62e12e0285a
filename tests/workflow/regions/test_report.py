"""The report of a run over several Regions: one page, with what each Region measured."""

from __future__ import annotations

from collections.abc import Mapping
from unittest.mock import patch

from infra.code import UPLOT
from squall.adapters.eventbridge import CAMPAIGN_DETAIL_TYPE, make_campaign_detail
from squall.reporting import page
from tests.workflow.regions.rig import AWAY, HOME, RUN, Together
from tests.workflow.regions.test_evacuation import evacuate, move
from tests.workflow.regions.test_parts import in_the_fault


def make_report(two: Together) -> Mapping[str, str]:
    """The files that the last event of the run brings, at home."""
    detail = make_campaign_detail(two.home.world.campaign_events.emitted[-1])
    with patch.object(page, "VENDOR", UPLOT / "dist"):
        two.home.host.invoke("Report", {"source": "squall", "detail-type": CAMPAIGN_DETAIL_TYPE, "detail": detail})
    return {key: body for key, body in two.home.world.documents.files.items() if key.startswith(f"results/{RUN}/report")}


def test_it_shows_every_region_with_its_verdict_its_criteria_and_its_own_report(two: Together) -> None:
    move(*evacuate(two))
    two.begin()
    two.run()
    made = make_report(two)[f"results/{RUN}/report.html"]
    for words in (HOME, AWAY, "no fault: carries the load", "Request rate &gt; 130 % of baseline", "System recovers within 10 minutes"):
        assert words in made
    assert f"https://{AWAY}.console.aws.amazon.com/s3/object/results-{AWAY}" in made
    assert f"prefix=results/{RUN}-{AWAY}/report.html" in made
    assert "<polyline" in made


def test_a_region_that_is_gone_keeps_nobody_from_the_report_of_the_others(two: Together) -> None:
    two.begin()
    in_the_fault(two.home, two.away.leave)
    two.run()
    made = make_report(two)[f"results/{RUN}/report.html"]
    assert "eu-central-1 could not be read" in made
    assert "Auto Scaling launches replacement instance" in made, "what home measured"


def test_a_result_that_no_version_reads_is_shown_as_that(two: Together) -> None:
    two.begin()
    two.run()
    two.away.world.documents.files[f"results/{RUN}-{AWAY}/result.json"] = "{}"
    made = make_report(two)[f"results/{RUN}/report.html"]
    assert "its result could not be read: ValidationError" in made
