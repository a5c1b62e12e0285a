"""Replication of S3 buckets: a new object appears in the destinations of the matching rules a moment later, and not while FIS
pauses the replication. Objects that were there before the rule are not copied.

Of several rules with one destination, that of the highest priority counts, as on AWS. While an object is on its way its
replication status is PENDING, and COMPLETED once it is in every destination.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import asyncio
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import s3

from local.account.data import bucket_metrics
from local.account.data.backlog import Backlog, Change
from local.account.data.bucket_links import Link, paused
from local.account.patching import find_original, require_names

Json = dict[str, Any]

DELAY_SECONDS = 1.0


def install_patches() -> None:
    """Replicate later, and only what is not paused."""
    require_names(s3, "_bucket_replication", "_bucket_versioning", "_object_versions", "_object_tags", "_object_annotations")
    require_names(s3, "_replication_rule_prefix", "_replication_rule_tags", "_replication_destination", "_record_object_version")
    require_names(s3, "_record_delete_marker", "_in_account", "_bucket_owner_account", "_buckets")
    find_original(s3, "_maybe_replicate", "bucket_name key obj data tags")
    find_original(s3, "_maybe_replicate_delete_marker", "bucket_name key")
    s3._maybe_replicate = _send_object
    s3._maybe_replicate_delete_marker = _send_delete_marker


def serve(loop: asyncio.AbstractEventLoop) -> None:
    """Replicate on the loop that answers the account's calls."""
    backlog.attach(loop)
    bucket_metrics.serve(loop, backlog)


def is_paused(link: Link) -> bool:
    """Whether FIS pauses the replication over this link at this moment."""
    return any(pause.holds(link) for pause in paused.list())


backlog: Backlog[Link] = Backlog(DELAY_SECONDS, is_paused)


@dataclass(frozen=True)
class _Rule:
    """A rule that covers an object, and the role of its configuration."""

    link: Link
    rule: Json
    role: str


def _rules_for(bucket: str, key: str, tags: dict[str, str], *, deletes: bool = False) -> Iterator[_Rule]:
    """The enabled rules that cover the object, one for each destination. `deletes`: only those that replicate delete markers."""
    config = s3._bucket_replication.get(bucket)
    if not config or s3._bucket_versioning.get(bucket) != "Enabled":
        return
    chosen: dict[str, Json] = {}
    for rule in sorted(config["Rules"], key=lambda rule: -int(rule.get("Priority") or 0)):
        wanted = s3._replication_rule_tags(rule)
        covers = rule["Status"] == "Enabled" and key.startswith(s3._replication_rule_prefix(rule))
        if covers and all(tags.get(name) == value for name, value in wanted.items()):
            chosen.setdefault(str((rule.get("Destination") or {}).get("Bucket", "")).rpartition(":::")[2], rule)
    for destination, rule in chosen.items():
        if deletes and "Filter" in rule and (rule.get("DeleteMarkerReplication") or {}).get("Status") != "Enabled":
            continue
        link = Link(get_account_id(), bucket, destination, str(rule["ID"]), s3._replication_rule_prefix(rule))
        yield _Rule(link, rule, str(config.get("Role", "")))


def _send_object(bucket: str, key: str, obj: Json, data: Any, tags: dict[str, str] | None = None) -> None:
    """Send a new object to the destinations of all rules that cover it."""
    rules = list(_rules_for(bucket, key, tags or {}))
    if not rules:
        return
    obj["replication_status"] = "PENDING"
    left = {rule.link for rule in rules}
    for rule in rules:

        def arrive(change: Change, rule: _Rule = rule) -> None:
            if not _has_version(bucket, key, obj):  # deleted for good meanwhile: there is nothing to copy
                return
            copied = _copy_object(rule, key, obj, data)
            left.discard(rule.link)
            if not copied:
                _set_status(bucket, key, obj, "FAILED")
            elif not left and obj["replication_status"] == "PENDING":
                _set_status(bucket, key, obj, "COMPLETED")
            if copied:
                bucket_metrics.arrived(rule.link, change)

        backlog.put(rule.link, Change(arrive, size=int(obj["size"])))


def _versions(bucket: str, key: str, obj: Json) -> list[Json]:
    known: list[Json] = s3._object_versions.get((bucket, key)) or []
    return [version for version in known if version["version_id"] == obj.get("version_id")]


def _has_version(bucket: str, key: str, obj: Json) -> bool:
    return bool(_versions(bucket, key, obj))


def _set_status(bucket: str, key: str, obj: Json, status: str) -> None:
    for record in (obj, *_versions(bucket, key, obj)):
        record["replication_status"] = status


def _copy_object(rule: _Rule, key: str, obj: Json, data: Any) -> bool:
    """Write the replica, with its tags and annotations; False if the destination does not take it."""
    target = s3._replication_destination(rule.link.source, key, rule.rule, rule.role)
    if target is None:
        return False
    name, account, bucket = target
    replica = {**copy.deepcopy(obj), "replication_status": "REPLICA"}
    for own in ("version_id", "_replica"):
        replica.pop(own, None)
    if storage := (rule.rule.get("Destination") or {}).get("StorageClass"):
        replica["storage_class"] = storage
    place = (rule.link.source, key, obj.get("version_id"))
    tags, annotations = s3._object_tags.get(place), s3._object_annotations.get(place)
    prior = bucket["objects"].get(key)
    bucket["objects"][key] = replica
    with s3._in_account(account):
        version = s3._record_object_version(name, key, prior, replica, data)
        if tags:
            s3._object_tags[name, key, version] = dict(tags)
        if annotations:
            s3._object_annotations[name, key, version] = {
                title: {**entry, "replication_status": "REPLICA"} for title, entry in annotations.items()
            }
    obj["_replica"] = (name, version, account)  # where later annotations go
    return True


def _send_delete_marker(bucket: str, key: str) -> None:
    """Send a delete marker to the destinations of all rules that replicate them."""
    for rule in _rules_for(bucket, key, {}, deletes=True):

        def arrive(change: Change, rule: _Rule = rule) -> None:
            target = s3._replication_destination(bucket, key, rule.rule, rule.role)
            if target is None:
                return
            name, account, copies = target
            with s3._in_account(account):
                s3._record_delete_marker(name, key, copies["objects"].get(key))
                copies["objects"].pop(key, None)
            bucket_metrics.arrived(rule.link, change)

        backlog.put(rule.link, Change(arrive))
