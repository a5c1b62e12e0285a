"""The local fleet, commanded by `squall fleet` from home, as a user who is not root; then the member dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import fleet as local_fleet
from local import processes
from local.fleet import GRANTS, HOME, IDENTITIES, MEMBER, LocalFleet
from tests.local.account_rig import ROOT
from tests.patience import LONGEST_TEST, PATIENCE, until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(LONGEST_TEST)]
MOST_MEMORY = 2048
"""MiB of all processes of both accounts, while one of them runs an experiment."""


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


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    answer: Any
    """Its JSON document."""
    seconds: float
    most_memory: int
    """Of all processes of both accounts while it ran, in MiB."""

    @property
    def stacks(self) -> dict[str, dict[str, Any]]:
        """The stacks that it asked, by name."""
        return {stack["name"]: stack for stack in self.answer["stacks"]}


def command(fleet: LocalFleet, *words: str) -> Done:
    """Runs a command on the fleet, as the user at home."""
    variables = {name: value for name, value in os.environ.items() if name not in {"AWS_PROFILE", "AWS_SESSION_TOKEN"}}
    variables |= local_fleet.list_fleet_variables(fleet.file.parent)
    line = [sys.executable, "-m", "cli", "fleet", *words, "--json", "--file", str(fleet.file)]
    began, most = time.monotonic(), 0
    output, errors = fleet.file.with_name("command.json"), fleet.file.with_name("command.log")
    with (
        output.open("w") as out,
        errors.open("w") as err,
        subprocess.Popen(line, cwd=ROOT, env=variables, stdout=out, stderr=err) as process,
    ):

        def ended() -> bool:
            nonlocal most
            most = max(most, _measure_memory(fleet))
            return process.poll() is not None

        try:
            until(ended, f"squall fleet {words[0]} ends", seconds=4 * PATIENCE, interval=1)
        finally:
            process.kill()
    assert output.read_text(), errors.read_text()
    done = Done(process.returncode, json.loads(output.read_text()), time.monotonic() - began, most)
    print(f"squall fleet {' '.join(words)}: exit {done.code} in {done.seconds:.1f} s, {most} MiB at most")
    return done


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
    done = command(fleet, "status")
    assert done.code == 0, json.dumps(done.stacks, indent=1)
    assert done.most_memory < MOST_MEMORY
    assert not any(stack["answer"]["halt"]["engaged"] for stack in done.stacks.values())

    assert invoke(fleet, "heartbeat") == {MEMBER: "sent"}
    assert invoke(fleet, "collect") == {MEMBER: "0 runs copied"}
    done = command(fleet, "doctor")
    assert done.code == 0, json.dumps(done.stacks, indent=1)
    assert [check["role"] for check in done.stacks[MEMBER]["answer"]] == list(GRANTS)

    ran = command(fleet, "run", MEMBER, "network-latency", "--name", "from-home")
    assert (ran.answer["execution_id"], ran.answer["status"]) == ("from-home", "completed"), json.dumps(ran.answer, indent=1)
    assert ran.most_memory < MOST_MEMORY
    assert invoke(fleet, "collect") == {MEMBER: "1 runs copied"}

    done = command(fleet, "halt", "--reason", "a test")
    assert done.code == 0, json.dumps(done.stacks, indent=1)
    done = command(fleet, "status")
    assert all(stack["answer"]["halt"]["engaged"] for stack in done.stacks.values())
    assert done.stacks[MEMBER]["answer"]["halt"]["by"] == f"arn:aws:iam::{IDENTITIES[HOME].account_id}:user/ada"
    refused = command(fleet, "run", MEMBER, "network-latency", "--name", "while-halted")
    assert (refused.code, refused.answer["status"]) == (3, "rejected")
    assert "halted" in json.dumps(refused.answer)

    done = command(fleet, "resume", "--reason", "over")
    assert (done.code, [stack["answer"]["engaged"] for stack in done.stacks.values()]) == (0, [False, False])

    processes.stop_process(fleet.file.parent / MEMBER, "account")
    with pytest.raises(AssertionError, match="1 members were not reached: member"):
        invoke(fleet, "heartbeat")
    done = command(fleet, "halt", "--reason", "the member is gone")
    assert (done.code, done.stacks[HOME]["outcome"], done.stacks[MEMBER]["outcome"]) == (5, "answered", "unreachable")
    assert done.stacks[HOME]["answer"]["engaged"] is True
    assert any("squall --stack Squall --region eu-west-1 halt" in line for line in done.stacks[MEMBER]["by_hand"])
    assert done.seconds < 90 + PATIENCE
    reported = command(fleet, "report", "--only", MEMBER)
    assert reported.answer["copies"][MEMBER]["report"]["total_experiments"] >= 1, "home's copy of the member's run"
