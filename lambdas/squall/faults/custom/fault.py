"""Custom actions: FIS actions and Automation documents that the environment's policy lists. Commands are in `command`."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths, require_pattern, show_value, suggest_name
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.metrics.periods import format_length
from squall.domain.policy.custom_actions import CUSTOM_NAME, TOLD, VALUE, CustomAction, Grant, locate_document
from squall.domain.recovery.rollback_document import ROLE_PARAMETER, TARGETS
from squall.domain.resources.base import Resource
from squall.faults.base import AnyFault, Injection
from squall.faults.checks import make_check
from squall.faults.custom.lengths import read_length, write_length
from squall.faults.fis import LONGEST, LONGEST_VALUE, iso_duration
from squall.faults.mechanisms.reported import ReportedFault
from squall.faults.mechanisms.send_command import read_document_parameters
from squall.faults.parameters import length_problems, parse_length

Value = Annotated[str, require_pattern(TOLD, "at most 1,024 characters on one line")]


class Parameters(Model):
    action: Annotated[str, CUSTOM_NAME]
    """Name of the entry in the environment's `custom_actions`."""
    values: Annotated[dict[str, Value], Field(max_length=30)] = {}
    """The parameters that the entry asks for. Those of an action of FIS hold no spaces. For an Automation document `$targets`
    stands for the ids of the pinned targets."""


class Twin(NamedTuple):
    """Squall's own fault that injects with the same action as an entry of the policy."""

    fault: AnyFault
    raw: Mapping[str, Any]
    """Its parameters, as they are in the entry's values."""
    parameters: Model | None
    """The same, parsed. None: it can't read these values."""


