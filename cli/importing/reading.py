"""Reads a file for import as plain data. Its size, its aliases and its depth are bounded before it is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cli.arguments.definitions import UnreadableError, parse_json, parse_yaml
from cli.text import clean_line
from infra.strict_yaml import StrictLoader
from squall.admission.json_limits import is_deeper_than

if TYPE_CHECKING:
    from collections.abc import Iterator

MAXIMUM_JSON = 16 * 1024 * 1024
"""Bytes: a plan of Terraform describes every resource of a project."""
MAXIMUM_YAML = 1024 * 1024
"""Bytes, as many as CloudFormation takes."""
MAXIMUM_DEPTH = 64
MARKS = ("actionId", "ActionId", "AWS::FIS::", "aws_fis_experiment_template", "steady-state-hypothesis", "method")
"""Each source that can be imported holds one of these words."""
KINDS = (
    "a FIS template as JSON, a CloudFormation template with AWS::FIS::ExperimentTemplate, `terraform show -json`, or a Chaos Toolkit "
    "experiment"
)
_Scanner: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""What only looks at the events of a file: it is ten times as fast where PyYAML has libyaml."""


class _Loader(StrictLoader):
    """The loader of definitions, which reads CloudFormation's short tags as the functions that they stand for."""


def _read_tag(loader: Any, name: str, node: yaml.Node) -> dict[str, Any]:
    """`!Ref X` as `{"Ref": "X"}`, `!GetAtt A.B` as `{"Fn::GetAtt": ["A", "B"]}`, any other `!Name` as `Fn::Name`."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        value = value.split(".", 1) if name == "GetAtt" else value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _read_tag)


def read_file(path: str) -> Any:
    """The content of the file as plain data. Raises UnreadableError."""
    if path.endswith((".tf", ".tfstate")):
        raise UnreadableError("is a file of Terraform's own; `terraform show -json` writes a plan or a state that can be imported")
    text = _read_text(path)
    if path.endswith(".json") or text.lstrip().startswith("{"):
        value = parse_json(text)
        _check_marks(text)
    else:
        _check_events(text)
        _check_marks(text)
        value = parse_yaml(text, _Loader)
    if is_deeper_than(value, MAXIMUM_DEPTH):
        raise UnreadableError(f"is nested deeper than {MAXIMUM_DEPTH} levels")
    return value


def _check_marks(text: str) -> None:
    """After the syntax, whose errors have a line; before YAML is built, which takes seconds where libyaml is missing."""
    if not any(mark in text for mark in MARKS):
        raise UnreadableError(f"holds nothing that can be imported: {KINDS}")


def _read_text(path: str) -> str:
    limit = MAXIMUM_JSON if path.endswith(".json") else MAXIMUM_YAML
    try:
        with Path(path).open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise UnreadableError("there is no such file") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    if len(content) > limit:
        raise UnreadableError(f"is longer than {limit:,} bytes, the most for a file of this kind")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 text (byte {error.start})") from error


def _check_events(text: str) -> None:
    """Raises UnreadableError for an alias, for a second document and for deep nesting, before anything is built."""
    depth = documents = 0
    try:
        for event in _list_events(text):
            documents += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent):
                raise UnreadableError("aliases (*name) are not accepted, write it out", line)
            if depth > MAXIMUM_DEPTH:
                raise UnreadableError(f"is nested deeper than {MAXIMUM_DEPTH} levels", line)
            if documents > 1:
                raise UnreadableError("holds several YAML documents; import a file for each", line)
    except yaml.YAMLError as error:
        raise UnreadableError(f"is not YAML: {clean_line(error, 200)}") from error


def _list_events(text: str) -> Iterator[Any]:
    events: Iterator[Any] = yaml.parse(text, _Scanner)
    return events
