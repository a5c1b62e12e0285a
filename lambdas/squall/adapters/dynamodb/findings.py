"""Findings in DynamoDB: one item for each finding of an experiment, as the newest run left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.dynamodb.items import Item, format_instant, make_text
from squall.domain.documents.finding import Finding, StoredFinding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_NO = frozenset({"ConditionalCheckFailedException"})


class DynamoFindings:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def of(self, experiment: str) -> Sequence[StoredFinding]:
        items = list_items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            KeyConditionExpression="pk = :experiment",
            ExpressionAttributeValues={":experiment": make_text(_make_partition(experiment))},
            ConsistentRead=True,
        )
        return [
            StoredFinding(finding=Finding.model_validate_json(item["finding"]["S"]), last_execution=item["last_execution"]["S"])
            for item in items
        ]

    def save(self, experiment: str, finding: Finding, execution_id: str, started_at: datetime) -> bool:
        values: dict[str, Item] = {
            ":finding": make_text(finding.model_dump_json()),
            ":execution": make_text(execution_id),
            ":started": make_text(format_instant(started_at)),
        }
        answer = call(
            self._client,
            "update_item",
            absent=_NO,
            TableName=self._table,
            Key={"pk": make_text(_make_partition(experiment)), "sk": make_text(finding.id)},
            UpdateExpression="SET finding = :finding, last_execution = :execution, last_started = :started",
            ConditionExpression="attribute_not_exists(pk) OR last_started <= :started",
            ExpressionAttributeValues=values,
        )
        return answer is not None


def _make_partition(experiment: str) -> str:
    return f"FINDING#{experiment}"
