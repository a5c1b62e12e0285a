"""Leases in DynamoDB: on failure domains (all or none, in one transaction) and on FIS slots.

A lease is an epoch number that conditions compare; DynamoDB's TTL deletes days late and has no part in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from squall.adapters.aws import asking, call, code_of, items
from squall.adapters.items import Item, epoch_milliseconds, from_milliseconds, milliseconds, number, text
from squall.domain.observed import Held
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_NO = frozenset({"ConditionalCheckFailedException"})
_OURS = "holder = :me"
_FREE_OR_OURS = "attribute_not_exists(pk) OR holder = :me"
_FREE_OR_EXPIRED = "attribute_not_exists(pk) OR until_ms <= :now"


class DynamoLocks:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def acquire(self, keys: Sequence[str], holder: str, until: datetime, now: datetime) -> Held | None:
        wanted = list(dict.fromkeys(keys))
        refused = self._transact(wanted, holder, until, _FREE_OR_OURS)
        if not refused:
            return None
        held = [_held(key, item, now) for key, item in refused.items() if item]
        if not held:
            raise Unavailable("dynamodb", "TransactWriteItems", "TransactionCanceledException", "holder unknown", retryable=True)
        # A live lease decides: while it stands there is no point in closing the holder of an expired one.
        return min(held, key=lambda lock: lock.expired)

    def renew(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        wanted = list(dict.fromkeys(keys))
        return not self._transact(wanted, holder, until, _OURS)

    def holds(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        leases = self.holders(keys, until).values()
        least = epoch_milliseconds(until)
        return all(lease is not None and lease.holder == holder and epoch_milliseconds(lease.until) >= least for lease in leases)

    def holders(self, keys: Sequence[str], now: datetime) -> Mapping[str, Held | None]:
        return {key: self._lease_of(key, now) for key in dict.fromkeys(keys)}

    def _lease_of(self, key: str, now: datetime) -> Held | None:
        item = call(self._client, "get_item", TableName=self._table, Key=_lock(key), ConsistentRead=True).get("Item")
        return _held(key, item, now) if item else None

    def release(self, keys: Sequence[str], holder: str) -> None:
        for key in dict.fromkeys(keys):
            self._delete(_lock(key), holder)

    def _transact(self, keys: Sequence[str], holder: str, until: datetime, condition: str) -> dict[str, Item]:
        """Write all leases or none. Empty: written. Else the keys refused, with the item that stood in the way ({} if there was none)."""
        if not keys:
            return {}
        writes = [{"Put": self._lease(_lock(key), holder, until, condition)} for key in keys]
        with asking("dynamodb", "TransactWriteItems"):
            try:
                self._client.transact_write_items(TransactItems=writes)
            except ClientError as error:
                reasons = error.response.get("CancellationReasons", [])
                if code_of(error) != "TransactionCanceledException" or not _only_conditions(reasons):
                    raise
                outcomes = zip(keys, reasons, strict=True)
                return {key: reason.get("Item", {}) for key, reason in outcomes if reason.get("Code") == "ConditionalCheckFailed"}
        return {}

    def acquire_slot(self, holder: str, until: datetime, now: datetime, limit: int) -> int | None:
        taken = self._slot_items()
        ours = [slot for slot, item in taken.items() if item["holder"]["S"] == holder]
        for slot in ours:
            if self.renew_slot(slot, holder, until):
                return slot
        free = (slot for slot in range(limit) if slot not in taken or int(taken[slot]["until_ms"]["N"]) <= epoch_milliseconds(now))
        return next((slot for slot in free if self._take_slot(slot, holder, until, now)), None)

    def renew_slot(self, slot: int, holder: str, until: datetime) -> bool:
        return call(self._client, "put_item", absent=_NO, **self._lease(_slot(slot), holder, until, _OURS)) is not None

    def _take_slot(self, slot: int, holder: str, until: datetime, now: datetime) -> bool:
        lease = self._lease(_slot(slot), holder, until, _FREE_OR_EXPIRED)
        lease["ExpressionAttributeValues"] = {":now": milliseconds(now)}
        return call(self._client, "put_item", absent=_NO, **lease) is not None

    def release_slot(self, slot: int, holder: str) -> None:
        self._delete(_slot(slot), holder)

    def slots(self, now: datetime) -> Mapping[int, str]:
        at = epoch_milliseconds(now)
        return {slot: item["holder"]["S"] for slot, item in self._slot_items().items() if int(item["until_ms"]["N"]) > at}

    def _slot_items(self) -> dict[int, Item]:
        found = items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            KeyConditionExpression="pk = :slots",
            ExpressionAttributeValues={":slots": text("SLOTS")},
            ConsistentRead=True,
        )
        return {int(item["slot"]["N"]): item for item in found}

    def _lease(self, key: Item, holder: str, until: datetime, condition: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": {**key, "holder": text(holder), "until_ms": milliseconds(until)},
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {":me": text(holder)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _delete(self, key: Item, holder: str) -> None:
        keys = {name: key[name] for name in ("pk", "sk")}
        values = {":me": text(holder)}
        call(
            self._client,
            "delete_item",
            absent=_NO,
            TableName=self._table,
            Key=keys,
            ConditionExpression=_OURS,
            ExpressionAttributeValues=values,
        )


def _only_conditions(reasons: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the transaction was cancelled by our conditions and nothing else (a conflict, throttling)."""
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    return codes == {"ConditionalCheckFailed"}


def _held(key: str, item: Item, now: datetime) -> Held:
    until = from_milliseconds(item["until_ms"])
    return Held(key=key, holder=item["holder"]["S"], until=until, expired=until <= now)


def _lock(key: str) -> Item:
    return {"pk": text(f"LOCK#{key}"), "sk": text("LOCK")}


def _slot(slot: int) -> Item:
    return {"pk": text("SLOTS"), "sk": text(f"SLOT#{slot}"), "slot": number(slot)}
