"""The live page of a game day as a browser shows it on a wall, in the dark and on a phone: what is asked now, until when, and by
which command it is answered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from squall.domain.base.vocabulary import Status
from squall.domain.campaign.record import CampaignRecord, PromptRun
from squall.reporting.campaign.live import render_live_page
from tests.unit.domain.campaign.test_noticing import START, at
from tests.unit.reporting.test_gameday import DAY, RECORD, RESULTS

pytestmark = pytest.mark.xdist_group("browser")  # one browser

WAITING: CampaignRecord = replace(RECORD, status=Status.RUNNING, verdict=None, ended_at=None, prompts=(PromptRun("ready", START, at(15)),))
SCREENS: dict[str, dict[str, Any]] = {
    f"{size} {scheme}": {"viewport": {"width": width, "height": height}, "is_mobile": width < 500, "color_scheme": scheme}
    for size, width, height in (("desktop", 1280, 900), ("phone", 375, 740))
    for scheme in ("light", "dark")
}
LEAST_CONTRAST = 4.5
"""Between text and background, as WCAG 2.2 asks for (1.4.3)."""
CONTRAST = """() => {
    const parse = (text) => text.match(/[\\d.]+/g).map(Number)
    const shade = (text) => parse(text).slice(0, 3).map((part) => {
        const share = part / 255
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    }).reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0)
    const [ink, paper] = [getComputedStyle(document.body).color, getComputedStyle(document.documentElement).backgroundColor].map(shade)
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
}"""


@pytest.fixture
def page(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page while a prompt waits; at the end nothing was complained of and nothing was fetched but the page itself."""
    file = tmp_path / "day.html"
    file.write_text(render_live_page(WAITING, DAY, RESULTS, at(5)), encoding="utf-8")
    texts: list[str] = []
    asked: set[str] = set()
    context = browser.new_context(**SCREENS[request.param])
    made = context.new_page()
    made.on("console", lambda message: texts.append(message.text))
    made.on("pageerror", lambda error: texts.append(str(error)))
    made.on("request", lambda request: asked.add(request.url))
    made.goto(file.as_uri())
    if folder := os.environ.get("SQUALL_PICTURES"):  # for somebody who wants to look at it
        made.screenshot(path=f"{folder}/live-{request.param.replace(' ', '-')}.png", full_page=True)
    yield made
    context.close()
    assert texts == []
    assert asked == {file.as_uri()}


@pytest.mark.parametrize("page", SCREENS, indirect=True)
def test_the_current_prompt_is_readable_and_nothing_hangs_over_the_edge(page: Page, request: pytest.FixtureRequest) -> None:
    width = page.viewport_size["width"] if page.viewport_size else 0
    now = page.locator(".now")
    expect(now).to_contain_text(DAY.find_step("ready").prompt)
    expect(now).to_contain_text("squall campaign answer c")
    expect(now).to_contain_text("Without an answer in 10 min")
    box = now.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 740, "the prompt is below the first screen"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = page.evaluate("[...document.querySelectorAll('td, th')].filter((cell) => cell.getBoundingClientRect().right > innerWidth).length")
    assert cut == 0, "cells are cut off"
    assert page.evaluate(CONTRAST) >= LEAST_CONTRAST


@pytest.mark.parametrize("page", ["desktop light"], indirect=True)
def test_it_reads_itself_again_and_says_what_people_did(page: Page, tmp_path: Path) -> None:
    over = replace(RECORD, reason="2 steps: 2 validated; 1 of 1 prompts answered")
    (tmp_path / "day.html").write_text(render_live_page(over, DAY, RESULTS, at(30)), encoding="utf-8")
    expect(page.locator(".now")).to_contain_text("Over:")
    expect(page.locator("body")).to_contain_text("the shop is slow")
    assert page.locator("meta[http-equiv=refresh]").count() == 0
