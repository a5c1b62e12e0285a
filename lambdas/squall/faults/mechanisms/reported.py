"""Faults of which nothing but FIS's report on the action tells that they happened."""

from collections.abc import Iterable

from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.types import join_ids
from squall.domain.run.fis_state import ActionState
from squall.faults.base import Injection, R
from squall.faults.checks import check_targets
from squall.faults.mechanisms.lasting import LastingFault, prove_by_action
from squall.faults.parameters import P


class ReportedFault(LastingFault[R, P]):
    """A FIS action that leaves nothing at its targets by which it could be recognized."""

    def check_targets(self, injection: Injection[R, P], /) -> Iterable[SafetyCheck]:
        targets = injection.targets
        busy = [f"{target.id} is {target.state}" for target in targets if not target.usable]
        yield check_targets("targets_usable", targets, busy, "; ".join(busy), join_ids(targets) or "no target is pinned")

    def prove_target(self, before: R, _now: R | None, ran: ActionState | None, /) -> Proof:
        """The proof from FIS's report. An action that is over at once has its effect for as long as it is observed."""
        proof = prove_by_action(before.id, ran, "run on")
        return proof.model_copy(update={"until": None}) if self.instant_actions else proof
