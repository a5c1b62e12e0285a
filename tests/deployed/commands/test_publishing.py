"""Experiments and campaigns without a deployment: published, run by their names, retired, and then refused, by the command
that people use."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.places import ROOT
from tests.deployed.rig import LONGEST_RUN, Execution, Rig, latency
from tests.patience import LONGEST_TEST, PATIENCE

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]
OF_VERDICTS = (0, 1, 4)
"""The exit codes of runs that went to their end: validated, refuted, inconclusive."""


def squall(rig: Rig, *arguments: str, codes: tuple[int, ...] = (0,), seconds: float = PATIENCE) -> dict[str, Any]:
    """What the command answers as JSON, with the credentials of the account, when it ends with one of these codes."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--stack", rig.stack, *arguments, "--json"],
        cwd=ROOT, env={**others, **rig.account.environment()}, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode in codes, done.stderr
    return dict(json.loads(done.stdout))


def start(rig: Rig) -> Execution:
    return rig.start(json.dumps({"experiment": "checkout"}))


def test_an_experiment_is_published_runs_by_its_name_and_is_refused_once_it_is_retired(rig: Rig, target: str, tmp_path: Path) -> None:
    file = tmp_path / "checkout.yaml"
    file.write_text(yaml.safe_dump(latency(target)))
    (written,) = squall(rig, "publish", str(file))["published"]
    run = start(rig)
    record = run.done()
    assert record["status"] == "completed", record["reason"]
    source = run.result["source"]
    assert (source["kind"], source["name"], source["version"], source["hash"]) == ("published", "checkout", 1, written["hash"])
    squall(rig, "catalogue", "retire", "checkout")
    refused = start(rig)
    record = refused.done()
    assert record["status"] == "rejected"
    assert "retired" in record["reason"]
    assert rig.left() == []


def write_campaign(folder: Path, target: str) -> tuple[Path, Path]:
    """The files of an experiment, and of a suite of it, with the policies beside them."""
    for name in ("campaigns", "environments", "experiments"):
        (folder / name).mkdir()
    shutil.copy(ROOT / "local/environments/staging.yaml", folder / "environments")
    experiment, suite = folder / "experiments/cart.yaml", folder / "campaigns/cart-suite.yaml"
    experiment.write_text(yaml.safe_dump(latency(target, duration="PT30S")))
    document = {"name": "Cart", "description": "One instance is slow", "kind": "suite", "steps": [{"experiment": "cart"}]}
    suite.write_text(yaml.safe_dump({**document, "schedule": {"expression": "rate(300 days)"}}))
    return experiment, suite


@pytest.mark.usefixtures("calm")
def test_a_campaign_is_published_with_its_experiment_and_is_refused_once_it_is_retired(rig: Rig, target: str, tmp_path: Path) -> None:
    files = write_campaign(tmp_path, target)
    published = squall(rig, "publish", *map(str, files))
    written = {each["name"]: each for each in published["published"]}
    assert published["schedules"]["scheduled"] == ["cart-suite"], published["schedules"]
    scheduler, where = rig.client("scheduler"), {"GroupName": f"squall-{rig.stack}.published", "Name": "cart-suite"}
    started = scheduler.get_schedule(**where)["Target"]
    assert started["Arn"] == rig.account.outputs["CampaignStateMachineArn"]
    assert json.loads(started["Input"])["campaign"] == "cart-suite"
    assert [(name, each["version"]) for name, each in written.items()] == [("cart", 1), ("cart-suite", 1)]
    result = squall(rig, "campaign", "run", "cart-suite", "--name", "cart-1", codes=OF_VERDICTS, seconds=LONGEST_RUN)
    assert result["status"] == "completed", result["reason"]
    run = rig.execution("cart-1-s001").result
    assert [(step["execution_id"], step["outcome"]) for step in result["steps"]] == [("cart-1-s001", run["verdict"])]
    for document, name in ((result, "cart-suite"), (run, "cart")):
        source = document["source"]
        assert (source["kind"], source["name"], source["version"], source["hash"]) == ("published", name, 1, written[name]["hash"])
    assert squall(rig, "catalogue", "retire", "cart-suite")["schedules"]["removed"] == ["cart-suite"]
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(**where)
    refused = squall(rig, "campaign", "run", "cart-suite", "--name", "cart-2", codes=(3,))
    assert (refused["status"], refused["steps"]) == ("rejected", [])
    assert "retired" in refused["reason"]
    rig.clean()
