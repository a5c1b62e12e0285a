"""Faults that are over at once: nothing to stop, a wait beside them, and the changes they made as proof."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import Risk, RollbackOutcome
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.run.fis_state import FisExperiment
from squall.faults.base import Aftermath, Fault, Injection, R
from squall.faults.parameters import P, find_other_values, find_unknown


class MomentaryFault(Fault[R, P]):
    """A FIS action that changes its targets and is over at once. An abort undoes nothing: the workload recovers by
    itself, or not."""

    risk: Risk = "high"
    description: str
    fixed: Mapping[str, str] = {}
    """The parameters that the action always has."""
    proven_by_state = True
    loss_has_any_cause = True
    forgets = False
    """Whether the service forgets within about an hour what the action ended. Then FIS's report on the action is the
    proof."""

    @property
    def instant_actions(self) -> tuple[str, ...]:
        return self.actions

    @property
    def reads_templates(self) -> bool:
        """Whether the parameters can be read from a template: only if the action has none that vary."""
        return not self.parameters.model_fields

    def describe(self, _parameters: P, /) -> str:
        return self.description

    def action_parameters(self, _injection: Injection[R, P], /) -> Mapping[str, str]:
        return self.fixed

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        fixed = {name: (value, "") for name, value in self.fixed.items()}
        if problems := [*find_unknown(parameters, self.fixed, action_id), *find_other_values(parameters, fixed, self.type.value)]:
            raise InvalidInput(problems)
        return {}

    @abstractmethod
    def observe_effect(self, before: R, now: R | None, /) -> tuple[bool, str]:
        """Whether the target's state proves the fault, and a sentence that describes the state."""

    @abstractmethod
    def find_lacks(self, before: R, now: R | None, /) -> Iterable[str]:
        """What the target lacks compared with before the fault, one sentence each."""

    def find_lacks_around(self, _aftermath: Aftermath, /) -> Iterable[str]:
        """What the groups around the targets lack compared with before, one sentence each."""
        return ()

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        return tuple(self._prove_target(target, aftermath) for target in aftermath.targets(self.kind))

    def _prove_target(self, target: R, aftermath: Aftermath) -> Proof:
        now, fis = aftermath.workload.now(target), aftermath.fis
        if now is None and self.forgets and fis is not None and self._completed(fis):
            detail = f"{target.id} is no longer known to the service; FIS completed {self.actions[0]} on every target"
            return Proof(target=target.id, proven=True, kind="mechanism", detail=detail, at=fis.started_at)
        proven, detail = self.observe_effect(target, now)
        return Proof(target=target.id, proven=proven, kind="state", detail=detail, at=aftermath.workload.at)

    def _completed(self, fis: FisExperiment) -> bool:
        own = [action for action in fis.actions if action.action_id in self.actions]
        return bool(own) and all(action.status == "completed" for action in own)

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        proofs = self.prove(aftermath)
        lacks = [lack for target in aftermath.targets(self.kind) for lack in self.find_lacks(target, aftermath.workload.now(target))]
        differences = (*lacks, *self.find_lacks_around(aftermath))
        touched = any(proof.proven for proof in proofs)
        back = RollbackOutcome.RECOVERED if touched else RollbackOutcome.NOT_NEEDED
        outcome = RollbackOutcome.NOT_RESTORED if differences else back
        return RollbackReport(at=aftermath.now, proofs=proofs, outcome=outcome, differences=differences)
