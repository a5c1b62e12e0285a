"""A run over two Regions of one local account, with the stack deployed into both: both are validated, a guard in one stops both, and
when home is gone the other Region ends alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from local import processes
from local import regions as local_regions
from local.workload.settings import RESILIENT
from tests.deployed.rig import ROOT, Execution, Rig
from tests.patience import LONGEST_TEST, PATIENCE, stretched, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("regions"), pytest.mark.timeout(LONGEST_TEST)]

HOME, AWAY = local_regions.IDENTITIES
EXPERIMENTS = "tests/local/regions/experiments"
START_SECONDS = 30.0
"""From home's decision until the last fault starts (`squall.domain.regions.barrier.START_WITHIN`)."""
PULSE_SECONDS = 60.0
UNREADABLE_SECONDS = 90.0
"""How long a part runs without a reading of its peers (`squall.domain.regions.barrier.UNREADABLE_FOR`)."""
STOP_SECONDS = 30.0
"""What FIS and one call of each function may take."""
Property = Callable[[str, object], None]
Json = dict[str, Any]


@dataclass(frozen=True)
class Two:
    """Home and the other Region, with a stack in each."""

    home: Rig
    away: Rig

    def begin(self, campaign: str, name: str) -> tuple[Execution, Execution]:
        """Start the run at home, as people do; returns its parts."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        done = subprocess.run(
            [sys.executable, "-m", "cli", "--stack", self.home.stack, "campaign", "run", campaign, "--name", name, "--no-follow", "--json"],
            cwd=ROOT, env={**others, **self.home.account.environment()}, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return find_part(self.home, name), find_part(self.away, name)

    def read_whole(self, name: str) -> Json:
        """Home's record of the whole run."""
        return read_item(self.home, f"CAMPAIGN#{name}", "RECORD")

    def finish(self, name: str) -> Json:
        """Wait until the whole run has ended; returns its record."""

        def look() -> Json | None:
            record = self.read_whole(name)
            return record if record.get("status") not in (None, "running") else None

        return until(look, f"the end of {name}", seconds=4 * PATIENCE, interval=1)


def find_part(rig: Rig, name: str) -> Execution:
    region = rig.account.region
    machine = rig.account.outputs["ExperimentStateMachineArn"]
    return rig.execution(machine.replace(":stateMachine:", ":execution:") + f":{name}-{region}")


def read_item(rig: Rig, pk: str, sk: str) -> Json:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    table, read = rig.account.outputs["ResultsTableName"], TypeDeserializer()
    item = rig.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    return {name: read.deserialize(value) for name, value in item.items()}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    root = tmp_path_factory.mktemp("regions")
    for region in local_regions.IDENTITIES:
        processes.end_with_caller(root / region)
    try:
        accounts = local_regions.start_regions(root, experiments=EXPERIMENTS, on_progress=print)
        yield Two(*(Rig(accounts[region], root / region) for region in (HOME, AWAY)))
    finally:
        local_regions.stop_regions(root)
    assert [processes.list_leftovers(root / region) for region in local_regions.IDENTITIES] == [[], []]


@pytest.fixture
def two(both: Two) -> Two:
    """Two whole and quiet workloads, with nothing left of earlier runs."""
    for rig in (both.home, both.away):
        rig.settings(workload=RESILIENT, base_latency_ms=0)
        rig.clean()
        until(rig.quiet, f"a quiet workload in {rig.account.region}")
        rig.forget_runs()
    return both


def wait_until_faults_run(*parts: Execution) -> None:
    for part in parts:
        part.until("fault_started", seconds=4 * PATIENCE)


def fault_of(part: Execution) -> Json:
    return part.rig.fault(part.record["fis_experiment_id"])


def ending(part: Execution) -> tuple[Any, ...]:
    record = part.done()
    return record["status"], record.get("verdict"), record.get("hypothesis_validated")


def test_both_faults_start_together_and_the_run_is_validated(two: Two, record_property: Property) -> None:
    parts = two.begin("slow-in-both", "both-1")
    whole = two.finish("both-1")
    assert [ending(part) for part in parts] == [("completed", "validated", True)] * 2, whole["reason"]
    assert (whole["status"], whole["verdict"]) == ("completed", "validated")
    for region in (HOME, AWAY):
        assert f"{region}: validated" in whole["reason"]
    starts = [fault_of(part)["startTime"] for part in parts]
    apart = abs((starts[0] - starts[1]).total_seconds())
    record_property("starts_apart_seconds", round(apart, 1))
    print(f"the faults started {apart:.1f} s apart")
    assert apart <= START_SECONDS
    assert [rig.left() for rig in (two.home, two.away)] == [[], []]


