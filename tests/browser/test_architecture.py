"""The picture of the architecture fits the theme that the reader of the site chose, whatever the device prefers."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser

from infra.places import ROOT

PICTURE = ROOT / "docs" / "images" / "architecture.svg"
STYLES = ROOT / "docs" / "images" / "site.css"
PAGE = """<html><style>{styles}</style><body data-md-color-scheme="{scheme}"><div class="md-typeset"><p><img src="{picture}"></p></div>"""


def read_corner(browser: Browser, scheme: str, device: Literal["light", "dark"]) -> tuple[int, ...]:
    """The colour of the picture's background."""
    page = browser.new_page(color_scheme=device)
    place = PICTURE.parent / f".theme-{scheme}-{device}.html"
    place.write_text(PAGE.format(styles=STYLES.read_text(), scheme=scheme, picture=PICTURE.name))
    try:
        page.goto(place.as_uri())
        page.wait_for_function("document.images[0].complete && document.images[0].naturalWidth > 0")
        shot = page.locator("img").screenshot()
        return tuple(
            page.evaluate(
                """async bytes => {
                    const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
                    const canvas = new OffscreenCanvas(picture.width, picture.height);
                    const pen = canvas.getContext("2d");
                    pen.drawImage(picture, 0, 0);
                    return [...pen.getImageData(8, 8, 1, 1).data].slice(0, 3);
                }""",
                list(shot),
            )
        )
    finally:
        place.unlink()
        page.close()


@pytest.mark.parametrize("device", ["light", "dark"])
def test_the_picture_is_dark_in_the_dark_theme_and_light_in_the_light_one(browser: Browser, device: Literal["light", "dark"]) -> None:
    assert max(read_corner(browser, "slate", device)) < 64
    assert min(read_corner(browser, "default", device)) > 192


def test_every_colour_has_a_class_that_the_dark_theme_changes() -> None:
    drawing = PICTURE.read_text().partition("</style>")[2]
    assert not re.findall(r'(?:fill|stroke)="#', drawing)
