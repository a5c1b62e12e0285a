"""A headless Chromium for the pages that people look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

from infra.code import UPLOT
from scripts.chromium import ARGUMENTS, WHAT_TO_DO, NoBrowserError, find_chromium
from squall.reporting import page
from tests.patience import PATIENCE

expect.set_options(timeout=1000 * PATIENCE)


@pytest.fixture(scope="module")  # no longer: while it is open an event loop runs in this thread, and the worker's other tests may want one
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            binary = find_chromium()
            running = playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        except NoBrowserError as error:
            pytest.fail(str(error))
        except Error as error:
            pytest.fail(f"{WHAT_TO_DO} {binary} does not start: {error.message[:500]}")
        yield running
        running.close()


@pytest.fixture(scope="session", autouse=True)
def charting() -> Iterator[None]:
    """Where a staged asset has its copy of uPlot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "VENDOR", Path(UPLOT) / "dist")
        yield
