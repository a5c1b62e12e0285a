"""A game day in a deployed account, by the commands that people use: asked by a message, answered with the command in it, followed
on the live page, and told at the end."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from infra.places import ROOT
from tests.deployed.rig import LONGEST_RUN, Json, Rig
from tests.patience import LONGEST_TEST, PATIENCE, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]
DAY = "day-1"
EXIT_CODES = {"validated": 0, "refuted": 1, "invalid": 3, "inconclusive": 4}


def command(rig: Rig, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """What the command says on stdout, with the credentials of the account."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT, env=environment(rig), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode in codes, done.stderr
    return done.stdout


def environment(rig: Rig) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, **rig.account.environment()}


def asked(rig: Rig, prompt: str) -> list[Json]:
    """The messages that ask people this prompt."""
    return [message for message in rig.people.look() if f"--step {prompt} " in message["Message"]]


def answer(rig: Rig, prompt: str, text: str) -> None:
    """Wait for the message, and run the command that it shows, with an answer in the place of the dots."""
    message = until(lambda: asked(rig, prompt), f"the message that asks {prompt}")[0]
    line = next(line for line in message["Message"].splitlines() if f"--step {prompt} " in line and "--stop" not in line)
    words = shlex.split(line)
    assert words[0] == "squall"
    command(rig, *(text if word == "…" else word for word in words[1:]))


def read_file(rig: Rig, name: str) -> str | None:
    client, bucket, key = rig.client("s3"), rig.account.outputs["ResultsBucketName"], f"results/{DAY}/{name}"
    found = client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    return client.get_object(Bucket=bucket, Key=key)["Body"].read().decode() if found else None


@pytest.mark.usefixtures("calm")
def test_people_are_asked_answer_and_see_what_happened(rig: Rig, tmp_path: Path) -> None:
    page = Path(os.environ.get("SQUALL_PICTURES") or tmp_path) / "game-day.html"  # the variable: for somebody who wants to look at it
    page.unlink(missing_ok=True)
    rig.forget()  # what the workload answered while it started would be in the baseline
    command(rig, "--stack", rig.stack, "campaign", "run", "game-day", "--name", DAY, "--no-follow")
    until(lambda: asked(rig, "ready"), "the first message")
    follow = [sys.executable, "-m", "cli", "--stack", rig.stack, "campaign", "follow", DAY, "--page", str(page)]
    with subprocess.Popen(follow, cwd=ROOT, env=environment(rig), stderr=subprocess.DEVNULL) as following:
        try:
            until(lambda: page.exists() and "Is everybody in the call" in page.read_text(), "the live page with the prompt")
            if os.environ.get("SQUALL_PICTURES"):
                page.with_name("game-day-asks.html").write_text(page.read_text())
            answer(rig, "ready", "all here")
            run = rig.execution(rig.account.outputs["ExperimentStateMachineArn"].replace(":stateMachine:", ":execution:") + f":{DAY}-s001")
            until(lambda: run.record, "the run of the experiment")
            # On a busy machine the workload may be too slow for a steady state: then no fault starts, and the day goes on.
            until(lambda: run.saw("fault_started") or run.final, "the fault, or the end of the run", seconds=LONGEST_RUN)
            command(rig, "--stack", rig.stack, "campaign", "note", DAY, "the inventory is slow")
            record = run.done()
            answer(rig, "seen", "the dashboard of the inventory")
            code = following.wait(timeout=LONGEST_RUN)
        finally:
            following.kill()
    result = json.loads(until(lambda: read_file(rig, "campaign_result.json"), "the result"))
    assert (result["status"], [step["outcome"] for step in result["steps"]]) == ("completed", [record["verdict"]]), result["reason"]
    assert code == EXIT_CODES[result["verdict"]]
    assert "2 of 2 prompts answered" in result["reason"]
    assert [len(asked(rig, prompt)) for prompt in ("ready", "seen")] == [1, 1], "each is asked once"
    events = [event["detail"] for event in rig.machines.look() if event["detail-type"] == "Squall Campaign Prompt"]
    assert [(event["prompt"], event["again"]) for event in events] == [("ready", False), ("seen", False)]
    last = until(lambda: [m for m in rig.people.look() if m["Subject"].startswith("Squall: campaign")], "the last message")[-1]["Message"]
    assert "[answered] ready: Is everybody in the call" in last
    assert "all here" in last
    retrospective = until(lambda: read_file(rig, "retrospective.md"), "the retrospective")
    assert "the inventory is slow" in retrospective
    row = next(line for line in retrospective.splitlines() if line.startswith("| slow-dependency | person |"))
    assert ("can't be told" in row) == (run.saw("fault_started") is None), row
    assert "Over:" in page.read_text()
    rig.clean()
