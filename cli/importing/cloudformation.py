"""FIS templates in a CloudFormation template, also in one that CDK synthesized."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.importing.named_resources import describe_resource, find_value
from cli.importing.values import Loss, Source, Unknowns, choose_label, has_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RESOURCE = "AWS::FIS::ExperimentTemplate"
_ACCOUNTS = "AWS::FIS::TargetAccountConfiguration"
_OF_STACK = ("Metadata", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy")
"""Attributes of a resource that only say how the stack is deployed."""
_SETTINGS = ("RoleArn", "LogConfiguration", "ExperimentReportConfiguration")
"""Properties in whose place Squall has its own. Nothing in them is looked up."""
_VARIABLE = re.compile(r"\$\{(!?)([^{}]+)\}")
_DEEPEST = 8
"""The most names of resources that are resolved one within another."""
_ABSENT = object()
"""The value of `AWS::NoValue`: the key is left out."""


def list_sources(document: Mapping[str, Any], file: str) -> list[Source]:
    """Every FIS template of the document."""
    resources = _mapping(document.get("Resources"))
    found = {name: resource for name, resource in resources.items() if _mapping(resource).get("Type") == RESOURCE}
    return [_read_resource(document, name, resource, file) for name, resource in found.items()]


def _read_resource(document: Mapping[str, Any], name: str, resource: Mapping[str, Any], file: str) -> Source:
    unknowns = Unknowns()
    clean = unknowns.add_blanks({key: value for key, value in resource.items() if key not in _OF_STACK})
    stack = _Stack(document, unknowns)
    properties = clean.pop("Properties", {})
    clean.pop("Type", None)
    losses = [Loss(f"{name}.{key}", "is the stack's, and no part of an experiment", value) for key, value in sorted(clean.items())]
    losses += [
        Loss(other, "hits another account, which an experiment does not")
        for other, inner in _mapping(document.get("Resources")).items()
        if _mapping(inner).get("Type") == _ACCOUNTS and name in str(_mapping(inner).get("Properties"))
    ]
    template: dict[str, Any] = {}
    for key, value in _mapping(properties).items():
        if key in _SETTINGS:
            template[_lower(key)] = value
        elif (resolved := stack.resolve(value)) is not _ABSENT:
            template[_lower(key)] = resolved
    if not isinstance(properties, dict):
        template = {"actions": stack.resolve(properties)}
    replaced = tuple(f"{name}.{key}" for key in _OF_STACK if key in resource)
    label = choose_label(template.get("tags"), name)
    return Source(f"{file}: {name}", label, _lower_keys(template), unknowns, (*losses, *stack.losses), replaced=replaced)


def _lower_keys(template: dict[str, Any]) -> dict[str, Any]:
    """The template with the keys of FIS's API, which begin with a lower case letter. Keys that are names stay."""
    lowered = dict(template)
    for field_name in ("targets", "actions"):
        if isinstance(inner := lowered.get(field_name), dict):
            lowered[field_name] = {name: _lower_mapping(value) for name, value in inner.items()}
    if isinstance(targets := lowered.get("targets"), dict):
        for target in targets.values():
            if isinstance(target, dict) and isinstance(target.get("filters"), list):
                target["filters"] = [_lower_mapping(condition) for condition in target["filters"]]
    if isinstance(lowered.get("stopConditions"), list):
        lowered["stopConditions"] = [_lower_mapping(condition) for condition in lowered["stopConditions"]]
    lowered["experimentOptions"] = _lower_mapping(lowered.get("experimentOptions", {}))
    return lowered


def _lower_mapping(value: Any) -> Any:
    return {_lower(str(key)): inner for key, inner in value.items()} if isinstance(value, dict) else value


def _lower(key: str) -> str:
    return key[:1].lower() + key[1:]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


