"""Custom actions: FIS actions or Automation documents that the environment's policy lists."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem, extend_path, require_pattern, show_value, suggest_name
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.policy.custom_actions import CUSTOM_NAME, VALUE, CustomAction, Grant
from squall.domain.policy.environment import Environment
from squall.domain.recovery.rollback_document import ROLE_PARAMETER, TARGETS
from squall.domain.resources.base import Resource
from squall.faults.base import Injection
from squall.faults.fis import LONGEST, LONGEST_VALUE, iso_duration
from squall.faults.mechanisms.reported import ReportedFault

Value = Annotated[str, require_pattern(VALUE, "at most 1,024 characters without spaces")]


class Parameters(Model):
    action: Annotated[str, CUSTOM_NAME]
    """Name of the entry in the environment's `custom_actions`."""
    values: Annotated[dict[str, Value], Field(max_length=30)] = {}
    """The parameters that the entry asks for. For a document `$targets` stands for the ids of the pinned targets."""


class CustomFault(ReportedFault[Resource, Parameters]):
    """A custom action on one resource type.

    Without its entry in the policy it knows the form of its parameters, but can inject nothing.
    """

    type = FaultType.CUSTOM
    kind = Resource
    verb = "ran a custom action on"
    parameters = Parameters
    action = "custom"

    def __init__(self, resource_type: ResourceType, listed: CustomAction | None = None) -> None:
        self.resource_type, self._listed = resource_type, listed
        self.risk = listed.risk if listed else "high"
        self.actions = (listed.fis_action,) if listed else ()
        self.target_key = (listed.target_key if listed else None) or "Targets"

    @property
    def instant_actions(self) -> tuple[str, ...]:
        return () if self.listed.lasts else self.actions

    def grants(self) -> tuple[Grant, ...]:
        """The permissions that the entry declares.

        Starting a document is granted automatically, because the entry can't declare it.
        """
        return self.listed.iam

    @property
    def listed(self) -> CustomAction:
        """The policy's entry. Raises LookupError if the fault has none."""
        if self._listed is None:
            raise LookupError("a custom action can do nothing without the policy that lists it")
        return self._listed

    def parse(self, raw: Mapping[str, Any]) -> Parameters:
        parameters = super().parse(raw)
        if self._listed is not None and (problems := [*self._find_problems(parameters)]):
            raise InvalidInput(problems)
        return parameters

    def _find_problems(self, parameters: Parameters) -> Iterable[Problem]:
        wanted = self.listed.parameters
        for name, value in parameters.values.items():
            path = extend_path("parameters.values", name)
            if name not in wanted:
                message = f"{parameters.action} has no such value{suggest_name(name, wanted)}"
                yield Problem(path=path, message=message, expected=", ".join(sorted(wanted)) or "no values")
            elif not (value == TARGETS and self.listed.document) and not re.fullmatch(wanted[name], value):
                yield Problem(path=path, message=f"{value[:100]!r} is refused", expected=f"a match of {wanted[name]}")
        for name in sorted(set(wanted) - set(parameters.values)):
            yield Problem(path=extend_path("parameters.values", name), message="is missing", expected=f"a match of {wanted[name]}")

    def describe(self, parameters: Parameters, /) -> str:
        return f"{parameters.action}: {self.listed.description}"

    def action_parameters(self, injection: Injection[Resource, Parameters], /) -> Mapping[str, str]:
        return {**self.listed.fixed, **injection.parameters.values}

    def compile(self, injection: Injection[Resource, Model]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.listed.document is None:
            return super().compile(injection)
        own = self.narrow(injection)
        return {}, {self.action: self._start_automation(own), "observe": self.wait(own)}

    def _start_automation(self, injection: Injection[Resource, Parameters]) -> dict[str, Any]:
        """The action that starts the reviewed version of the document, with the document's own role."""
        document = self.listed.document or ""
        parameters: dict[str, list[str]] = {
            name: [target.id for target in injection.targets] if value == TARGETS else [value]
            for name, value in sorted(self.action_parameters(injection).items())
        }
        text = json.dumps({**parameters, ROLE_PARAMETER: [self.listed.assume_role]}, separators=(",", ":"))
        if len(text) > LONGEST_VALUE:
            message = f"FIS takes {LONGEST_VALUE} characters of parameters, these are {len(text)}"
            raise InvalidInput([Problem(path="parameters.values", message=message)])
        account = "" if document.startswith(("AWS-", "AWSSupport-")) else injection.targets[0].arn.split(":")[4]
        prefix = f"arn:{injection.partition}:ssm:{injection.region}:{account}"
        return {
            "actionId": self.listed.fis_action,
            "description": self.describe(injection.parameters),
            "parameters": {
                "documentArn": document if document.startswith("arn:") else f"{prefix}:document/{document}",
                "documentVersion": self.listed.version or "",
                "documentParameters": text,
                "maxDuration": iso_duration(min(injection.length, LONGEST)),
            },
        }

    def find_changes(self, before: Resource, now: Resource | None, /) -> Iterable[str]:
        """The fields that identify a target and have changed."""
        if now is None:
            yield f"{before.id} is gone"
            return
        for field in before.IDENTITY:
            old, new = getattr(before, field), getattr(now, field)
            if old != new:
                yield f"the {field} of {now.id} is {new}, it was {old}"


def find_problems(fault: PlannedFault, environment: Environment, *, undone: bool) -> Iterator[Problem]:
    """What is wrong with a custom action: whether the environment's policy lists it for such targets and values, and
    what undoes it. `undone`: whether the experiment declares a rollback document."""
    if fault.type is not FaultType.CUSTOM:
        return
    known, name = environment.custom_actions, fault.parameters.get("action")
    if not isinstance(name, str):
        return  # parsing has reported it
    if name not in known:
        message = f"{environment.name} has no custom action {show_value(name)}{suggest_name(name, known)}"
        yield Problem(path="parameters.action", message=message, expected=", ".join(sorted(known)) or "none: its policy lists none")
        return
    listed = known[name]
    if fault.resource_type is not listed.resource_type:
        message = f"{name} can't be run on {fault.resource_type.with_article}"
        yield Problem(path="target_resources", message=message, expected=f"{listed.resource_type.words} ({listed.resource_type.value})")
    try:
        CustomFault(listed.resource_type, listed).parse(fault.parameters)
    except InvalidInput as invalid:
        yield from invalid.problems
    if not undone and not listed.self_reverting:
        message = f"{name} does not undo itself"
        yield Problem(path="rollback", message=message, expected="one of the environment's rollback_documents")
