"""Reference pages of the files that people write and of the document that a run leaves, from their JSON Schemas."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.documentation.tables import make_code, make_table
from scripts.schemas import make_schema

Schema = Mapping[str, Any]
_LIMITS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} entries"),
    ("maxItems", "at most {} entries"),
)
_FORMATS = {"duration": "duration, as `PT10M`", "date-time": "date and time", "date": "date", "time": "clock time"}


def make_schema_page(name: str, title: str, introduction: str) -> str:
    """The page of one schema: its fields, then the fields of each object in it, then its closed sets of words."""
    schema = make_schema(name)
    definitions: dict[str, Schema] = schema.get("$defs", {})
    objects = {key: value for key, value in definitions.items() if "properties" in value}
    words = {key: value for key, value in definitions.items() if "enum" in value}
    parts = [
        f"# {title}",
        introduction,
        f"The JSON Schema is [{name}.schema.json](../schemas/{name}.schema.json).",
        "## Fields",
        _make_fields(schema),
    ]
    for key, value in sorted(objects.items()):
        parts += [f"## {key}", *_describe(value), _make_fields(value)]
    for key, value in sorted(words.items()):
        parts += [f"## {key}", *_describe(value), "One of " + ", ".join(f"`{word}`" for word in value["enum"]) + "."]
    return "\n\n".join(parts) + "\n"


def _describe(schema: Schema) -> Iterator[str]:
    if text := schema.get("description"):
        yield " ".join(str(text).split())


def _make_fields(schema: Schema) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (make_code(name), _describe_type(field), _describe_default(name, field, required), *(_describe_field(field)))
        for name, field in schema["properties"].items()
    ]
    return make_table(("field", "type", "default", "meaning and limits"), rows)


def _describe_type(field: Schema) -> str:
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field or "oneOf" in field:
        kinds = [_describe_type(part) for part in field.get("anyOf") or field["oneOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if words := field.get("enum") or ([field["const"]] if "const" in field else []):
        return " or ".join(f"`{word}`" for word in words)
    kind = field.get("type", "any value")
    if kind == "array":
        inner = _describe_type(field["items"]) if field.get("items") else "any value"
        return f"list of {inner}"
    if kind == "object":
        values = field.get("additionalProperties")
        return f"map to {_describe_type(values)}" if isinstance(values, Mapping) and values else "map"
    return _FORMATS.get(str(field.get("format", "")), str(kind))


def _describe_default(name: str, field: Schema, required: set[str]) -> str:
    if name in required:
        return "required"
    default = field.get("default")
    if default in (None, "", [], {}):
        return ""
    text = default if isinstance(default, str) else json.dumps(default)
    return make_code(text) if len(text) <= 40 else "see below" if "$ref" in field else "all"


def _describe_field(field: Schema) -> Iterator[str]:
    text = " ".join(str(field.get("description", "")).split())
    parts = [field, *field.get("anyOf", ())]
    limits = [words.format(part[key]) for part in parts for key, words in _LIMITS if key in part and part[key] is not None]
    joined = ", ".join(dict.fromkeys(limits))
    yield f"{text} ({joined})" if text and joined else text or joined
