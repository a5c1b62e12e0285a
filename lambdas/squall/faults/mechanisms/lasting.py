"""What all faults share that FIS itself keeps up for a time and takes back: an action with a duration, and its own word that it ran."""

import builtins
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.resources.types import these
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import ActionState, FisExperiment
from squall.domain.vocabulary import ResourceType, Risk
from squall.faults.base import LONGEST, ByHand, Commands, P, TypedParameters, iso_duration, numeric, outcome_of, targets_by_arn
from squall.faults.mechanisms.capacity import missing_capacity

R = TypeVar("R", bound=Resource)
_RAN = frozenset({"running", "completed", "stopping", "stopped"})


class LastingFault(TypedParameters[P], ABC, Generic[R, P]):
    """A FIS action that begins, lasts as long as the fault, and is undone by FIS when it ends or is stopped."""

    resource_type: ResourceType
    kind: builtins.type[R]
    title: str
    risk: Risk
    action_id: str
    target_key: str
    """What the action calls its targets."""
    action: str
    """Name of its actions in the template."""
    names: Mapping[str, str] = {}
    """The action's parameters by ours, its duration excepted."""
    reversible = True
    ssm_documents: tuple[str, ...] = ()
    moves_metrics: tuple[str, ...] = ()
    unless_allowed: Mapping[str, tuple[float, float]] = {}
    unless_listed: Mapping[str, tuple[str, ...]] = {}

    @property
    def fis_actions(self) -> tuple[str, ...]:
        return (self.action_id,)

    @abstractmethod
    def describe(self, parameters: P) -> str:
        """What the action does, in words."""

    @abstractmethod
    def needs(self, workload: Workload, pinned: Sequence[R], parameters: P) -> Iterable[SafetyCheck]:
        """What must be true of the targets."""

    @abstractmethod
    def happened(self, before: R, now: R | None, ran: ActionState | None) -> Proof:
        """By what is seen of the target, or by the action (None: it never ran)."""

    def changed(self, before: R, now: R | None) -> Iterable[str]:
        """What of the target itself is not as it was, in words."""
        if now is None:
            yield f"{before.id} is gone"
        elif now.state != before.state:
            yield f"{before.id} is {now.state}, it was {before.state}"

    def remains(self, before: R, now: R | None) -> Iterable[ByHand]:  # noqa: ARG002 - for overriding
        """What of the fault FIS left on the target, although it is over."""
        return ()

    def prerequisites(self, workload: Workload, pinned: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:
        found = tuple(workload.now(one) or one for one in these(self.kind, pinned))
        return tuple(self.needs(workload, found, self._own(parameters)))

    def compile(
        self,
        parameters: Model,
        pinned: Sequence[Resource],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own, kept = self._own(parameters), these(self.kind, pinned)
        targets = targets_by_arn(self.target_key, self.resource_type, *self.together(kept))
        actions = {
            f"{self.action}{name.removeprefix(self.target_key)}": {
                "actionId": self.action_id,
                "description": self.describe(own),
                "parameters": {**self.of(own, kept), "duration": iso_duration(min(length, LONGEST))},
                "targets": {self.target_key: name},
            }
            for name in targets
        }
        return targets, actions

    def together(self, pinned: Sequence[R]) -> Iterable[Sequence[R]]:
        """Which of them one action may take."""
        return [pinned]

    def of(self, parameters: P, pinned: Sequence[R]) -> dict[str, str]:  # noqa: ARG002 - for overriding
        """The action's parameters but its duration."""
        return self.told(parameters)

    def told(self, parameters: P) -> dict[str, str]:
        """Our parameters as the action's: what is None is left out."""
        given = {theirs: getattr(parameters, ours) for ours, theirs in self.names.items()}
        return {theirs: str(value) for theirs, value in given.items() if value is not None}

    def read(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Our parameters of an action's, its duration excepted, unchecked. Raises ValueError for one it doesn't know."""
        if unknown := sorted(set(given) - set(self.names.values())):
            raise ValueError(f"{', '.join(unknown)}: not known of {self.action_id}")
        told = {ours: given[theirs] for ours, theirs in self.names.items() if theirs in given}
        numbers = {name for name, field in self.parameters.model_fields.items() if numeric(field.annotation)}
        return {ours: int(value) if ours in numbers and value.isdecimal() else value for ours, value in told.items()}

    def signals(
        self,
        parameters: Model,  # noqa: ARG002 - the protocol's
        workload: Workload,  # noqa: ARG002 - the protocol's
        pinned: Sequence[Resource],  # noqa: ARG002 - the protocol's
    ) -> tuple[Signal, ...]:
        return ()

    def prove(
        self,
        pinned: Sequence[Resource],
        workload_after: Workload,
        commands: Commands,  # noqa: ARG002 - the protocol's
        fis: FisExperiment | None,
    ) -> tuple[Proof, ...]:
        ran = self.ran(fis)
        return tuple(self.happened(one, workload_after.now(one), ran) for one in these(self.kind, pinned))

    def ran(self, fis: FisExperiment | None) -> ActionState | None:
        """The action as FIS tells it, if it began on all of its targets: of several (more than five targets) the one that ran least."""
        actions = [one for one in fis.actions if one.action_id == self.action_id] if fis else []
        if not actions or any(one.started_at is None or one.status not in _RAN for one in actions):
            return None
        return min(actions, key=lambda one: (one.ended_at is not None, one.ended_at or one.started_at))

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
        then = these(self.kind, (target.resource for target in before))
        proofs = self.prove(then, after_workload, commands, fis)
        left = self.left_over(before, lambda: after_workload)
        leftovers = tuple(f"{what}; by hand: {command}" for what, command in left)
        own = [words for one in then for words in self.changed(one, after_workload.now(one))]
        differences = (*leftovers, *own, *missing_capacity(before, before_workload, after_workload))
        ran = self.ran(fis)
        touched = ran is not None or any(proof.proven for proof in proofs)
        replaced = {one.id for one in before_workload.instances} - {one.id for one in after_workload.instances if one.usable}
        inside = {name for one in then for name in one.contains}
        return RollbackReport(
            at=now,
            proofs=proofs,
            outcome=outcome_of(differences=bool(differences), lost=bool(replaced & inside), touched=touched),
            differences=differences,
            leftovers=leftovers,
            could_have_lasted_until=ran.started_at + length if ran and ran.started_at and length is not None else None,
        )

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:
        workload = now()
        return tuple(one for then in these(self.kind, (b.resource for b in before)) for one in self.remains(then, workload.now(then)))


def by_action(target: str, ran: ActionState | None, what: str) -> Proof:
    """FIS's own word is the mechanism's where nothing else can be asked: the action ran on its targets, from when until when."""
    if ran is None:
        return Proof(target=target, proven=False, kind="mechanism", detail=f"FIS did not {what} {target}")
    detail = f"FIS's action {ran.name} is {ran.status}: {what} {target}"
    return Proof(target=target, proven=True, kind="mechanism", detail=detail, at=ran.started_at, until=ran.ended_at)
