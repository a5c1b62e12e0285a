"""Resources of managed services as candidates: one call of their service describes each. Only reads.

A describe call, not Cloud Control's GetResource: it says the state, which the schemas of many types lack, and asks for the
permissions that AWS documents for the FIS action, where GetResource asks for those of the type's read handler.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.described import DescribedResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_ABSENT = frozenset({"ResourceNotFoundException"})


@dataclass(frozen=True)
class Reading:
    """How resources of a type are described."""

    service: str
    """The client's name."""
    tagged_as: str
    """The type in the Resource Groups Tagging API."""
    method: str
    ask: Callable[[str], dict[str, Any]]
    """The arguments of the method, from the ARN."""
    entry: str
    """The key of the description in the answer; empty: the answer is the description."""
    arn: str
    state: str
    fields: tuple[str, ...]
    """The keys that are compared after a fault."""
    tags: Callable[[Any, str, Mapping[str, Any]], Mapping[str, str]]
    """The tags, by the client, the ARN and the description."""


def _list_stream_tags(client: Any, arn: str, _entry: Mapping[str, Any]) -> dict[str, str]:
    """A stream has at most 50 tags, and Kinesis returns so many at once. Those of a stream that was deleted since it was
    described are none."""
    answer = call(client, "list_tags_for_stream", absent=_ABSENT, StreamARN=arn)
    return {tag["Key"]: tag["Value"] for tag in (answer or {}).get("Tags", ())}


READINGS: Mapping[ResourceType, Reading] = {
    ResourceType.STREAM: Reading(
        service="kinesis",
        tagged_as="kinesis:stream",
        method="describe_stream_summary",
        ask=lambda arn: {"StreamARN": arn},
        entry="StreamDescriptionSummary",
        arn="StreamARN",
        state="StreamStatus",
        fields=("StreamModeDetails", "RetentionPeriodHours", "EncryptionType", "KeyId", "EnhancedMonitoring"),
        tags=_list_stream_tags,
    ),
    ResourceType.DSQL_CLUSTER: Reading(
        service="dsql",
        tagged_as="dsql:cluster",
        method="get_cluster",
        ask=lambda arn: {"identifier": arn.rpartition("/")[2]},
        entry="",
        arn="arn",
        state="status",
        fields=("deletionProtectionEnabled", "multiRegionProperties", "encryptionDetails"),
        tags=lambda _client, _arn, entry: entry.get("tags", {}),
    ),
}
"""One row for each type. A stream's number of open shards follows its traffic, so it is not compared."""


class DescribedResources:
    """Finds resources of one type by ARN, or by tags."""

    def __init__(self, resource_type: ResourceType, client: Callable[[str], Any]) -> None:
        self._type, self._reading = resource_type, READINGS[resource_type]
        self._client, self._tagging = client(self._reading.service), client("resourcegroupstaggingapi")

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        arns = list(dict.fromkeys(names)) if names else self._find_tagged(tags) if tags else []
        known = self._describe(arns)
        matching = tuple(resource for resource in known.values() if tags.items() <= resource.tags.items())
        return Found(matching, tuple(arn for arn in arns if names and arn not in known))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _find_tagged(self, tags: Mapping[str, str]) -> list[str]:
        filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
        kinds = [self._reading.tagged_as]
        entries = list_items(self._tagging, "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourceTypeFilters=kinds)
        return sorted(entry["ResourceARN"] for entry in entries)

    def _describe(self, arns: Iterable[str]) -> dict[str, DescribedResource]:
        return {arn: self._read(arn, entry) for arn in arns if (entry := self._ask(arn)) is not None}

    def _ask(self, arn: str) -> Mapping[str, Any] | None:
        """The description. None if there is no such resource, or if the service answers with another one: some are asked by
        an id, which the account of the ARN is no part of."""
        reading = self._reading
        if arn.split(":")[3] != str(self._client.meta.region_name):
            return None
        answer = call(self._client, reading.method, absent=_ABSENT, **reading.ask(arn))
        entry = answer and (answer[reading.entry] if reading.entry else answer)
        return entry if entry and entry[reading.arn] == arn else None

    def _read(self, arn: str, entry: Mapping[str, Any]) -> DescribedResource:
        fields = {name: _write(entry[name]) for name in self._reading.fields if entry.get(name) is not None}
        return DescribedResource.model_validate(
            {
                "type": self._type,
                "id": arn.rpartition("/")[2],
                "arn": arn,
                "state": entry[self._reading.state],
                "tags": dict(self._reading.tags(self._client, arn, entry)),
                "fields": fields,
            }
        )


def _write(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
