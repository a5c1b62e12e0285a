"""Replication of DynamoDB global tables: a change appears in the other Regions a moment later, and not while a resource
policy keeps DynamoDB from replicating.

On AWS, FIS pauses replication by statements in the resource policies of the table and of its stream, which deny DynamoDB's own
principals what replication needs. So it is here: whoever removes the statements lets replication go on, and it goes on when
they expire. The last writer wins, by the time of the write (multi-Region eventual consistency; strong consistency is not
known here).
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import asyncio
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import cloudwatch, dynamodb

from local.account import settings
from local.account.data.backlog import Backlog, Change
from local.account.patching import find_original, replace_function, require_names

Json = dict[str, Any]
Key = tuple[Any, Any]

PRINCIPAL = "replication.dynamodb.amazonaws.com"
"""The service that replicates."""
READS, WRITES = "dynamodb:ReadDataForReplication", "dynamodb:WriteDataForReplication"
DELAY_SECONDS = 0.5


@dataclass(frozen=True)
class Link:
    """From one Region's replica of a table to another's."""

    account: str
    table: str
    source: str
    receiver: str

    def arn(self, region: str) -> str:
        return f"arn:aws:dynamodb:{region}:{self.account}:table/{self.table}"


def install_patches() -> None:
    """Replicate later, and only what may be replicated."""
    require_names(dynamodb, "_replica_group", "_resource_policies", "_extract_key_val", "_tables")
    global _replicate  # noqa: PLW0603 - the function that is replaced
    _replicate = find_original(dynamodb, "_replicate_write", "table event_name old_item new_item")
    dynamodb._replicate_write = _send_change
    replace_function(dynamodb, "_apply_replica_updates", "name table updates", _within_process)


def serve(loop: asyncio.AbstractEventLoop) -> None:
    """Replicate on the loop that answers the account's calls."""
    backlog.attach(loop)


_replicate: Callable[..., None]
_newest: dict[tuple[str, str, str, Key], float] = {}
"""When a replica's item was last written, by account, Region, table and key: kept only while an older change of any item of
that replica is on its way to it."""


def is_paused(link: Link) -> bool:
    """Whether a resource policy denies the replication of this link at this moment: reading at its source, or writing at its
    receiver."""
    return _denies(link, link.source, READS) or _denies(link, link.receiver, WRITES)


backlog: Backlog[Link] = Backlog(DELAY_SECONDS, is_paused)


def _denies(link: Link, region: str, action: str) -> bool:
    arn = link.arn(region)
    with request_scope(link.account, region):
        entry = dynamodb._resource_policies.get(arn)
        if not entry:
            return False
        subject = iam_evaluator.EvalContext(
            principal_arn=f"service:{PRINCIPAL}", principal_type="Service", principal_account=link.account,
            action=action, resource_arn=arn, region=region, service_context={"aws:principalservicename": PRINCIPAL},
        )  # fmt: skip
        return bool(iam_evaluator.evaluate_resource_policy(entry["Policy"], subject).decision == "Deny")


def _send_change(table: Json, event_name: str, old_item: Json | None, new_item: Json | None) -> None:
    """Send a change of one replica to all others."""
    regions = dynamodb._replica_group(table)
    if not regions:
        return
    account, home, name = get_account_id(), get_region(), table["TableName"]
    item: Json = new_item if new_item is not None else old_item or {}
    key = _key_of(table, item)
    written_at = time.time()
    _remember(account, home, name, key, written_at)
    old, new = copy.deepcopy(old_item), copy.deepcopy(new_item)
    for region in regions:
        if region == home:
            continue
        link = Link(account, name, home, region)

        def arrive(change: Change, link: Link = link) -> None:
            _arrive(link, change, key, (event_name, old, new))

        backlog.put(link, Change(arrive, written_at=written_at))


def _key_of(table: Json, item: Json) -> Key:
    hash_key = dynamodb._extract_key_val(item.get(table["pk_name"]))
    return hash_key, dynamodb._extract_key_val(item.get(table["sk_name"])) if table["sk_name"] else None


def _arrive(link: Link, change: Change, key: Key, event: tuple[str, Json | None, Json | None]) -> None:
    """Make the change in the receiver, unless the same item was written there later, and measure how long that took."""
    if dynamodb._tables.get_scoped(link.account, link.receiver, link.table) is None:
        return
    place = (link.account, link.receiver, link.table, key)
    if _newest.get(place, 0.0) <= change.written_at:
        _remember(*place[:3], key, change.written_at)
        _replicate({"TableName": link.table, "_global_regions": [link.receiver]}, *event)
    dimensions = {"TableName": link.table, "ReceivingRegion": link.receiver}
    now = time.time()
    took = (now - change.written_at) * 1000
    cloudwatch._store_datum("AWS/DynamoDB", "ReplicationLatency", dimensions, now, "Milliseconds", took, None, None, None)


def _remember(account: str, region: str, name: str, key: Key, written_at: float) -> None:
    """Remember the write while changes that could be older are on their way to that replica."""
    if any((link.account, link.receiver, link.table) == (account, region, name) for link in backlog.links()):
        _newest[account, region, name, key] = written_at
    elif _newest:
        for place in [place for place in _newest if place[:3] == (account, region, name)]:
            del _newest[place]


def _within_process(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a replica in a Region that is a process of its own: what this process keeps of it, nobody could read."""

    def apply_replica_updates(name: str, table: Json, updates: list[Json]) -> Any:
        for update in updates:
            region = (update.get("Create") or {}).get("RegionName", "")
            if region and settings.get_settings().find_peer(get_account_id(), region):
                refusal = (
                    f"The local account keeps a global table in one process, and {region} is a process of its own here: choose another"
                )
                return error_response_json("ValidationException", refusal, 400)
        return apply(name, table, updates)

    return apply_replica_updates
