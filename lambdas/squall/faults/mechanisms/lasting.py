"""Faults that FIS maintains and undoes: an action with a duration, proven by the targets' state or by FIS's report that
it ran."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from squall.domain.base.problems import InvalidInput
from squall.domain.documents.fault import FaultTemplate, TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.resources.types import cast_resources
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.faults.base import Aftermath, Fault, Injection, R, Remnant
from squall.faults.mechanisms.capacity import missing_capacity, outcome_of
from squall.faults.parameters import P, convert_value, find_unknown

RAN = frozenset({"running", "completed", "stopping", "stopped"})
"""States of a FIS action that has begun and did not fail."""


class LastingFault(Fault[R, P]):
    """A FIS action that begins, lasts as long as the fault, and is undone by FIS when it ends or is stopped."""

    names: Mapping[str, str] = {}
    """The fault's parameters to the action's, apart from its duration."""
    fis_defaults: Mapping[str, str] = {}
    """The value of a parameter that a template leaves out, where it is not the fault's own default."""

    @abstractmethod
    def prove_target(self, before: R, now: R | None, ran: ActionState | None, /) -> Proof:
        """The proof by the target's state, or by the action that ran on it (None if none did)."""

    def find_changes(self, before: R, now: R | None, /) -> Iterable[str]:
        """What has changed about the target itself, one sentence each."""
        if now is None:
            yield f"{before.id} is gone"
        elif now.state != before.state:
            yield f"{before.id} is {now.state}, it was {before.state}"

    def find_target_remnants(self, _before: R, _now: R | None, /) -> Iterable[Remnant]:
        """What FIS left of the fault on the target although it is over."""
        return ()

    def action_parameters(self, injection: Injection[R, P], /) -> Mapping[str, str]:
        values = {parameter: getattr(injection.parameters, own) for own, parameter in self.names.items()}
        return {parameter: str(value) for parameter, value in values.items() if value is not None}

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        if problems := find_unknown(parameters, self.names.values(), action_id):
            raise InvalidInput(problems)
        values = {**self.fis_defaults, **parameters}
        return {own: convert_value(values[parameter], self.parameters, own) for own, parameter in self.names.items() if parameter in values}

    def find_action(self, fis: FisExperiment | None, _target: R, /) -> ActionState | None:
        """The action as FIS reports it, if it began on all targets.

        With more than five targets there are several actions; this is the one that ran for the shortest time.
        """
        actions = [action for action in fis.actions if action.action_id in self.actions] if fis else []
        if not actions or any(action.started_at is None or action.status not in RAN for action in actions):
            return None
        return min(actions, key=lambda action: (action.ended_at is not None, action.ended_at or action.started_at))

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        return tuple(
            self.prove_target(target, aftermath.workload.now(target), self.find_action(aftermath.fis, target))
            for target in aftermath.targets(self.kind)
        )

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        before, now = aftermath.targets(self.kind), aftermath.workload
        proofs = self.prove(aftermath)
        remnants = self.list_remnants(aftermath.before, now)
        leftovers = tuple(f"{remnant.description}; by hand: {remnant.command}" for remnant in remnants)
        changes = [change for target in before for change in self.find_changes(target, now.now(target))]
        differences = (*leftovers, *changes, *missing_capacity(aftermath.before, aftermath.workload_before, now))
        started = [action.started_at for target in before if (action := self.find_action(aftermath.fis, target)) and action.started_at]
        touched = bool(started) or any(proof.proven for proof in proofs)
        return RollbackReport(
            at=aftermath.now,
            proofs=proofs,
            outcome=outcome_of(touched=touched, lost=self.lost_any(before, aftermath), differences=differences),
            differences=differences,
            leftovers=leftovers,
            could_have_lasted_until=max(started) + aftermath.length if started and aftermath.length is not None else None,
        )

    def lost_any(self, before: Sequence[R], aftermath: Aftermath) -> bool:
        """Whether anything that was affected together with the targets did not come back by itself but was replaced."""
        usable = {instance.id for instance in aftermath.workload.instances if instance.usable}
        lost = {instance.id for instance in aftermath.workload_before.instances} - usable
        return any(lost & target.contains for target in before)

    def find_remnants(
        self, template: FaultTemplate, describe: Callable[[], Workload], _since: datetime | None = None, /
    ) -> tuple[Remnant, ...]:
        return self.list_remnants(template.before, describe())

    def list_remnants(self, before: Sequence[TargetBefore], workload: Workload) -> tuple[Remnant, ...]:
        """What FIS left of the fault, in the workload as it is now."""
        targets = cast_resources(self.kind, (target.resource for target in before))
        return tuple(remnant for target in targets for remnant in self.find_target_remnants(target, workload.now(target)))


def prove_by_action(target: str, ran: ActionState | None, verb: str) -> Proof:
    """The proof from FIS's report, if nothing else can be asked: the action ran on its targets, from start to end."""
    if ran is None:
        return Proof(target=target, proven=False, kind="mechanism", detail=f"FIS did not {verb} {target}")
    detail = f"FIS's action {ran.name} is {ran.status}: {verb} {target}"
    return Proof(target=target, proven=True, kind="mechanism", detail=detail, at=ran.started_at, until=ran.ended_at)
