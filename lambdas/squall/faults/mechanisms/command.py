"""What all faults share whose mechanism is a Systems Manager command, whoever sends it: commands as proof, and what they left."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import CommandState, FisExperiment
from squall.domain.vocabulary import ResourceType, Risk
from squall.faults.base import ByHand, Commands, P, TypedParameters, outcome_of
from squall.faults.mechanisms.capacity import is_lost, missing_capacity, state_of

_UNDELIVERED = ("undeliver", "delivery", "invalidplatform", "accessdenied", "notready")


class CommandFault(TypedParameters[P], ABC):
    """A fault that an agent of Systems Manager carries out on each target, and ends by itself."""

    resource_type: ResourceType
    title: str
    risk: Risk
    ssm_documents: tuple[str, ...]
    action: str
    """Name of its actions in the template."""
    reversible = True
    fis_actions: tuple[str, ...]
    moves_metrics: tuple[str, ...] = ()
    unless_allowed: Mapping[str, tuple[float, float]] = {}
    unless_listed: Mapping[str, tuple[str, ...]] = {}

    @abstractmethod
    def describe(self, parameters: P) -> str:
        """What the action does, in words."""

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:  # noqa: ARG002
        return ()

    def prove(
        self,
        pinned: Sequence[Resource],
        workload_after: Workload,  # noqa: ARG002 - the protocol's
        commands: Commands,
        fis: FisExperiment | None,  # noqa: ARG002 - the protocol's
    ) -> tuple[Proof, ...]:
        return tuple(self._proof(target.id, commands.get(target.id, ())) for target in pinned)

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
        sent = [(target.id, command) for target in pinned for command in commands.get(target.id, ())]
        lost = [target for target in before if is_lost(target.resource.id, after_workload)]
        kept = [target for target in before if target not in lost]
        gone = {target.resource.id for target in lost}  # a command died with its machine, whatever Systems Manager still says
        leftovers = tuple(f"command {c.id} is still {c.status} on {target}" for target, c in sent if c.active and target not in gone)
        differences = [*leftovers, *_changed(kept, after_workload), *_unreplaced(lost, before_workload, after_workload)]
        return RollbackReport(
            at=now,
            proofs=proofs,
            outcome=outcome_of(differences=bool(differences), lost=bool(lost), touched=bool(sent or lost)),
            differences=tuple(differences),
            leftovers=leftovers,
            could_have_lasted_until=_latest_end([command for _, command in sent], length),
        )

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:  # noqa: ARG002
        return ()

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


def _ran(command: CommandState) -> bool:
    if command.status in {"InProgress", "Success", "Cancelling"}:
        return True
    if command.status == "Cancelled" and command.started_at is None:  # before any agent took it
        return False
    if command.status not in {"Cancelled", "TimedOut"}:
        return False
    said = command.detail.lower().replace(" ", "")
    return not any(word in said for word in _UNDELIVERED)


def _changed(kept: Sequence[TargetBefore], after: Workload) -> Iterable[str]:
    healthy = {group.arn: set(group.healthy) for group in after.target_groups}
    for target in kept:
        now = state_of(target.resource.id, after)
        if now != target.resource.state:
            yield f"{target.resource.id} is {now}, it was {target.resource.state}"
        for arn in target.healthy_in:
            if (target.resource.registered_as or target.resource.id) not in healthy.get(arn, ()):
                yield f"{target.resource.id} is no longer healthy in {arn}"


def _unreplaced(lost: Sequence[TargetBefore], before: Workload, after: Workload) -> Iterable[str]:
    """A group whose health check is the load balancer's replaces what fails it: then a new equal one took over."""
    known = {group.name for group in before.groups}
    for target in lost:
        if target.resource.belongs_to not in known:
            yield f"{target.resource.id} is {state_of(target.resource.id, after)}, and nothing replaces it"
    yield from missing_capacity(lost, before, after)


def _latest_end(commands: Sequence[CommandState], length: timedelta | None) -> datetime | None:
    """Until when an agent nobody can reach would have kept the fault: each command lasts DurationSeconds, which is the fault's length."""
    starts = [command.started_at or command.requested_at for command in commands]
    return max(starts) + length if starts and length is not None else None
