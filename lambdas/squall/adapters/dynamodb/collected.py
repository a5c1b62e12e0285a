"""Copies of the members' runs in home's table: a partition for each member, so that its runs are read in the order of their
starts."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.dynamodb.items import Item, format_instant, make_text
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.collected import Mark
from squall.domain.history.summary import FindingSeen, RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO = frozenset({"ConditionalCheckFailedException"})
_RUN, _MARK = "RUN#", "MARK"


class DynamoCollected:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def store(self, member: str, run: RunSummary) -> None:
        # A copy without a summary is older than one that has it, whenever it arrives.
        condition: dict[str, Any] = (
            {}
            if run.summarised
            else {
                "ConditionExpression": "attribute_not_exists(pk) OR summarised = :no",
                "ExpressionAttributeValues": {":no": {"BOOL": False}},
            }
        )
        item = {
            "pk": make_text(_partition(member)),
            "sk": make_text(f"{_RUN}{format_instant(run.started_at)}#{run.execution_id}"),
            "run": make_text(_write_run(run)),
            "summarised": {"BOOL": run.summarised},
        }
        call(self._client, "put_item", absent=_NO, TableName=self._table, Item=item, **condition)

    def of_period(self, member: str, start: datetime, end: datetime) -> Iterator[RunSummary]:
        values = {
            ":member": make_text(_partition(member)),
            ":from": make_text(f"{_RUN}{format_instant(start)}"),
            ":to": make_text(f"{_RUN}{format_instant(end)}"),
        }
        items = list_items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            KeyConditionExpression="pk = :member AND sk BETWEEN :from AND :to",
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        yield from map(_read_run, items)

    def mark(self, member: str) -> Mark | None:
        answer = call(self._client, "get_item", TableName=self._table, Key=_mark_key(member), ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = answer["Item"]
        since, at = (datetime.fromisoformat(item[name]["S"]) for name in ("since", "at"))
        return Mark(since=since, at=at, complete=bool(item["complete"]["BOOL"]))

    def set_mark(self, member: str, mark: Mark) -> None:
        item = {
            **_mark_key(member),
            "since": make_text(format_instant(mark.since)),
            "at": make_text(format_instant(mark.at)),
            "complete": {"BOOL": mark.complete},
        }
        call(self._client, "put_item", TableName=self._table, Item=item)


def _partition(member: str) -> str:
    return f"MEMBER#{member}"


def _mark_key(member: str) -> Item:
    return {"pk": make_text(_partition(member)), "sk": make_text(_MARK)}


def _write_run(run: RunSummary) -> str:
    return json.dumps(asdict(run), default=lambda at: at.isoformat(), separators=(",", ":"))


def _read_run(item: Item) -> RunSummary:
    raw = json.loads(item["run"]["S"])
    return RunSummary(
        **{
            **raw,
            "started_at": datetime.fromisoformat(raw["started_at"]),
            "ended_at": datetime.fromisoformat(raw["ended_at"]) if raw["ended_at"] else None,
            "status": Status(raw["status"]),
            "verdict": Verdict(raw["verdict"]) if raw["verdict"] else None,
            "findings": tuple(FindingSeen(**finding) for finding in raw["findings"]),
        }
    )
