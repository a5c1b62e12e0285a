"""A campaign at home of the local fleet whose step runs in the member, started on home's state machine as in its console: to its
verdict; then aborted; then with home's processes killed while the fault runs."""

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

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from local import fleet as local_fleet
from local import processes
from local.fleet import HOME, IDENTITIES, MEMBER, LocalFleet
from local.up import Account
from tests.deployed.rig import Rig
from tests.local.account_rig import ROOT
from tests.patience import LONGEST_TEST, PATIENCE, stretched, until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(LONGEST_TEST)]
Json = dict[str, Any]
Property = Any
OF_A_RUN = {"validated": "validated", "refuted": "refuted", "inconclusive": "inconclusive", "invalid": "inconclusive"}
"""The verdict of a run to that of a campaign with this step alone. A busy machine may make the workload slow."""
OVER = {"completed", "stopped"}
"""How a fault that lasted as planned ends in FIS: by itself, or by Squall once its commands are over."""
STOP_SECONDS = 30.0
"""What FIS and one call of each function may take."""


@dataclass(frozen=True)
class Stack:
    """What tests read of one of the stacks, with its account's own credentials."""

    account: Account

    def read_item(self, pk: str) -> Json:
        key, table, read = {"pk": {"S": pk}, "sk": {"S": "RECORD"}}, self.account.outputs["ResultsTableName"], TypeDeserializer()
        item = self.account.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return {name: read.deserialize(value) for name, value in item.items()}

    def run(self, execution_id: str) -> Json:
        return self.read_item(f"EXECUTION#{execution_id}")

    def campaign(self, name: str) -> Json:
        return self.read_item(f"CAMPAIGN#{name}")

    def list_faults(self) -> list[Json]:
        return list(self.account.client("fis").list_experiments()["experiments"])


@dataclass(frozen=True)
class Two:
    home: Stack
    member: Stack
    root: Path

    def variables(self) -> dict[str, str]:
        """Those of the user at home, who is no root."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**mine, **local_fleet.list_fleet_variables(self.root)}

    def start(self, name: str) -> float:
        """Start the campaign on home's machine; returns when."""
        variables = self.variables()
        client = boto3.client(
            "stepfunctions",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        machine = self.home.account.outputs["CampaignStateMachineArn"]
        client.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"campaign": "fleet-drill"}))
        return time.monotonic()

    def finish(self, name: str) -> Json:
        """Wait until the campaign has ended; returns its record."""

        def look() -> Json | None:
            record = self.home.campaign(name)
            return record if record.get("status") not in (None, "running") else None

        return until(look, f"the end of {name}", seconds=6 * PATIENCE, interval=1)

    def squall(self, *words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "cli", *words]
        return subprocess.run(line, cwd=ROOT, env=self.variables(), capture_output=True, text=True, timeout=6 * PATIENCE, check=False)

    def wait_for_fault(self, name: str) -> None:
        run = f"{name}-s001"
        until(lambda: self.member.run(run).get("fault_started_at"), "the fault runs in the member", seconds=4 * PATIENCE, interval=1)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFleet]:
    root = tmp_path_factory.mktemp("fleet")
    for name in IDENTITIES:
        processes.end_with_caller(root / name)
    try:
        yield local_fleet.start_fleet(root, on_progress=print)
    finally:
        local_fleet.stop_fleet(root)


@pytest.fixture(scope="module")
def rig(fleet: LocalFleet) -> Rig:
    """The member and its workload."""
    return Rig(fleet.accounts[MEMBER], fleet.file.parent / MEMBER)


@pytest.fixture
def two(fleet: LocalFleet, rig: Rig) -> Two:
    rig.clean()
    until(rig.quiet, "a quiet workload in the member")
    rig.forget_runs()
    return Two(Stack(fleet.accounts[HOME]), Stack(fleet.accounts[MEMBER]), fleet.file.parent)


def test_a_campaign_started_at_home_runs_in_the_member(two: Two, record_property: Property) -> None:
    began = two.start("drill-1")
    until(lambda: two.member.run("drill-1-s001"), "the run is admitted in the member", seconds=PATIENCE, interval=0.2)
    record_property("start_seconds", round(time.monotonic() - began, 1))
    print(f"the run was admitted in the member {time.monotonic() - began:.1f} s after the start at home")
    campaign = two.finish("drill-1")
    run = two.member.run("drill-1-s001")
    assert (campaign["status"], run["status"]) == ("completed", "completed"), campaign
    assert campaign["verdict"] == OF_A_RUN[run["verdict"]], "the campaign says what its run has shown"
    print(f"the run and the campaign are {run['verdict']} and {campaign['verdict']}: {run['reason']}")
    assert two.home.run("drill-1-s001") == {}
    assert two.home.list_faults() == []
    (fault,) = two.member.list_faults()
    assert fault["state"]["status"] in OVER
    print(f"the campaign ended {time.monotonic() - began:.1f} s after its start")
    shown = two.squall("campaign", "show", "drill-1")
    assert shown.returncode in {0, 1, 4}, shown.stderr
    assert "in member" in " ".join(shown.stdout.split())


def test_an_abort_at_home_stops_the_fault_in_the_member(two: Two, record_property: Property) -> None:
    two.start("drill-2")
    two.wait_for_fault("drill-2")
    asked = time.monotonic()
    aborting = two.squall("campaign", "abort", "drill-2", "--reason", "a test")
    assert "member is asked to abort drill-2-s001" in " ".join(aborting.stderr.split()), aborting.stderr
    campaign, run = two.finish("drill-2"), two.member.run("drill-2-s001")
    assert (campaign["status"], run["status"]) == ("aborted", "aborted")
    (fault,) = [each for each in two.member.list_faults() if each["tags"].get("squall:execution") == "drill-2-s001"]
    assert fault["state"]["status"] == "stopped"
    detail = two.member.account.client("fis").get_experiment(id=fault["id"])["experiment"]
    seconds = detail["endTime"].timestamp() - (time.time() - (time.monotonic() - asked))
    record_property("abort_seconds", round(seconds, 1))
    print(f"the fault in the member had stopped {seconds:.1f} s after the command was given at home")
    assert seconds < stretched(STOP_SECONDS)


def test_with_home_dead_the_run_in_the_member_ends_by_itself(two: Two) -> None:
    """The last test of this file: home stays dead."""
    two.start("drill-3")
    two.wait_for_fault("drill-3")
    processes.stop_process(two.root / HOME, "account")

    def look() -> Json | None:
        run = two.member.run("drill-3-s001")
        return run if run.get("status") not in (None, "running") else None

    run = until(look, "the end of the run", seconds=4 * PATIENCE, interval=1)
    assert run["status"] == "completed", run["reason"]
    assert all(fault["state"]["status"] in OVER for fault in two.member.list_faults())
