"""The record of a run in the table of another stack: what is asked for, and what it says here. No pydantic: the abort path imports
this module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from squall.adapters.dynamodb.items import FIELDS, make_text
from squall.errors import UNREADABLE, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.adapters.dynamodb.items import Item

T = TypeVar("T")
UNREAD = ("ask", "confirmed", "events", "proofs", "summary", "votes")
"""The attributes of a record that no other stack reads: who was asked for approval, and the signed requests that prove it,
and the timeline. IAM allows none of them to peers and to home."""
_READ = tuple(sorted(FIELDS - set(UNREAD)))


def ask_for_record(execution_id: str) -> dict[str, Any]:
    """The arguments of GetItem for a record, without the table."""
    return {
        "Key": {"pk": make_text(f"EXECUTION#{execution_id}"), "sk": make_text("RECORD")},
        "ProjectionExpression": ", ".join(f"#{name}" for name in _READ),
        "ExpressionAttributeNames": {f"#{name}": name for name in _READ},
    }


def understand(read: Callable[[Item], T], item: Item) -> T:
    """What an item of another stack says. It may be of another version. Raises Unavailable if it can't be read."""
    try:
        return read(item)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"the item {item.get('pk')} can't be read by this version: {type(error).__name__}: {error}"
        raise Unavailable("dynamodb", "GetItem", UNREADABLE, message, retryable=False) from error
