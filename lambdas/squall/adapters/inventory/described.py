"""Resources of managed services as candidates, read as the table of managed types says. Only reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jmespath

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.managed import EXISTS, MANAGED, Read, id_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from squall.domain.base.vocabulary import ResourceType
    from squall.domain.resources.types import OtherResource


class DescribedResources:
    """Finds resources of one type by ARN, or by tags."""

    def __init__(self, resource_type: ResourceType, client: Callable[[str], Any]) -> None:
        self._type, self._managed = resource_type, MANAGED[resource_type]
        self._client, self._clients = client(self._managed.client), client

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        arns = list(dict.fromkeys(names)) if names else self._find_tagged(tags) if tags and self._managed.tagged_as else []
        known = self._describe(arns)
        matching = tuple(resource for resource in known.values() if tags.items() <= resource.tags.items())
        return Found(matching, tuple(arn for arn in arns if names and arn not in known))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        return self.find([resource.arn for resource in resources], {}, {})

    def _find_tagged(self, tags: Mapping[str, str]) -> list[str]:
        filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
        tagging, kinds = self._clients("resourcegroupstaggingapi"), [self._managed.tagged_as]
        entries = list_items(tagging, "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourceTypeFilters=kinds)
        return sorted(arn for entry in entries if self._managed.pattern.fullmatch(arn := entry["ResourceARN"]))

    def _describe(self, arns: Iterable[str]) -> dict[str, DescribedResource]:
        return {arn: self._read(arn, entry) for arn in arns if (entry := self._find(arn)) is not None}

    def _find(self, arn: str) -> Mapping[str, Any] | None:
        """The description. None if there is no such resource, or if the service answers with another one."""
        _, _, _, region, account, *_ = arn.split(":")
        if self._managed.regional and region != str(self._client.meta.region_name):
            return None
        entry: Mapping[str, Any] | None = self._ask(self._managed.describe, arn)
        if entry is None or not self._managed.accounted:
            return entry  # it may be an empty one; IAM answers for resources of this account alone
        return entry if entry and jmespath.search(self._managed.owner, entry) in {arn, account} else None

    def _ask(self, read: Read, arn: str) -> Any:
        answer = call(self._client, read.method, absent=read.absent, **read.arguments(arn))
        return jmespath.search(read.gives, answer) if answer is not None else None

    def _read(self, arn: str, entry: Mapping[str, Any]) -> DescribedResource:
        managed = self._managed
        values = {name: jmespath.search(path, entry) for name, path in managed.fields.items()}
        values |= {name: self._ask(read, arn) for name, read in managed.more.items()}
        tags = self._ask(managed.tags, arn) if isinstance(managed.tags, Read) else jmespath.search(managed.tags, entry)
        return DescribedResource.model_validate(
            {
                "type": self._type,
                "id": id_in(arn),
                "arn": arn,
                "state": jmespath.search(managed.state, entry) if managed.state else EXISTS,
                "tags": _read_tags(tags or {}),
                "fields": {name: _write(value) for name, value in values.items() if value is not None},
            }
        )


def _read_tags(tags: dict[str, str] | list[Mapping[str, str]]) -> dict[str, str]:
    """The tags, which services write as an object, or as a list of keys and values. Direct Connect may leave a value out."""
    if isinstance(tags, dict):
        return tags
    pairs = [{name.lower(): text for name, text in tag.items()} for tag in tags]
    return {pair["key"]: pair.get("value", "") for pair in pairs}


def _write(value: object) -> str:
    """The value as text. A policy is text already, and services write the same one in several ways."""
    if isinstance(value, str):
        return _write_policy(value) if value.startswith("{") else value
    return json.dumps(value, sort_keys=True, default=str)


def _write_policy(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text
