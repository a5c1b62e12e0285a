"""A period's page as a browser shows it: charts with every point, hover, themes, paper and phones; nothing it complains of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from squall.reporting.period import render_period
from tests.unit.domain.history.test_period import finding, report, run
from tests.unit.reporting.test_period_page import ATTACK

pytestmark = pytest.mark.xdist_group("browser")  # one browser


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [run(number, days_ago=number % 28 + 0.5, recovery_seconds=float(20 + number % 9 * 7)) for number in range(60)]
    runs.append(run(99, days_ago=2, workload=ATTACK + "w" * 200, findings=(finding(1),)))
    path = tmp_path_factory.mktemp("period") / "period.html"
    path.write_text(render_period(report(*runs, catalogue={ATTACK: "disk_fill"})), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Browser, written: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page; at the end nothing was complained of and nothing was fetched."""
    texts: list[str] = []
    asked: list[str] = []
    options: dict[str, Any] = getattr(request, "param", {"viewport": {"width": 1100, "height": 900}})
    context = browser.new_context(**options)
    made = context.new_page()
    made.on("console", lambda message: texts.append(message.text))
    made.on("pageerror", lambda error: texts.append(str(error)))
    made.on("request", lambda request: asked.append(request.url))
    made.goto(written.as_uri())
    yield made
    context.close()
    assert texts == []
    assert asked == [written.as_uri()]


def test_charts_have_a_point_for_every_day_and_say_it_on_hover(page: Page) -> None:
    shapes = page.evaluate("squallCharts.map((chart) => chart.data.map((values) => values.length))")
    assert shapes == [[30, 30], [30, 30, 30]]
    assert page.evaluate("squallCharts[0].data[1].reduce((a, b) => a + b)") == 61
    page.locator("#runs .u-over").hover(position={"x": 300, "y": 60})
    expect(page.locator("#runs output")).to_contain_text("validated")
    page.locator("#recovery .u-over").hover(position={"x": 300, "y": 60})
    expect(page.locator("#recovery output")).to_contain_text("median")


def test_the_theme_can_be_changed(page: Page) -> None:
    first = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").press("Enter")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != first


def test_names_are_text(page: Page) -> None:
    assert page.evaluate("document.querySelectorAll('img, main script:not([type])').length") == 0
    assert ATTACK in page.locator("main").inner_text()


@pytest.mark.parametrize("page", [{"viewport": {"width": 375, "height": 740}, "is_mobile": True}], indirect=True)
def test_a_phone_scrolls_down_only(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_it_prints_on_a4(page: Page) -> None:
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.evaluate("squallCharts[0].width") >= 600, "as wide as before"
