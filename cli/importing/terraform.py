"""FIS templates in what `terraform show -json` prints of a plan or of a state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cli.importing.values import Source, Unknowns, choose_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RESOURCE = "aws_fis_experiment_template"
_COMPUTED = frozenset({"id", "arn", "tags_all", "timeouts", "region"})
"""Attributes that the provider sets, or that say where and how it deploys."""
_WORD = re.compile(r"_([a-z])")


def list_sources(document: Mapping[str, Any], file: str) -> list[Source]:
    """Every FIS template of the plan or of the state."""
    root = _mapping(_mapping(document.get("planned_values")) or _mapping(document.get("values"))).get("root_module")
    changes = {
        str(change.get("address")): _mapping(change.get("change"))
        for change in _list(document.get("resource_changes"))
        if isinstance(change, dict)
    }
    return [_read_resource(resource, changes, file) for resource in _walk(_mapping(root))]


def _walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The FIS templates of a module and of those below it."""
    for resource in _list(module.get("resources")):
        if _mapping(resource).get("type") == RESOURCE and resource.get("mode") != "data":
            yield resource
    for inner in _list(module.get("child_modules")):
        yield from _walk(_mapping(inner))


def _read_resource(resource: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]], file: str) -> Source:
    unknowns = Unknowns()
    address = str(resource.get("address") or resource.get("name") or RESOURCE)
    given = _mapping(resource.get("values"))
    replaced = tuple(f"{key}: the provider sets it, or says by it how it deploys" for key in sorted(_COMPUTED) if given.get(key))
    values = unknowns.add_blanks({key: value for key, value in given.items() if key not in _COMPUTED})
    unknown = {key: value for key, value in _mapping(changes.get(address, {}).get("after_unknown")).items() if key not in _COMPUTED}
    values = _add_unknown(values, unknown, address, unknowns)
    name = re.sub(r"[^A-Za-z0-9]+", "-", address.removeprefix(f"{RESOURCE}.")).strip("-")
    return Source(f"{file}: {address}", choose_label(values.get("tags"), name), _make_template(values), unknowns, replaced=replaced)


def _add_unknown(value: Any, unknown: Any, path: str, unknowns: Unknowns) -> Any:
    """The value with a token wherever Terraform knows it only after it was applied."""
    if unknown is True:
        return unknowns.add(f"{path}, which Terraform knows after it was applied")
    if isinstance(unknown, dict):
        known = dict(_mapping(value))
        for key, inner in unknown.items():
            if inner not in (False, {}, []):
                known[key] = _add_unknown(known.get(key), inner, f"{path}.{key}", unknowns)
        return known
    if isinstance(unknown, list):
        listed = list(value) if isinstance(value, list) else []
        for number, inner in enumerate(unknown):
            if inner not in (False, {}, []):
                listed += [None] * (number + 1 - len(listed))
                listed[number] = _add_unknown(listed[number], inner, f"{path}[{number}]", unknowns)
        return listed
    return value


def _make_template(values: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's attributes by the names of FIS's API: blocks with a name are a map, pairs of key and value, too."""
    template: dict[str, Any] = {}
    for key, value in values.items():
        match key:
            case "action" | "target":
                template[f"{key}s"] = {str(_mapping(block).get("name")): _make_block(block, key) for block in _list(value)}
            case "stop_condition":
                template["stopConditions"] = [_camel_keys(block) for block in _list(value)]
            case "tags":
                template["tags"] = value or {}
            case _:
                template[_camel(key)] = _unwrap(value)
    return template


def _make_block(block: Any, kind: str) -> Any:
    pairs = {"parameter": "parameters", "target": "targets", "resource_tag": "resourceTags"}
    if not isinstance(block, dict):
        return block
    made: dict[str, Any] = {}
    for key, value in block.items():
        if key == "name":
            continue
        if key in pairs and (kind, key) != ("target", "target"):
            made[pairs[key]] = _pair(value)
        elif key == "filter":
            made["filters"] = [_camel_keys(condition) for condition in _list(value)]
        elif value is not None:
            made[_camel(key)] = value
    return made


def _pair(value: Any) -> Any:
    """Blocks of a key and a value as one map. Anything else in a block stays, so that it is named as lost."""
    pairs: dict[str, Any] = {}
    for block in _list(value):
        rest = {key: inner for key, inner in _mapping(block).items() if key not in {"key", "value"} and inner is not None}
        pairs |= {str(_mapping(block).get("key")): _mapping(block).get("value"), **rest} if isinstance(block, dict) else {"": block}
    return pairs


def _camel_keys(block: Any) -> Any:
    return {_camel(key): inner for key, inner in block.items() if inner is not None} if isinstance(block, dict) else block


def _unwrap(value: Any) -> Any:
    """A block that may be given once, without the list around it."""
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    return _camel_keys(single)


def _camel(key: str) -> str:
    return _WORD.sub(lambda match: match[1].upper(), key)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
