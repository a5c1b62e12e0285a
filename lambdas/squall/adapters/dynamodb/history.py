"""Summaries of runs in DynamoDB, read with Query only: the partition of a month, or of an experiment.

The index `period` holds only what a summary needs: a hundred thousand runs are about fifty pages, however large their
records are.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.dynamodb.items import Item, format_instant, make_text
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.summary import FindingSeen, RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUMMARY_ATTRIBUTES = (
    "started_at",
    "ended_at",
    "status",
    "verdict",
    "hypothesis_validated",
    "experiment",
    "environment",
    "fault_type",
    "trigger",
    "summary",
    "lock_keys",
    "fis_experiment_id",
)
"""What the index `period` holds beside its keys. `summary` is JSON, written when the run is over. The last two
attributes find the last fault on a failure domain (`DynamoRecords.faulted`)."""
_DETAILS = ("workload", "owner", "recovery_seconds", "plan", "whole", "home")


class DynamoHistory:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def summarise(self, summary: RunSummary) -> None:
        details = {name: getattr(summary, name) for name in _DETAILS} | {"findings": [asdict(finding) for finding in summary.findings]}
        call(
            self._client,
            "update_item",
            absent=frozenset({"ConditionalCheckFailedException"}),
            TableName=self._table,
            Key={"pk": make_text(f"EXECUTION#{summary.execution_id}"), "sk": make_text("RECORD")},
            UpdateExpression="SET #summary = :summary",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#summary": "summary"},
            ExpressionAttributeValues={":summary": make_text(json.dumps(details, separators=(",", ":")))},
        )

    def of_period(self, start: datetime, end: datetime) -> Iterator[RunSummary]:
        for month in _list_months(start, end):
            bounds = {":from": make_text(format_instant(start)), ":to": make_text(format_instant(end)), ":month": make_text(month)}
            items = list_items(
                self._client,
                "query",
                "Items",
                TableName=self._table,
                IndexName="period",
                KeyConditionExpression="period_pk = :month AND period_sk BETWEEN :from AND :to",
                ExpressionAttributeValues=bounds,
            )
            # BETWEEN includes both ends.
            yield from (run for run in map(_make_summary, items) if run.started_at < end)

    def of_experiment(self, name: str, limit: int) -> Sequence[RunSummary]:
        answer = call(
            self._client,
            "query",
            TableName=self._table,
            IndexName="experiment",
            KeyConditionExpression="experiment_pk = :name",
            ExpressionAttributeValues={":name": make_text(name)},
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_make_summary(item) for item in answer["Items"]]


def _list_months(start: datetime, end: datetime) -> Iterator[str]:
    """The months of a period as `YYYY-MM`, oldest first."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    at = first.year * 12 + first.month - 1
    while at <= last.year * 12 + last.month - 1:
        yield f"{at // 12:04d}-{at % 12 + 1:02d}"
        at += 1


def _make_summary(item: Item) -> RunSummary:
    def text_of(name: str) -> str:
        return str(item[name]["S"]) if name in item else ""

    details = json.loads(text_of("summary") or "{}")
    summarised, status = bool(details), Status(text_of("status"))
    validated = item.get("hypothesis_validated")
    return RunSummary(
        execution_id=text_of("pk").removeprefix("EXECUTION#"),
        started_at=datetime.fromisoformat(text_of("started_at")),
        status=status,
        experiment=text_of("experiment"),
        environment=text_of("environment"),
        fault_type=text_of("fault_type"),
        verdict=Verdict(text_of("verdict")) if "verdict" in item else None,
        hypothesis_validated=bool(validated["BOOL"]) if validated else None,
        ended_at=datetime.fromisoformat(text_of("ended_at")) if "ended_at" in item else None,
        trigger=text_of("trigger"),
        plan=bool(details.pop("plan", False)) or status is Status.PLANNED,
        summarised=summarised,
        findings=tuple(FindingSeen(**finding) for finding in details.pop("findings", ())),
        **details,
    )
