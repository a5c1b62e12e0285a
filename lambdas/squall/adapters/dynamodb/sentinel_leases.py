"""Leases of sentinels in DynamoDB: which function probes for a run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from squall.adapters.aws import call
from squall.adapters.dynamodb.items import Item, from_milliseconds, make_lease_end, make_text
from squall.domain.sentinel.probes import Lease

_KEPT = timedelta(days=1)
"""How long after its end DynamoDB deletes a lease that nobody released."""


class DynamoSentinels:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def take(self, execution_id: str, lease: Lease) -> None:
        expires = {"N": str(int((lease.ends_at + _KEPT).timestamp()))}
        times = {"until_ms": make_lease_end(lease.until), "ends_ms": make_lease_end(lease.ends_at), "expires_at": expires}
        call(self._client, "put_item", TableName=self._table, Item={**_make_key(execution_id), "holder": make_text(lease.owner), **times})

    def renew(self, execution_id: str, owner: str, until: datetime) -> bool:
        return (
            call(
                self._client,
                "update_item",
                absent={"ConditionalCheckFailedException"},
                TableName=self._table,
                Key=_make_key(execution_id),
                UpdateExpression="SET until_ms = :until",
                ConditionExpression="holder = :me",
                ExpressionAttributeValues={":until": make_lease_end(until), ":me": make_text(owner)},
            )
            is not None
        )

    def get(self, execution_id: str) -> Lease | None:
        item = call(self._client, "get_item", TableName=self._table, Key=_make_key(execution_id), ConsistentRead=True).get("Item")
        return Lease(item["holder"]["S"], from_milliseconds(item["until_ms"]), from_milliseconds(item["ends_ms"])) if item else None

    def release(self, execution_id: str, owner: str) -> None:
        call(
            self._client,
            "delete_item",
            absent={"ConditionalCheckFailedException"},
            TableName=self._table,
            Key=_make_key(execution_id),
            ConditionExpression="holder = :me",
            ExpressionAttributeValues={":me": make_text(owner)},
        )


def _make_key(execution_id: str) -> Item:
    # A partition of its own: the function that probes URLs may write here and nowhere else in the table.
    return {"pk": make_text(f"SENTINEL#{execution_id}"), "sk": make_text("SENTINEL")}
