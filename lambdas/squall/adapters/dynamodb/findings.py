"""Findings in DynamoDB: one item for each finding of an experiment, as the newest run left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.dynamodb.items import Item, instant, text
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
            ExpressionAttributeValues={":experiment": text(_partition(experiment))},
            ConsistentRead=True,
        )
        return [
            StoredFinding(finding=Finding.model_validate_json(item["finding"]["S"]), last_execution=item["last_execution"]["S"])
            for item in items
        ]

    def save(self, experiment: str, finding: Finding, execution_id: str, started_at: datetime) -> bool:
        values: dict[str, Item] = {
            ":finding": text(finding.model_dump_json()),
            ":execution": text(execution_id),
            ":started": text(instant(started_at)),
        }
        answer = call(
            self._client,
            "update_item",
            absent=_NO,
            TableName=self._table,
            Key={"pk": text(_partition(experiment)), "sk": text(finding.id)},
            UpdateExpression="SET finding = :finding, last_execution = :execution, last_started = :started",
            ConditionExpression="attribute_not_exists(pk) OR last_started <= :started",
            ExpressionAttributeValues=values,
        )
        return answer is not None


def _partition(experiment: str) -> str:
    return f"FINDING#{experiment}"
