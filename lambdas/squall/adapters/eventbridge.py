"""Lifecycle events for machines, on EventBridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, is_retryable
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squall.domain.campaign.record import CampaignRecord, PromptRun
    from squall.domain.run.record import ExecutionRecord

DETAIL_TYPE = "Squall Execution State Change"
CAMPAIGN_DETAIL_TYPE = "Squall Campaign State Change"
PROMPT_DETAIL_TYPE = "Squall Campaign Prompt"
_REASON_CHARACTERS = 4000
"""EventBridge accepts 256 KB for a whole entry."""


class EventBridgeLifecycle:
    def __init__(self, client: Any, bus: str) -> None:
        self._client, self._bus = client, bus

    def emit(self, record: ExecutionRecord, reason: str = "") -> None:
        _put_event(self._client, self._bus, DETAIL_TYPE, record.execution_arn, make_detail(record, reason))


class EventBridgeCampaignEvents:
    def __init__(self, client: Any, bus: str) -> None:
        self._client, self._bus = client, bus

    def emit(self, record: CampaignRecord) -> None:
        _put_event(self._client, self._bus, CAMPAIGN_DETAIL_TYPE, record.execution_arn, make_campaign_detail(record))

    def ask(self, record: CampaignRecord, prompt: PromptRun, question: str, command: str) -> None:
        detail = make_prompt_detail(record, prompt, question, command)
        _put_event(self._client, self._bus, PROMPT_DETAIL_TYPE, record.execution_arn, detail)


def _put_event(client: Any, bus: str, detail_type: str, resource: str, detail: Mapping[str, Any]) -> None:
    """Put one event on the bus. Raises Unavailable if EventBridge does not take it."""
    entry = {
        "Source": "squall",
        "DetailType": detail_type,
        "Resources": [resource],
        "Detail": json.dumps(detail),
        "EventBusName": bus,
    }
    answer = call(client, "put_events", Entries=[entry])
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


def make_campaign_detail(record: CampaignRecord) -> dict[str, str | int | None]:
    """The detail of a campaign's event, as docs/architecture.md describes it."""
    return {
        "campaign_id": record.id,
        "execution_arn": record.execution_arn,
        "campaign": record.campaign,
        "status": record.status.value,
        "verdict": record.verdict.value if record.verdict else None,
        "steps": len(record.runs),
        "reason": record.reason[:_REASON_CHARACTERS],
    }


def make_prompt_detail(record: CampaignRecord, prompt: PromptRun, question: str, command: str) -> dict[str, str | bool]:
    """The detail of the event that a game day asks people something, as docs/architecture.md describes it."""
    return {
        "campaign_id": record.id,
        "execution_arn": record.execution_arn,
        "campaign": record.campaign,
        "prompt": prompt.step,
        "question": question,
        "asked_at": prompt.asked_at.isoformat(),
        "until": prompt.until.isoformat(),
        "again": prompt.told_at is not None,
        "command": command,
    }
