"""The Regions of a run side by side in the report of the campaign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.code import UPLOT
from squall.domain.base.vocabulary import CriterionOutcome, Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.result import CampaignResult, StepResult
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metrics.statistics import Times
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.result import Result
from squall.reporting import page
from squall.reporting.campaign.page import build_campaign_page, render_campaign
from squall.reporting.campaign.regions import HEIGHT, PartMeasured, show_overlap, view_regions
from tests.unit.reporting.test_campaign_page import read_text


@pytest.fixture(autouse=True)
def charting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a staged asset has its copy of uPlot."""
    monkeypatch.setattr(page, "VENDOR", UPLOT / "dist")


HERE, THERE = "eu-west-1", "eu-central-1"
ARN = f"arn:aws:states:{HERE}:123456789012:execution:squall-campaign:shop"
START = datetime(2030, 1, 7, 10, tzinfo=UTC)


def criterion(text: str = "Response time < 2 seconds", **changes: Any) -> CriterionResult:
    points = tuple((int(START.timestamp()) + 60 * number, 0.2 + number / 10) for number in range(5))
    fields: dict[str, Any] = {
        "points": points,
        "kind": "threshold",
        "critical": True,
        "outcome": CriterionOutcome.MET,
        "measured": 0.4,
        "threshold": 2.0,
        "unit": "seconds",
    }
    return CriterionResult(text=text, reason="", **{**fields, **changes})


def result_of(region: str, *criteria: CriterionResult) -> Result:
    return Result(
        execution_id=f"shop-{region}", experiment_name="Shop", status=Status.COMPLETED, start_time=START, end_time=START, reason="r",
        hypothesis_validated=True, observations=(), issues_discovered=(), improvements_identified=(), metrics_collected={},
        verdict=Verdict.VALIDATED, criteria=criteria,
    )  # fmt: skip


def step(region: str, fault_type: str, outcome: StepOutcome = StepOutcome.VALIDATED, **changes: Any) -> StepResult:
    return StepResult(
        number=1, step=region, experiment="shop", environment="staging", fault_type=fault_type, resource_type="aws:ec2:instance",
        execution_id=f"shop-{region}", outcome=outcome, begun_at=START, ended_at=START + timedelta(minutes=30),
        region="" if region == HERE else region, **changes,
    )  # fmt: skip


STEPS = (step(HERE, "service_unavailable"), step(THERE, "no_fault"))
PARTS = (
    PartMeasured(HERE, result_of(HERE, criterion()), "bucket-here"),
    PartMeasured(THERE, result_of(THERE, criterion("Request rate > 130 % of baseline", measured=160.0, threshold=130.0)), "bucket-there"),
)
RUN = CampaignResult(
    campaign_id="shop", campaign="shop", name="Shop in Europe", kind="regions", status=Status.COMPLETED,
    verdict=Verdict.VALIDATED, reason="r", start_time=START, end_time=START + timedelta(minutes=31), steps=STEPS,
)  # fmt: skip


def test_each_region_stands_beside_the_others_with_its_verdict_its_criteria_and_its_report() -> None:
    here, there = view_regions(STEPS, PARTS, ARN)
    assert (here.region, here.role, here.word.text) == (HERE, "service unavailable", "validated")
    assert (there.region, there.role) == (THERE, "no fault: carries the load")
    assert [tile.value for tile in there.tiles] == ["1 of 1"]
    assert [(shown.text, shown.critical) for shown in there.criteria] == [("Request rate > 130 % of baseline", True)]
    assert here.report
    assert there.report
    assert here.report.url.startswith(f"https://{HERE}.console.aws.amazon.com/s3/object/bucket-here")
    assert there.report.url.startswith(f"https://{THERE}.console.aws.amazon.com/s3/object/bucket-there")
    assert there.report.url.endswith("results/shop-eu-central-1/report.html")


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("over", "recovered", "value", "note"),
    [(5, 6, "60 s", "after the fault ended"), (5, 3, "60 s", "after the fault took effect"), (5, 2, "0 s", "everything held throughout")],
)
def test_the_time_to_recover_is_counted_as_criteria_count_it_and_says_from_when(over: int, recovered: int, value: str, note: str) -> None:
    result = result_of(HERE, criterion()).model_copy(
        update={
            "times": Times(effect_at=minute(2), fault_ended_at=minute(over)),
            "recovery": Recovery(recovered=True, recovered_at=minute(recovered), seconds_to_recover=60.0 * (recovered - 2)),
        }
    )
    (here, _) = view_regions(STEPS, (PartMeasured(HERE, result, "bucket-here"), PARTS[1]), ARN)
    assert (here.tiles[-1].label, here.tiles[-1].value, here.tiles[-1].note) == ("To recover", value, note)


