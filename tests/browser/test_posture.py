"""The posture page as a browser shows it: wide and on a phone, light and dark, without a complaint and without a request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from discovery.page.page import render_posture
from discovery.posture import build_posture
from discovery.things.base import Gap
from tests.browser.test_report import CONTRAST
from tests.discovery import sample

pytestmark = pytest.mark.xdist_group("browser")  # one browser

WIDE, PHONE = {"width": 1100, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    gap = Gap(action="lambda:ListFunctions", code="AccessDeniedException", message="not authorized " * 9, denied=True)
    path = tmp_path_factory.mktemp("posture") / "posture.html"
    path.write_text(render_posture(build_posture(sample.inventory(gaps=(gap,)), sample.levels(), "staging")), encoding="utf-8")
    return path


@pytest.fixture(
    params=[(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")], ids=["wide", "wide-dark", "phone", "phone-dark"]
)
def page(browser: Browser, written: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page; at the end nothing was complained of and nothing was fetched."""
    complaints: list[str] = []
    fetched: list[str] = []
    viewport, scheme = request.param
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    made = context.new_page()
    made.on("console", lambda message: complaints.append(message.text))
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("request", lambda request: fetched.append(request.url))
    made.goto(written.as_uri())
    yield made
    context.close()
    assert complaints == []
    assert fetched == [written.as_uri()]


def test_it_fits_the_screen_can_be_read_and_leads_from_the_map_to_a_service(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.evaluate(CONTRAST) == []
    outside = """() => [...document.querySelectorAll('svg .box')].filter((box) => [...box.querySelectorAll('text')].some(
        (text) => text.getBBox().x + text.getBBox().width > box.querySelector('rect').getBBox().width)).length"""
    assert page.evaluate(outside) == 0  # every name is inside its box
    first = page.locator("svg a").first
    first.focus()
    page.keyboard.press("Enter")
    anchor = first.get_attribute("href") or ""
    expect(page.locator(anchor)).to_be_in_viewport()


def test_a_proposal_opens_with_its_commands_and_its_experiment(page: Page) -> None:
    proposal = page.locator(".proposal").first
    expect(proposal.locator("pre").first).to_be_hidden()
    proposal.locator("summary").click()
    expect(proposal.locator("pre").first).to_contain_text("squall plan experiments/")
    expect(proposal.locator("pre").last).to_contain_text("hypothesis: If ")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
