"""Whether a command line of the AWS CLI exists: service, operation and parameters by botocore's own models."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name

GLOBAL = {"query", "output", "region", "profile", "cli-binary-format", "no-cli-pager"}
RENAMED = {("sns", "subscribe", "endpoint"): "notification-endpoint"}
"""Where the CLI's word for a parameter is not the API's."""
OF_THE_CLI = {"s3": {"cp", "ls", "rb", "rm", "sync"}, "cloudformation": {"deploy"}}
"""Commands of the AWS CLI that are no operation of the API."""
NESTED = re.compile(r"\$\((aws .*)\); do")


@cache
def _services() -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_available_services())


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def commands_in(text: str) -> Iterator[str]:
    """`aws` commands of a shell text, also those inside `$(…)`."""
    for line in text.replace("\\\n", " ").splitlines():
        yield from NESTED.findall(line)
        stripped = line.strip()
        if stripped.startswith("aws "):
            yield stripped


def problems(command: str) -> list[str]:
    """What is wrong with it; nothing if it could be run."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        return [f"not a shell command: {error}"]
    if len(words) < 3 or words[0] != "aws":
        return ["no aws command"]
    service, name = words[1], words[2]
    if service not in _services():
        return [f"no service {service}"]
    if name in OF_THE_CLI.get(service, ()):
        return []
    model = _model(service)
    operations = {xform_name(result, "-"): result for result in model.operation_names}
    if name not in operations:
        return [f"{service} has no operation {name}"]
    shape = model.operation_model(operations[name]).input_shape
    members = {RENAMED.get((service, name, xform_name(member, "-")), xform_name(member, "-")): member for member in shape.members}
    inputs = _given(words[3:])
    wrong = [f"{name} has no parameter --{option}" for option in inputs if option not in members.keys() | GLOBAL]
    wrong += [f"{name} needs --{option}" for option, member in members.items() if member in shape.required_members and option not in inputs]
    for option, values in inputs.items():
        if option in members:
            wrong += [f"--{option}: {outcome}" for value in values for outcome in _value(shape.members[members[option]], value)]
    return wrong


def _given(words: list[str]) -> dict[str, list[str]]:
    results: dict[str, list[str]] = {}
    option = ""
    for word in words:
        if word.startswith("--"):
            option, _, value = word[2:].partition("=")
            results[option] = [value] if value else []
        elif option:
            results[option].append(word)
    return results


def _value(shape: Any, value: str) -> list[str]:
    """JSON where it is JSON, shorthand `a=1,b=2` of a structure, else anything for a scalar."""
    if shape.type_name in {"structure", "map"} and value.startswith("{"):
        try:
            return _json(shape, json.loads(value))
        except ValueError as error:
            return [f"not JSON: {error}"]
    member = shape.member if shape.type_name == "list" else shape
    if member.type_name == "structure":
        keys = [part.partition("=")[0] for part in value.split(",") if "=" in part]
        return [f"no member {key}" for key in keys if key not in member.members] or ([] if keys else [f"no shorthand: {value}"])
    enum = getattr(member, "enum", None)
    return [f"{value} is none of {enum}"] if enum and value not in enum and not value.startswith(("<", "$")) else []


def _json(shape: Any, value: Any) -> list[str]:
    if shape.type_name == "map":
        return [result for inner in value.values() for result in _json(shape.value, inner)]
    if shape.type_name == "structure":
        return [f"no member {key}" for key in value if key not in shape.members]
    return []
