"""The site as people get it: built without a warning, asks nobody else for anything, searchable, as wide as a phone, in both themes."""

from __future__ import annotations

import functools
import http.server
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import browser  # noqa: F401 - a fixture
from tests.documentation.pages import ROOT, require_current_tools
from tests.patience import PATIENCE

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.xdist_group("documentation")]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site() -> Path:
    """The folder that `make docs` built; every warning of MkDocs fails the build."""
    require_current_tools()
    done = subprocess.run(["make", "docs"], cwd=ROOT, capture_output=True, text=True, timeout=3000, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "docs"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def names(site: Path) -> list[str]:
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loaded = re.compile(r"<(?:link|script|img|iframe)[^>]*(?:src|href)=[\"']?(https?:)?//")
    assert [name for name in names(site) if loaded.search((site / name).read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_fits_its_window_and_is_loaded_from_here(
    browser: Browser,  # noqa: F811
    site: Path,
    address: str,
    size: dict[str, int],
    scheme: str,
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    wide = []
    for name in names(site):
        page.goto(f"{address}/{name}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)
        assert page.locator("body").get_attribute("data-md-color-scheme") == {"light": "default", "dark": "slate"}[scheme]
    context.close()
    assert wide == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert complaints == []


def test_the_search_finds_a_setting(browser: Browser, address: str) -> None:  # noqa: F811
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/index.html")
    page.locator("input.md-search__input").click()
    page.keyboard.type("stop_reserved_concurrency")
    first = page.locator(".md-search-result__link").first
    first.wait_for(timeout=1000 * PATIENCE)
    assert "reference/settings.html" in str(first.get_attribute("href"))
    context.close()
