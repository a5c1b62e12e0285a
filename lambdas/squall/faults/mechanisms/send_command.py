"""What all faults share that one of AWS's own Systems Manager documents injects: agents, two durations, commands as proof."""

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.problems import InvalidInput, Problem
from squall.domain.resources.base import Resource
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import these
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import ResourceType
from squall.faults.base import LONGEST, P, check, iso_duration, numeric, targets_by_arn
from squall.faults.mechanisms.command import CommandFault

SLACK = timedelta(seconds=60)
"""How much longer the action may take than the fault: dispatch, and installing what the document needs."""
LONGEST_VALUE = 1024
"""Characters of an action's parameter."""


class SendCommandFault(CommandFault[P]):
    """`aws:ssm:send-command` with a document that ends by itself after DurationSeconds, and when it is cancelled.

    A fault says its parameters, how they read as the document's, and what else its targets need. One that has several documents says
    with which parameters it sends which.
    """

    resource_type = ResourceType.INSTANCE
    fis_actions = ("aws:ssm:send-command",)
    names: Mapping[str, tuple[str, str | None]]
    """Each parameter of the document: which of ours says it, and the document's own default (None: it has none)."""
    always: Mapping[str, tuple[str, str]] = {}
    """What the document is always given, and its own default."""

    @abstractmethod
    def document_parameters(self, parameters: P) -> Mapping[str, str]:
        """The document's own parameters: without its duration and dependencies, which every such document has."""

    def document(self, parameters: P) -> str:  # noqa: ARG002 - for overriding
        """The document that is sent with these parameters: one of `ssm_documents`."""
        (only,) = self.ssm_documents
        return only

    def read(self, document: str, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG002 - for overriding
        """Our parameters of a document's, unchecked; what it leaves out has the document's default, not ours.

        Raises ValueError for what the fault would not be: a parameter it doesn't know, or one that it always gives otherwise.
        """
        always = {**self.always, "InstallDependencies": ("True", "True")}
        if unknown := sorted(set(given) - set(self.names) - set(always)):
            raise ValueError(f"{', '.join(unknown)}: not known of {' or '.join(self.ssm_documents)}")
        for name, (wanted, default) in always.items():
            if name in {*given, *self.always} and given.get(name, default) != wanted:
                raise ValueError(f"{name} is {given.get(name, default)}, in {self.type.value} it is {wanted}")
        told = {ours: given.get(name, default) for name, (ours, default) in self.names.items()}
        fields = self.parameters.model_fields
        return {
            ours: int(value) if value.isdecimal() and numeric(fields[ours].annotation) else value
            for ours, value in told.items()
            if value is not None
        }

    def needs(self, workload: Workload, pinned: Sequence[Instance], parameters: P) -> Iterable[SafetyCheck]:  # noqa: ARG002 - for overriding
        """Checks besides an agent that is online, on Linux."""
        return ()

    def moves(self, parameters: P, workload: Workload, pinned: Sequence[Instance]) -> Iterable[Signal]:  # noqa: ARG002 - for overriding
        """Metrics that must move while it lasts."""
        return ()

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:
        return tuple(self.moves(self._own(parameters), workload, these(Instance, pinned)))

    def prerequisites(self, workload: Workload, pinned: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:
        instances = these(Instance, pinned)
        unmanaged = [instance.id for instance in instances if not instance.managed]
        others = [f"{instance.id} runs {instance.platform}" for instance in instances if instance.platform.lower() != "linux"]
        offline = f"{', '.join(unmanaged)} is not online in Systems Manager: the command would never arrive"
        online = "every target is online in Systems Manager"
        foreign = f"the document needs Linux: {'; '.join(others)}"
        return (
            check("systems_manager_online", bool(pinned) and not unmanaged, offline if unmanaged else online),
            check("linux", bool(pinned) and not others, foreign if others else "every target runs Linux"),
            *self.needs(workload, instances, self._own(parameters)),
        )

    def compile(
        self, parameters: Model, pinned: Sequence[Resource], length: timedelta, *, region: str, partition: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own = self._own(parameters)
        targets = targets_by_arn("Instances", self.resource_type, these(Instance, pinned))
        document = _document_parameters(self.document_parameters(own), length)
        actions = {
            f"{self.action}{name.removeprefix('Instances')}": {
                "actionId": "aws:ssm:send-command",
                "description": self.describe(own),
                "parameters": {
                    "documentArn": f"arn:{partition}:ssm:{region}::document/{self.document(own)}",
                    "documentParameters": document,
                    "duration": iso_duration(min(length + SLACK, LONGEST)),
                },
                "targets": {"Instances": name},
            }
            for name in targets
        }
        return targets, actions


def _document_parameters(own: Mapping[str, str], length: timedelta) -> str:
    """Compact JSON of strings, as FIS wants it."""
    given = {"DurationSeconds": str(max(1, ceil(length.total_seconds()))), **own, "InstallDependencies": "True"}
    text = json.dumps(given, separators=(",", ":"))
    if len(text) > LONGEST_VALUE:
        message = f"FIS takes {LONGEST_VALUE} characters of parameters, these are {len(text)}"
        raise InvalidInput([Problem(path="parameters", message=message)])
    return text
