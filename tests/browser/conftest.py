"""A headless Chromium for the reports: `CHROME`, else one installed on the machine, else the one package-lock.json pins."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

from infra.code import UPLOT
from infra.places import ROOT
from scripts.build_layer import hold_lock
from squall.reporting import page
from tests.patience import PATIENCE

expect.set_options(timeout=1000 * PATIENCE)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
INSTALLED = ("chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
WHAT_TO_DO = "Reports are tested in a browser: install Chromium or Chrome, or name its binary in CHROME."
UNPACK = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"


def chromium() -> str:
    """Path of a binary that runs here."""
    if inputs := os.environ.get("CHROME"):
        return inputs
    if result := next((path for path in map(shutil.which, INSTALLED) if path), None):
        return result
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.fail(WHAT_TO_DO)  # what npm has is for Linux on x86_64
    return _unpacked()


def _unpacked() -> str:
    """The packed binary of npm's @sparticuz/chromium, unpacked once for all runs."""
    folder = ROOT / "build" / "chromium"
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder.parent / "chromium.lock"):
        done = subprocess.run(
            ["node", "--input-type=module", "-e", UNPACK],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    if done.returncode:
        pytest.fail(f"{WHAT_TO_DO} `make setup` brings the one of package-lock.json, which can't be unpacked: {done.stderr[-500:]}")
    return done.stdout.strip()


@pytest.fixture(scope="module")  # no longer: while it is open an event loop runs in this thread, and the worker's other tests may want one
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        binary = chromium()
        try:
            running = playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
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
