"""What `make catalogue` and `make golden` do alike: run after run in a local account, each on a workload that is whole; tables."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.account import Bench, MeasurementError
from bench.tables import Table
from local.workload.functions import BUCKET

CALM_SECONDS, CLEAN_SECONDS, ANSWER_SECONDS = 300.0, 60.0, 60.0
ENDED = ("completed", "stopped", "failed", "cancelled")


def calm(bench: Bench) -> None:
    """Wait until the workload is whole; MeasurementError where it doesn't become so."""
    deadline = time.monotonic() + CALM_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{bench.account.workload_url}/instances", timeout=ANSWER_SECONDS) as answer:
            states = [(web["lifecycle_state"], web["target_state"]) for web in json.load(answer)]
        status = bench.account.client("rds").describe_db_clusters(DBClusterIdentifier="sample-db")["DBClusters"][0]["Status"]
        if states == [("InService", "healthy")] * 3 and status == "available":
            return
        time.sleep(1.0)
    raise MeasurementError(f"the workload is not whole after {CALM_SECONDS:g} s: {states}, database {status}")


def arrived(bench: Bench) -> None:
    """Wait until what runs only when a setting asks for it is there, or gone; MeasurementError where it isn't in time."""
    deadline = time.monotonic() + CALM_SECONDS
    while time.monotonic() < deadline:
        if _workload(bench)["parts_whole"]:
            return
        time.sleep(0.5)
    raise MeasurementError(f"what the workload's settings ask for is not there after {CALM_SECONDS:g} s")


def _workload(bench: Bench) -> dict[str, Any]:
    """Everything it says of itself."""
    with urllib.request.urlopen(f"{bench.account.workload_url}/workload", timeout=ANSWER_SECONDS) as answer:
        return dict(json.load(answer))


def forget(bench: Bench) -> None:
    """The last run's failures are no steady state of this one."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    direct.open(urllib.request.Request(f"{bench.account.endpoint}/_squall/metrics", method="DELETE"), timeout=ANSWER_SECONDS).close()


def left(bench: Bench) -> tuple[str, ...]:
    """Whatever of a run is still there after its end; the release and its sweep have a minute."""
    deadline = time.monotonic() + CLEAN_SECONDS
    while (still := found(bench)) and time.monotonic() < deadline:
        time.sleep(1.0)
    return still


def found(bench: Bench) -> tuple[str, ...]:
    """Faults, templates, guards and locks that are there now, and FIS's network ACLs and pods."""
    account = bench.account
    experiments = [f"fault {one['id']}" for one in bench.fis.list_experiments()["experiments"] if one["state"]["status"] not in ENDED]
    templates = [f"template {one['id']}" for one in bench.fis.list_experiment_templates()["experimentTemplates"]]
    alarms = bench.cloudwatch.describe_alarms(AlarmNamePrefix=f"squall-{account.stack_name}-")["MetricAlarms"]
    guards = [f"guard {one['AlarmName']}" for one in alarms if "execution=" in one.get("AlarmDescription", "")]
    clones = account.client("ec2").describe_network_acls(Filters=[{"Name": "tag:managedByFIS", "Values": ["true"]}])["NetworkAcls"]
    acls = [f"network ACL {one['NetworkAclId']}" for one in clones]
    pages = account.client("dynamodb").get_paginator("scan").paginate(TableName=account.outputs["ResultsTableName"], ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    locks = [item["pk"]["S"] for item in items if item["pk"]["S"].startswith("LOCK#")]
    pods = _workload(bench).get("pods", {}).get("all", ())
    helpers = [f"pod {one['name']}" for one in pods if one["name"].startswith("fispod-")]
    return (*experiments, *templates, *guards, *locks, *acls, *helpers, *_faults_of_functions(bench))


def _faults_of_functions(bench: Bench) -> list[str]:
    """Objects that FIS wrote for its extension, where the sample has a function."""
    s3 = bench.account.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        return []
    return [f"fault {one['Key']}" for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@dataclass(frozen=True)
class Place:
    """Where in a document the tables stand: between two comments."""

    document: Path
    begin: str
    end: str

    def written(self, text: str, made: Sequence[Table]) -> str:
        """The document's text with new tables; MeasurementError where it has no place for them."""
        before, mark, rest = text.partition(self.begin)
        _, end, after = rest.partition(self.end)
        if not (mark and end):
            raise MeasurementError(f"{self.document} has no place for the tables: {self.begin} … {self.end}")
        body = "\n".join(table.markdown().replace("## ", "### ", 1) for table in made if table.rows)
        return f"{before}{self.begin}\n\n{body}\n{self.end}{after}"

    def rows(self, text: str, columns: int) -> dict[str, tuple[str, ...]]:
        """The rows that stand there, heads among them, of so many columns, by their first cell."""
        inside = text.partition(self.begin)[2].partition(self.end)[0]
        lines = [line for line in inside.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
        cells = [tuple(cell.strip().replace("\\|", "|") for cell in line.strip("| ").split(" | ")) for line in lines]
        return {row[0]: row for row in cells if len(row) == columns}


class Progress:
    """Says what happens, with the time."""

    def __init__(self) -> None:
        self.console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)

    def __call__(self, step: str) -> None:
        self.console.print(f"{datetime.now(UTC):%H:%M:%S} {step}")

    def show(self, made: Sequence[Table]) -> None:
        """The tables, as the terminal or whoever reads the output wants them."""
        for table in made:
            self.console.print(table.rich() if self.console.is_terminal else table.markdown())


@contextmanager
def interruptible() -> Iterator[None]:
    """A request to end takes the account down, too."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
