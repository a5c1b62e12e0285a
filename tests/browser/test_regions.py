"""The report of a run over several Regions in a browser: charts side by side on one time axis, in every theme, on paper and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from squall.domain.campaign.outcome import StepOutcome
from squall.domain.documents.metrics.statistics import MeasuredSeries
from squall.domain.documents.series import SeriesDocument
from squall.reporting.campaign.courses import Measurements
from squall.reporting.campaign.page import build_campaign_page, render_campaign
from squall.reporting.campaign.regions import PartMeasured
from tests.browser.test_report import ATTACK, CONTRAST, along, coloured, spans
from tests.patience import until
from tests.unit.reporting.report_rig import BASELINE, FAULT, RECOVERY, SPAN, facts, hostile, measured
from tests.unit.reporting.test_campaign_regions import ARN, HERE, RUN, THERE, step

pytestmark = pytest.mark.xdist_group("browser")  # one browser

LATER = 120
"""By how many seconds the other Region was later."""
Open = Callable[..., Page]


def later(series: tuple[MeasuredSeries, ...]) -> tuple[MeasuredSeries, ...]:
    return tuple(entry.model_copy(update={"points": tuple((at + LATER, value) for at, value in entry.points)}) for entry in series)


def shifted_series() -> SeriesDocument:
    """The same a little later, without the last of the metrics."""
    windows = tuple(
        window.model_copy(update={"start": window.start + LATER, "end": window.end + LATER}) for window in (BASELINE, FAULT, RECOVERY)
    )
    return SeriesDocument(windows=windows, series={}, measured=later(measured()[:2]))


def tint(page: Page, chart: int, seconds: int) -> list[int]:
    """The colour at the lower edge of a chart at that time."""
    colour: list[int] = page.evaluate(
        "([chart, at]) => { const c = squallCharts[chart]; "
        "const x = Math.round(c.valToPos(at, 'x', true)), y = Math.round(c.bbox.top + c.bbox.height - 4); "
        "const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }); "
        "copy.drawImage(c.ctx.canvas, -x, -y); return [...copy.getImageData(0, 0, 1, 1).data]; }",
        [chart, seconds],
    )
    return colour


def render(text: str = "") -> str:
    made = hostile(text) if text else facts()
    assert made.definition
    assert made.discovery
    assert made.series
    here = Measurements(made.definition, made.discovery, made.series)
    parts = (
        PartMeasured(HERE, made.result, "bucket-here", measured=here),
        PartMeasured(THERE, made.result, "bucket-there", measured=replace(here, series=shifted_series())),
        PartMeasured("eu-north-1", None, "", f"its result could not be read{text}"),
    )
    steps = (step(HERE, "network_latency"), step(THERE, "no_fault"), step("eu-north-1", "network_latency", StepOutcome.UNKNOWN))
    return render_campaign(build_campaign_page(RUN.model_copy(update={"steps": steps}), ARN, "bucket-here", parts))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("regions")
    for name, text in (("plain", ""), ("hostile", ATTACK)):
        (folder / f"{name}.html").write_text(render(text), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("plain", "hostile")}


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Opens the report; at the end nothing was complained of and nothing was fetched."""
    texts: list[str] = []
    contexts = []

    def open_(name: str = "plain", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: texts.append(message.text))
        page.on("pageerror", lambda error: texts.append(str(error)))
        page.on("request", lambda request: texts.append(request.url) if not request.url.startswith("file:") else None)
        page.goto(files[name].as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert texts == []


def test_the_charts_of_a_metric_stand_side_by_side_on_one_axis_and_one_scale(opened: Open) -> None:
    page = opened()
    assert set(spans(page)) == {(SPAN[0], RECOVERY.end + LATER)}
    pairs = page.evaluate(
        "[...document.querySelectorAll('.courses')].map((row) => [...row.children].map((c) => c.getBoundingClientRect().y))"
    )
    assert all(len(set(tops)) == 1 for tops in pairs[:3]), "the lanes, and the metrics that both have"
    assert page.get_by_text(f"{THERE} has no values of it.").count() == 1
    scales = page.evaluate("squallCharts.map((chart) => [chart.scales.y.min, chart.scales.y.max])")
    assert scales[1] == scales[5], "response time or availability, in both Regions"
    lines = coloured(page, "line")
    assert [lines[0], lines[4]] == [0, 0], "lanes"
    assert min(lines[1:4] + lines[5:]) > 200


def test_the_window_of_the_fault_is_marked_in_each_region_where_it_was(opened: Open) -> None:
    page = opened()
    middle, before = (FAULT.start + FAULT.end) // 2, BASELINE.start + LATER + 300
    for chart in range(7):
        (red, _, blue, _), (less_red, _, more_blue, _) = tint(page, chart, middle), tint(page, chart, before)
        assert red > blue
        assert less_red < more_blue
    page.get_by_role("button", name="fault", exact=True).click()
    room = (FAULT.end + LATER - FAULT.start) * 0.1
    until(lambda: set(spans(page)) == {(FAULT.start - room, FAULT.end + LATER + room)}, "the faults of both Regions")


def test_hovering_one_region_tells_the_values_of_the_other_at_that_time(opened: Open) -> None:
    page = opened()
    page.mouse.move(*along(page, 1, FAULT.start + 180))
    expect(page.locator(".chart .value").nth(0)).to_contain_text("20:07:00")
    expect(page.locator(".chart .value").nth(1)).to_contain_text("20:07:00")
    expect(page.locator(".reading").nth(1)).to_contain_text("2 20:05:01 alarm")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390])
def test_every_word_has_the_contrast_of_wcag_aa(opened: Open, theme: Any, width: int) -> None:
    page = opened(color_scheme=theme, viewport={"width": width, "height": 800})
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", ["plain", "hostile"])
@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_scrolls_in_one_direction(opened: Open, name: str, width: int) -> None:
    page = opened(name, viewport={"width": width, "height": 800}, device_scale_factor=2, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("window.hit") is None


def test_it_prints_one_region_below_the_other(opened: Open) -> None:
    page = opened()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("Math.max(...squallCharts.map((chart) => chart.width))") <= 182 / 25.4 * 96
    tops = page.evaluate("[...document.querySelectorAll('.lane')].map((lane) => lane.getBoundingClientRect().y)")
    assert tops[0] < tops[1]


def test_without_measurements_it_has_no_charts_and_needs_no_library() -> None:
    parts = (PartMeasured(HERE, None, "", "no result of it was found"),)
    made = render_campaign(build_campaign_page(RUN, ARN, "bucket", parts))
    assert "new uPlot" not in made
    assert 'id="charts"' not in made
