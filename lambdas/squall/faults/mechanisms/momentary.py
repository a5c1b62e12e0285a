"""What all faults share that are over in a moment: nothing to stop, a wait beside them, what they changed as proof."""

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
from squall.domain.run.aws_state import FisExperiment
from squall.domain.vocabulary import FaultType, ResourceType, Risk, RollbackOutcome
from squall.faults.base import WAIT, ByHand, Commands, ModelType, parse_parameters, targets_by_arn, wait_action

R = TypeVar("R", bound=Resource)


class NoParameters(Model):
    """What is hit is the blast radius's business, and there is nothing else to say."""


class MomentaryFault(ABC, Generic[R]):
    """A FIS action that changes its targets and is done. An abort undoes nothing; the workload recovers, or doesn't."""

    type: FaultType
    resource_type: ResourceType
    kind: builtins.type[R]
    title: str
    risk: Risk = "high"
    action_id: str
    target_key: str
    """What the action calls its targets."""
    action: str
    """Name of its actions in the template."""
    description: str
    forgets = False
    """Whether its service forgets within an hour or so what the action ended: then FIS's word on the action has to do."""
    reversible = False
    ssm_documents: tuple[str, ...] = ()
    moves_metrics: tuple[str, ...] = ()
    unless_allowed: Mapping[str, tuple[float, float]] = {}
    unless_listed: Mapping[str, tuple[str, ...]] = {}
    parameters: ModelType = NoParameters

    @property
    def fis_actions(self) -> tuple[str, ...]:
        return (self.action_id, WAIT)

    @abstractmethod
    def needs(self, workload: Workload, pinned: Sequence[R]) -> Iterable[SafetyCheck]:
        """What must be true of the targets."""

    @abstractmethod
    def happened(self, before: R, now: R | None) -> tuple[bool, str]:
        """Whether the target's state proves it, and a sentence with what was seen."""

    @abstractmethod
    def lacking(self, before: R, now: R | None) -> Iterable[str]:
        """What the target has less of than before the fault, in words."""

    def lacking_around(
        self,
        before: Sequence[TargetBefore],  # noqa: ARG002 - for overriding
        before_workload: Workload,  # noqa: ARG002 - for overriding
        after_workload: Workload,  # noqa: ARG002 - for overriding
    ) -> Iterable[str]:
        """What the groups around the targets have less of, in words."""
        return ()

    def action_parameters(self) -> Mapping[str, str]:
        """The action's own parameters."""
        return {}

    def parse(self, raw: Mapping[str, Any]) -> Model:
        return parse_parameters(self.parameters, raw)

    def prerequisites(
        self,
        workload: Workload,
        pinned: Sequence[Resource],
        parameters: Model,  # noqa: ARG002 - the protocol's
    ) -> tuple[SafetyCheck, ...]:
        return tuple(self.needs(workload, tuple(workload.now(one) or one for one in these(self.kind, pinned))))

    def compile(
        self,
        parameters: Model,  # noqa: ARG002 - the protocol's
        pinned: Sequence[Resource],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        targets = targets_by_arn(self.target_key, self.resource_type, these(self.kind, pinned))
        own = self.action_parameters()
        actions: dict[str, Any] = {
            f"{self.action}{name.removeprefix(self.target_key)}": {
                "actionId": self.action_id,
                "description": self.description,
                **({"parameters": dict(own)} if own else {}),
                "targets": {self.target_key: name},
            }
            for name in targets
        }
        return targets, {**actions, "observe": wait_action(length)}

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
        proofs = []
        for one in these(self.kind, pinned):
            now = workload_after.now(one)
            if now is None and self.forgets and fis is not None and self._completed(fis):
                detail = f"{one.id} is forgotten already; FIS completed {self.action_id} on every target"
                proofs.append(Proof(target=one.id, proven=True, kind="mechanism", detail=detail, at=fis.started_at))
                continue
            proven, detail = self.happened(one, now)
            proofs.append(Proof(target=one.id, proven=proven, kind="state", detail=detail, at=workload_after.at))
        return tuple(proofs)

    def _completed(self, fis: FisExperiment) -> bool:
        own = [action for action in fis.actions if action.action_id == self.action_id]
        return bool(own) and all(action.status == "completed" for action in own)

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
        length: timedelta | None = None,  # noqa: ARG002 - the protocol's
    ) -> RollbackReport:
        then = these(self.kind, (target.resource for target in before))
        proofs = self.prove(then, after_workload, commands, fis)
        own = (words for one in then for words in self.lacking(one, after_workload.now(one)))
        differences = (*own, *self.lacking_around(before, before_workload, after_workload))
        untouched = not any(proof.proven for proof in proofs) and not differences
        recovered = RollbackOutcome.NOT_NEEDED if untouched else RollbackOutcome.RECOVERED
        return RollbackReport(
            at=now, proofs=proofs, outcome=RollbackOutcome.NOT_RESTORED if differences else recovered, differences=differences
        )

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:  # noqa: ARG002 - the protocol's
        return ()
