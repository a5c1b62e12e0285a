"""What all faults share that one of AWS's own Systems Manager documents injects: agents, two durations, commands as proof."""

import builtins
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Generic

from squall.domain.documents import Proof, RollbackReport, SafetyCheck, TargetBefore, Workload
from squall.domain.model import Model
from squall.domain.observed import CommandState, FisExperiment
from squall.domain.problems import InvalidInput, Problem
from squall.domain.resource import Resource
from squall.domain.resources import Instance, these
from squall.domain.signals import Signal
from squall.domain.vocabulary import FaultType, ResourceType, Risk, RollbackOutcome
from squall.faults.base import LONGEST, ByHand, Commands, P, check, iso_duration, numeric, parse_parameters, targets_by_arn
from squall.faults.capacity import is_lost, missing_capacity, state_of

SLACK = timedelta(seconds=60)
"""How much longer the action may take than the fault: dispatch, and installing what the document needs."""
LONGEST_VALUE = 1024
"""Characters of an action's parameter."""

_UNDELIVERED = ("undeliver", "delivery", "invalidplatform", "accessdenied", "notready")


class SendCommandFault(ABC, Generic[P]):
    """`aws:ssm:send-command` with a document that ends by itself after DurationSeconds, and when it is cancelled.

    A fault says its parameters, how they read as the document's, and what else its targets need. One that has several documents says
    with which parameters it sends which.
    """

    type: FaultType
    resource_type = ResourceType.INSTANCE
    title: str
    risk: Risk
    ssm_documents: tuple[str, ...]
    parameters: builtins.type[P]
    action: str
    """Name of its actions in the template."""
    names: Mapping[str, tuple[str, str | None]]
    """Each parameter of the document: which of ours says it, and the document's own default (None: it has none)."""
    always: Mapping[str, tuple[str, str]] = {}
    """What the document is always given, and its own default."""
    reversible = True
    fis_actions = ("aws:ssm:send-command",)
    moves_metrics: tuple[str, ...] = ()
    unless_allowed: Mapping[str, tuple[float, float]] = {}
    unless_listed: Mapping[str, tuple[str, ...]] = {}

    @abstractmethod
    def describe(self, parameters: P) -> str:
        """What the action does, in words."""

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

    def parse(self, raw: Mapping[str, Any]) -> P:
        return parse_parameters(self.parameters, raw)

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

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:
        return tuple(self.moves(self._own(parameters), workload, these(Instance, pinned)))

    def prove(
        self,
        pinned: Sequence[Resource],
        workload_after: Workload,  # noqa: ARG002 - the protocol's
        commands: Commands,
        fis: FisExperiment | None,  # noqa: ARG002 - the protocol's
    ) -> tuple[Proof, ...]:
        return tuple(self._proof(instance.id, commands.get(instance.id, ())) for instance in pinned)

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
        length: timedelta | None = None,
    ) -> RollbackReport:
        pinned = [target.resource for target in before]
        proofs = self.prove(pinned, after_workload, commands, fis)
        sent = [command for instance in pinned for command in commands.get(instance.id, ())]
        lost = [target for target in before if is_lost(target.resource.id, after_workload)]
        kept = [target for target in before if target not in lost]
        gone = {target.resource.id for target in lost}  # a command died with its machine, whatever Systems Manager still says
        leftovers = tuple(f"command {c.id} is still {c.status} on {c.instance_id}" for c in sent if c.active and c.instance_id not in gone)
        differences = [*leftovers, *_changed(kept, after_workload), *_unreplaced(lost, before_workload, after_workload)]
        return RollbackReport(
            at=now,
            proofs=proofs,
            outcome=_outcome(touched=bool(sent or lost), lost=bool(lost), differences=differences),
            differences=tuple(differences),
            leftovers=leftovers,
            could_have_lasted_until=_latest_end(sent, length),
        )

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:  # noqa: ARG002
        return ()

    def _own(self, parameters: Model) -> P:
        if not isinstance(parameters, self.parameters):
            raise TypeError(f"{type(parameters).__name__} is no model of {self.type.value}'s parameters")
        return parameters

    def _proof(self, target: str, commands: Sequence[CommandState]) -> Proof:
        """The command was delivered and ran: in progress, succeeded, or cancelled after it had begun. In effect since the agent began."""
        for command in commands:
            if _ran(command):
                detail = f"command {command.id} is {command.status} on {target}"
                since = command.started_at or command.requested_at
                return Proof(target=target, proven=True, kind="mechanism", detail=detail, at=since, until=command.ended_at)
        newest = commands[0] if commands else None
        why = (
            f"command {newest.id} is {newest.status} {newest.detail}".rstrip()
            if newest
            else f"no command {' or '.join(self.ssm_documents)} reached it"
        )
        return Proof(target=target, proven=False, kind="mechanism", detail=why)


def _document_parameters(own: Mapping[str, str], length: timedelta) -> str:
    """Compact JSON of strings, as FIS wants it."""
    given = {"DurationSeconds": str(max(1, ceil(length.total_seconds()))), **own, "InstallDependencies": "True"}
    text = json.dumps(given, separators=(",", ":"))
    if len(text) > LONGEST_VALUE:
        message = f"FIS takes {LONGEST_VALUE} characters of parameters, these are {len(text)}"
        raise InvalidInput([Problem(path="parameters", message=message)])
    return text


def _ran(command: CommandState) -> bool:
    if command.status in {"InProgress", "Success", "Cancelling"}:
        return True
    if command.status == "Cancelled" and command.started_at is None:  # before any agent took it
        return False
    if command.status not in {"Cancelled", "TimedOut"}:
        return False
    said = command.detail.lower().replace(" ", "")
    return not any(word in said for word in _UNDELIVERED)


def _outcome(*, touched: bool, lost: bool, differences: Sequence[str]) -> RollbackOutcome:
    if differences:
        return RollbackOutcome.NOT_RESTORED
    if lost:
        return RollbackOutcome.RECOVERED
    return RollbackOutcome.RESTORED if touched else RollbackOutcome.NOT_NEEDED


def _changed(kept: Sequence[TargetBefore], after: Workload) -> Iterable[str]:
    healthy = {group.arn: set(group.healthy) for group in after.target_groups}
    for target in kept:
        now = state_of(target.resource.id, after)
        if now != target.resource.state:
            yield f"{target.resource.id} is {now}, it was {target.resource.state}"
        for arn in target.healthy_in:
            if target.resource.id not in healthy.get(arn, ()):
                yield f"{target.resource.id} is no longer healthy in {arn}"


def _unreplaced(lost: Sequence[TargetBefore], before: Workload, after: Workload) -> Iterable[str]:
    """A group whose health check is the load balancer's replaces what fails it: then a new equal one took over."""
    known = {group.name for group in before.groups}
    for target in lost:
        if target.resource.belongs_to not in known:
            yield f"{target.resource.id} is {state_of(target.resource.id, after)}, and no Auto Scaling group replaces it"
    yield from missing_capacity(lost, before, after)


def _latest_end(commands: Sequence[CommandState], length: timedelta | None) -> datetime | None:
    """Until when an agent nobody can reach would have kept the fault: each command lasts DurationSeconds, which is the fault's length."""
    starts = [command.started_at or command.requested_at for command in commands]
    return max(starts) + length if starts and length is not None else None