def test_the_line_lies_within_its_picture_and_has_the_threshold_of_an_absolute_sentence_only() -> None:
    here, there = view_regions(STEPS, PARTS, ARN)
    absolute, relative = here.criteria[0].line, there.criteria[0].line
    assert absolute
    assert relative
    assert absolute.threshold is not None
    assert 0 <= absolute.threshold < HEIGHT / 2, "2 s is far above the values"
    assert relative.threshold is None, "130 % is no value of the metric"
    heights = [float(point.partition(",")[2]) for point in absolute.points.split()]
    assert heights == sorted(heights, reverse=True), "the value rises"
    assert all(0 <= height <= HEIGHT for height in heights)
    flat = criterion(points=((0, 1.0), (60, 1.0)), threshold=None)
    (view,) = view_regions(STEPS[:1], (PartMeasured(HERE, result_of(HERE, flat), "b"),), ARN)
    assert view.criteria[0].line
    alone = criterion(points=((0, 1.0),))
    (view,) = view_regions(STEPS[:1], (PartMeasured(HERE, result_of(HERE, alone), "b"),), ARN)
    assert view.criteria[0].line is None


def test_a_region_whose_result_can_t_be_read_is_shown_as_that() -> None:
    unread = PartMeasured(THERE, None, "", "its result could not be read: Unavailable")
    _, there = view_regions((STEPS[0], step(THERE, "no_fault", StepOutcome.UNKNOWN)), (PARTS[0], unread), ARN)
    assert there.reason == "its result could not be read: Unavailable"
    assert (there.criteria, there.tiles, there.report) == ((), (), None)
    assert there.word.text == "unknown"


def test_the_page_shows_them_and_no_other_campaign_has_them() -> None:
    made = render_campaign(build_campaign_page(RUN, ARN, "bucket", PARTS))
    text = read_text(made)
    for words in (HERE, THERE, "no fault: carries the load", "Request rate > 130 % of baseline", "Report of shop-eu-central-1"):
        assert words in text
    assert made.count("<polyline") == 2
    assert "style=" not in made, "the policy of the page forbids it"
    assert "<polyline" not in render_campaign(build_campaign_page(RUN, ARN, "bucket"))


def test_what_a_region_says_can_not_leave_its_place_in_the_page() -> None:
    hostile = criterion('<script>alert("x")</script> < 2 seconds')
    steps = (step(HERE, "service_unavailable", reason="<img src=x onerror=1>"),)
    run = RUN.model_copy(update={"steps": steps})
    made = render_campaign(build_campaign_page(run, ARN, "bucket", (PartMeasured(HERE, result_of(HERE, hostile), "b"),)))
    assert "<script>alert" not in made
    assert "<img" not in made


@pytest.mark.parametrize(("begins", "together"), [(0, "10 min"), (45, "9 min 15 s"), (700, "0.0 s")])
def test_it_says_how_long_all_faults_were_in_effect_at_once(begins: int, together: str) -> None:
    def part(region: str, seconds: int) -> PartMeasured:
        began = START + timedelta(seconds=seconds)
        times = Times(effect_at=began, fault_ended_at=began + timedelta(minutes=10))
        return PartMeasured(region, result_of(region).model_copy(update={"times": times}), "bucket")

    steps = (step(HERE, "network_latency"), step(THERE, "network_latency"))
    (tile,) = show_overlap(steps, (part(HERE, 0), part(THERE, begins)))
    assert tile.value == together
    assert list(show_overlap((steps[0], step(THERE, "no_fault")), (part(HERE, 0), part(THERE, 0)))) == [], "one fault alone"
    assert list(show_overlap(steps, (part(HERE, 0), PARTS[1]))) == [], "the times of one are not known"
