"""The report of a run over several Regions: one page, with what each Region measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from infra.code import UPLOT
from squall.adapters.eventbridge import CAMPAIGN_DETAIL_TYPE, make_campaign_detail
from squall.reporting import page
from tests.workflow.regions.rig import AWAY, HOME, RUN, Stack, Together
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


def report_period(stack: Stack) -> Mapping[str, Any]:
    """The report of the last week in that Region, after the part there was reported."""
    with patch.object(page, "VENDOR", UPLOT / "dist"):
        stack.host.invoke("Report", {"execution_id": f"{RUN}-{stack.region}"})
        answer = stack.host.invoke("Report", {"period": {"days": 7}})
    assert RUN in stack.world.documents.files[answer["files"][1]]
    (regional,) = answer["report"]["regional"]
    return dict(regional)


def test_the_report_of_a_period_knows_the_whole_run_at_home_and_names_home_elsewhere(two: Together) -> None:
    two.begin()
    two.run()
    at_home, elsewhere = report_period(two.home), report_period(two.away)
    assert (at_home["id"], at_home["outcome"]) == (RUN, "validated")
    assert [(part["region"], part["outcome"]) for part in at_home["parts"]] == [(HOME, "validated"), (AWAY, "validated")]
    assert (elsewhere["id"], elsewhere["home"], elsewhere["outcome"]) == (RUN, HOME, "")
    assert [part["execution_id"] for part in elsewhere["parts"]] == [f"{RUN}-{AWAY}"]
    assert f"home is {HOME}" in two.away.world.documents.files[f"results/{RUN}-{AWAY}/report.html"]


def test_the_catalogue_says_what_runs_over_several_regions(two: Together) -> None:
    answer = two.home.host.invoke("Report", {"catalogue": {}})
    assert answer["regions"] == {"experiments": {"shop": [HOME, AWAY]}, "campaigns": {"shop": "shop"}}


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


def draw(made: str) -> list[dict[str, Any]]:
    """The charts of each Region that the page draws."""
    island = made.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    courses: list[dict[str, Any]] = json.loads(island)["courses"]
    return courses


def test_its_charts_show_what_every_region_measured_with_the_window_of_the_fault(two: Together) -> None:
    move(*evacuate(two))
    two.begin()
    two.run()
    here, there = draw(make_report(two)[f"results/{RUN}/report.html"])
    for course in (here, there):
        assert [window["name"] for window in course["windows"]][:2] == ["baseline", "fault"]
        assert any(value is not None for value in course["charts"][0]["values"])
    fault_here, fault_there = (next(w for w in course["windows"] if w["name"] == "fault") for course in (here, there))
    assert abs(fault_here["start"] - fault_there["start"]) <= 60, "the Region that carries the load is judged while the other has its fault"
    rates = [chart for course in (here, there) for chart in course["charts"] if chart["title"] == "Request rate"]
    assert len({(chart["low"], chart["high"]) for chart in rates}) == 1, "side by side, they have one scale"


def test_measurements_that_can_not_be_read_are_told_and_keep_nobody_from_the_result(two: Together) -> None:
    two.begin()
    two.run()
    two.away.world.documents.files[f"results/{RUN}-{AWAY}/series.json"] = "{}"
    made = make_report(two)[f"results/{RUN}/report.html"]
    assert "its measurements could not be read: ValidationError" in made
    assert len(draw(made)) == 1
    assert "Auto Scaling launches replacement instance" in made.split(AWAY)[1]


def test_the_result_of_another_run_is_not_taken_for_that_of_the_part(two: Together) -> None:
    two.begin()
    two.run()
    files = two.away.world.documents.files
    files[f"results/{RUN}-{AWAY}/result.json"] = files[f"results/{RUN}-{AWAY}/result.json"].replace(f"{RUN}-{AWAY}", "other")
    assert "its result is that of another run" in make_report(two)[f"results/{RUN}/report.html"]
