"""`make screenshots`: the pictures in docs/images, taken of real runs in a local account of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from infra.places import ROOT
from local import regions as local_regions
from local import up as launcher
from scripts.chromium import ARGUMENTS, find_chromium

STATE = ROOT / ".local" / "screenshots"
"""Its own folder, so that another account stays as it is."""
IMAGES = ROOT / "docs" / "images"
SQUALL = Path(sys.executable).with_name("squall")
RUNS = {
    "ec2-instance-termination": (0,),
    "cpu-stress": (0,),
    "network-latency": (0, 1),
    "slow-dependency": (0, 1),
    "zone-loss": (0,),
    "abort-demo": (2,),
}
"""The experiments of the local catalogue that are run, and the exit codes with which each may end. All are in the picture of
a period."""
SHOWN = {"report": "abort-demo", "scenario": "zone-loss"}
"""The run that each picture of a report shows."""
CAMPAIGN, WORKLOAD = "latency-limit", "impatient"
"""The ramp whose report is shown, and the workload in which it finds a limit."""
REGIONS, REGIONS_CATALOGUE = "slow-in-both", "tests/local/regions/experiments"
"""The run over two Regions whose report is shown, and where its experiment is."""


class Picture(NamedTuple):
    """One picture: the page, and the size in pixels of what is seen of it."""

    page: str
    width: int
    height: int
    theme: Literal["light", "dark"] = "light"


PICTURES = {
    "report-light": Picture("report", 1000, 1670),
    "report-dark": Picture("report", 1000, 1670, "dark"),
    "scenario-light": Picture("scenario", 1000, 1800),
    "period-light": Picture("period", 900, 1100),
    "posture-light": Picture("posture", 1100, 1100),
    "campaign-light": Picture("campaign", 900, 900),
    "regions-light": Picture("regions", 1000, 1900),
}


class ScreenshotError(Exception):
    """A command did not end as a picture of it needs."""


def main() -> int:
    """Returns 0 with every picture written."""
    STATE.mkdir(parents=True, exist_ok=True)
    try:
        account = launcher.start_account(STATE, on_progress=print)
        environment = {**os.environ, **account.environment()}
        pages = make_pages(environment)
        launcher.change_workload(account, workload=WORKLOAD)
        pages["campaign"] = make_campaign_page(environment)
    finally:
        launcher.stop_account(STATE)
    pages["regions"] = make_regions_page()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        for name, picture in PICTURES.items():
            take_picture(browser, pages[picture.page], picture, IMAGES / f"{name}.png")
            print(f"docs/images/{name}.png")
        browser.close()
    return 0


def make_pages(environment: Mapping[str, str]) -> dict[str, Path]:
    """Runs the experiments, and returns the pages that are made of them. Raises ScreenshotError."""
    for name, codes in RUNS.items():
        run_squall(environment, "run", name, "--name", f"picture-{name}", codes=codes)
    pages = {name: STATE / f"{name}.html" for name in (*SHOWN, "period")}
    for page, run in SHOWN.items():
        run_squall(environment, "show", f"picture-{run}", "--html", str(pages[page]))
    run_squall(environment, "report", "--days", "30", "--html", str(pages["period"]))
    run_squall(environment, "discover", "--output", str(STATE / "discovery"), "--fresh")
    return {**pages, "posture": STATE / "discovery" / "posture.html"}


def make_campaign_page(environment: Mapping[str, str]) -> Path:
    """Runs the ramp, and returns its report. Raises ScreenshotError if it finds no limit."""
    page = STATE / "campaign.html"
    run_squall(environment, "campaign", "run", CAMPAIGN, "--name", f"picture-{CAMPAIGN}", codes=(1,))
    run_squall(environment, "campaign", "show", f"picture-{CAMPAIGN}", "--html", str(page))
    return page


def make_regions_page() -> Path:
    """Runs an experiment in two Regions of one account, and returns the report of both. Raises ScreenshotError."""
    folder, page, run = STATE / "regions", STATE / "regions.html", f"picture-{REGIONS}"
    try:
        home = next(iter(local_regions.start_regions(folder, experiments=REGIONS_CATALOGUE, on_progress=print).values()))
        environment = {**os.environ, **home.environment()}
        run_squall(environment, "run", REGIONS, "--name", run)
        run_squall(environment, "show", run, "--html", str(page))
    finally:
        local_regions.stop_regions(folder)
    return page


def run_squall(environment: Mapping[str, str], *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
    """Runs the command as a person would. Raises ScreenshotError if it ends with another code."""
    print("squall", *arguments, flush=True)
    done = subprocess.run([SQUALL, *arguments], cwd=STATE, env=dict(environment), capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode not in codes:
        raise ScreenshotError(f"squall {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def take_picture(browser: Browser, page: Path, picture: Picture, file: Path) -> None:
    """Writes the upper part of the page, as it is seen in a window of this size, once its fonts and charts are drawn."""
    context = browser.new_context(viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.theme)
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.wait_for_load_state("networkidle")
    tab.evaluate("document.fonts.ready")
    tab.screenshot(path=file)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
