"""The copy of the halt flag in the table. The first halt creates it, so an absent flag is not engaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.adapters.dynamodb.items import make_text
from squall.domain.run.halt import Halt, UnreadableHaltError, from_json, to_json
from squall.errors import Unavailable

if TYPE_CHECKING:
    from datetime import datetime

_KEY = {"pk": make_text("HALT"), "sk": make_text("HALT")}
REASON_CHARACTERS = 500


class TableHaltFlag:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def get(self) -> Halt:
        answer = call(self._client, "get_item", TableName=self._table, Key=_KEY, ConsistentRead=True)
        return parse_halt("dynamodb", "GetItem", answer["Item"].get("halt", {}).get("S", "")) if "Item" in answer else Halt(engaged=False)

    def engage(self, reason: str, by: str, at: datetime) -> None:
        self._put(Halt(True, reason[:REASON_CHARACTERS], by, at))

    def release(self, reason: str, by: str, at: datetime) -> None:
        self._put(Halt(False, reason[:REASON_CHARACTERS], by, at))

    def _put(self, halt: Halt) -> None:
        call(
            self._client,
            "update_item",
            TableName=self._table,
            Key=_KEY,
            UpdateExpression="SET halt = :halt",
            ExpressionAttributeValues={":halt": make_text(to_json(halt))},
        )


def parse_halt(service: str, operation: str, value: str) -> Halt:
    """The flag as it is stored. Raises Unavailable if it can't be understood, which callers count as halted."""
    try:
        return from_json(value)
    except UnreadableHaltError as error:
        raise Unavailable(service, operation, "Unreadable", str(error), retryable=False) from error
