"""Lifecycle events for machines, on EventBridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, is_retryable
from squall.errors import Unavailable

if TYPE_CHECKING:
    from squall.domain.run.record import ExecutionRecord

DETAIL_TYPE = "Squall Execution State Change"
_REASON_CHARACTERS = 4000
"""EventBridge accepts 256 KB for a whole entry."""


class EventBridgeLifecycle:
    def __init__(self, client: Any, bus: str) -> None:
        self._client, self._bus = client, bus

    def emit(self, record: ExecutionRecord, reason: str = "") -> None:
        entry = {
            "Source": "squall",
            "DetailType": DETAIL_TYPE,
            "Resources": [record.execution_arn],
            "Detail": json.dumps(make_detail(record, reason)),
            "EventBusName": self._bus,
        }
        answer = call(self._client, "put_events", Entries=[entry])
        if answer.get("FailedEntryCount"):
            failed = answer["Entries"][0]
            code = failed.get("ErrorCode", "Unknown")
            raise Unavailable("events", "PutEvents", code, failed.get("ErrorMessage", ""), retryable=is_retryable(code))


def make_detail(record: ExecutionRecord, reason: str = "") -> dict[str, str | None]:
    """The detail of the event, as docs/architecture.md describes it."""
    return {
        "execution_id": record.id,
        "execution_arn": record.execution_arn,
        "experiment": record.experiment,
        "environment": record.environment,
        "status": record.status.value,
        "verdict": record.verdict.value if record.verdict else None,
        "phase": record.phase,
        "reason": (reason or record.reason)[:_REASON_CHARACTERS],
    }
