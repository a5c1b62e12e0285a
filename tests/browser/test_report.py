"""The report as a person's browser shows it: nothing it complains of, charts with every point, hover, zoom, themes, paper, phones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from squall.reporting.formatting import format_quantity
from squall.reporting.page import render_page
from squall.reporting.view import build_page
from tests.patience import until
from tests.unit.reporting.report_rig import EFFECT, FAULT, RECOVERY, SPAN, facts, hostile, measured

pytestmark = pytest.mark.xdist_group("browser")  # one browser

ATTACK = """<script>window.hit=1</script>"><img src=x onerror="window.hit=2"><svg onload=window.hit=3>""" + "w" * 200
Open = Callable[..., Page]

CONTRAST = """() => {
  const parts = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${element.tagName}.${element.className} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return low;
}"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    made = {"plain": facts(), "hostile": hostile(ATTACK)}
    for name, inputs in made.items():
        (folder / f"{name}.html").write_text(render_page(build_page(inputs)), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Opens a report; at the end nothing was complained of and nothing was fetched."""
    texts: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_(name: str = "plain", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: texts.append(message.text))
        page.on("pageerror", lambda error: texts.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(files[name].as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert texts == []
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len(asked) == len(contexts), "a file that needs nothing else"


def spans(page: Page) -> list[tuple[float, float]]:
    """What every chart shows of the time axis."""
    return [tuple(entry) for entry in page.evaluate("squallCharts.map((chart) => [chart.scales.x.min, chart.scales.x.max])")]


def along(page: Page, chart: int, seconds: float) -> tuple[float, float]:
    """Where a moment is on the screen, in the middle of a chart."""
    at = page.evaluate(
        "([chart, at]) => { const c = squallCharts[chart]; c.root.scrollIntoView({block: 'center'}); "
        "const r = c.over.getBoundingClientRect(); return [r.left + c.valToPos(at, 'x'), r.top + r.height / 2]; }",
        [chart, seconds],
    )
    return float(at[0]), float(at[1])


def coloured(page: Page, name: str) -> list[int]:
    """Pixels of a theme's colour in each chart."""
    result: list[int] = page.evaluate(
        """(name) => {
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.color = `var(--${name})`;
          const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
          probe.remove();
          return squallCharts.map(({ ctx: { canvas } }) => {
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, 0, 0);
            const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4) count += wanted.every((value, j) => Math.abs(data[i + j] - value) < 3);
            return count;
          });
        }""",
        name,
    )
    return result


def test_every_chart_is_drawn_with_every_point(opened: Open) -> None:
    page = opened()
    lane, *charts = page.evaluate("squallCharts.map((chart) => chart.data)")
    assert lane[0] == list(SPAN)
    assert [values for _, values in charts] == [[value for _, value in entry.points] for entry in measured()]
    assert all(times == list(SPAN) for times, _ in charts)
    none_in_lane, *lines = coloured(page, "line")
    assert none_in_lane == 0
    assert min(lines) > 500, "a line across the chart"
    assert page.evaluate("squallCharts.every((chart) => chart.width === chart.root.parentElement.clientWidth && chart.width > 900)")


def test_hovering_one_chart_tells_the_values_of_all_at_that_time(opened: Open) -> None:
    page = opened()
    at = FAULT.start + 120
    page.mouse.move(*along(page, 2, at))
    for index in range(3):
        expect(page.locator(".chart .value").nth(index)).to_contain_text("20:06:00")
    answer = page.locator(".chart .value").all_inner_texts()
    assert [text.split(maxsplit=1)[0] for text in answer] == ["20:06:00"] * 3
    assert [text.split(maxsplit=1)[1] for text in answer] == [format_quantity(dict(entry.points)[at], entry.unit) for entry in measured()]
    page.mouse.move(*along(page, 1, EFFECT.timestamp()))
    expect(page.locator(".reading")).to_contain_text("2 20:04:00 in effect")
    page.mouse.move(5, 5)
    expect(page.locator(".chart .value")).to_have_text(["", "", ""])


def test_dragging_zooms_every_chart_and_a_double_click_shows_the_whole_run(opened: Open) -> None:
    page = opened()
    whole = spans(page)
    assert set(whole) == {(SPAN[0], RECOVERY.end)}
    start, end = along(page, 1, FAULT.start), along(page, 1, FAULT.end)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()
    until(lambda: set(spans(page)) != set(whole) and len(set(spans(page))) == 1, "every chart zooms")
    (zoomed,) = set(spans(page))
    assert zoomed == pytest.approx((FAULT.start, FAULT.end), abs=30)
    page.mouse.dblclick(*start)
    until(lambda: spans(page) == whole, "every chart shows the whole run")


def test_buttons_zoom_by_keyboard_too(opened: Open) -> None:
    page = opened()
    button = page.get_by_role("button", name="fault", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    until(lambda: set(spans(page)) == {(FAULT.start - 60, FAULT.end + 60)}, "every chart shows the fault")
    assert page.locator("[data-zoom][aria-pressed=true]").all_inner_texts() == ["fault"]
    page.get_by_role("button", name="whole run").click()
    until(lambda: set(spans(page)) == {(SPAN[0], RECOVERY.end)}, "every chart shows the whole run")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_reader_s_until_the_button_says_otherwise(opened: Open, theme: Any) -> None:
    page = opened(color_scheme=theme)
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert min(coloured(page, "line")[1:]) > 500
    page.locator("#theme").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == {"light": "dark", "dark": "light"}[theme]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.wait_for_function("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
    assert min(coloured(page, "line")[1:]) > 500, "the charts follow"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390])
def test_every_word_has_the_contrast_of_wcag_aa(opened: Open, theme: Any, width: int) -> None:
    page = opened(color_scheme=theme, viewport={"width": width, "height": 800})
    assert page.evaluate(CONTRAST) == []


def test_headings_and_tables_say_what_they_are(opened: Open) -> None:
    page = opened()
    levels = [int(level) for level in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => h.tagName[1])")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('table')].every((t) => t.ariaLabel && t.querySelector('th[scope=col]'))")
    assert page.evaluate("[...document.querySelectorAll('.chart .plot')].every((p) => p.ariaLabel.length > 60)")
    assert page.evaluate(
        "[...document.querySelectorAll('section')].every((s) => document.getElementById(s.getAttribute('aria-labelledby')))"
    )


@pytest.mark.parametrize("name", ["plain", "hostile"])
@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_scrolls_in_one_direction(opened: Open, name: str, width: int) -> None:
    page = opened(name, viewport={"width": width, "height": 800}, device_scale_factor=2, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    right = page.evaluate("Math.max(...[...document.querySelectorAll('main *')].map((e) => e.getBoundingClientRect().right))")
    assert right <= width + 1
    page.touchscreen.tap(*along(page, 2, FAULT.start + 120))
    value = page.locator(".chart .value").nth(1)
    expect(value).to_have_text(re.compile(r" s$"))
    page.evaluate("squallCharts[2].over.dispatchEvent(new MouseEvent('mouseleave'))")
    assert value.inner_text().endswith(" s"), "what a finger reads stays when the idle mouse pointer leaves"


def test_a_script_in_a_name_is_text(opened: Open) -> None:
    page = opened("hostile")
    assert page.evaluate("window.hit") is None
    assert page.locator("h1").inner_text() == f"Shop{ATTACK}"
    assert page.locator("img, svg, iframe, object").count() == 0
    assert len(page.evaluate("squallCharts")) == 4


def test_it_prints_on_a4_light_and_unfolded_and_is_itself_again_afterwards(opened: Open) -> None:
    page = opened(color_scheme="dark")
    state = "[document.documentElement.dataset.theme, document.querySelectorAll('details[open]').length, squallCharts[1].width]"
    before = page.evaluate(state)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    theme, unfolded, width = page.evaluate(state)
    assert (theme, unfolded) == ("light", page.locator("details").count())
    assert width <= 182 / 25.4 * 96, "fits between the margins"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(state) == before
    pdf = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}
    assert 3 <= len(boxes) <= 8


def test_without_scripts_the_numbers_are_there(opened: Open) -> None:
    page = opened(java_script_enabled=False)
    assert page.get_by_text("The charts need JavaScript").is_visible()
    assert page.locator("section[aria-labelledby=course] table").is_visible()
    assert page.locator("#theme").is_hidden()
