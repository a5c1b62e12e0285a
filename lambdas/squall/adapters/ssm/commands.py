"""Systems Manager commands: what an agent was asked to do, and how that ended."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import list_pages
from squall.domain.run.ssm_state import CommandState
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


class SsmCommands:
    def __init__(self, client: Any) -> None:
        self._client = client

    def on(self, instance_id: str, documents: Sequence[str], since: datetime) -> Sequence[CommandState]:
        # The filter takes whole seconds and excludes the given second.
        after = (since - timedelta(seconds=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        names = {_document_name(document) for document in documents}
        commands = [
            _make_command(entry) for entry in self._invocations(instance_id, after) if _document_name(entry["DocumentName"]) in names
        ]
        recent = (command for command in commands if command.requested_at >= since)
        return sorted(recent, key=lambda command: command.requested_at, reverse=True)

    def _invocations(self, instance_id: str, after: str) -> list[Any]:
        filters = [{"key": "InvokedAfter", "value": after}]
        try:
            asked = list_pages(self._client, "list_command_invocations", InstanceId=instance_id, Filters=filters, Details=True)
            return [entry for page in asked for entry in page["CommandInvocations"]]
        except Unavailable as error:
            if error.code == "InvalidInstanceId":  # Systems Manager does not know the instance, or not any more
                return []
            raise


def _document_name(document: str) -> str:
    """The name of a document without its ARN. FIS takes the ARN; Systems Manager returns the name or the ARN."""
    return document.rpartition("document/")[2]


def _make_command(entry: Mapping[str, Any]) -> CommandState:
    plugins = entry.get("CommandPlugins", [])
    return CommandState(
        id=entry["CommandId"],
        instance_id=entry["InstanceId"],
        document=_document_name(entry["DocumentName"]),
        status=entry["Status"],
        requested_at=entry["RequestedDateTime"],
        ended_at=max((end for plugin in plugins if (end := _read_time(plugin, "Finish"))), default=None),
        detail=_read_detail(entry, plugins),
        started_at=_find_start(plugins),
    )


def _find_start(plugins: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the plugin that lasts longest began. A plugin that has not ended counts as the longest."""
    spans = [(start, _read_time(plugin, "Finish")) for plugin in plugins if (start := _read_time(plugin, "Start"))]
    return max(spans, key=lambda span: (span[1] is None, (span[1] or span[0]) - span[0]), default=(None, None))[0]


def _read_time(plugin: Mapping[str, Any], moment: str) -> datetime | None:
    """The start or end of a plugin. If it has not come yet, it is absent, or the beginning of 1970."""
    at: datetime | None = plugin.get(f"Response{moment}DateTime")
    return at if at is not None and at.timestamp() > 0 else None


def _read_detail(entry: Mapping[str, Any], plugins: Sequence[Mapping[str, Any]]) -> str:
    failed = [plugin.get("Name", "") for plugin in plugins if plugin.get("Status") in {"Failed", "TimedOut"}]
    return str(entry.get("StatusDetails", "")) + (f" in {', '.join(failed)}" if failed else "")
