"""Leases in DynamoDB: on failure domains (all or none, in one transaction), on FIS slots, and on places in their queue.

A lease is an epoch number that conditions compare. DynamoDB's TTL is not used, because it deletes days late.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from squall.adapters.aws import call, error_code, list_items, translate_errors
from squall.adapters.dynamodb.items import (
    Item,
    epoch_milliseconds,
    format_instant,
    from_milliseconds,
    make_lease_end,
    make_number,
    make_text,
)
from squall.domain.run.lock import Held
from squall.domain.run.queue import FIS_ACTIVE_EXPERIMENTS, Line, Slot, Ticket
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        held = [_read_held(key, item, now) for key, item in refused.items() if item]
        if not held:
            raise Unavailable("dynamodb", "TransactWriteItems", "TransactionCanceledException", "holder unknown", retryable=True)
        # A valid lease decides: while there is one, closing the holder of an expired lease would not help.
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
        item = call(self._client, "get_item", TableName=self._table, Key=_item_key(_lock_key(key)), ConsistentRead=True).get("Item")
        return _read_held(key, item, now) if item else None

    def release(self, keys: Sequence[str], holder: str) -> None:
        for key in dict.fromkeys(keys):
            self._delete(_lock_key(key), holder)

    def all(self, now: datetime) -> Sequence[Held]:
        items = list_items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="open_pk = :locks",
            ExpressionAttributeValues={":locks": make_text("LOCKS")},
        )
        return [_read_held(item["open_sk"]["S"], item, now) for item in items]

    def _transact(self, keys: Sequence[str], holder: str, until: datetime, condition: str) -> dict[str, Item]:
        """Write all leases or none. Returns each refused key with the item that prevents it ({} if there is none);
        empty if everything was written."""
        if not keys:
            return {}
        writes = [{"Put": self._lease(_lock_key(key), holder, until, condition)} for key in keys]
        with translate_errors("dynamodb", "TransactWriteItems"):
            try:
                self._client.transact_write_items(TransactItems=writes)
            except ClientError as error:
                reasons = error.response.get("CancellationReasons", [])
                if error_code(error) != "TransactionCanceledException" or not _only_conditions(reasons):
                    raise
                outcomes = zip(keys, reasons, strict=True)
                return {key: reason.get("Item", {}) for key, reason in outcomes if reason.get("Code") == "ConditionalCheckFailed"}
        return {}

    def acquire_slot(self, holder: str, until: datetime, now: datetime, limit: int) -> int | None:
        for _ in range(FIS_ACTIVE_EXPERIMENTS):
            slots = self.line().slots
            for slot in slots:
                if slot.holder == holder and self.renew_slot(slot.number, holder, until):
                    return slot.number
            taken = {slot.number for slot in slots if slot.until > now}
            free = next((number for number in range(FIS_ACTIVE_EXPERIMENTS) if number not in taken), None)
            if free is None or len(taken) >= limit:
                return None
            # Only the first free slot is tried, and a lost race starts over: two that saw the same last place can't
            # both take a slot.
            if self._take_slot(free, holder, until, now):
                return free
        return None

    def renew_slot(self, slot: int, holder: str, until: datetime) -> bool:
        return call(self._client, "put_item", absent=_NO, **self._lease(_slot_key(slot), holder, until, _OURS)) is not None

    def _take_slot(self, slot: int, holder: str, until: datetime, now: datetime) -> bool:
        lease = self._lease(_slot_key(slot), holder, until, _FREE_OR_EXPIRED)
        lease["ExpressionAttributeValues"] = {":now": make_lease_end(now)}
        return call(self._client, "put_item", absent=_NO, **lease) is not None

    def release_slot(self, slot: int, holder: str) -> None:
        self._delete(_slot_key(slot), holder)

    def join(self, holder: str, since: datetime, until: datetime) -> None:
        item = {
            **_ticket_key(holder, since),
            "holder": make_text(holder),
            "since": make_text(format_instant(since)),
            "until_ms": make_lease_end(until),
        }
        call(self._client, "put_item", TableName=self._table, Item=item)

    def leave(self, holder: str, since: datetime) -> None:
        call(self._client, "delete_item", TableName=self._table, Key=_ticket_key(holder, since))

    def line(self) -> Line:
        # All are in one partition, and a ticket's sort key begins with its time: one query returns everything in order.
        items = list_items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            KeyConditionExpression="pk = :slots",
            ExpressionAttributeValues={":slots": make_text("SLOTS")},
            ConsistentRead=True,
        )
        slots, tickets = list[Slot](), list[Ticket]()
        for item in items:
            holder, until = item["holder"]["S"], from_milliseconds(item["until_ms"])
            if "slot" in item:
                slots.append(Slot(int(item["slot"]["N"]), holder, until))
            else:
                tickets.append(Ticket(holder, datetime.fromisoformat(item["since"]["S"]), until))
        return Line(tuple(slots), tuple(tickets))

    def _lease(self, key: Item, holder: str, until: datetime, condition: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": {**key, "holder": make_text(holder), "until_ms": make_lease_end(until)},
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {":me": make_text(holder)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _delete(self, key: Item, holder: str) -> None:
        values = {":me": make_text(holder)}
        call(
            self._client,
            "delete_item",
            absent=_NO,
            TableName=self._table,
            Key=_item_key(key),
            ConditionExpression=_OURS,
            ExpressionAttributeValues=values,
        )


def _only_conditions(reasons: Sequence[Mapping[str, Any]]) -> bool:
    """Whether only our conditions cancelled the transaction, not a conflict or throttling."""
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    return codes == {"ConditionalCheckFailed"}


def _read_held(key: str, item: Item, now: datetime) -> Held:
    until = from_milliseconds(item["until_ms"])
    return Held(key=key, holder=item["holder"]["S"], until=until, expired=until <= now)


def _item_key(item: Item) -> Item:
    return {name: item[name] for name in ("pk", "sk")}


def _lock_key(key: str) -> Item:
    # In the open index as long as it exists, so that a lock whose holder is gone can be found.
    return {"pk": make_text(f"LOCK#{key}"), "sk": make_text("LOCK"), "open_pk": make_text("LOCKS"), "open_sk": make_text(key)}


def _slot_key(slot: int) -> Item:
    return {"pk": make_text("SLOTS"), "sk": make_text(f"SLOT#{slot}"), "slot": make_number(slot)}


def _ticket_key(holder: str, since: datetime) -> Item:
    return {"pk": make_text("SLOTS"), "sk": make_text(f"TICKET#{format_instant(since)}#{holder}")}
