"""Faults that one of AWS's own Systems Manager documents injects into instances: agents, two durations, and commands as
proof."""

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from squall.domain.base.problems import WHOLE, InvalidInput, Problem, prefix_paths, show_value
from squall.domain.base.vocabulary import ResourceType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.metrics.periods import format_length
from squall.domain.policy.custom_actions import SEND, Grant
from squall.domain.resources.instances import Instance
from squall.faults.base import Injection
from squall.faults.checks import check_targets
from squall.faults.fis import LONGEST_VALUE
from squall.faults.grants import aws_documents, grant_tagged, grant_untagged
from squall.faults.mechanisms.command import CommandFault
from squall.faults.parameters import P, convert_value, find_other_values, find_unknown, length_problems, parse_length

DocumentNames = Mapping[str, tuple[str, str | None]]
_INSTALL, _SECONDS = "InstallDependencies", "DurationSeconds"
SLACK = timedelta(seconds=60)
"""How much longer the action may take than the fault: dispatch, and installing what the document needs."""


class SendCommandFault(CommandFault[Instance, P]):
    """`aws:ssm:send-command` with a document that ends by itself after DurationSeconds, and when it is cancelled.

    A fault maps its parameters to the document's, and declares what else its targets need. A fault with several
    documents chooses one by its parameters.
    """

    resource_type = ResourceType.INSTANCE
    kind = Instance
    target_key = "Instances"
    actions = (SEND,)
    names: DocumentNames
    """The document's parameter to the fault's own, and the document's own default (None: it has none)."""

    @abstractmethod
    def document_parameters(self, parameters: P, /) -> Mapping[str, str]:
        """The document's own parameters, without the duration and the dependency installation that every such document
        has."""

    def document(self, _parameters: P, /) -> str:
        """The document, one of `ssm_documents`, that is sent with these parameters."""
        (only,) = self.ssm_documents
        return only

    def names_of(self, _document: str, /) -> DocumentNames:
        """The parameters of one of `ssm_documents`, where they differ."""
        return self.names

    def check_instances(self, _injection: Injection[Instance, P], /) -> Iterable[SafetyCheck]:
        """Checks of what this fault requires besides an agent that is online, on Linux."""
        return ()

    def grants(self) -> tuple[Grant, ...]:
        # AWS's documents carry no tags: one statement for instances and documents could never match.
        return (
            grant_tagged("ssm:SendCommand", "ec2", "instance/*"),
            grant_untagged("ssm:SendCommand", resources=aws_documents(self.ssm_documents)),
            grant_untagged("ec2:DescribeInstances", "ssm:ListCommands", "ssm:CancelCommand"),
        )

    def check_targets(self, injection: Injection[Instance, P], /) -> Iterable[SafetyCheck]:
        targets = injection.targets
        yield check_online(targets)
        others = [f"{target.id} runs {target.platform}" for target in targets if target.platform.lower() != "linux"]
        yield check_targets("linux", targets, others, f"the document needs Linux: {'; '.join(others)}", "every target runs Linux")
        yield from self.check_instances(injection)

    def action_length(self, length: timedelta, /) -> timedelta:
        return length + SLACK

    def action_parameters(self, injection: Injection[Instance, P], /) -> Mapping[str, str]:
        name = self.document(injection.parameters)
        return {
            "documentArn": f"arn:{injection.partition}:ssm:{injection.region}::document/{name}",
            "documentParameters": _to_json(self.document_parameters(injection.parameters), injection.length),
        }

    def read_action(self, document: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        """The fault's parameters, read from those of the document. A parameter that the template leaves out gets the
        document's default, not the fault's."""
        names = self.names_of(document)
        others = find_other_values(parameters, {_INSTALL: ("True", "True")}, self.type.value)
        if problems := [*find_unknown(parameters, {*names, _INSTALL}, document), *others]:
            raise InvalidInput(problems)
        values = {own: parameters.get(name, default) for name, (own, default) in names.items()}
        return {own: convert_value(value, self.parameters, own) for own, value in values.items() if value is not None}

    def read_values(self, _action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        told = read_document_parameters(parameters.get("documentParameters", "{}"))
        told.pop(_SECONDS, None)
        return self.read_action(document_of(parameters), told)

    def read_length(self, _action_id: str, parameters: Mapping[str, str], /) -> timedelta | None:
        try:
            return parse_length(f"PT{read_document_parameters(parameters.get('documentParameters', '{}'))[_SECONDS]}S")
        except (InvalidInput, KeyError):
            return None

    def read_template(self, action_id: str, action_parameters: Mapping[str, str], length: timedelta, /) -> dict[str, Any]:
        path, problems = "parameters.documentParameters", [*_find_version_problem(action_parameters)]
        refuse = sorted(set(action_parameters) - _OF_ACTION)
        problems += [Problem(path=f"parameters.{name}", message=f"not known of {action_id}", expected="no such key") for name in refuse]
        try:
            parameters = read_document_parameters(action_parameters.get("documentParameters", "{}"))
        except InvalidInput as invalid:
            raise InvalidInput([*problems, *prefix_paths(path, invalid.problems)]) from None
        seconds = parameters.pop(_SECONDS, "")
        problems += length_problems(f"{path}.{_SECONDS}", f"PT{seconds}S" if seconds else None, length)
        if (lasts := parse_length(action_parameters.get("duration"))) is not None and lasts < length:
            message = f"FIS would report it as completed after {format_length(lasts)}, while the command runs on"
            problems.append(Problem(path="parameters.duration", message=message, expected=f"{format_length(length)} or more"))
        return self.read_checked(document_of(action_parameters), parameters, path, problems)


def check_online(targets: Sequence[Instance]) -> SafetyCheck:
    """Whether a command would arrive at each target."""
    offline = [target.id for target in targets if not target.managed]
    refusal = f"{', '.join(offline)} is not online in Systems Manager: the command would never arrive"
    return check_targets("systems_manager_online", targets, offline, refusal, "every target is online in Systems Manager")


_OF_ACTION = frozenset({"documentArn", "documentVersion", "documentParameters", "duration"})
"""The parameters of a send-command action (AWS FIS actions reference)."""


def _find_version_problem(action_parameters: Mapping[str, str]) -> Iterator[Problem]:
    """Squall names no version of the document, so the default version runs."""
    version = action_parameters.get("documentVersion", "")
    if not is_default_version(version):
        message = f"version {version} of the document would be lost: Squall runs the default version"
        expected = f"no version, or $DEFAULT; or an entry of the policy's custom_actions with command: {document_of(action_parameters)}"
        yield Problem(path="parameters.documentVersion", message=message, expected=f"{expected} in that version")


def is_default_version(version: str) -> bool:
    """Whether a template's `documentVersion` means the document's default version."""
    return version in {"", "$DEFAULT"}


def document_of(action_parameters: Mapping[str, str]) -> str:
    """The document of a send-command action: its name if it is AWS's own, else its whole ARN."""
    arn_given = action_parameters.get("documentArn", "")
    owner = arn_given.split(":")[4] if arn_given.count(":") >= 5 else ""
    return arn_given if owner else arn_given.rpartition("document/")[2]


def _to_json(parameters: Mapping[str, str], length: timedelta) -> str:
    """Compact JSON of strings, as FIS requires for the document's parameters. Raises InvalidInput if it is too long for
    FIS."""
    values = {_SECONDS: str(max(1, ceil(length.total_seconds()))), **parameters, _INSTALL: "True"}
    text = json.dumps(values, separators=(",", ":"))
    if len(text) > LONGEST_VALUE:
        message = f"FIS takes {LONGEST_VALUE} characters of parameters, these are {len(text)}"
        raise InvalidInput([Problem(path="parameters", message=message)])
    return text


def read_document_parameters(text: str) -> dict[str, str]:
    """The document's parameters, which FIS takes as strings or as lists of strings. AWS's documents take one value for
    each. Raises InvalidInput with paths below the parameters."""
    expected = "a JSON object of strings, or of lists of one string"
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidInput([Problem(path=WHOLE, message="is not understood", expected=expected)])
    single = {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in parsed.items()}
    if strange := [name for name, value in single.items() if isinstance(value, list | dict) or value is None]:
        raise InvalidInput(
            [Problem(path=name, message=f"{show_value(single[name])} is not one value", expected=expected) for name in strange]
        )
    return {str(name): str(value) for name, value in single.items()}