class CustomFault(ReportedFault[Resource, Parameters]):
    """A custom action on one resource type.

    Without its entry in the policy it knows the form of its parameters, but can inject nothing.
    """

    type = FaultType.CUSTOM
    kind = Resource
    verb = "ran a custom action on"
    parameters = Parameters
    action = "custom"

    def __init__(
        self,
        resource_type: ResourceType,
        listed: CustomAction | None = None,
        *,
        name: str = "",
        needs_signal: bool = False,
        twins: Sequence[AnyFault] = (),
    ) -> None:
        """`name`: of the entry. `needs_signal`: whether only a metric can show that the action did anything. `twins`: Squall's own
        faults that inject with the same action."""
        self._twins = tuple(twins)
        self.resource_type, self._listed, self.name, self.needs_signal = resource_type, listed, name, needs_signal
        self.risk = listed.risk if listed else "high"
        self.actions = (listed.fis_action,) if listed else ()
        self.target_key = (listed.target_key if listed else None) or "Targets"

    @property
    def instant_actions(self) -> tuple[str, ...]:
        return () if self._listed is None or self._listed.lasts else self.actions

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

    def find_twin(self, parameters: Parameters) -> Twin | None:
        """Squall's own fault that does the same with these values. Where none reads them, the one of the action's id, which then
        takes as much as it can. None for what Squall does not know by itself."""
        told = {**self.listed.fixed, **parameters.values}
        for twin in self._twins:
            try:
                raw = twin.read_values(self.listed.fis_action, told)
                return Twin(twin, raw, twin.parse(raw))
            except InvalidInput:
                continue
        return Twin(self._twins[-1], {}, None) if self._twins else None

    def traits(self, parameters: Model) -> FaultTraits:
        """Under another name an action takes the same from its targets, and may not meet others either."""
        own = super().traits(parameters)
        twin = self.find_twin(self._own(parameters)) if self._listed else None
        if twin is None:
            return own
        return replace(
            own,
            targets_are_replaced=twin.fault.targets_are_replaced,
            targets_leave_at_once=twin.fault.targets_are_replaced,
            improvements_on_loss=twin.fault.improvements_on_loss,
            takes=own.takes | twin.fault.takes,
            needs=own.needs | twin.fault.needs,
            stirs=own.stirs | twin.fault.stirs,
            counts_as=(twin.fault.type, twin.raw),
        )

    def check_targets(self, injection: Injection[Resource, Parameters], /) -> Iterable[SafetyCheck]:
        """What the action needs of its targets, as Squall's own fault knows it."""
        yield from super().check_targets(injection)
        twin = self.find_twin(injection.parameters) if self._listed else None
        if twin is None:
            return
        yield make_check("known_action", True, f"{self.listed.fis_action} counts as Squall's own type {twin.fault.type.value}")
        if twin.parameters is not None:
            alike: Injection[Resource, Model] = Injection(**{**vars(injection), "parameters": twin.parameters})
            yield from (check for check in twin.fault.prerequisites(alike) if check.name != "targets_usable")

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
            elif self.listed.action is not None and not re.fullmatch(VALUE, value):
                yield Problem(path=path, message=f"{value[:100]!r} is refused", expected="a value without spaces, as FIS takes it")
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
        if own := self.listed.length:
            parameters[own.parameter] = [write_length(own.unit, injection.length)]
        parameters[ROLE_PARAMETER] = [self.listed.assume_role or ""]
        return {
            "actionId": self.listed.fis_action,
            "description": self.describe(injection.parameters),
            "parameters": {
                **self.write_document(document, injection, parameters),
                "maxDuration": iso_duration(min(self.action_length(injection.length), LONGEST)),
            },
        }

    def write_document(
        self, document: str, injection: Injection[Resource, Parameters], told: Mapping[str, str | list[str]]
    ) -> dict[str, str]:
        """What an action says of its document, which gets these parameters. Raises InvalidInput if they are too long for
        FIS."""
        text = json.dumps(told, separators=(",", ":")).replace(" ", "\\u0020")  # FIS takes a value without spaces
        if len(text) > LONGEST_VALUE:
            message = f"FIS takes {LONGEST_VALUE} characters of parameters, these are {len(text)}"
            raise InvalidInput([Problem(path="parameters.values", message=message)])
        account = injection.targets[0].arn.split(":")[4]
        return {
            "documentArn": locate_document(document, injection.partition, injection.region, account),
            "documentVersion": self.listed.version or "",
            "documentParameters": text,
        }

    def action_length(self, length: timedelta, /) -> timedelta:
        """A document with a length of its own has time to undo after it; FIS stops any other when the fault is over."""
        return length + timedelta(minutes=self.listed.length.undoing_minutes) if self._listed and self.listed.length else length

    @property
    def _length_parameter(self) -> str | None:
        """The parameter of the action that holds its length; None for an action that is over at once."""
        if self.listed.document:
            return "maxDuration"
        return "duration" if self.listed.lasts or self.listed.command else None

    def is_instant(self, _action_id: str, _parameters: Mapping[str, str], /) -> bool:
        """A document runs until it has ended, for the length that it is told, or at most for its `maxDuration`."""
        return self._length_parameter is None

    def read_length(self, _action_id: str, parameters: Mapping[str, str], /) -> timedelta | None:
        if own := self.listed.length:
            try:
                told = read_document_parameters(parameters.get("documentParameters", "{}"))
            except InvalidInput:
                return None
            return read_length(own.unit, told.get(own.parameter))
        return parse_length(parameters.get(self._length_parameter)) if self._length_parameter else None

    def read_values(self, _action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        """The entry and what the action gives besides what the entry fixes, whether the entry allows it or not."""
        rest = {name: value for name, value in parameters.items() if name != self._length_parameter}
        if self.listed.any_document:
            rest = read_document_parameters(parameters.get("documentParameters", "{}"))
            rest.pop(ROLE_PARAMETER, None)
            rest.pop(self.listed.length.parameter if self.listed.length else "", None)
        return {"action": self.name, "values": {name: value for name, value in rest.items() if name not in self.listed.fixed}}

    def read_template(self, _action_id: str, parameters: Mapping[str, str], length: timedelta, /) -> dict[str, Any]:
        """The entry and its values in an action of somebody else's template. What the entry fixes has to be the same there;
        a document is started in the version, and as the role, that were reviewed."""
        rest, problems, path = dict(parameters), list[Problem](), "parameters"
        if self._length_parameter:
            problems += self._find_length_problems(rest.pop(self._length_parameter, None), length)
        if self.listed.any_document:
            rest.pop("documentArn", None)
            problems += self._find_version_problems(rest.pop("documentVersion", ""))
            told, path = rest.pop("documentParameters", "{}"), "parameters.documentParameters"
            unknown = f"not known of {self.actions[0]}"
            problems += [Problem(path=extend_path("parameters", name), message=unknown, expected="no such key") for name in rest]
            try:
                rest = read_document_parameters(told)
            except InvalidInput as invalid:
                raise InvalidInput([*problems, *prefix_paths(path, invalid.problems)]) from None
        if own := self.listed.length:
            given = rest.pop(own.parameter, None)
            told_length = read_length(own.unit, given)
            problems += length_problems(
                extend_path(path, own.parameter), given if told_length is None else iso_duration(told_length), length
            )
        fixed = dict(self.listed.fixed)
        if self.listed.document and ROLE_PARAMETER in rest:
            fixed[ROLE_PARAMETER] = self.listed.assume_role or ""
        for name, value in fixed.items():
            if (given := rest.pop(name, None)) != value:
                message = f"is {show_value(given) if given is not None else 'not given'}; the policy's {self.name} always has {value}"
                problems.append(Problem(path=extend_path(path, name), message=message, expected=value))
        problems += [
            Problem(path=extend_path(path, name), message=f"{TARGETS} would mean the pinned targets", expected="another value")
            for name, value in rest.items()
            if value == TARGETS
        ]
        raw = {"action": self.name, "values": rest}
        try:
            self.parse(raw)
        except InvalidInput as invalid:
            problems += [p.model_copy(update={"path": path + p.path.removeprefix("parameters.values")}) for p in invalid.problems]
        if problems:
            raise InvalidInput(problems)
        return raw

    def _find_length_problems(self, given: str | None, length: timedelta) -> Iterable[Problem]:
        """What is wrong with the action's own parameter of its length. Where the document is told its length, it is only when
        FIS stops it, or no longer follows it, which Squall sets itself."""
        path = f"parameters.{self._length_parameter}"
        if self.listed.length is None:
            return length_problems(path, given, length)
        stopped = parse_length(given)
        if stopped is not None and stopped < length:
            ends = "report the command as completed" if self.listed.command else "stop the document"
            message = f"FIS would {ends} after {format_length(stopped)}, which is to last {format_length(length)}"
            return [Problem(path=path, message=message, expected=f"{format_length(length)} or more")]
        return []

    def _find_version_problems(self, given: str) -> Iterator[Problem]:
        if given not in {"", "$DEFAULT", self.listed.version}:
            message = f"version {given} of the document was not reviewed: the policy's {self.name} runs version {self.listed.version}"
            expected = f"{self.listed.version}, or no version: then the reviewed one runs"
            yield Problem(path="parameters.documentVersion", message=message, expected=expected)

    def find_changes(self, before: Resource, now: Resource | None, /) -> Iterable[str]:
        """The fields that identify a target and have changed."""
        if now is None:
            yield f"{before.id} is gone"
            return
        for field in before.IDENTITY:
            old, new = getattr(before, field), getattr(now, field)
            if old != new:
                yield f"the {field} of {now.id} is {new}, it was {old}"