def test_a_guard_in_one_region_stops_both(two: Two, record_property: Property) -> None:
    home, away = two.begin("guarded-in-both", "guarded-1")
    wait_until_faults_run(home, away)
    two.away.settings(base_latency_ms=2000)
    until(lambda: away.record.get("abort"), "the guard has fired")
    two.away.settings(base_latency_ms=0)
    whole = two.finish("guarded-1")
    assert ending(away) == ("aborted", "aborted", False)
    assert away.record["abort"]["source"] == "guard"
    assert ending(home) == ("aborted", "aborted", None)
    assert home.record["abort"]["source"] == "peer"
    assert (whole["status"], whole["verdict"]) == ("aborted", "aborted")
    faults = [fault_of(part) for part in (home, away)]
    starts_apart = abs((faults[0]["startTime"] - faults[1]["startTime"]).total_seconds())
    record_property("starts_apart_seconds", round(starts_apart, 1))
    print(f"the faults started {starts_apart:.1f} s apart")
    assert starts_apart <= START_SECONDS
    assert [fault["state"]["status"] for fault in faults] == ["stopped"] * 2
    apart = (faults[0]["endTime"] - faults[1]["endTime"]).total_seconds()
    record_property("stops_apart_seconds", round(apart, 1))
    print(f"home's fault stopped {apart:.1f} s after the one whose guard fired")
    assert apart < stretched(PULSE_SECONDS + STOP_SECONDS)
    assert [rig.left() for rig in (two.home, two.away)] == [[], []]


def test_a_region_without_a_fault_carries_the_load_of_the_other(two: Two, record_property: Property) -> None:
    """The test moves the load, as no DNS does it here: while the fault lasts, a fifth of it is left at home."""
    home, away = two.begin("region-evacuation", "leave-1")
    wait_until_faults_run(home, away)
    two.home.settings(load_rps=20)
    two.away.settings(load_rps=90)
    until(lambda: home.record.get("fault_ended_at"), "the fault is over", seconds=4 * PATIENCE)
    for rig in (two.home, two.away):
        rig.settings(load_rps=50)
    whole = two.finish("leave-1")
    assert [ending(part) for part in (home, away)] == [("completed", "validated", True)] * 2, whole["reason"]
    assert (whole["status"], whole["verdict"]) == ("completed", "validated")
    assert away.record["fault_type"] == "no_fault"
    faults = [fault_of(part) for part in (home, away)]
    assert [action["actionId"] for action in faults[1]["actions"].values()] == ["aws:fis:wait"]
    longer = (faults[1]["endTime"] - faults[0]["endTime"]).total_seconds()
    record_property("watched_longer_seconds", round(longer, 1))
    print(f"eu-west-1 was watched for {longer:.1f} s longer than the fault of us-east-1 lasted")
    assert longer > 0
    assert [rig.left() for rig in (two.home, two.away)] == [[], []]


def test_when_home_is_gone_the_other_region_ends_alone(two: Two, record_property: Property) -> None:
    """The last test of this file: home stays dead. Its process is killed, as nothing in it may say goodbye."""
    parts = two.begin("guarded-in-both", "gone-1")
    wait_until_faults_run(*parts)
    _, away = parts
    until(lambda: away.record.get("peers_read_at"), "the pulse has read home", seconds=PATIENCE)
    kill(two.home.state)
    gone_at = datetime.now(UTC)
    assert ending(away) == ("aborted", "aborted", None)
    assert away.record["abort"]["source"] == "peer"
    fault = fault_of(away)
    assert fault["state"]["status"] == "stopped"
    seconds = (fault["endTime"] - gone_at).total_seconds()
    record_property("alone_seconds", round(seconds, 1))
    print(f"the fault stopped {seconds:.1f} s after home was killed: {away.record['reason']}")
    assert seconds < stretched(UNREADABLE_SECONDS + PULSE_SECONDS + STOP_SECONDS)
    assert two.away.left() == []


def kill(state: Path) -> None:
    """End every process of one Region at once."""
    processes.kill_leftovers(state, follow_seconds=0)
