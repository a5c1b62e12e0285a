"""The common part of `make catalogue` and `make golden`: runs in a local account, each on a healthy workload, and their
tables."""

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
from local.workload.instances.report import is_even, is_whole

CALM_SECONDS, CLEAN_SECONDS, ANSWER_SECONDS = 300.0, 60.0, 60.0
ENDED = ("completed", "stopped", "failed", "cancelled")


def wait_until_healthy(bench: Bench) -> None:
    """Waits until the workload is healthy. Raises MeasurementError if it is not in time."""
    deadline = time.monotonic() + CALM_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{bench.account.workload_url}/instances", timeout=ANSWER_SECONDS) as answer:
            webs = json.load(answer)
        status = bench.account.client("rds").describe_db_clusters(DBClusterIdentifier="sample-db")["DBClusters"][0]["Status"]
        if is_whole(webs) and is_even(webs) and status == "available":
            return
        time.sleep(1.0)
    raise MeasurementError(f"the workload is not whole after {CALM_SECONDS:g} s: {webs}, database {status}")


def wait_for_parts(bench: Bench) -> None:
    """Waits until the parts that the workload's settings ask for run and the others do not. Raises MeasurementError."""
    deadline = time.monotonic() + CALM_SECONDS
    while time.monotonic() < deadline:
        if _read_workload(bench)["parts_whole"]:
            return
        time.sleep(0.5)
    raise MeasurementError(f"what the workload's settings ask for is not there after {CALM_SECONDS:g} s")


def _read_workload(bench: Bench) -> dict[str, Any]:
    """The workload's description of itself."""
    with urllib.request.urlopen(f"{bench.account.workload_url}/workload", timeout=ANSWER_SECONDS) as answer:
        return dict(json.load(answer))


def delete_metrics(bench: Bench) -> None:
    """Deletes the metrics, so that the failures of the last run are not in this run's baseline."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    direct.open(urllib.request.Request(f"{bench.account.endpoint}/_squall/metrics", method="DELETE"), timeout=ANSWER_SECONDS).close()


def list_leftovers(bench: Bench) -> tuple[str, ...]:
    """Everything of a run that still exists a minute after its end; the release and its sweep have that long."""
    deadline = time.monotonic() + CLEAN_SECONDS
    while (leftovers := list_remains(bench)) and time.monotonic() < deadline:
        time.sleep(1.0)
    return leftovers


def list_remains(bench: Bench) -> tuple[str, ...]:
    """The faults, templates, guards and locks that exist now, and FIS's network ACLs and pods."""
    account = bench.account
    experiments = [f"fault {fis['id']}" for fis in bench.fis.list_experiments()["experiments"] if fis["state"]["status"] not in ENDED]
    templates = [f"template {template['id']}" for template in bench.fis.list_experiment_templates()["experimentTemplates"]]
    alarms = bench.cloudwatch.describe_alarms(AlarmNamePrefix=f"squall-{account.stack_name}-")["MetricAlarms"]
    guards = [f"guard {alarm['AlarmName']}" for alarm in alarms if "execution=" in alarm.get("AlarmDescription", "")]
    clones = account.client("ec2").describe_network_acls(Filters=[{"Name": "tag:managedByFIS", "Values": ["true"]}])["NetworkAcls"]
    acls = [f"network ACL {acl['NetworkAclId']}" for acl in clones]
    pages = account.client("dynamodb").get_paginator("scan").paginate(TableName=account.outputs["ResultsTableName"], ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    locks = [item["pk"]["S"] for item in items if item["pk"]["S"].startswith("LOCK#")]
    pods = _read_workload(bench).get("pods", {}).get("all", ())
    helpers = [f"pod {pod['name']}" for pod in pods if pod["name"].startswith("fispod-")]
    return (*experiments, *templates, *guards, *locks, *acls, *helpers, *_list_function_faults(bench))


def _list_function_faults(bench: Bench) -> list[str]:
    """The objects that FIS wrote for its Lambda extension, if the sample has a function."""
    s3 = bench.account.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        return []
    return [f"fault {item['Key']}" for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@dataclass(frozen=True)
class Place:
    """The place of the tables in a document: between two comments."""

    document: Path
    begin: str
    end: str

    def insert_tables(self, text: str, tables: Sequence[Table]) -> str:
        """The document's text with new tables. Raises MeasurementError if it has no place for them."""
        before, mark, rest = text.partition(self.begin)
        _, end, after = rest.partition(self.end)
        if not (mark and end):
            raise MeasurementError(f"{self.document} has no place for the tables: {self.begin} … {self.end}")
        body = "\n".join(table.markdown().replace("## ", "### ", 1) for table in tables if table.rows)
        return f"{before}{self.begin}\n\n{body}\n{self.end}{after}"

    def rows(self, text: str, columns: int) -> dict[str, tuple[str, ...]]:
        """The rows there with this number of columns, header rows included, by their first cell."""
        inside = text.partition(self.begin)[2].partition(self.end)[0]
        lines = [line for line in inside.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
        cells = [tuple(cell.strip().replace("\\|", "|") for cell in line.strip("| ").split(" | ")) for line in lines]
        return {row[0]: row for row in cells if len(row) == columns}


class Progress:
    """Writes what happens, with the time."""

    def __init__(self) -> None:
        self.console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)

    def __call__(self, step: str) -> None:
        self.console.print(f"{datetime.now(UTC):%H:%M:%S} {step}")

    def show(self, tables: Sequence[Table]) -> None:
        """Writes the tables: drawn on a terminal, as Markdown elsewhere."""
        for table in tables:
            self.console.print(table.rich() if self.console.is_terminal else table.markdown())


@contextmanager
def interrupt_on_sigterm() -> Iterator[None]:
    """Turns SIGTERM into KeyboardInterrupt, so that the account is stopped, too."""

    def raise_interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, raise_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
