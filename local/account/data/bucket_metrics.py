"""The metrics of S3's replication: published by rule, every few seconds where AWS has minutes, as long as a rule asks for them,
and in the Region of the destination, as on AWS."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is read here

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch, s3

from local.account.data.backlog import Backlog, Change
from local.account.data.bucket_links import Link, find_region
from local.account.patching import replace_function

Json = dict[str, Any]
PERIOD_SECONDS = 5.0
"""The metric period of the local account, as `local.workload.settings` has it."""


def install_patches() -> None:
    """Publish from the moment at which a rule asks for it."""
    replace_function(s3, "_put_bucket_replication", "bucket_name body", _with_metrics)


_behind: dict[Link, float] = {}
"""The longest delay of a change that has arrived since the metrics were last published, in seconds."""
_served: list[tuple[asyncio.AbstractEventLoop, Backlog[Link]]] = []
_publishing: list[bool] = []


def serve(loop: asyncio.AbstractEventLoop, backlog: Backlog[Link]) -> None:
    """Publish on the loop that answers the account's calls."""
    _served[:] = [(loop, backlog)]


def arrived(link: Link, change: Change) -> None:
    """Measure a change that has arrived."""
    _behind[link] = max(_behind.get(link, 0.0), time.time() - change.written_at)


def _with_metrics(put: Any) -> Any:
    def put_bucket_replication(bucket_name: str, body: bytes) -> Any:
        answer = put(bucket_name, body)
        if not _publishing and _served and any(_measured_links()):
            _publishing.append(True)
            loop, _ = _served[0]
            loop.call_soon_threadsafe(_publish)
        return answer

    return put_bucket_replication


def _measured_links() -> Iterator[Link]:
    """The links of all rules with metrics whose destination exists."""
    for (account, bucket), config in list(s3._bucket_replication._data.items()):
        for rule in config["Rules"]:
            destination = rule.get("Destination") or {}
            if rule["Status"] != "Enabled" or (destination.get("Metrics") or {}).get("Status") != "Enabled":
                continue
            name = str(destination.get("Bucket", "")).rpartition(":::")[2]
            if find_region(name) is not None:
                yield Link(account, bucket, name, str(rule["ID"]), s3._replication_rule_prefix(rule))


def _publish() -> None:
    """Publish the metrics of every link, and come back a period later; end when no rule asks for metrics any more."""
    links = list(_measured_links())
    now = time.time()
    loop, backlog = _served[0]
    for link in links:
        waiting = backlog.waiting(link)
        behind = max([_behind.pop(link, 0.0), *(now - change.written_at for change in waiting)])
        _put(link, now, "OperationsPendingReplication", "Count", len(waiting))
        _put(link, now, "BytesPendingReplication", "Bytes", sum(change.size for change in waiting))
        _put(link, now, "ReplicationLatency", "Seconds", behind)
    if links:
        loop.call_later(PERIOD_SECONDS, _publish)
    else:
        _behind.clear()
        _publishing.clear()


def _put(link: Link, now: float, name: str, unit: str, value: float) -> None:
    dimensions = {"SourceBucket": link.source, "DestinationBucket": link.destination, "RuleId": link.rule}
    with request_scope(link.account, str(find_region(link.destination))):
        cloudwatch._store_datum("AWS/S3", name, dimensions, now, unit, value, None, None, None)
