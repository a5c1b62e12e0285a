"""An experiment without a deployment: published, run by its name, retired, and then refused, by the command that people
use."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.places import ROOT
from tests.deployed.rig import Execution, Rig, latency
from tests.patience import LONGEST_TEST, PATIENCE

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]


def squall(rig: Rig, *arguments: str) -> dict[str, Any]:
    """What the command answers as JSON, with the credentials of the account."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--stack", rig.stack, *arguments, "--json"],
        cwd=ROOT, env={**others, **rig.account.environment()}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
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
