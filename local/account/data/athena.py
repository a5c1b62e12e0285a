"""CloudFormation's `AWS::Athena::NamedQuery`, which the emulator's Athena knows and its CloudFormation does not."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is added here

import json
from typing import Any

from ministack.services import athena
from ministack.services.cloudformation import provisioners

from local.account.patching import PatchPointError, require_names

TYPE = "AWS::Athena::NamedQuery"
_NEEDED = ("Database", "QueryString")
_FIELDS = ("Name", "Description", "Database", "QueryString", "WorkGroup")


def install_patches() -> None:
    """Teach CloudFormation the type."""
    require_names(athena, "_create_named_query", "_delete_named_query")
    require_names(provisioners, "_RESOURCE_HANDLERS")
    if TYPE in provisioners._RESOURCE_HANDLERS:
        raise PatchPointError(f"ministack provisions {TYPE} by itself now: this patch can go")
    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": _create_query, "delete": _delete_query}


def _create_query(_logical_id: str, properties: dict[str, Any], _stack_name: str) -> tuple[str, dict[str, str]]:
    missing = [name for name in _NEEDED if not properties.get(name)]
    if missing:
        raise ValueError(f"Property validation failure: [The property {{/{missing[0]}}} is required]")
    status, _, body = athena._create_named_query({name: properties[name] for name in _FIELDS if name in properties})
    if status >= 400:
        raise ValueError(f"{TYPE} create failed: {body!r}")
    query_id = str(json.loads(body)["NamedQueryId"])
    return query_id, {"NamedQueryId": query_id}


def _delete_query(physical_id: str, _properties: dict[str, Any]) -> None:
    athena._delete_named_query({"NamedQueryId": physical_id})