@dataclass
class _Stack:
    """Resolves the functions of a CloudFormation template as far as their values are constants."""

    document: Mapping[str, Any]
    unknowns: Unknowns
    losses: list[Loss] = field(default_factory=list)
    depth: int = 0
    """How many names of resources are being resolved, one within another."""

    def resolve(self, value: Any) -> Any:
        """The value, with a token for what only the deployed stack knows."""
        if isinstance(value, list):
            resolved = [self.resolve(inner) for inner in value]
            return [inner for inner in resolved if inner is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, inner), *_ = value.items()
            if name == "Ref" or str(name).startswith("Fn::"):
                return self._call(str(name), inner)
        pairs = {name: self.resolve(inner) for name, inner in value.items()}
        return {name: inner for name, inner in pairs.items() if inner is not _ABSENT}

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref" if isinstance(argument, str):
                return self._refer(argument)
            case "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._get_attribute(parts)
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::Join" if isinstance(argument, list) and len(argument) == 2:
                parts = self.resolve(argument[1])
                if isinstance(argument[0], str) and isinstance(parts, list) and all(isinstance(part, str | int) for part in parts):
                    return argument[0].join(str(part) for part in parts)
            case "Fn::FindInMap" if isinstance(argument, list) and len(argument) == 3:
                return self._look_up([self.resolve(part) for part in argument])
        return self.unknowns.add(f"!{name.removeprefix('Fn::')} {_show(argument)}")

    def _refer(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        if name in {"AWS::Partition", "AWS::URLSuffix"}:
            return {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}[name]
        parameter = _mapping(_mapping(self.document.get("Parameters")).get(name))
        if (default := parameter.get("Default")) is not None and not str(parameter.get("Type")).startswith("AWS::SSM::"):
            loss = Loss(f"Parameters.{name}", "was taken at its default: an experiment has no such parameter", default)
            self.losses += [loss] if loss not in self.losses else []
            listed = str(parameter.get("Type")).startswith(("List<", "CommaDelimitedList"))
            return [part.strip() for part in str(default).split(",")] if listed else self.unknowns.add_blanks(default)
        return self._find_own(name, None) or self.unknowns.add(f"${{{name}}}")

    def _get_attribute(self, parts: Any) -> Any:
        named = [part for part in parts if isinstance(part, str)] if isinstance(parts, list) else []
        own = self._find_own(named[0], named[1]) if len(named) == 2 else None
        return own or self.unknowns.add(f"${{{'.'.join(named) or _show(parts)}}}")

    def _find_own(self, name: str, attribute: str | None) -> str | None:
        """What Ref, or GetAtt, returns for a resource of the template. None if only AWS knows it, which is noted."""
        described = _mapping(_mapping(self.document.get("Resources")).get(name))
        place = {"region": self.unknowns.add("${AWS::Region}"), "account": self.unknowns.add("${AWS::AccountId}")}
        if (value := find_value(described, attribute, self._make_constant, place)) is not None:
            return value
        if described:
            words = f"{name}.{attribute}" if attribute else name
            self.unknowns.notes[f"${{{words}}}"] = describe_resource(name, described)
        return None

    def _make_constant(self, value: Any) -> str | None:
        """The value as text if the template itself says it. A resource whose name is that of another in a circle has none."""
        if self.depth >= _DEEPEST:
            return None
        before = list(self.losses)
        self.depth += 1
        resolved = self.resolve(value)
        self.depth -= 1
        clean = self.unknowns.add_blanks(resolved)  # `{{resolve:ssm:/name}}` is read when the stack is deployed
        if isinstance(clean, str) and clean and clean == resolved and not has_token(clean):
            return clean
        self.losses = before
        return None

    def _substitute(self, argument: Any) -> Any:
        text, values = (argument[0], argument[1]) if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        if not isinstance(text, str) or not isinstance(values, dict):
            return self.unknowns.add(f"!Sub {_show(argument)}")

        def replace(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return f"${{{name}}}"
            if name in values:
                value = self.resolve(values[name])
            else:
                value = self._get_attribute(name.split(".", 1)) if "." in name else self._refer(name)
            return str(value) if isinstance(value, str | int | float) else self.unknowns.add(f"${{{name}}}")

        return _VARIABLE.sub(replace, text)

    def _look_up(self, keys: list[Any]) -> Any:
        value: Any = self.document.get("Mappings")
        for key in keys:
            value = _mapping(value).get(str(key))
        if isinstance(value, str | int | float | list):
            return self.unknowns.add_blanks(value)
        return self.unknowns.add(f"!FindInMap {_show([self.unknowns.describe(str(key)) for key in keys])}")


def _show(value: Any) -> str:
    texts = list(_list_leaves(value))
    shown = " ".join(texts)
    return shown if len(shown) <= 120 else f"{shown[:119]}…"


def _list_leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{key}:"
            yield from _list_leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _list_leaves(inner)
    else:
        yield str(value)
