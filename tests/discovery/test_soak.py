"""A large account: how long a scan takes, and how much memory, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.places import ROOT
from tests.discovery.shop import RESOURCES
from tests.patience import PATIENCE

SHOPS = 2000 // RESOURCES + 1
CALL_SECONDS = 0.03
"""What a call takes on the way to AWS and back."""
MOST_SECONDS, MOST_MEGABYTES = 120, 200
PROGRAM = f"""
import json, time
from pathlib import Path
from cli.commands.discover import write_files
from tests.discovery.answers import Session
from tests.discovery.looking import look
from tests.discovery.shop import Shop, answers
session = Session(answers([Shop(number) for number in range({SHOPS})]), interrupt=lambda name: time.sleep({CALL_SECONDS}))
begin = time.monotonic()
posture = look(session, Path("."))
rejected = write_files(posture, Path("out"))
# Not ru_maxrss, which a process takes over from the one that started it.
peak = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps({{
    "seconds": round(time.monotonic() - begin, 1), "cpu_seconds": round(time.process_time(), 1),
    "megabytes": round(peak / 1024),
    "calls": session.calls.total(), "services": len(posture.services), "proposals": len(posture.proposals), "rejected": rejected,
}}))
"""


@pytest.mark.soak
def test_two_thousand_resources_take_less_than_two_minutes_and_200_megabytes(tmp_path: Path) -> None:
    path = f"{ROOT}:{ROOT / 'lambdas'}"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=10 * PATIENCE,
        check=True,
    )  # fmt: skip
    measured = json.loads(done.stdout)
    print(measured)
    assert measured["rejected"] == []
    assert measured["services"] >= 6 * SHOPS
    # As if no two calls were made at the same time. The wall clock would measure what else runs on the machine.
    assert measured["cpu_seconds"] + measured["calls"] * CALL_SECONDS < MOST_SECONDS
    assert measured["megabytes"] < MOST_MEGABYTES
