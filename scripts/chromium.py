"""The headless Chromium that tests and screenshots use: `CHROME`, else one installed on the machine, else the one that
package-lock.json pins."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys

from infra.node import path_with_node
from infra.places import ROOT
from scripts.build_layer import hold_lock

UNPACK_SECONDS = 600
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
INSTALLED = ("chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
WHAT_TO_DO = "Pages are looked at in a browser: install Chromium or Chrome, or name its binary in CHROME."
UNPACK = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"


class NoBrowserError(Exception):
    """No Chromium runs here; the message says what to do."""


def find_chromium() -> str:
    """The path of a binary that runs here. Raises NoBrowserError."""
    if chosen := os.environ.get("CHROME"):
        return chosen
    if installed := next((path for path in map(shutil.which, INSTALLED) if path), None):
        return installed
    if sys.platform != "linux" or platform.machine() != "x86_64":  # what npm has is for Linux on x86_64
        raise NoBrowserError(WHAT_TO_DO)
    return _unpack()


def _unpack() -> str:
    """Unpacks the binary of npm's @sparticuz/chromium, once for all runs."""
    folder = ROOT / "build" / "chromium"
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder.parent / "chromium.lock"):
        done = subprocess.run(
            ["node", "--input-type=module", "-e", UNPACK],
            cwd=ROOT,
            env={**os.environ, "PATH": path_with_node(), "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=UNPACK_SECONDS,
            check=False,
        )
    if done.returncode:
        raise NoBrowserError(f"{WHAT_TO_DO} The one of package-lock.json can't be unpacked: {done.stderr[-500:]}")
    return done.stdout.strip()
