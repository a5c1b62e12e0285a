"""Faults that a Systems Manager command carries out, whoever sends it: commands as proof, and commands that still
run."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.resources.workload import Workload
from squall.domain.run.ssm_state import CommandState
from squall.faults.base import Aftermath, Fault, R
from squall.faults.mechanisms.capacity import is_lost, missing_capacity, outcome_of, state_of
from squall.faults.parameters import P

_UNDELIVERED = ("undeliver", "delivery", "invalidplatform", "accessdenied", "notready")


class CommandFault(Fault[R, P]):
    """A fault that the Systems Manager agent carries out on each target and ends by itself."""

    needs = frozenset({"agent"})

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        targets = [target.resource.id for target in aftermath.before]
        return tuple(self.prove_command(target, aftermath.commands.get(target, ())) for target in targets)

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        before, now = aftermath.before, aftermath.workload
        sent = [(target.resource.id, command) for target in before for command in aftermath.commands.get(target.resource.id, ())]
        lost = [target for target in before if is_lost(target.resource.id, now)]
        kept = [target for target in before if target not in lost]
        gone = {target.resource.id for target in lost}  # a command ended with its machine, whatever Systems Manager still says
        leftovers = tuple(f"command {c.id} is still {c.status} on {target}" for target, c in sent if c.active and target not in gone)
        differences = (*leftovers, *_find_changes(kept, now), *_find_unreplaced(lost, aftermath.workload_before, now))
        return RollbackReport(
            at=aftermath.now,
            proofs=self.prove(aftermath),
            outcome=outcome_of(touched=bool(sent or lost), lost=bool(lost), differences=differences),
            differences=differences,
            leftovers=leftovers,
            could_have_lasted_until=_latest_end([command for _, command in sent], aftermath.length),
        )

    def prove_command(self, target: str, commands: Sequence[CommandState]) -> Proof:
        """The proof for one target: the command was delivered and is in progress, succeeded, or was cancelled after it
        began."""
        for command in commands:
            if _has_run(command):
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


def _has_run(command: CommandState) -> bool:
    if command.status in {"InProgress", "Success", "Cancelling"}:
        return True
    if command.status == "Cancelled" and command.started_at is None:  # no agent had taken it yet
        return False
    if command.status not in {"Cancelled", "TimedOut"}:
        return False
    reason = command.detail.lower().replace(" ", "")
    return not any(word in reason for word in _UNDELIVERED)


def _find_changes(kept: Sequence[TargetBefore], after: Workload) -> Iterable[str]:
    healthy = {group.arn: set(group.healthy) for group in after.target_groups}
    for target in kept:
        now = state_of(target.resource.id, after)
        if now != target.resource.state:
            yield f"{target.resource.id} is {now}, it was {target.resource.state}"
        for arn in target.healthy_in:
            if not (target.resource.registered_names or {target.resource.id}) & healthy.get(arn, set()):
                yield f"{target.resource.id} is no longer healthy in {arn}"


def _find_unreplaced(lost: Sequence[TargetBefore], before: Workload, after: Workload) -> Iterable[str]:
    """What is missing in groups that replaced a target.

    A group that uses the load balancer's health check replaces a target that fails it. Then a new resource of the same
    kind must have taken its place.
    """
    known = {group.name for group in before.groups}
    for target in lost:
        if target.resource.belongs_to not in known:
            yield f"{target.resource.id} is {state_of(target.resource.id, after)}, and nothing replaces it"
    yield from missing_capacity(lost, before, after)


def _latest_end(commands: Sequence[CommandState], length: timedelta | None) -> datetime | None:
    """The time until which an agent that nobody can reach would have kept the fault: each command lasts
    DurationSeconds, the length of the fault."""
    starts = [command.started_at or command.requested_at for command in commands]
    return max(starts) + length if starts and length is not None else None
