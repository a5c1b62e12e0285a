"""What the commands say of a campaign whose steps run in members of the fleet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.record import StepRun
from tests.cli.conftest import Squall
from tests.cli.fakes import FakeDeployment
from tests.cli.many.test_campaign import ROOT, RUNNING
from tests.cli.many.test_fleet import FLEET

STEPS = "\nsteps:\n  - {experiment: theirs, member: payments}\n  - {experiment: cpu-stress, name: here}\n"
ASKED = {"execution_id": "c-s001", "member": "payments", "asked": True}
MISSED = {
    "execution_id": "c-s002",
    "member": "search",
    "asked": False,
    "error": "sts AssumeRole: AccessDenied: not authorized",
    "command": "squall --stack Squall --region us-east-1 abort c-s002",
}


def write_drill(folder: Path, fleet: dict[str, Any] | None = None) -> str:
    for name in ("experiments", "environments"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "campaigns").mkdir()
    if fleet is not None:
        (folder / "fleet.yaml").write_text(yaml.safe_dump(fleet))
    file = folder / "campaigns" / "drill.yaml"
    file.write_text("name: Drill\ndescription: d\nkind: suite" + STEPS)
    return str(file)


def test_the_plan_names_the_member_and_leaves_what_only_its_stack_knows(squall: Squall, tmp_path: Path) -> None:
    file = write_drill(tmp_path)
    done = squall("campaign", "plan", file)
    shown = " ".join(done.stdout.split())
    assert done.exit_code == 0, done.stderr
    assert "in payments" in shown
    assert "as its stack says" in shown
    assert "2 runs at most, with faults of" in shown
    assert "together in this stack" in shown
    steps = json.loads(squall("campaign", "plan", file, "--json").stdout)["steps"]
    assert [step.get("member") for step in steps] == ["payments", None]


@pytest.mark.parametrize(("grants", "code"), [(["viewer", "campaign"], 0), (["viewer"], 3)])
def test_the_fleet_beside_the_campaign_says_whether_the_member_lets_it(
    squall: Squall, tmp_path: Path, grants: list[str], code: int
) -> None:
    fleet = json.loads(json.dumps(FLEET))
    fleet["members"]["payments"]["grants"] = grants
    file = write_drill(tmp_path, fleet)
    for words in (("campaign", "plan"), ("validate",)):
        done = squall(*words, file)
        assert done.exit_code == code
        assert ("payments does not let home's campaigns run there" in done.stdout + done.stderr) is (code == 3)


@pytest.mark.parametrize("asked", [[ASKED], []])
def test_an_abort_says_which_member_was_not_reached_and_what_to_do_there(
    squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch, asked: list[Any]
) -> None:
    deployment.campaigns.items["c"] = RUNNING

    def answer(campaign_id: str, reason: str, requested_by: str) -> Any:
        deployment.campaigns.items["c"] = replace(RUNNING, status=Status.ABORTED, verdict=Verdict.ABORTED, reason="enough")
        return {"campaign_id": campaign_id, "known": True, "recorded": True, "steps": [*asked, MISSED]}

    monkeypatch.setattr(deployment, "abort_campaign", answer)
    said = " ".join(squall("campaign", "abort", "c", "--reason", "enough").stderr.split())
    assert ("payments is asked to abort c-s001" in said) is bool(asked)
    assert ("no other step of it had to be aborted" in said) is (not asked)
    assert "no step of it had" not in said
    assert "search was not reached to abort c-s002 (sts AssumeRole: AccessDenied: not authorized). Home goes on trying." in said
    assert f"With credentials there: {MISSED['command']}" in said


def test_the_status_names_the_member_of_each_step(squall: Squall, deployment: FakeDeployment) -> None:
    run = StepRun(1, "theirs", "c-s001", RUNNING.started_at, member="payments", reason="sts AssumeRole: AccessDenied")
    deployment.campaigns.items["c"] = replace(RUNNING, runs=(run,))
    assert "c-s001 in payments" in " ".join(squall("campaign", "status", "c").stdout.split())
    (step,) = json.loads(squall("campaign", "status", "c", "--json").stdout)["steps"]
    assert (step["member"], step["reason"]) == ("payments", "sts AssumeRole: AccessDenied")
