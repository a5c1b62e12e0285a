"""What the environment's policy lists: a FIS action, or an Automation document, bound to its entry there."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.experiment import Experiment
from squall.domain.model import Model
from squall.domain.policy.custom_actions import CUSTOM_NAME, VALUE, CustomAction
from squall.domain.policy.environment import Environment
from squall.domain.problems import InvalidInput, Problem, extend_path, pattern, show_value, suggest
from squall.domain.recovery.rollback_document import ROLE_PARAMETER, TARGETS
from squall.domain.resources.base import Resource
from squall.domain.resources.types import ids, these
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import ActionState
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import LONGEST, WAIT, check, iso_duration, wait_action
from squall.faults.mechanisms.lasting import LastingFault, by_action
from squall.faults.mechanisms.send_command import LONGEST_VALUE

Value = Annotated[str, pattern(VALUE, "at most 1,024 characters without spaces")]


class Parameters(Model):
    action: Annotated[str, CUSTOM_NAME]
    """Its name in the environment's `custom_actions`."""
    values: Annotated[dict[str, Value], Field(max_length=30)] = {}
    """The parameters that entry asks for. Of a document `$targets` stands for the ids of the pinned targets."""


class CustomFault(LastingFault[Resource, Parameters]):
    """Without an entry it knows the shape of its parameters, and can inject nothing."""

    type = FaultType.CUSTOM
    kind = Resource
    title = "Custom action"
    parameters = Parameters
    action = "custom"

    def __init__(self, resource_type: ResourceType, listed: CustomAction | None = None) -> None:
        self.resource_type, self._listed = resource_type, listed
        self.risk = listed.risk if listed else "high"
        self.reversible = bool(listed and listed.self_reverting)
        self.action_id = listed.fis_action if listed else ""
        self.target_key = (listed.target_key if listed else None) or "Targets"

    @property
    def fis_actions(self) -> tuple[str, ...]:
        return (self.action_id, *(() if self.listed.lasts else (WAIT,)))

    @property
    def listed(self) -> CustomAction:
        """Raises LookupError where no policy's entry is bound."""
        if self._listed is None:
            raise LookupError("a custom action is nothing without the policy that lists it")
        return self._listed

    def parse(self, raw: Mapping[str, Any]) -> Parameters:
        found = super().parse(raw)
        if self._listed is not None and (problems := [*self._values(found)]):
            raise InvalidInput(problems)
        return found

    def _values(self, given: Parameters) -> Iterable[Problem]:
        wanted = self.listed.parameters
        for name, value in given.values.items():
            path = extend_path("parameters.values", name)
            if name not in wanted:
                message = f"{given.action} may not be given it{suggest(name, wanted)}"
                yield Problem(path=path, message=message, expected=", ".join(sorted(wanted)) or "no values")
            elif not (value == TARGETS and self.listed.document) and not re.fullmatch(wanted[name], value):
                yield Problem(path=path, message=f"{value[:100]!r} is refused", expected=f"a match of {wanted[name]}")
        for name in sorted(set(wanted) - set(given.values)):
            yield Problem(path=extend_path("parameters.values", name), message="is missing", expected=f"a match of {wanted[name]}")

    def describe(self, parameters: Parameters) -> str:
        return f"{parameters.action}: {self.listed.description}"

    def needs(self, workload: Workload, pinned: Sequence[Resource], parameters: Parameters) -> Iterable[SafetyCheck]:  # noqa: ARG002
        busy = [f"{one.id} is {one.state}" for one in pinned if not one.usable]
        yield check("targets_usable", bool(pinned) and not busy, "; ".join(busy) or ids(pinned) or "no target is pinned")

    def compile(
        self, parameters: Model, pinned: Sequence[Resource], length: timedelta, *, region: str, partition: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own = self._own(parameters)
        if self.listed.document is not None:
            targets: dict[str, Any] = {}
            actions = {self.action: self._automation(own, these(self.kind, pinned), length, f"arn:{partition}:ssm:{region}")}
        else:
            targets, actions = super().compile(parameters, pinned, length, region=region, partition=partition)
            for action in [] if self.listed.lasts else actions.values():
                del action["parameters"]["duration"]
        return targets, actions if self.listed.lasts else {**actions, "observe": wait_action(length)}

    def told(self, parameters: Parameters) -> dict[str, str]:
        return {**self.listed.fixed, **parameters.values}

    def _automation(self, own: Parameters, pinned: Sequence[Resource], length: timedelta, prefix: str) -> dict[str, Any]:
        """The document in the version that was reviewed, as its own role."""
        document = self.listed.document or ""
        told: dict[str, list[str]] = {
            name: [one.id for one in pinned] if value == TARGETS else [value] for name, value in sorted(self.told(own).items())
        }
        text = json.dumps({**told, ROLE_PARAMETER: [self.listed.assume_role]}, separators=(",", ":"))
        if len(text) > LONGEST_VALUE:
            message = f"FIS takes {LONGEST_VALUE} characters of parameters, these are {len(text)}"
            raise InvalidInput([Problem(path="parameters.values", message=message)])
        account = "" if document.startswith(("AWS-", "AWSSupport-")) else pinned[0].arn.split(":")[4]
        return {
            "actionId": self.action_id,
            "description": self.describe(own),
            "parameters": {
                "documentArn": document if document.startswith("arn:") else f"{prefix}:{account}:document/{document}",
                "documentVersion": self.listed.version or "",
                "documentParameters": text,
                "maxDuration": iso_duration(min(length, LONGEST)),
            },
        }

    def happened(self, before: Resource, now: Resource | None, ran: ActionState | None) -> Proof:  # noqa: ARG002 - the base's
        """FIS's own word: nobody knows what a custom action changes. What is over in a moment is in effect as long as it is observed."""
        proof = by_action(before.id, ran, "run on")
        return proof if self.listed.lasts else proof.model_copy(update={"until": None})

    def changed(self, before: Resource, now: Resource | None) -> Iterable[str]:
        """Every field by which a target is known."""
        if now is None:
            yield f"{before.id} is gone"
            return
        for field in before.IDENTITY:
            then, today = getattr(before, field), getattr(now, field)
            if then != today:
                yield f"the {field} of {now.id} is {today}, it was {then}"


def problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Whether the environment's policy lists it, for such targets, with these values, and what undoes it."""
    if experiment.type is not FaultType.CUSTOM:
        return
    known, name = environment.custom_actions, experiment.parameters.get("action")
    if experiment.fis_template_id is not None:
        yield Problem(path="fis_template_id", message="a custom action is none of a template's", expected="no such key")
    if not isinstance(name, str):
        return  # reported where it was parsed
    if name not in known:
        message = f"{environment.name} has no custom action {show_value(name)}{suggest(name, known)}"
        yield Problem(path="parameters.action", message=message, expected=", ".join(sorted(known)) or "none: its policy lists none")
        return
    listed = known[name]
    if experiment.resource_type is not listed.resource_type:
        message = f"{name} can't be run on {experiment.resource_type.with_article}"
        yield Problem(path="target_resources", message=message, expected=f"{listed.resource_type.words} ({listed.resource_type.value})")
    try:
        CustomFault(listed.resource_type, listed).parse(experiment.parameters)
    except InvalidInput as invalid:
        yield from invalid.problems
    if experiment.rollback is None and not listed.self_reverting:
        message = f"{name} does not undo itself"
        yield Problem(path="rollback", message=message, expected="one of the environment's rollback_documents")
