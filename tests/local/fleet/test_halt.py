"""The local fleet, commanded by `squall fleet` from home, as a user who is not root; then the member dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import fleet as local_fleet
from local import processes
from local.fleet import GRANTS, HOME, IDENTITIES, MEMBER, LocalFleet
from tests.local.account_rig import ROOT
from tests.patience import PATIENCE

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFleet]:
    root = tmp_path_factory.mktemp("fleet")
    for name in IDENTITIES:
        processes.end_with_caller(root / name)
    try:
        yield local_fleet.start_fleet(root, on_progress=print)
    finally:
        local_fleet.stop_fleet(root)
    assert [processes.list_leftovers(root / name) for name in IDENTITIES] == [[], []]


def command(fleet: LocalFleet, *words: str) -> tuple[int, dict[str, dict[str, Any]], float]:
    """Runs a command on the fleet; returns its exit code, its stacks by name, and its seconds."""
    variables = {name: value for name, value in os.environ.items() if name not in {"AWS_PROFILE", "AWS_SESSION_TOKEN"}}
    began = time.monotonic()
    line = [sys.executable, "-m", "cli", "fleet", *words, "--json", "--file", str(fleet.file)]
    variables |= local_fleet.list_fleet_variables(fleet.file.parent)
    done = subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert done.stdout, done.stderr
    seconds = time.monotonic() - began
    print(f"squall fleet {' '.join(words)}: exit {done.returncode} in {seconds:.1f} s, {_measure_memory(fleet)} MiB in all")
    return done.returncode, {stack["name"]: stack for stack in json.loads(done.stdout)["stacks"]}, seconds


def invoke(fleet: LocalFleet, handler: str) -> Any:
    """Calls one of home's functions, as its schedule does, and returns its answer."""
    functions = fleet.accounts[HOME].client("lambda")
    pages = functions.get_paginator("list_functions").paginate()
    (name,) = (
        made["FunctionName"] for page in pages for made in page["Functions"] if made["Handler"] == f"squall.handlers.{handler}.handler"
    )
    answer = functions.invoke(FunctionName=name)
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def _measure_memory(fleet: LocalFleet) -> int:
    """The memory of all processes of both accounts, shared pages counted once."""
    pids = [pid for name in IDENTITIES for pid in processes.list_leftovers(fleet.file.parent / name)]
    return sum(_read_memory(pid) for pid in pids) // 1024


def _read_memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def test_home_commands_its_member_and_a_dead_one_keeps_nobody_from_being_halted(fleet: LocalFleet) -> None:
    code, stacks, _ = command(fleet, "status")
    assert code == 0, stacks
    assert not any(stack["answer"]["halt"]["engaged"] for stack in stacks.values())
    assert _measure_memory(fleet) < 2048

    assert invoke(fleet, "heartbeat") == {MEMBER: "sent"}
    assert invoke(fleet, "collect") == {MEMBER: "0 runs copied"}
    code, stacks, _ = command(fleet, "doctor")
    assert code == 0, stacks
    assert [check["role"] for check in stacks[MEMBER]["answer"]] == list(GRANTS)

    code, stacks, _ = command(fleet, "halt", "--reason", "a test")
    assert code == 0, stacks
    code, stacks, _ = command(fleet, "status")
    assert all(stack["answer"]["halt"]["engaged"] for stack in stacks.values())
    assert stacks[MEMBER]["answer"]["halt"]["by"] == f"arn:aws:iam::{IDENTITIES[HOME].account_id}:user/ada"

    code, stacks, _ = command(fleet, "resume", "--reason", "over")
    assert (code, [stack["answer"]["engaged"] for stack in stacks.values()]) == (0, [False, False])

    processes.stop_process(fleet.file.parent / MEMBER, "account")
    with pytest.raises(AssertionError, match="1 members were not reached: member"):
        invoke(fleet, "heartbeat")
    code, stacks, seconds = command(fleet, "halt", "--reason", "the member is gone")
    assert (code, stacks[HOME]["outcome"], stacks[MEMBER]["outcome"]) == (5, "answered", "unreachable")
    assert stacks[HOME]["answer"]["engaged"] is True
    assert any("squall --stack Squall --region eu-west-1 halt" in line for line in stacks[MEMBER]["by_hand"])
    assert seconds < 90 + PATIENCE
