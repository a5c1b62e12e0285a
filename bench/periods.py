"""Measures a period's report over many executions: seconds, memory, requests and what DynamoDB bills, with the real
adapter and SDK.

DynamoDB itself is not measured: its answers, in pages of 1 MB as it makes them, come from this process. The seconds are
Squall's own and the SDK's.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from bench.tables import Table
from squall.adapters.dynamodb.history import DynamoHistory
from squall.adapters.dynamodb.items import format_instant
from squall.domain.history.period import Period

END = datetime(2026, 10, 31, tzinfo=UTC)
SPAN = timedelta(days=30)
PAGE_BYTES = 1_000_000
"""DynamoDB's limit of a page, before filters."""
DOLLARS = 0.125 / 1e6
"""The price of a read request unit, on demand in us-east-1. An eventually consistent read of 4 KB takes half a unit."""
SIZES = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Read:
    """The measurement of one report."""

    executions: int
    seconds: float
    peak_bytes: int
    requests: int
    read_bytes: int

    @property
    def dollars(self) -> float:
        return self.read_bytes / 4096 / 2 * DOLLARS


def measure_reads(tick: Callable[[str], None], sizes: Sequence[int] = SIZES) -> list[Read]:
    """Read and count this many executions, twice for each size: once for the time, once for the memory."""
    reads = []
    for size in sizes:
        tick(f"{size:,} executions")
        reads.append(_measure_size(size))
    return reads


def make_tables(reads: Sequence[Read]) -> list[Table]:
    """A table with one row per number of executions."""
    least, most = reads[0], reads[-1]
    rows = [
        (f"{read.executions:,}", f"{read.seconds:.2f}", f"{read.peak_bytes / 1e6:.1f}", str(read.requests), f"{read.dollars:.5f}")
        for read in reads
    ]
    growth = (
        f"{most.executions / least.executions:g} times the executions take {most.seconds / least.seconds:.0f} × the time and "
        f"{most.peak_bytes / least.peak_bytes:.1f} × the memory: pages are counted one by one, and the memory is that of one page."
    )
    data = (
        f"{most.read_bytes / most.executions:.0f} bytes are read of each, whatever its record weighs. Pages are answered in process: "
        "the network's time is not in it."
    )
    columns = ("Executions", "Seconds", "Peak memory (MB)", "Query requests", "Dollars")
    return [Table("A period's report, by executions in it", columns, tuple(rows), (growth, data))]


def _measure_size(executions: int) -> Read:
    started = time.perf_counter()
    pages, counted = _make_report(executions)
    seconds = time.perf_counter() - started
    if counted != executions:
        raise RuntimeError(f"{counted} of {executions} executions were counted")
    tracemalloc.start()
    _make_report(executions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Read(executions, seconds, peak, pages.requests, pages.read_bytes)


class _Pages:
    """Answers Query instead of HTTP, with executions that are made on demand."""

    def __init__(self, executions: int) -> None:
        self._left = iter(_make_items(executions))
        self._held: dict[str, Any] | None = next(self._left, None)
        self.requests = self.read_bytes = 0

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        asked = json.loads(request.body)
        month = asked["ExpressionAttributeValues"][":month"]["S"]
        items: list[dict[str, Any]] = []
        size = 0
        while self._held is not None and self._held["period_pk"]["S"] == month and size < PAGE_BYTES:
            items.append(self._held)
            size += _item_size(self._held)
            self._held = next(self._left, None)
        self.requests += 1
        self.read_bytes += size
        document: dict[str, Any] = {"Items": items, "Count": len(items), "ScannedCount": len(items)}
        if self._held is not None and self._held["period_pk"]["S"] == month:
            document["LastEvaluatedKey"] = {name: items[-1][name] for name in ("pk", "sk", "period_pk", "period_sk")}
        body = json.dumps(document).encode()
        return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, _Body(body))


class _Body:
    """The body of a response as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


def _make_report(executions: int) -> tuple[_Pages, int]:
    client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    pages = _Pages(executions)
    client.meta.events.register("before-send.dynamodb.Query", pages.answer)
    period = Period(END - SPAN, END)
    for run in DynamoHistory(client, "squall").of_period(period.start, END):
        period.add(run)
    return pages, period.report().total_experiments


def _make_items(executions: int) -> Iterator[dict[str, Any]]:
    for number in range(executions):
        at = END - SPAN + SPAN * number / executions
        refuted = number % 9 == 0
        findings = [{"id": f"finding-{number % 40:02d}", "title": "Response time left its band", "severity": "high", "closed": False}]
        summary = {"workload": f"asg/group-{number % 50}", "owner": "team", "recovery_seconds": 5.0 + number % 300}
        yield {
            "pk": {"S": f"EXECUTION#nightly-{number:08d}-0123456789abcdef"},
            "sk": {"S": "RECORD"},
            "period_pk": {"S": f"{at:%Y-%m}"},
            "period_sk": {"S": format_instant(at)},
            "started_at": {"S": format_instant(at)},
            "ended_at": {"S": format_instant(at + timedelta(minutes=12))},
            "status": {"S": "completed"},
            "verdict": {"S": "refuted" if refuted else "validated"},
            "hypothesis_validated": {"BOOL": not refuted},
            "experiment": {"S": f"EC2 Instance Termination Test {number % 60}"},
            "environment": {"S": "staging"},
            "fault_type": {"S": ("instance_termination", "cpu_stress", "network_latency")[number % 3]},
            "trigger": {"S": "arn:aws:scheduler:us-east-1:123456789012:schedule/squall/nightly"},
            "summary": {"S": json.dumps(summary | {"findings": findings if refuted else []}, separators=(",", ":"))},
        }


def _item_size(item: dict[str, Any]) -> int:
    """The size as DynamoDB counts it: names and values in UTF-8, a boolean as one byte."""
    return sum(len(name) + (len(value["S"]) if "S" in value else 1) for name, value in item.items())
