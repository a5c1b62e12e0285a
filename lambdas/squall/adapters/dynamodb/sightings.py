"""What the last sweep saw, as one item of the table."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from squall.adapters.aws import call
from squall.adapters.dynamodb.items import make_text
from squall.domain.run.orphans import Sightings

_KEY = {"pk": make_text("SWEEP"), "sk": make_text("SEEN")}


class TableSightings:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def get(self) -> Sightings:
        item = call(self._client, "get_item", TableName=self._table, Key=_KEY, ConsistentRead=True).get("Item")
        if item is None:
            return Sightings()
        stored = json.loads(item["seen"]["S"])
        first = {key: datetime.fromisoformat(at) for key, at in stored["first"].items()}
        return Sightings(datetime.fromisoformat(stored["at"]), first, frozenset(stored["told"]))

    def put(self, sightings: Sightings) -> None:
        at = sightings.at.isoformat() if sightings.at else None
        stored = {"at": at, "first": {key: first.isoformat() for key, first in sightings.first.items()}, "told": sorted(sightings.notified)}
        values = {":seen": make_text(json.dumps(stored))}
        call(
            self._client,
            "update_item",
            TableName=self._table,
            Key=_KEY,
            UpdateExpression="SET seen = :seen",
            ExpressionAttributeValues=values,
        )
