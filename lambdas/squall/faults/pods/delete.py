"""Deletes pinned pods. Nothing undoes it; their controller starts others."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.pods import EksPod
from squall.domain.resources.types import join_ids
from squall.domain.resources.workload import Workload
from squall.domain.result.finding_kinds import REDUNDANCY, SHUTDOWN
from squall.faults.base import Aftermath, Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.parameters import convert_value, find_unknown
from squall.faults.pods.base import OnPods, check_pods, find_helper_pods

_GRACE = "gracePeriodSeconds"


class DeleteParameters(Model):
    grace_period_seconds: Annotated[int, Field(strict=True, ge=0, le=3600)] | None = None
    """Seconds from SIGTERM to SIGKILL; 0 kills at once. By default the pod's own grace period."""


class PodDelete(OnPods[DeleteParameters], MomentaryFault[EksPod, DeleteParameters]):
    """`aws:eks:pod-delete`: SIGTERM, and SIGKILL after the pod's own grace period or `grace_period_seconds`."""

    type = FaultType.INSTANCE_TERMINATION
    verb = "deleted"
    actions = ("aws:eks:pod-delete",)
    parameters = DeleteParameters
    reads_templates = True
    action = "delete"
    description = "Delete the pinned pod"
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    targets_are_replaced = True
    improvements_on_loss = (REDUNDANCY, SHUTDOWN)

    def describe(self, parameters: DeleteParameters, /) -> str:
        seconds = parameters.grace_period_seconds
        return self.description if seconds is None else f"{self.description}, with {seconds} s to end"

    def action_parameters(self, injection: Injection[EksPod, DeleteParameters], /) -> Mapping[str, str]:
        seconds = injection.parameters.grace_period_seconds
        return {**super().action_parameters(injection), **({} if seconds is None else {_GRACE: str(seconds)})}

    def read_own(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        if problems := find_unknown(parameters, {_GRACE}, action_id):
            raise InvalidInput(problems)
        own = "grace_period_seconds"
        return {own: convert_value(parameters[_GRACE], self.parameters, own)} if _GRACE in parameters else {}

    def check_targets(self, injection: Injection[EksPod, DeleteParameters], /) -> Iterable[SafetyCheck]:
        pods, workload = injection.targets, injection.workload
        yield from check_pods(workload, pods)
        known = {group.name for group in workload.groups}
        alone = [pod for pod in pods if pod.group not in known]
        names = sorted({pod.group for pod in pods if pod.group in known and pod.group})
        refusal = f"{join_ids(alone)} is of no Deployment, ReplicaSet, StatefulSet or DaemonSet, so nothing would replace it"
        yield check_targets("in_workload", pods, alone, refusal, f"replaced by {', '.join(names) or 'nothing'}")

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """The pod is gone, and FIS reports that it deleted it: rollouts, evictions and lost nodes delete pods as
        well."""
        proofs = zip(aftermath.targets(EksPod), super().prove(aftermath), strict=True)
        return tuple(self._with_action(pod, proof, aftermath) if proof.proven else proof for pod, proof in proofs)

    def _with_action(self, pod: EksPod, proof: Proof, aftermath: Aftermath) -> Proof:
        ran = self.find_action(aftermath.fis, pod)
        if ran is None:
            return proof.model_copy(update={"proven": False, "detail": f"{proof.detail}, but FIS did not delete it"})
        return proof.model_copy(update={"at": ran.started_at})

    def observe_effect(self, before: EksPod, now: EksPod | None, /) -> tuple[bool, str]:
        if now is None:
            return True, f"{before.name} with uid {before.uid} is not there any more"
        return now.state == "Terminating", f"{now.id} is {now.state}"

    def find_lacks(self, _before: EksPod, _now: EksPod | None, /) -> Iterable[str]:
        """Always empty: the pod's controller replaces the pod."""
        return ()

    def find_lacks_around(self, aftermath: Aftermath, /) -> Iterable[str]:
        yield from missing_capacity(aftermath.before, aftermath.workload_before, aftermath.workload)
        yield from (f"{description}; by hand: {command}" for description, command in find_helper_pods(aftermath.before, aftermath.workload))

    def find_remnants(
        self, template: FaultTemplate, describe: Callable[[], Workload], _since: datetime | None = None, /
    ) -> tuple[Remnant, ...]:
        return tuple(find_helper_pods(template.before, describe()))
