"""No fault: the part of a run in a Region that carries the load of the others."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.regions.barrier import PEERS_START_WITHIN
from squall.domain.regions.part import FaultElsewhere
from squall.domain.resources.base import Resource
from squall.domain.resources.types import join_ids
from squall.faults.base import Aftermath, Fault, Injection
from squall.faults.checks import check_targets
from squall.faults.mechanisms.send_command import SLACK

RESERVE = 2 * SLACK
"""How much later than planned the faults of the other Regions may end: FIS keeps time in reserve for each that an agent carries out."""
OUTLASTS = PEERS_START_WITHIN + RESERVE
"""How much longer than the faults of the other Regions this one is guarded: they may also start later."""


class Parameters(Model):
    """There are none."""


class NoFault(Fault[Resource, Parameters]):
    """`aws:fis:wait` and nothing else: a FIS experiment that hits nothing, whose stop conditions are the guards. So everything
    that ends a fault ends it as well, and everything that reads a fault's times reads its own.

    What counts as the fault is that of the other Regions: it is proven by their records, and its window is theirs.
    """

    type = FaultType.NO_FAULT
    kind = Resource
    verb = "injected nothing into"
    risk = "high"
    """All the load of another Region may arrive."""
    parameters = Parameters
    actions = ()
    target_key = "Targets"
    action = "carry"

    def __init__(self, resource_type: ResourceType) -> None:
        self.resource_type = resource_type

    def grants(self) -> tuple[Grant, ...]:
        return ()

    def describe(self, _parameters: Parameters, /) -> str:
        return "Inject nothing, and watch the Region carry the load of the others"

    def lasts(self, _parameters: Parameters) -> bool:
        return True

    def action_length(self, length: timedelta, /) -> timedelta:
        return length + OUTLASTS

    def check_targets(self, injection: Injection[Resource, Parameters], /) -> Iterable[SafetyCheck]:
        targets = injection.targets
        idle = [f"{target.id} is {target.state}" for target in targets if not target.usable]
        yield check_targets("targets_usable", targets, idle, "; ".join(idle), join_ids(targets) or "no target is pinned")

    def compile(self, injection: Injection[Resource, Model]) -> tuple[dict[str, Any], dict[str, Any]]:
        own = self.narrow(injection)
        return {}, {self.action: {**self.wait(own), "description": self.describe(own.parameters)}}

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """For each target, whether each Region with a fault had it, and when."""
        return tuple(_list_proofs(aftermath))

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        """Nothing has to be undone. What the load has done to the workload is for its criteria."""
        return RollbackReport(at=aftermath.now, proofs=self.prove(aftermath), outcome=RollbackOutcome.NOT_NEEDED, differences=())


def _list_proofs(aftermath: Aftermath) -> Iterator[Proof]:
    for target in aftermath.targets(Resource):
        if not aftermath.elsewhere:
            yield Proof(target=target.id, proven=False, kind="mechanism", detail="no other Region is known to have had a fault")
        for fault in aftermath.elsewhere:
            yield _prove(target.id, fault)


def _prove(target: str, fault: FaultElsewhere) -> Proof:
    if fault.doubt or fault.started_at is None:
        return Proof(
            target=target, proven=False, kind="mechanism", detail=f"whose load it carried is not known: {fault.region}: {fault.doubt}"
        )
    until = f"to {fault.ended_at:%H:%M:%S}" if fault.ended_at else "on"
    span = f"from {fault.started_at:%H:%M:%S} {until} UTC"
    detail = f"FIS ran the fault of {fault.region} {span}, and none here; whether it had an effect, the report of {fault.region} says"
    return Proof(target=target, proven=True, kind="mechanism", detail=detail, at=fault.started_at, until=fault.ended_at)
